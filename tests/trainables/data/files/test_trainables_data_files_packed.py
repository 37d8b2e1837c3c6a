"""Files that are packed."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spectune.trainables.data import load, read
from spectune.trainables.data.files import packed

VALUES = np.random.default_rng(9).random((8, 10)).round(3)
TABLE = "\n".join(
    [
        ",".join(["label", *map(str, range(400, 410))]),
        *(",".join(["ab"[n % 2], *map(str, VALUES[n])]) for n in range(8)),
    ]
)


def folder(path: Path) -> Path:
    """A folder per class with a two-column file per spectrum."""
    for number in range(8):
        file = path / "spectra" / "ab"[number % 2] / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(f"{400 + place} {y}" for place, y in enumerate(VALUES[number])))
    return path / "spectra"


def zipped(path: Path, source: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in [source] if source.is_file() else source.rglob("*.*"):
            archive.write(file, file.relative_to(source.parent))
    return path


def test_a_packed_table_is_read_as_the_table(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(TABLE)
    (tmp_path / "mine.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    plain = load(str(tmp_path / "mine.csv"))
    assert load(str(tmp_path / "mine.csv.gz")).digest == plain.digest
    assert load(str(tmp_path / "mine.csv.gz")).name == "mine"
    assert load(str(zipped(tmp_path / "mine.zip", tmp_path / "mine.csv"))).digest == plain.digest
    np.testing.assert_allclose(read(tmp_path / "mine.csv.gz")[0], VALUES)


def test_a_packed_folder_is_read_as_the_folder(tmp_path: Path) -> None:
    source = folder(tmp_path)
    plain = load(str(source))
    assert load(str(zipped(tmp_path / "mine.zip", source))).digest == plain.digest
    for file in [*source.rglob("*.txt")]:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert load(str(source)).digest == plain.digest


def test_messages_name_the_archive(tmp_path: Path) -> None:
    source = folder(tmp_path)
    (source / "a" / "0.txt").write_text("1 2\n2 x\n")
    with pytest.raises(
        ValueError, match=r"mine\.zip/spectra/a/0\.txt, line 2: an intensity must be a number, got 'x'"
    ) as e:
        load(str(zipped(tmp_path / "mine.zip", source)))
    assert str(e.value).startswith(str(tmp_path / "mine.zip"))
    zipped(tmp_path / "outer.zip", tmp_path / "mine.zip")
    with pytest.raises(ValueError, match=r"outer\.zip/mine\.zip must be no \.zip inside another: unpack it"):
        load(str(tmp_path / "outer.zip"))


@pytest.mark.parametrize("name", ["mine.csv.gz", "mine.zip"])
def test_damaged_archives_are_refused(tmp_path: Path, name: str) -> None:
    whole = gzip.compress(TABLE.encode() * 20)
    for content in (b"", b"no archive", whole[: len(whole) // 2], whole[:40] + b"xxxx" + whole[44:]):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name} must") as error:
            load(str(tmp_path / name))
        assert "\n" not in str(error.value)


def test_what_unpacks_to_more_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "memory", lambda: 4 * 1_000_000)
    (tmp_path / "mine.csv").write_bytes(b"1" * 2_000_000)
    (tmp_path / "mine.csv.gz").write_bytes(gzip.compress(b"1" * 2_000_000))
    with pytest.raises(ValueError, match="must fit into memory, got more than"):
        load(str(tmp_path / "mine.csv.gz"))
    with pytest.raises(ValueError, match=r"mine\.zip must hold at most .* got 1 of 0\.002 GB: unpack it"):
        load(str(zipped(tmp_path / "mine.zip", tmp_path / "mine.csv")))
