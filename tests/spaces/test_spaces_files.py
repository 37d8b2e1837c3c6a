import os
import threading
from pathlib import Path

import pytest

from spectune.spaces.files import replace, replacing


def test_an_error_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace(path, "old")
    with pytest.raises(OSError, match="disk"), replacing(path) as part:
        part.write_text("half")
        raise OSError("disk")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_two_writers_of_one_file_never_mix(tmp_path: Path) -> None:
    path, size, mixed = tmp_path / "file", 1 << 20, []

    def write(letter: str) -> None:
        for _ in range(20):
            replace(path, letter * size)
            mixed.extend({*path.read_text()} if len({*path.read_text()}) > 1 else ())

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert mixed == []
    assert len(path.read_text()) == size
    assert os.listdir(tmp_path) == ["file"]
