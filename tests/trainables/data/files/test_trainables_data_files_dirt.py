"""Whatever a file holds, it loads or is refused in one line that begins with what is wrong: never another exception."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from spectune.trainables.data import load, read

Fuzz = Callable[[st.SearchStrategy[Any], Callable[[Any], None]], None]

cell = st.one_of(
    st.sampled_from(
        ["", "1", "2.5", "3,5", "1e3", "nan", "inf", "-", "label", "split", "train", "a", "b", "#", '"', "'", "1_0"]
    ),
    st.floats().map(str),
    st.text(max_size=4),
)
table = st.builds(
    lambda rows, separator, end: end.join(separator.join(row) for row in rows),
    st.lists(st.lists(cell, min_size=1, max_size=12), max_size=14),
    st.sampled_from([",", ";", "\t", " ", "|", ", "]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
regular = st.integers(8, 11).flatmap(
    lambda columns: st.builds(
        lambda rows, separator: "\n".join(
            f"{'ab'[n % 2]}{separator}{separator.join(row)}" for n, row in enumerate(rows)
        ),
        st.lists(
            st.lists(st.one_of(st.integers(0, 99).map(str), cell), min_size=columns, max_size=columns),
            min_size=6,
            max_size=9,
        ),
        st.sampled_from([",", ";", "\t"]),
    )
)

layout = st.builds(  # headers that say something, over numbers
    lambda header, first, rows, separator: "\n".join(
        separator.join(cells)
        for cells in (header, *([x, *row[: len(header) - 1]] for x, row in zip(first, rows, strict=False)))
    ),
    st.lists(
        st.sampled_from(
            ["wavelength", "nm", "sample", "class", "intensity", "esd", "Dark", "A", "A.1", "V1", "400nm", "", "Pixel"]
        )
        | st.sampled_from(["C#400", "mS#id", "cD#class", "i#", "#", "C#"]),
        min_size=2,
        max_size=11,
    ),
    st.one_of(st.just([str(400 + n) for n in range(12)]), st.just(["400", "401", "402", "403"] * 3), st.lists(cell)),
    st.lists(st.lists(st.one_of(st.integers(0, 9).map(str), cell), min_size=10, max_size=10), min_size=8, max_size=12),
    st.sampled_from([",", ";", "\t"]),
)

bare = st.integers(2, 12).flatmap(  # numbers alone, with a first column or line that may be something else
    lambda columns: st.builds(
        lambda first, line, rows, separator: "\n".join(
            separator.join([*([str(first(n))] if first else []), *row]) for n, row in enumerate([*line, *rows])
        ),
        st.sampled_from([None, int, lambda n: n + 1, lambda n: 400 - 2 * n, lambda n: n % 2, lambda n: "", float]),
        st.lists(st.just([str(400 + n) for n in range(columns)]), max_size=1),
        st.lists(
            st.lists(st.one_of(st.floats(0, 9).map("{:.3f}".format), cell), min_size=columns, max_size=columns)
            | st.lists(st.floats(0, 9).map("{:.3f}".format), min_size=columns, max_size=columns),
            min_size=1,
            max_size=30,
        ),
        st.sampled_from([",", ";", "\t", " "]),
    )
)


def survive(name: str, content: bytes) -> None:
    """Load and read the content as file ``name`` and as the file of a folder per class."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        for attempt in (lambda: load(str(path)), lambda: load(str(path), missing="interpolate"), lambda: read(path)):
            try:
                attempt()
            except ValueError as error:
                assert name in str(error)
                assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_any_text_table(fuzz: Fuzz, name: str) -> None:
    fuzz(
        st.one_of(table, regular, layout, bare),
        lambda text: survive(name, text.encode("utf-8", errors="surrogatepass")),
    )


def test_any_text_in_a_folder_per_class(fuzz: Fuzz) -> None:
    fuzz(st.one_of(table, layout, bare), survive_as_folder)


def test_any_two_texts_that_are_x_and_y(fuzz: Fuzz) -> None:
    bits = st.lists(st.lists(st.sampled_from(["0", "1", "1.0", "", "a", "true"]), min_size=1, max_size=4), max_size=12)
    words = bits.map(lambda rows: "\n".join(",".join(row) for row in rows))
    fuzz(st.tuples(st.one_of(bare, layout), st.one_of(words, table)), survive_as_x_and_y)


def survive_as_x_and_y(contents: tuple[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in zip(("X.csv", "Y.csv"), contents, strict=True):
            (Path(folder) / name).write_bytes(content.encode("utf-8", errors="surrogatepass"))
        try:
            load(folder)
        except ValueError as error:
            assert "\n" not in str(error)


def survive_as_folder(content: str) -> None:
    """Load it as every spectrum of two classes."""
    with tempfile.TemporaryDirectory() as folder:
        for name in "ab":
            for number in range(3):
                path = Path(folder) / name / f"{number}.txt"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content.encode("utf-8", errors="surrogatepass"))
        try:
            load(folder)
        except ValueError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.json", "a.parquet", "a.xlsx", "a.zip", "a.csv.gz"])
def test_any_bytes(fuzz: Fuzz, name: str) -> None:
    fuzz(st.binary(max_size=200), lambda content: survive(name, content))


def test_a_damaged_archive(fuzz: Fuzz) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((6, 9)), y=np.arange(6) % 2, axis=np.arange(9.0), names=np.array(["a", "b"]))
    fuzz(damaged(buffer.getvalue()), lambda content: survive("a.npz", content))


def test_a_damaged_parquet_file(fuzz: Fuzz) -> None:
    buffer = io.BytesIO()
    columns = {str(n): np.arange(6.0) for n in range(9)}
    pd.DataFrame({**columns, "label": ["a", "b"] * 3}).to_parquet(buffer)
    fuzz(damaged(buffer.getvalue()), lambda content: survive("a.parquet", content))


def test_text_in_a_parquet_file_that_is_none() -> None:
    buffer = io.BytesIO()
    columns = {str(n): np.arange(6.0) for n in range(9)}
    pd.DataFrame({**columns, "label": ["alpha", "b"] * 3}).to_parquet(buffer, compression=None)
    survive("a.parquet", buffer.getvalue().replace(b"alpha", b"\x96lpha"))


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """A file with a few bytes replaced by others."""
    places, damages = st.integers(0, len(whole) - 1), st.binary(min_size=1, max_size=6)
    return st.builds(lambda place, damage: whole[:place] + damage + whole[place + len(damage) :], places, damages)


json_value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 6000), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "peak_positions", "peak_heights"]), inner, max_size=3),
    ),
    max_leaves=8,
)
definition = st.one_of(
    json_value,
    st.builds(
        lambda points, spectra: {"datapoints": points, "spectra": spectra},
        st.integers(0, 300),
        st.dictionaries(st.text(max_size=2), json_value, max_size=3),
    ),
)


def test_any_definition(fuzz: Fuzz) -> None:
    fuzz(definition, lambda content: survive("a.json", json.dumps(content).encode()))
