import os
import re
import subprocess
import sys

import numpy as np
import pytest

from spectune.search.cli import main as cli
from spectune.search.cli.main import main
from spectune.search.records.study import find
from spectune.search.workers.node import DOOR, SILENCE
from spectune.spaces import KNOWN, Training
from spectune.spaces.linear import Logistic
from spectune.trainables.data import load
from spectune.trainables.export import write
from spectune.trainables.train import train

SWALLOWED = [
    "--start",
    "--stop",
    "--screen",
    "--tmux",
    "--args",
    "--cluster-name",
    "-n",
    "--port-forward",
    "-p",
    "--no-config-cache",
    "-v",
    "--verbose",
    "--log-style",
    "--log-color",
    "--disable-usage-stats",
    "--extra-screen-args",
]  # by `ray submit`


LITTLE = ("generated", "--data", "classes=3", "--data", "points=100", "--data", "train=4")


def ours():
    """What the environment says of the settings that a session gives Ray."""
    return {name: os.environ.get(name) for name in (*SILENCE, *DOOR)}


def refusal(capsys, *arguments):
    """What a refused command says; asserts that it is one line on stderr and exit code 2, and that no setting stays."""
    before = ours()
    try:
        code = main(arguments)
    except SystemExit as stop:  # argparse
        code = stop.code
    errors = capsys.readouterr().err
    assert code == 2
    assert "Traceback" not in errors
    assert ours() == before
    return errors.splitlines()[-1]


def test_search_owns_no_option_that_ray_submit_swallows():
    parser = cli._parser()._subparsers._group_actions[0].choices["search"]
    ours = {option for action in parser._actions for option in action.option_strings}
    assert "--space" in ours
    assert not ours & set(SWALLOWED)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "--space", "nope"], "cnn"),
        (["search", "--dataset", "nope"], "benchmark"),
        (["search", "--set", "pooling"], "--set takes name=value"),
        (["search", "--set", "poling=max"], "known are low"),
        (["search", "--set", "pooling=nope"], "max | average | none"),
        (["search", "--set", "depth=99"], "1..8"),
        (["search", "--objective", "beauty"], "accuracy"),
        (["search", "--objective", "parameters"], "the first --objective"),
        (["search", "--baseline", "nope"], "cnn2"),
        (["search", "--trials", "0"], "--trials must be at least 1"),
        (["search", "--start-from", "nope"], "compact"),
        (["search", "--space", "vit", "--start-from", "cnn6"], "vit_xrd"),
        (["search", "--start-from", "cnn6", "--max-macs", "1M"], "--start-from cnn6 cannot be tried: --max-macs is"),
        (["search", "--space", "any", "--set", "nothing=3"], "known are family, cnn.low"),
        (["search", "--space", "any", "--set", "family=nope"], "cnn | inception"),
        (["train", "nope"], "see spectune models list"),
        (["models", "show", "nope"], "see spectune models list"),
        (["models", "show", "cnn6", "--points", "10"], "pooling must leave a signal"),
        (["search", "--concurrent", "0"], "--concurrent must be at least 1"),
        (["search", "--grace", "0"], "--grace must be at least 1"),
        (["search", "--gpus-per-trial", "-1"], "--gpus-per-trial must be at least 0"),
        (["search", "--cpus-per-trial", "nan"], "--cpus-per-trial must be at least"),
        (["search", "--trials", "x"], "invalid int value"),
        (["search", "--time", "soon"], "write 90s"),
        (["search", "--data", "points"], "--data takes name=value"),
        (["search", "--data", "nope=1"], "nope"),
        (["search", "--name", "../escape"], "plain folder name"),
        (["export", "nope"], "known are"),
        (["predict", "nope", "nope.csv"], "nope"),
        (["report", "nope"], "known are"),
        (["track", "nope"], "known are"),
        (["diagnose", "nope"], "known are"),
        (["diagnose"], "required: WHAT"),
        (["data", "show", "nope"], "benchmark"),
        (["data", "export", "challenge", "--split", "tset", "--out", "x.npz"], "train, validation, test"),
        (["data", "export", *LITTLE, "--out", "/nonexist/x.npz"], "/nonexist/x.npz"),
        (["search", "--dataset", *LITTLE, "--studies", "/proc/x"], "/proc/x: No such file or directory"),
        (["search", "--max-params", "0.4"], "a count is a whole number"),
        (["export", "nope", "--top", "-1"], "--top must be at least 1"),
        (["search", "--sampler", "nope"], "forest, near, tpe, gp, random"),
    ],
)
def test_bad_input_is_one_clear_line(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in refusal(capsys, *arguments)
    assert not list(tmp_path.rglob("journal.jsonl"))


def test_predict_answers_a_line_a_spectrum_and_says_which_is_like_none(capsys, tmp_path):
    random = np.random.default_rng(0)
    spectra = np.exp(-(((np.arange(60) - 15 - 25 * np.arange(40)[:, None] % 50) / 4) ** 2))
    spectra += random.normal(0, 0.01, spectra.shape)
    np.savez(tmp_path / "mine.npz", x=spectra, y=np.arange(40) % 2)
    dataset, network = load(str(tmp_path / "mine.npz")), Logistic()
    (last,) = train(network, Training(), dataset, seed=0, epochs=1, device="cpu")
    weights = last.state["best"]["model"]
    write(tmp_path / "model", network=network, training=Training(), weights=weights, dataset=dataset, numbers={})
    np.savez(tmp_path / "new.npz", x=np.stack([spectra[0], random.normal(size=60)]))
    assert main(["predict", str(tmp_path / "model"), str(tmp_path / "new.npz")]) == 0
    said = capsys.readouterr()
    pattern = r"spectrum \d: \d 0\.\d{4}, \d 0\.\d{4}; unlike (\d+\.\d\d)"
    lines = [re.fullmatch(pattern, line) for line in said.out.splitlines()]
    assert float(lines[0][1]) < 1 < float(lines[1][1])
    assert "1 of 2 spectra are like none of training (unlike above 1)" in said.err
    assert "must be known, got 'points'" in refusal(
        capsys, "predict", str(tmp_path / "model"), str(tmp_path / "new.npz"), "--data", "points=7"
    )


def test_known_studies_are_listed_when_one_is_not_found(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "journal.jsonl").touch()
    with pytest.raises(ValueError, match="known are mine"):
        find("yours", str(tmp_path))
    assert find("mine", str(tmp_path)) == tmp_path / "mine"


def test_known_networks_are_listed_with_their_published_sizes(capsys):
    assert main(["models", "list"]) == 0
    said = capsys.readouterr().out
    for name, known in KNOWN.items():
        (line,) = [line for line in said.splitlines() if line.split()[:1] == [name]]
        assert known.parameters is None or f"{known.parameters:,}" in line


@pytest.mark.parametrize("name", ["cnn6", "inc3", "regnet", "vit_xrd", "cnn_bilstm", "dense"])
def test_a_known_network_is_shown_layer_by_layer(capsys, name):
    assert main(["models", "show", name, "--points", "5000", "--classes", "500"]) == 0
    said = capsys.readouterr().out
    cost = KNOWN[name].network.cost(5000, 500)
    assert f"{cost.parameters:,} parameters, {cost.macs:,} multiply-adds" in said
    assert "Linear" in said


def test_the_space_is_printed_with_its_conditions_and_size():
    done = subprocess.run(
        [sys.executable, "-m", "spectune.search.run", "--print-space"], capture_output=True, text=True, check=True
    )
    for text in ("pool_size", "pooling = max | average", "fc_activation", "fc_depth >= 1", "learning_rate", "log"):
        assert text in done.stdout
