"""Journals, exports and command lines that a stranger wrote: one line of refusal or none, never a traceback.

``make slow ARGS="-k very_many"`` tries 10 000 of each, the normal suite a hundred. The readers
of spectra have theirs beside them (tests/trainables/data/test_trainables_data_dirt.py).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import resource
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st

from spectune.search.cli.main import _parser
from spectune.search.records.study import read
from spectune.search.session.launch import resolve
from spectune.spaces import CNN, Training
from spectune.trainables.data import load
from spectune.trainables.export import read as read_export
from spectune.trainables.export import write
from spectune.trainables.models import build

MEMORY = 2 << 20  # KiB that a test may add to the largest size of this process

leaf = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -1, 1 << 40, 1e308]),
    st.floats(),
    st.text(max_size=8),
)
value = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


@pytest.fixture(autouse=True)
def modest():
    """No input makes the process grow much."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY


def survive(attempt, *arguments):
    """It works, or is refused in one line."""
    try:
        attempt(*arguments)
    except ValueError as error:
        assert str(error) and "\n" not in str(error)


STUDY = {"event": "study", "time": 0.0, "name": "s", "objectives": [["accuracy", "max"]], "options": {}}
START = {
    **{"event": "start", "time": 1.0, "trial": 0, "stage": "explore", "label": "", "seed": 0, "candidate": None},
    **{"parameters": 1, "macs": 1, "config": {"network": {"family": "cnn"}, "training": {}}},
}
REPORT = {"event": "report", "time": 2.0, "trial": 0, "epoch": 1, "metrics": {"loss": 1.0}}
END = {
    **{"event": "end", "time": 3.0, "trial": 0, "status": "complete", "reason": "", "metrics": {}, "best_epoch": 1},
    **{"epochs": 1, "seconds": 1.0, "values": [0.5]},
}
TEST = {"event": "test", "time": 4.0, "candidate": 0, "metrics": []}
WHOLE = [STUDY, START, REPORT, END, TEST, {"event": "finish", "time": 5.0}]


@st.composite
def spoilt(draw, whole):
    """Something whole with one part of it, at any depth, replaced or taken away."""
    if isinstance(whole, dict | list) and whole and draw(st.integers(0, 5)):
        keys = list(whole) if isinstance(whole, dict) else list(range(len(whole)))
        key = draw(st.sampled_from(keys))
        copy = dict(whole) if isinstance(whole, dict) else list(whole)
        if draw(st.integers(0, 7)) == 0:
            del copy[key]
        else:
            copy[key] = draw(spoilt(whole[key]))
        return copy
    return draw(value)


def read_journal(lines):
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
        (Path(folder) / "journal.jsonl").write_bytes(text.encode("utf-8", errors="surrogatepass"))
        study = read(folder)
        study.confirmed()


journal = st.one_of(
    spoilt(WHOLE).filter(lambda made: isinstance(made, list)), st.lists(st.text(max_size=30), max_size=4)
)


def test_any_journal(fuzz):
    fuzz(journal, lambda lines: survive(read_journal, lines))


@pytest.mark.parametrize("line", ["[" * 100_000, '{"event":' * 50_000, "9" * 5000, '{"event":"report"}', '"event"'])
def test_lines_that_were_found_to_break_a_journal(line):
    with pytest.raises(ValueError, match="journal"):
        read_journal([STUDY, line])


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """A folder of an export, and the files of it as they were."""
    folder = tmp_path_factory.mktemp("export") / "model"
    network = CNN(depth=2, filters=8, kernel_size=9, kernel_last=5, fc_width=32)
    dataset = load("generated", classes=4, points=200, train=2, validation=2, test=2)
    weights = build(network, 200, 4).state_dict()
    write(folder, network=network, training=Training(), weights=weights, dataset=dataset, numbers={"study": "s"})
    return folder, {path.name: path.read_bytes() for path in folder.iterdir()}


def read_spoilt(export, name, content):
    """Read the export with one file changed and hashes that fit."""
    folder, files = export
    files = {**files, name: content}
    lines = [f"{hashlib.sha256(data).hexdigest()}  {file}\n" for file, data in files.items() if file != "SHA256SUMS"]
    for file, data in {**files, "SHA256SUMS": "".join(lines).encode()}.items():
        (folder / file).write_bytes(data)
    try:
        read_export(folder)
    finally:
        for file, data in export[1].items():
            (folder / file).write_bytes(data)


def configs(files):
    """Contents of config.json."""
    return spoilt(json.loads(files["config.json"])).map(
        lambda made: json.dumps(made).encode("utf-8", errors="surrogatepass")
    )


def tensors(files):
    """Contents of weights.safetensors."""
    whole = files["weights.safetensors"]
    places = st.one_of(st.integers(0, 900), st.integers(0, len(whole) - 1))
    damages = st.binary(min_size=1, max_size=9)
    return st.builds(lambda place, damage: whole[:place] + damage + whole[place + len(damage) :], places, damages)


@pytest.mark.parametrize(("name", "contents"), [("config.json", configs), ("weights.safetensors", tensors)])
def test_any_export(export, fuzz, name, contents):
    fuzz(contents(export[1]), lambda content: survive(read_spoilt, export, name, content))


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("axis", {"values": [10**400] * 200, "name": "x", "unit": ""}),
        ("classes", [[]] * 4),
        ("classes", []),
        ("classes", "abcd"),
        ("network", []),
    ],
)
def test_configs_that_were_found_to_break_an_export(export, key, found):
    spoil = {**json.loads(export[1]["config.json"]), key: found}
    survive(read_spoilt, export, "config.json", json.dumps(spoil).encode())


names = ("depth", "filters", "pooling", "lr", "batch_size", "init", "dropout", "a")
flags = (
    "--set",
    "--data",
    "--name",
    "--space",
    "--dataset",
    "--trials",
    "--epochs",
    "--time",
    "--max-macs",
    "--vary",
    "--objective",
    "--start-from",
    "--baseline",
    "--init-from",
    "--resume",
    "--seed",
    "--eta",
)
word = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["1", "0", "-1", "1e999", "nan", "9" * 30, "cnn", "generated", "../x", "a:b", "90s", "2M", "\0"]),
    st.builds(lambda name, said: f"{name}={said}", st.sampled_from(names), st.text(max_size=8)),
)
line = st.lists(st.one_of(st.sampled_from(flags), word), max_size=8).map(lambda words: ["search", *words])


def command(words):
    """What a command line asks for, up to where a study would begin."""
    with tempfile.TemporaryDirectory() as studies, contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            given = vars(_parser().parse_args([*words, "--studies", studies]))
        except SystemExit as end:
            assert end.code in (0, 2), said
            return
        except argparse.ArgumentError as error:
            raise AssertionError(words) from error
        given.pop("command_function")
        given.pop("print_space", None)
        resolve(given)
        assert not list(Path(studies).iterdir())


def test_any_command_line(fuzz):
    with contextlib.redirect_stdout(io.StringIO()):
        fuzz(line, lambda words: survive(command, words))
