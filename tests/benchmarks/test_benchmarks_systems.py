"""The three systems: their commands are ones that spectune takes, and their tables say what was recorded."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest
import record
import systems
import systems_table

from spectune.search.cli.main import _parser
from spectune.spaces import Training
from spectune.spaces.config import parse
from spectune.spaces.published import KNOWN
from spectune.spaces.training import ALIASES


def called(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["systems.py", *words])
    systems.main()


def _after(words: list[str], flag: str) -> list[str]:
    return [after for word, after in pairwise(words) if word == flag]


@pytest.mark.parametrize("size", [(), ("--full",)])
def test_every_command_is_one_that_spectune_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], size: tuple[str, ...]
) -> None:
    called(monkeypatch, "run", "all", "--show", "--cache", str(tmp_path), *size)
    commands = [line.split()[1:] for line in capsys.readouterr().out.splitlines() if line]
    assert len(commands) == 5 + 1 + 6 + 2
    for words in commands:
        taken = _parser().parse_args(words)
        assert taken.name.endswith("-full") == bool(size) and taken.resume
        if words[0] != "search":
            spaces = (type(KNOWN[words[1]].network), Training)
            for name, text in (word.split("=", 1) for word in _after(words, "--set")):
                space = next(one for one in spaces if ALIASES.get(name, name) in one.__dataclass_fields__)
                parse(space, ALIASES.get(name, name), text)  # refuses a value that cannot be
    called(monkeypatch, "run", "crystals", "--show", "--cache", str(tmp_path), "--study", "dense", "search")
    assert len([line for line in capsys.readouterr().out.splitlines() if line]) == 2


def test_tables_have_the_newest_record_of_each_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "HERE", tmp_path)
    assert systems_table.draw(systems_table.rows()) == ""
    for accuracy in (0.1, 0.75):
        tested = {"metrics": [{"accuracy": accuracy, "top3": 0.9, "top5": 0.95}], "intervals": {"accuracy": [0.5, 0.8]}}
        found = {"vit_xrd": {**tested, "seconds": [12.3], "epochs": [8], "parameters": 1234, "seeds": [0]}}
        line = {
            "system": "mofs",
            "study": "mofs-vit",
            "command": "spectune train vit_xrd",
            "digest": "d",
            "found": found,
        }
        record.append("systems", line)
    drawn = systems_table.draw(systems_table.rows())
    assert "| mofs-vit | 0.750 (0.50 to 0.80) | 0.900 | 0.950 | 1,234 | 8 | 12 | top-1 0.70" in drawn
    assert "0.100" not in drawn and "seeds 0, digest `d`" in drawn and "spectune train vit_xrd" in drawn
