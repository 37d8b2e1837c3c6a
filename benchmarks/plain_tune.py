"""The script that a user would write without spectune, as the documentation of Ray Tune shows it.

Ray Tune with OptunaSearch and MLflowLoggerCallback, on the same training function and the same hyperparameters as
``benchmarks/search.py`` gives to spectune. Nothing is made slower than the documentation makes it; the number of
concurrent trials is set, which the documentation only recommends.
"""

import argparse
from pathlib import Path

import torch
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch

from spectune.spaces import CNN, Training
from spectune.trainables.data import load
from spectune.trainables.train import train


def objective(config, dataset, network, epochs):
    torch.set_num_threads(1)
    settings = {name: config[name] for name in ("fc_activation", "fc_dropout")}
    training = Training(learning_rate=config["learning_rate"], label_smoothing=config["label_smoothing"])
    for epoch in train(network.replace(**settings), training, dataset, seed=0, epochs=epochs):
        tune.report(epoch.metrics)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--concurrent", type=int, required=True)
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    dataset = load("generated", **dict(setting.split("=") for setting in options.data))
    network = CNN(
        **{
            name: CNN.__dataclass_fields__[name].metadata["domain"].parse(text)
            for name, text in (s.split("=") for s in options.set)
        }
    )
    space = {
        "learning_rate": tune.loguniform(1e-5, 1e-1),
        "label_smoothing": tune.uniform(0.0, 0.3),
        "fc_activation": tune.choice(["linear", "relu", "leaky_relu", "elu", "gelu", "silu"]),
        "fc_dropout": tune.uniform(0.0, 0.8),
    }
    tuner = tune.Tuner(
        tune.with_parameters(objective, dataset=dataset.blind(), network=network, epochs=options.epochs),
        param_space=space,
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
    results = tuner.fit()
    print(results.get_best_result().metrics["accuracy"])


if __name__ == "__main__":
    main()
