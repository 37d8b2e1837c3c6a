"""The scripts that a user would write without spectune, each as its library's documentation shows it.

    python benchmarks/plain.py {tune,optuna,syne} --trials 40 --epochs 5 --concurrent 2 --data points=500 --set depth=2

``tune``: Ray Tune with OptunaSearch and MLflowLoggerCallback. ``optuna``: Optuna alone, trials in threads of one
process, nothing recorded. ``syne``: Syne Tune's local backend, a process a trial, with random search. All train the
same function on the hyperparameters that ``benchmarks/search.py`` gives to spectune. Nothing is made slower than the
documentation makes it; the number of concurrent trials is set, which Ray's documentation only recommends.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from spectune.spaces import CNN, Training
from spectune.trainables.data import load
from spectune.trainables.train import train

ACTIVATIONS = ["linear", "relu", "leaky_relu", "elu", "gelu", "silu"]


def epochs(config, dataset, network, count):
    """Metrics of each epoch."""
    torch.set_num_threads(1)
    settings = {name: config[name] for name in ("fc_activation", "fc_dropout")}
    training = Training(learning_rate=config["learning_rate"], label_smoothing=config["label_smoothing"])
    for epoch in train(network.replace(**settings), training, dataset, seed=0, epochs=count):
        yield epoch.metrics


def ray_tune(options):
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search.optuna import OptunaSearch

    def objective(config, dataset, network, count):
        for metrics in epochs(config, dataset, network, count):
            tune.report(metrics)

    dataset, network = made(options.data, options.set)
    tuner = tune.Tuner(
        tune.with_parameters(objective, dataset=dataset, network=network, count=options.epochs),
        param_space={
            "learning_rate": tune.loguniform(1e-5, 1e-1),
            "label_smoothing": tune.uniform(0.0, 0.3),
            "fc_activation": tune.choice(ACTIVATIONS),
            "fc_dropout": tune.uniform(0.0, 0.8),
        },
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            search_alg=OptunaSearch(),
            num_samples=options.trials,
            max_concurrent_trials=options.concurrent,
        ),
        run_config=tune.RunConfig(
            storage_path=str(Path("ray_results").absolute()),
            callbacks=[MLflowLoggerCallback(tracking_uri="sqlite:///mlflow.db", experiment_name="plain")],
        ),
    )
    return tuner.fit().get_best_result().metrics["accuracy"]


def optuna_alone(options):
    import optuna

    dataset, network = made(options.data, options.set)

    def objective(trial):
        config = {
            "learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-1, log=True),
            "label_smoothing": trial.suggest_float("label_smoothing", 0.0, 0.3),
            "fc_activation": trial.suggest_categorical("fc_activation", ACTIVATIONS),
            "fc_dropout": trial.suggest_float("fc_dropout", 0.0, 0.8),
        }
        for number, metrics in enumerate(epochs(config, dataset, network, options.epochs)):
            trial.report(metrics["accuracy"], number)
        return metrics["accuracy"]

    study = optuna.create_study(direction="maximize")
    study.optimize(objective, n_trials=options.trials, n_jobs=options.concurrent)
    return study.best_value


def syne_tune(options):
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import choice, loguniform, uniform
    from syne_tune.experiments import load_experiment
    from syne_tune.optimizer.baselines import RandomSearch

    space = {
        "learning_rate": loguniform(1e-5, 1e-1),
        "label_smoothing": uniform(0.0, 0.3),
        "fc_activation": choice(ACTIVATIONS),
        "fc_dropout": uniform(0.0, 0.8),
        "epochs": options.epochs,
        "data": ",".join(options.data),
        "set": ",".join(options.set),
    }
    tuner = Tuner(
        trial_backend=LocalBackend(entry_point=__file__),
        scheduler=RandomSearch(space, metrics=["accuracy"], do_minimize=False),
        stop_criterion=StoppingCriterion(max_num_trials_completed=options.trials),
        n_workers=options.concurrent,
    )
    tuner.run()
    return load_experiment(tuner.name).best_config()["accuracy"]


def syne_trial(words):
    """A trial of Syne Tune, which runs this file with what it proposes as options."""
    from syne_tune import Reporter

    parser = argparse.ArgumentParser()
    for name, kind in {"learning_rate": float, "label_smoothing": float, "fc_dropout": float, "epochs": int}.items():
        parser.add_argument(f"--{name}", type=kind)
    for name in ("fc_activation", "data", "set"):
        parser.add_argument(f"--{name}")
    options, _ = parser.parse_known_args(words)
    report = Reporter()
    dataset, network = made(options.data.split(","), options.set.split(","))
    for metrics in epochs(vars(options), dataset, network, options.epochs):
        report(accuracy=metrics["accuracy"])


def made(data, settings):
    """The dataset and the network that these settings describe."""
    values = (setting.split("=") for setting in settings)
    network = CNN(**{name: CNN.__dataclass_fields__[name].metadata["domain"].parse(text) for name, text in values})
    return load("generated", **dict(setting.split("=") for setting in data)).blind(), network


WAYS = {"tune": ray_tune, "optuna": optuna_alone, "syne": syne_tune}


def main():
    if sys.argv[1].startswith("--"):
        syne_trial(sys.argv[1:])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--concurrent", type=int, required=True)
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    print(WAYS[options.way](options))


if __name__ == "__main__":
    main()
