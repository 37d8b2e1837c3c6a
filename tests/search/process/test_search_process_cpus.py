"""Processors that a process may use, by its affinity and its control group."""

from __future__ import annotations

import os

import pytest

from spectune.search.process import cpus


@pytest.mark.parametrize(("limit", "expected"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), ("", 4)])
def test_a_limit_of_the_control_group_counts(tmp_path, monkeypatch, limit, expected):
    file = tmp_path / "cpu.max"
    if limit:
        file.write_text(limit + "\n")
    monkeypatch.setattr(cpus, "LIMIT", file)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3})
    assert cpus.usable() == expected


def test_threads_that_were_chosen_stay_and_others_are_as_many_as_processors(tmp_path, monkeypatch):
    monkeypatch.setattr(cpus, "LIMIT", tmp_path / "none")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {5, 7})
    monkeypatch.setenv("OMP_NUM_THREADS", "9")
    cpus.limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "9"
    monkeypatch.delenv("OMP_NUM_THREADS")
    cpus.limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "2"
