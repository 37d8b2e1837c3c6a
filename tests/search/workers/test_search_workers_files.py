"""Files of a study, written by several and on a full disk."""

from __future__ import annotations

import threading

import pytest

from spectune.search.workers.files import Files, Folder, NoSpace


def test_a_full_disk_leaves_the_file_before_and_no_part(disk, fill):
    files = Files(disk)
    files.write("a/file", b"old" * 1000)
    fill(disk)
    with pytest.raises(NoSpace):
        files.write("a/file", b"new" * 10_000)
    assert files.read("a/file") == b"old" * 1000
    assert [path.name for path in (disk / "a").iterdir()] == ["file"]


def test_of_several_writers_one_wins_whole(tmp_path):
    files, whole = Files(tmp_path), [bytes([number]) * 300_000 for number in range(4)]

    def write(data):
        for _ in range(20):
            files.write("a/file", data)

    threads = [threading.Thread(target=write, args=(data,)) for data in whole]
    for one in threads:
        one.start()
    while any(one.is_alive() for one in threads):
        found = files.read("a/file")
        assert found is None or found in whole
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]


def test_what_is_not_there_is_none_and_can_be_removed(tmp_path):
    files = Folder(tmp_path).files()
    assert files.read("nothing") is None
    files.remove("nothing")
