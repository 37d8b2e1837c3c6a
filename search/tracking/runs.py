"""The runs of one study in one MLflow store. No other file of the search knows MLflow."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spectune.search.tracking.store import database, make_database
from spectune.search.tracking.view import address

MOST_METRICS = 1000  # in one request
LONGEST = 5000  # characters of a tag or a description
NOTE, OUR_NOTE = "mlflow.note.content", "spectune.verdict"  # tags: what the page shows, and what we last wrote there
DELETED_TOO = 3  # MLflow's ViewType.ALL


class Runs:
    """The runs by key: a trial's number, or what the caller calls the parent. Whatever the store raises is raised."""

    def __init__(self, uri: str, *, study: str, mark: str) -> None:
        self._uri = uri
        self._study = study
        self._mark = mark
        self._ids: dict[str, str] = {}
        self._deleted: set[str] = set()
        self._bare: set[str] = set()  # runs that do not say yet what they were trained on
        self._experiment = ""
        self._client: Any = None

    def find(self) -> None:
        """Find or make the experiment; learn which runs of this study the store has already."""
        _quiet()
        if self._client is None:
            from mlflow import MlflowClient

            make_database(self._uri)
            self._client = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        experiment = self._client.get_experiment_by_name(self._study)
        if experiment is None:
            self._experiment = self._client.create_experiment(self._study, artifact_location=self._artifacts())
        else:
            if experiment.lifecycle_stage == "deleted":
                self._client.restore_experiment(experiment.experiment_id)
            self._experiment = experiment.experiment_id
        runs = {run.data.tags["spectune.trial"]: run for run in self._stored()}
        self._ids = {key: run.info.run_id for key, run in runs.items()}
        self._deleted = {key for key, run in runs.items() if run.info.lifecycle_stage == "deleted"}
        self._bare = {key for key, run in runs.items() if not run.inputs.dataset_inputs}

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __contains__(self, key: str) -> bool:
        return key in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def describe(self, tags: dict[str, str]) -> None:
        """Tags of the experiment: what its page looks like."""
        for name, text in tags.items():
            self._client.set_experiment_tag(self._experiment, name, text)

    def make(self, key: str, *, name: str, began: float, tags: dict[str, Any], data: dict[str, Any]) -> None:
        """A run, trained on ``data``, a header's dataset, unless there is one already.

        No run is another's child: MLflow hides children behind a closed row of their parent.
        """
        if key not in self._ids:
            tags = {"mlflow.runName": name, "spectune.id": self._mark, "spectune.trial": key, **tags}
            run = self._client.create_run(self._experiment, start_time=int(1000 * began), tags=_texts(tags))
            self._ids[key] = run.info.run_id
            self._bare.add(key)
        if key in self._bare:
            self._client.log_inputs(self._there(key), datasets=[_input(data)])
            self._bare.remove(key)

    def rename(self, key: str, name: str) -> None:
        self._client.update_run(self._there(key), name=name)

    def log(
        self,
        key: str,
        *,
        params: dict[str, Any] | None = None,
        metrics: list[tuple[str, float, float, int]] | None = None,
        tags: dict[str, Any] | None = None,
    ) -> None:
        """Add to a run; metrics are (name, value, Unix seconds, step)."""
        from mlflow.entities import Metric, Param, RunTag

        run = self._there(key)
        rows = [Metric(name, float(value), int(1000 * when), step) for name, value, when, step in metrics or []]
        self._client.log_batch(
            run,
            metrics=rows[:MOST_METRICS],
            params=[Param(name, text) for name, text in _texts(params or {}).items()],
            tags=[RunTag(name, text) for name, text in _texts(tags or {}).items()],
        )
        for first in range(MOST_METRICS, len(rows), MOST_METRICS):
            self._client.log_batch(run, metrics=rows[first : first + MOST_METRICS])

    def note(self, key: str, text: str) -> None:
        """What the run's page says of it, in Markdown; a note that somebody wrote or changed there stays."""
        tags, text = self._client.get_run(self._there(key)).data.tags, text[:LONGEST]
        ours = tags.get(OUR_NOTE, "")
        if tags.get(NOTE, "") in ("", ours):
            self.log(key, tags={NOTE: text, OUR_NOTE: text})

    def go_on(self, key: str) -> None:
        self._client.update_run(self._there(key), status="RUNNING")

    def end(self, key: str, *, status: str, ended: float) -> None:
        self._client.set_terminated(self._there(key), status, end_time=int(1000 * ended))

    def watch(self, key: str) -> Any:
        """Begin to log to a run, every 10 s, what this machine's processors, memory, disk, network and GPUs do, until
        the run is ended or ``finish`` of what is returned is called. A store that fails meanwhile ends it too."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        watching = SystemMetricsMonitor(self._there(key), resume_logging=True, tracking_uri=self._uri)
        watching.start()
        return watching

    def add(self, key: str, path: Path, into: str | None = None) -> None:
        """A file, or what is in a folder, as artifacts."""
        if path.is_dir():
            self._client.log_artifacts(self._there(key), str(path), into)
        else:
            self._client.log_artifact(self._there(key), str(path), into)

    def register(self, key: str, network: Path, tags: dict[str, str], description: str) -> None:
        """Register a run's network as the study's winner: a model in ONNX form, which loads without pickle.

        ``description``, in Markdown, is the version's; also the model's, unless somebody wrote another there.
        """
        run, name, description = self._there(key), self._study, description[:LONGEST]
        models = self._client.search_registered_models(f"name = '{name}'")
        model = next((model for model in models if model.name == name), None)
        if model is None:
            model = self._client.create_registered_model(name, tags=tags)
        versions = self._client.search_model_versions(f"name = '{name}'")
        if not model.description or model.description in [version.description for version in versions]:
            self._client.update_registered_model(name, description)
        version = next((version for version in versions if version.run_id == run), None)
        if version is None:
            with tempfile.TemporaryDirectory() as folder:
                _save(network, Path(folder) / "model")
                self._client.log_artifacts(run, folder)
            source = f"{self._client.get_run(run).info.artifact_uri}/model"
            version = self._client.create_model_version(name, source, run_id=run, description=description)
        self._client.set_registered_model_alias(name, "winner", version.version)

    def _there(self, key: str) -> str:
        """A run that there is to say something of; one that somebody deleted comes back."""
        run = self._ids[key]
        if key in self._deleted:
            self._client.restore_run(run)
            self._deleted.remove(key)
        return run

    def _stored(self) -> Iterator[Any]:
        """The store's runs of this study, those that were deleted among them."""
        mine, token = f"tags.`spectune.id` = '{self._mark}'", None
        while True:
            page = self._client.search_runs([self._experiment], mine, run_view_type=DELETED_TOO, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _artifacts(self) -> str | None:
        """A database file alone has no place for artifacts: they go beside it. A server has its own."""
        file = database(self._uri)
        return (file.parent / "mlartifacts" / self._study).as_uri() if file else None


def page(uri: str, study: str) -> str:
    """Path and query of a study's table of trials on a server of that store; "/" where it has none yet."""
    _quiet()
    from mlflow import MlflowClient

    file = database(uri)
    if file is not None and not file.exists():
        return "/"
    experiment = MlflowClient(tracking_uri=uri, registry_uri=uri).get_experiment_by_name(study)
    return "/" if experiment is None else address(experiment.experiment_id)


def _input(data: dict[str, Any]) -> Any:
    """A header's dataset as MLflow's dataset that a run was trained on."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = {"source": data.get("source", ""), "options": data.get("options", {})}
    sizes = {name: data[name] for name in ("points", "classes", "sizes", "description") if name in data}
    dataset = Dataset(data["name"], data["digest"], "spectune", json.dumps(source), profile=json.dumps(sizes))
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _save(network: Path, target: Path) -> None:
    """Write an ONNX file as MLflow's model, with what it takes and gives, and one peak as an example."""
    import mlflow.onnx
    import numpy as np
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    model = onnx.load(network)

    def schema(values: Any) -> Schema:
        return Schema([TensorSpec(_kind(value), _shape(value), value.name) for value in values])

    [spectra] = model.graph.input
    shape = [max(1, length) for length in _shape(spectra)]
    example = np.broadcast_to(np.hanning(shape[-1]), shape).astype(_kind(spectra))
    mlflow.onnx.save_model(
        model,
        str(target),
        pip_requirements=["onnx", "onnxruntime"],
        signature=ModelSignature(schema(model.graph.input), schema(model.graph.output)),
        input_example={spectra.name: example},
    )


def _kind(value: Any) -> Any:
    """The NumPy type of an ONNX model's input or output."""
    import onnx

    return onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)


def _shape(value: Any) -> tuple[int, ...]:
    """Its shape, with -1 for what may be of any length."""
    return tuple(length.dim_value or -1 for length in value.type.tensor_type.shape.dim)


def _quiet() -> None:
    """Before MLflow is loaded: short tries at an absent server, no chatter."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("alembic").setLevel(logging.ERROR)


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Values as MLflow stores them: text of limited length."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return {name: text[:LONGEST] for name, text in texts.items()}
