"""Files of instruments where text could stand: in a folder per class, alone, and given to be classified."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from spectune.trainables.data import load, read

from .instruments import made
from .instruments.made import AXIS, INTENSITIES


def folder(path: Path, **classes: list[tuple[str, bytes]]) -> str:
    """A folder with a sub-folder for each class."""
    for name, files in classes.items():
        (path / name).mkdir(parents=True)
        for file, content in files:
            (path / name / file).write_bytes(content)
    return str(path)


def blocks(factor: float, name: str = "jdx") -> list[tuple[str, bytes]]:
    return [(f"{n}.{name}", made.jcamp(intensities=(factor + n) * INTENSITIES)) for n in range(6)]


def test_a_folder_of_instruments_files_is_a_dataset(tmp_path: Path) -> None:
    dataset = load(folder(tmp_path, a=blocks(1), b=blocks(10)))
    assert (dataset.axis.name, dataset.axis.unit) == ("wavenumber", "1/cm")
    np.testing.assert_allclose(dataset.axis.values, AXIS)
    rows = dataset.train.batch(torch.arange(len(dataset.train)))
    peaks = sorted({round(float(peak)) for peak in rows[:, 6]})
    assert set(peaks) <= {31 * n for n in (*range(1, 7), *range(10, 16))}
    assert dataset.train.groups is None


def test_text_and_instruments_stand_side_by_side(tmp_path: Path) -> None:
    text = "\n".join(f"{x} {3 * y}" for x, y in zip(AXIS, INTENSITIES, strict=True)).encode()
    files = [*blocks(1)[:4], ("other.txt", text), ("other.spa", made.spa())]
    dataset = load(folder(tmp_path, a=files, b=blocks(10)))
    assert "11 measured spectra" in dataset.description  # the .spa is what the .txt was exported from
    assert "ignored 1 other files" in dataset.description


def test_the_spectra_of_a_map_stay_together(tmp_path: Path) -> None:
    def maps(factor: float) -> list[tuple[str, bytes]]:
        return [(f"{n}.wdf", made.wdf([(factor + n + 0.1 * m) * INTENSITIES for m in range(4)])) for n in range(6)]

    path = folder(tmp_path, a=maps(1), b=maps(20))
    dataset = load(path)
    assert "48 measured spectra" in dataset.description
    assert "12 groups by file" in dataset.description
    found = [dataset.split(name).groups for name in ("train", "validation", "test")]
    numbers = [set(groups.tolist()) for groups in found if groups is not None]
    assert sum(map(len, numbers)) == len(set.union(*numbers)) == 12
    assert "6 groups by part 0 of the names" in load(path, group="0").description  # 1.wdf of both classes


def test_files_on_an_axis_of_another_unit_are_refused(tmp_path: Path) -> None:
    other = made.jcamp().replace(b"1/CM", b"NANOMETERS")
    path = folder(tmp_path, a=blocks(1), b=[("0.jdx", other), *blocks(10)[1:]])
    with pytest.raises(ValueError, match=r"0.jdx must be on the axis of .*wavenumber .1/cm., got wavel"):
        load(path)


def test_files_in_another_quantity_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = made.jcamp().replace(b"ABSORBANCE", b"TRANSMITTANCE")
    load(folder(tmp_path, a=blocks(1), b=[("0.jdx", other), *blocks(10)[1:]]))
    assert "different quantities" in caplog.text and "1 in % transmittance (such as b/0.jdx)" in caplog.text


def test_one_file_can_be_classified_but_not_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "a.spc"
    path.write_bytes(made.spc([INTENSITIES, 2 * INTENSITIES]))
    spectra, axis, labels, rows = read(path)
    np.testing.assert_allclose(spectra, [INTENSITIES, 2 * INTENSITIES])
    assert axis is not None
    assert (axis.name, labels, rows) == ("Raman shift", None, ["spectrum 1", "spectrum 2"])
    with pytest.raises(ValueError, match="got 2 spectra without them: put files like it in a folder per class"):
        load(str(path))
    with pytest.raises(ValueError, match=r"group must be left away for \.spc"):
        load(str(path), group="0")


def test_opus_numbers_its_files(tmp_path: Path) -> None:
    path = tmp_path / "sample.23"
    path.write_bytes(made.opus())
    assert read(path)[3] == ["sample.23"]


def test_what_nothing_reads_is_refused_with_what_to_export(tmp_path: Path) -> None:
    (tmp_path / "a.sp").write_bytes(b"PEPE")
    with pytest.raises(ValueError, match=r"must end in .*got '.sp': export it as JCAMP-DX or two-column text"):
        read(tmp_path / "a.sp")


@pytest.mark.parametrize("made_as", [name for name in made.WHOLE if not name.endswith(".spc")])
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.dat", "a.spc", "a.txt.gz"])
def test_a_file_under_another_name_is_known_by_its_first_bytes(tmp_path: Path, made_as: str, name: str) -> None:
    content = made.WHOLE[made_as]()
    (tmp_path / made_as).write_bytes(content)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    plain, plain_axis, *_ = read(tmp_path / made_as)
    spectra, axis, *_ = read(tmp_path / "other" / name)
    np.testing.assert_array_equal(spectra, plain)
    assert axis is not None and plain_axis is not None
    np.testing.assert_array_equal(axis.values, plain_axis.values)
    assert (axis.name, axis.unit) == (plain_axis.name, plain_axis.unit)


def test_a_folder_of_jcamp_called_txt_is_a_dataset(tmp_path: Path) -> None:
    plain = load(folder(tmp_path / "plain" / "mine", a=blocks(1), b=blocks(10)))
    other = load(folder(tmp_path / "other" / "mine", a=blocks(1, "txt"), b=blocks(10, "TXT")))
    assert other.digest == plain.digest
    assert (other.axis.name, other.axis.unit) == ("wavenumber", "1/cm")


def test_an_instruments_file_may_be_packed(tmp_path: Path) -> None:
    for name in ("a.spc.gz", "a.brml.gz", "a.0.gz"):
        (tmp_path / name).write_bytes(gzip.compress(made.WHOLE[name.removesuffix(".gz")]()))
        assert read(tmp_path / name)[0].shape[1] == 17
