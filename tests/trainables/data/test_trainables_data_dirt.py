"""Whatever a file holds, it loads or is refused in one line that begins with what is wrong: never another exception."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectune.trainables.data import load, read

MODEST = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

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


@MODEST
@given(st.one_of(table, regular))
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_any_text_table(name: str, content: str) -> None:
    survive(name, content.encode("utf-8", errors="surrogatepass"))


@MODEST
@given(table)
def test_any_text_in_a_folder_per_class(content: str) -> None:
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


@MODEST
@given(st.binary(max_size=200))
@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.json", "a.parquet"])
def test_any_bytes(name: str, content: bytes) -> None:
    survive(name, content)


@MODEST
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=6))
def test_a_damaged_archive(place: int, damage: bytes) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((6, 9)), y=np.arange(6) % 2, axis=np.arange(9.0), names=np.array(["a", "b"]))
    content = bytearray(buffer.getvalue())
    place %= len(content)
    content[place : place + len(damage)] = damage
    survive("a.npz", bytes(content))


json_value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 6000), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "peak_positions", "peak_heights"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@MODEST
@given(
    st.one_of(
        json_value,
        st.builds(
            lambda points, spectra: {"datapoints": points, "spectra": spectra},
            st.integers(0, 300),
            st.dictionaries(st.text(max_size=2), json_value, max_size=3),
        ),
    )
)
def test_any_definition(content: object) -> None:
    survive("a.json", json.dumps(content).encode())
