"""Files that are packed."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
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


def other_forms() -> dict[str, bytes]:
    """The table in formats that are no text, each under the name of one."""
    frame = pd.DataFrame(VALUES, columns=[str(x) for x in range(400, 410)]).assign(label=["a", "b"] * 4)
    sheet, parquet, arrays, archive = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    frame.to_excel(sheet, index=False)
    frame.to_parquet(parquet)
    np.savez(arrays, x=VALUES, y=np.array(["a", "b"] * 4), axis=np.arange(400.0, 410))
    with zipfile.ZipFile(archive, "w") as inside:
        inside.writestr("mine.csv", TABLE)
    return {
        "gzip": gzip.compress(TABLE.encode()),
        "xlsx": sheet.getvalue(),
        "parquet": parquet.getvalue(),
        "npz": arrays.getvalue(),
        "zip": archive.getvalue(),
        "marked": TABLE.encode("utf-16"),
        "little": TABLE.encode("utf-16-le"),
        "big": TABLE.encode("utf-16-be"),
    }


@pytest.mark.parametrize("form", ["gzip", "xlsx", "parquet", "npz", "zip", "marked", "little", "big"])
@pytest.mark.parametrize("name", ["mine.csv", "mine.txt", "mine.tsv"])
def test_a_suffix_that_is_wrong_does_not_matter(tmp_path: Path, form: str, name: str) -> None:
    (tmp_path / name).write_bytes(other_forms()[form])
    dataset = load(str(tmp_path / name))
    assert dataset.classes == ("a", "b")
    spectra, axis, labels, _ = read(tmp_path / name)
    np.testing.assert_allclose(spectra, VALUES)
    assert axis is not None
    np.testing.assert_allclose(axis.values, range(400, 410))
    assert labels == ["a", "b"] * 4


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "an HDF5 file"),
        (b"%PDF-1.7\n1 0 obj", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "an old file of Excel or Word"),
        (b"MATLAB 5.0 MAT-file" + bytes(20), "a MATLAB file"),
        (gzip.compress(b"RDX3\nX\n", mtime=0), "a file of R"),
        (b"<!DOCTYPE html><html>", "a page of the web"),
        (b"\x00\x01\x02", "binary content"),
    ],
)
def test_what_is_no_text_is_called_by_its_name(tmp_path: Path, content: bytes, what: str) -> None:
    for name in ("mine.csv", "a/mine.dat"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{path.name} must be text, got {what}: convert it") as error:
            read(path)
        assert "\n" not in str(error.value)


def test_a_zip_in_the_place_of_a_spectrum_is_called_one(tmp_path: Path) -> None:
    source = folder(tmp_path)
    (source / "a" / "0.txt").write_bytes(other_forms()["zip"])
    with pytest.raises(ValueError, match=r"0\.txt must be text, got a \.zip archive: convert it"):
        load(str(source))
