"""A training that hangs ends its process, a slow one does not."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import torch

from spectune.search.workers.watch import Watch
from spectune.trainables.data import load
from spectune.trainables.data.dense import Dense

WATCHED = """
import ctypes, sys, time
from spectune.search.workers.watch import Watch
from spectune.trainables.data import load
from spectune.trainables.data.dense import Dense

watch = Watch(4.0)
spectra = watch.over(load("generated", classes="2", points="100", train="4", validation="2", test="2").blind()).train
import torch
if sys.argv[2] == "prepared":
    spectra = spectra.instead(Dense(spectra.batch(torch.arange(len(spectra))).numpy(), spectra.labels))
with watch:
    for _ in range(int(sys.argv[1])):
        time.sleep(0.5)
        spectra.batch(torch.arange(2))
    print("alive", flush=True)
    if sys.argv[2] == "hang":
        ctypes.PyDLL(None).sleep(1000)
time.sleep(6)
print("done")
"""


def watched(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments], capture_output=True, text=True, check=False, timeout=600
    )
    return done.returncode, done.stdout.split(), done.stderr


def test_a_process_that_hangs_ends_even_with_the_interpreter_locked():
    code, said, errors = watched("1", "hang")
    assert (code, said) == (1, ["alive"])
    assert "Timeout" in errors and "<string>" in errors  # the stack says where


def test_a_slow_epoch_that_draws_batches_and_a_pause_between_epochs_are_no_hanging():
    assert watched("12", "go on")[:2] == (0, ["alive", "done"])


def test_batches_of_spectra_that_were_prepared_before_are_signs_of_life_as_well():
    assert watched("12", "prepared")[:2] == (0, ["alive", "done"])


class Varying(Dense):
    varies = True

    def fresh(self, indices, device="cpu"):
        return self.batch(indices, device) + 1


def test_spectra_that_vary_do_so_under_watch():
    """The clock is set by each of them, and never rings here."""
    dataset = load("generated", classes="2", points="100", train="4", validation="2", test="2")
    rows = torch.arange(2)
    train = Varying(dataset.train.batch(torch.arange(8)), dataset.train.labels)
    with (watch := Watch(600.0)):
        over = watch.over(replace(dataset, train=train)).train
        assert over.varies
        assert torch.equal(over.fresh(rows), over.batch(rows) + 1)
