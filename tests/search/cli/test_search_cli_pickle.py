"""A pickle that runs a command when it is loaded, wherever a stranger's file may be given: refused, and nothing ran."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil

import numpy as np
import pytest
import torch

from spectune.search.cli.main import main
from spectune.search.records.journal import Journal
from spectune.search.records.options import Options
from spectune.search.records.study import Trial, read
from spectune.search.session import finish
from spectune.search.session.launch import resolve
from spectune.spaces import CNN, Training
from spectune.trainables import own
from spectune.trainables.data import load
from spectune.trainables.export import write
from spectune.trainables.models import build

NETWORK = CNN(depth=2, filters=8, kernel_size=9, kernel_last=5, fc_width=32)
ROW = {"x": np.zeros((6, 9)), "y": np.arange(6) % 2}


class Bomb:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path):
    """What a bomb makes; after the test it must not be there."""
    mark = tmp_path / "it-ran"
    yield mark
    assert not mark.exists()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "model"
    dataset = load("generated", classes=4, points=200, train=2, validation=2, test=2)
    weights = build(NETWORK, 200, 4).state_dict()
    write(folder, network=NETWORK, training=Training(), weights=weights, dataset=dataset, numbers={"study": "s"})
    return folder


@pytest.fixture
def export(made, tmp_path):
    return shutil.copytree(made, tmp_path / "model")


def sealed(folder):
    """The hashes fit again, as someone who tampers would have it."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(sums))


def bombs(mark):
    """The bomb in every wrapping that some reader would open."""
    bomb = Bomb(mark)
    plain, saved, array, archive = pickle.dumps(bomb), io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save({"model": bomb}, saved)
    np.save(array, np.array([bomb], dtype=object), allow_pickle=True)
    np.savez(archive, x=np.array([bomb], dtype=object), y=np.array([bomb], dtype=object))
    return {"pickle": plain, "torch": saved.getvalue(), "npy": array.getvalue(), "npz": archive.getvalue()}


WRAPPINGS = ("pickle", "torch", "npy", "npz")


@pytest.fixture(params=WRAPPINGS)
def bomb(request, mark):
    return bombs(mark)[request.param]


def test_a_bomb_does_go_off(tmp_path):
    for number, wrapping in enumerate(WRAPPINGS):
        mark = tmp_path / str(number)
        content = io.BytesIO(bombs(mark)[wrapping])
        if wrapping == "pickle":
            pickle.load(content)
        elif wrapping == "torch":
            torch.load(content, weights_only=False)
        else:
            found = np.load(content, allow_pickle=True)
            found["x"] if wrapping == "npz" else found
        assert mark.is_dir()


@pytest.mark.parametrize("suffix", ["npz", "csv", "txt", "parquet", "json"])
def test_as_data(tmp_path, refused, suffix, bomb):
    path = tmp_path / f"mine.{suffix}"
    path.write_bytes(bomb)
    assert str(path) in refused("data", "show", path, "--out", tmp_path / "page.html")
    assert str(path) in refused("search", "--dataset", path, "--name", "s", "--studies", tmp_path / "studies")


def test_as_a_file_of_a_folder_of_classes(tmp_path, refused, bomb):
    for label in "ab":
        (tmp_path / "classes" / label).mkdir(parents=True)
        (tmp_path / "classes" / label / "1.txt").write_bytes(bomb)
    assert "1.txt" in refused("data", "show", tmp_path / "classes", "--out", tmp_path / "page.html")


def test_as_spectra_to_predict(tmp_path, refused, export, bomb):
    (tmp_path / "new.npz").write_bytes(bomb)
    assert "new.npz" in refused("predict", export, tmp_path / "new.npz")
    assert "new.npz" in refused("identify", export, tmp_path / "new.npz", "--references", tmp_path / "new.npz")


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json", "likeness.safetensors"])
def test_as_an_export(tmp_path, refused, export, name, bomb):
    (export / name).write_bytes(bomb)
    sealed(export)
    np.savez(tmp_path / "new.npz", x=np.ones((2, 200)))
    assert "is not an export" in refused("predict", export, tmp_path / "new.npz")
    search = ("search", "--name", "s", "--studies", tmp_path / "studies", "--dataset", "generated")
    assert "is not an export" in refused(*search, "--init-from", export)
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize("file", ["journal.jsonl", "init.json"])
def test_as_a_study_to_resume(tmp_path, refused, export, file, bomb):
    folder = tmp_path / "studies" / "s"
    journal = Journal(folder)
    options = Options(name="s", init_from=str(export), studies=str(tmp_path / "studies"))
    journal.append("study", name="s", objectives=[["accuracy", "max"]], options=options.to_dict())
    journal.close()
    (folder / file).write_bytes(bomb + b"\n")
    said = refused("search", "--resume", "--name", "s", "--studies", tmp_path / "studies")
    assert file in said


def test_as_a_checkpoint(mark):
    """Checkpoints are read by ``torch.load`` with ``weights_only=True``, which tests/architecture holds; it refuses."""
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(io.BytesIO(bombs(mark)["torch"]), weights_only=True)


def test_as_a_value(refused):
    text = "pooling=cos\nsystem\n(S'true'\ntR."
    assert "pooling" in refused("search", "--set", text, "--name", "s")


@pytest.mark.parametrize(
    "name",
    [
        "../s",
        "/s",
        "..",
        ".",
        ".s",
        "-s",
        "a/b",
        "a\\b",
        "a b",
        "a;b",
        "$(b)",
        "a\nb",
        "a`b`",
        "a'b",
        "s" * 101,
        "~",
        "\0",
    ],
)
def test_a_name_that_leads_elsewhere_or_that_a_shell_would_read(tmp_path, refused, name):
    studies = tmp_path / "a" / "studies"
    assert "a study's name is a plain folder name" in refused("search", f"--name={name}", "--studies", studies)
    assert not list(tmp_path.iterdir())


def test_a_name_of_its_own_is_a_plain_one(tmp_path):
    data = tmp_path / "my; spectra $(x).npz"
    options, _ = resolve({"dataset": str(data), "studies": str(tmp_path / "studies")})
    assert options.name.startswith("cnn-my-spectra-x-")


def test_a_label_of_a_journal_does_not_leave_the_exports(tmp_path, monkeypatch):
    """Only the name of the folder is looked at here."""
    seen = []
    trial = Trial(1, "confirm", {"network": {"family": "cnn"}, "training": {}}, "../../x", 0, 0, 1, 1, 0.0)
    monkeypatch.setattr(finish, "ranking", lambda study: [(0, [trial])])
    monkeypatch.setattr(finish, "_draw_importances", lambda *_: None)
    monkeypatch.setattr(finish, "best", lambda *_: trial)
    monkeypatch.setattr(finish.weights, "read", lambda path: {})
    monkeypatch.setattr(finish, "numbers", lambda *_: {})
    monkeypatch.setattr(finish, "write", lambda folder, **_: seen.append(folder))
    journal = Journal(tmp_path / "s")
    journal.append("study", name="s", objectives=[["accuracy", "max"]])
    finish.export(read(tmp_path / "s"), journal, None, top=1)
    journal.close()
    [folder] = seen
    assert folder.resolve().parent == tmp_path / "s" / "exports"


def test_a_study_of_another_runs_nothing(tmp_path, mark, refused):
    """Neither its copy, when others may write to it, nor a file that only its journal names."""
    code = f"import os; os.mkdir({str(mark)!r})\n"
    (tmp_path / "evil.py").write_text(code)
    folder = tmp_path / "studies" / "s"
    journal = Journal(folder)
    options = Options(name="s", studies=str(tmp_path / "studies")).to_dict() | {"space": f"{tmp_path}/evil.py:Evil"}
    journal.append("study", name="s", objectives=[["accuracy", "max"]], options=options)
    journal.close()
    resume = ("search", "--resume", "--name", "s", "--studies", tmp_path / "studies")
    assert "a study keeps a copy of its --space" in refused(*resume)
    copy = folder / own.COPY
    copy.write_text(code)
    for path in (copy, folder):
        before = path.stat().st_mode
        path.chmod(before | 0o002)
        assert "only you may write to it" in refused(*resume)
        assert "only you may write to it" in refused("export", folder)
        assert "only you may write to it" in refused("diagnose", folder)
        path.chmod(before)
    if os.geteuid() == 0:
        os.chown(copy, 1, -1)
        assert "another user's" in refused(*resume)


def test_a_command_line_is_not_read_as_code(refused, tmp_path):
    for setting in ("depth=__import__('os')", "depth=1e999", "depth=9" * 3, "depth=\x00", "=", "a=b"):
        assert refused("search", "--set", setting, "--name", "s", "--studies", tmp_path)
    assert main(["data", "show", "generated", "--data", "points=!!python/object"]) == 2


def test_json_of_a_stranger_that_is_no_journal(tmp_path):
    for line in ({"event": "report"}, {"event": "end", "trial": 1}, {"event": "start"}, {"event": []}):
        (tmp_path / "journal.jsonl").write_text(json.dumps(line) + "\n")
        with pytest.raises(ValueError, match="journal") as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)


def test_files_of_the_working_folder_are_not_run_as_modules(tmp_path, monkeypatch):
    """A page is drawn by a Python of its own, which would look there first."""
    for name in ("plotly", "spectune", "pandas"):
        (tmp_path / f"{name}.py").write_text("open('was-run', 'w')\n")
    monkeypatch.chdir(tmp_path)
    small = ("--data", "classes=3", "--data", "points=100", "--data", "train=4")
    assert main(["data", "show", "generated", *small, "--out", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").is_file() and not (tmp_path / "was-run").exists()
