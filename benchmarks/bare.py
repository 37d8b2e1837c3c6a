"""Trains the configs of a study again with no tuner at all: two processes, one list. For ``benchmarks/search.py``."""

import argparse
from multiprocessing import get_context
from pathlib import Path

import torch

from spectune.search.records.study import read
from spectune.spaces.saved import configs
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.train import train

DATASETS: list[Dataset] = []  # the one of this process


def prepare(settings):
    torch.set_num_threads(1)
    DATASETS.append(load("generated", **settings).blind())


def trained(asked):
    config, seed, epochs = asked
    *_, last = train(*configs(config), DATASETS[0], seed=seed, epochs=epochs)
    return last.metrics["accuracy"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("study", type=Path)
    parser.add_argument("--processes", type=int, required=True)
    options = parser.parse_args()
    study = read(options.study)
    asked = [(trial.config, trial.seed, trial.epochs) for trial in study.trials.values()]
    with get_context("spawn").Pool(options.processes, prepare, (study.header["dataset"]["options"],)) as pool:
        print(max(pool.imap_unordered(trained, asked)))


if __name__ == "__main__":
    main()
