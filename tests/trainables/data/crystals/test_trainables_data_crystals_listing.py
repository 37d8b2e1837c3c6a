"""CIFs come out of folders, archives and lists, and no bomb goes off."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from spectune.trainables.data.crystals import listing
from spectune.trainables.data.crystals.listing import holds, texts


def names(path: Path) -> list[str]:
    return [name for name, _ in texts(path)]


@pytest.fixture
def archives(folder: Path, tmp_path: Path) -> list[Path]:
    """The same structures as a .zip and a .tar.xz, beside another file."""
    (folder / "README.md").write_text("about")
    packed = tmp_path / "all.zip", tmp_path / "all.tar.xz"
    with zipfile.ZipFile(packed[0], "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"inner/{file.name}")
    with tarfile.open(packed[1], "w:xz") as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, f"inner/{file.name}")
    return list(packed)


def test_a_folder_and_archives_give_the_same_texts(folder: Path, archives: list[Path]) -> None:
    plain = {f"inner/{name}": text for name, text in texts(folder)}
    assert len(plain) == 10
    for path in archives:
        assert holds(path)
        assert dict(texts(path)) == plain


def test_a_list_names_files_beside_it(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text("# two of them\n\nminerals/quartz.cif\nminerals/halite.cif\n")
    assert holds(path)
    assert names(path) == ["minerals/quartz", "minerals/halite"]
    path.write_text("minerals/quarz.cif\n")
    with pytest.raises(ValueError, match=r"must list files that exist, got 'minerals/quarz.cif'"):
        names(path)


def test_spectra_are_not_taken_for_structures(tmp_path: Path) -> None:
    (tmp_path / "spectrum.txt").write_text("100 1\n200 2\n")
    (tmp_path / "classes").mkdir()
    (tmp_path / "classes" / "a.txt").write_text("100 1\n200 2\n")
    assert not holds(tmp_path / "spectrum.txt")
    assert not holds(tmp_path / "classes")


def test_a_folder_of_both_is_asked_about(folder: Path) -> None:
    (folder / "spectra").mkdir()
    for number in range(10):
        (folder / "spectra" / f"{number}.xy").write_text("100 1\n200 2\n")
    with pytest.raises(ValueError, match=r"CIFs or spectra, got 10 files .* and 10 of text: move one kind away"):
        holds(folder)


def test_archives_that_are_too_large_are_refused(archives: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, message in (("TOTAL", "at most 500,000 files of 100 bytes together"), ("LARGEST", "at most 100 bytes")):
        with monkeypatch.context() as patch:
            patch.setattr(listing, limit, 100)
            for path in archives:
                with pytest.raises(ValueError, match=message):
                    names(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz"])
def test_a_broken_archive_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"must be an archive of CIFs, got [^\n]*: pack it again$"):
        names(tmp_path / name)


def test_links_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("data_secret")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        link = tarfile.TarInfo("a.cif")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        tar.addfile(link)
        real = tarfile.TarInfo("../b.cif")
        real.size = 7
        tar.addfile(real, io.BytesIO(b"data_b\n"))
    assert dict(texts(tmp_path / "a.tar")) == {"../b": "data_b\n"}
    assert not (tmp_path.parent / "b.cif").exists()


def test_a_zip_of_spectra_is_not_one_of_crystals(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("salt/1.txt", "1 2\n")
    (tmp_path / "b.zip").write_bytes(b"PK broken")
    assert not holds(tmp_path / "a.zip") and not holds(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("salt.CIF", "data_")
    assert holds(tmp_path / "a.zip")
