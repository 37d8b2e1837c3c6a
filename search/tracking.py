"""MLflow as a follower of the journal: one process beside the driver. No other file of the search knows MLflow.

It reads the journal behind the study and keeps a cursor, so whatever a slow, absent or dead server missed is
simply still to be read: the journal is the spool. Nothing here can slow or stop the search. Delivering twice does no
harm: runs are found by their tags, and equal metric points are stored once.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from spectune.search.record import JOURNAL, events
from spectune.search.store import analyse, database, make_database, public

RUN_STATUS = {"complete": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}
EPOCH_METRICS = ("accuracy", "loss", "train_loss", "macro_f1", "molecular_f1", "auc", "learning_rate")
PARENT = "study"  # the parent's key among the runs, and its spectune.trial tag
MOST_METRICS = 1000  # in one request
FEW = 100  # runs that any query is quick for


class Follower:
    """Delivers a study's journal to one MLflow store; ``deliver`` does what is to be done now and returns.

    The cursor (byte offset and run ids) is a file in the study's folder with an entry for each store.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri = folder, uri
        self._path = folder / "tracking.json"
        self._cursors: dict[str, Any] = json.loads(self._path.read_text()) if self._path.is_file() else {}
        self._cursor = self._cursors.setdefault(
            public(uri), {"offset": 0, "experiment": None, "runs": {}, "epochs": {}}
        )
        self._client: Any = None
        self._known = False  # whether the cursor's runs are all that the store has of this study
        self._analysed = FEW // 2  # runs that there were when the store was last told how many
        header = next((line for line, _ in events(folder / JOURNAL) if line["event"] == "study"), None)
        assert header is not None, "a journal starts with a study event"
        self._header = header

    @property
    def behind(self) -> int:
        """Bytes of the journal that the store has not got."""
        return (self.folder / JOURNAL).stat().st_size - int(self._cursor["offset"])

    def catch_up(self) -> None:
        """Deliver until nothing is left, but for a line that is just being written."""
        before = self.behind + 1
        while 0 < self.behind < before:
            before = self.behind
            self.deliver()
        if len(self._cursor["runs"]) >= 2 * self._analysed:
            self._analysed = len(self._cursor["runs"])
            analyse(self.uri)

    def deliver(self, most: int = 5000) -> None:
        """Deliver up to ``most`` events. Whatever the store raises is raised here; the cursor then stays."""
        offset, other = self._cursor["offset"], []
        runs: dict[str, dict[str, Any]] = {}  # trial -> its start, reports and end, as far as they are new
        epochs = dict(self._cursor["epochs"])  # trial -> last epoch delivered: one started again repeats them
        for line, behind in islice(events(self.folder / JOURNAL, offset), most):
            offset = behind
            event = line["event"]
            if event == "report" and line["epoch"] > epochs.get(str(line["trial"]), 0):
                epochs[str(line["trial"])] = line["epoch"]
                runs.setdefault(str(line["trial"]), {}).setdefault("reports", []).append(line)
            elif event in ("start", "end"):
                runs.setdefault(str(line["trial"]), {})[event] = line
            elif event != "report":
                other.append(line)
        if offset == self._cursor["offset"]:
            return
        try:
            self._connect()
            for line in other:
                if line["event"] == "study":
                    self._describe(line)
            for trial, run in runs.items():
                self._log(trial, run)
            for line in other:
                self._file(line)
            ended = {trial for trial, run in runs.items() if "end" in run}
            epochs = {trial: epoch for trial, epoch in epochs.items() if trial not in ended}
            self._cursor.update(offset=offset, epochs=epochs)
        except BaseException:
            self._known = False  # a request may have been carried out although its answer was lost
            raise
        finally:
            _replace(self._path, json.dumps(self._cursors))

    def _connect(self) -> None:
        """Find or make the experiment and the parent run; learn which runs of this study the store has already."""
        if self._known:
            return
        _quiet()
        from mlflow import MlflowClient

        if self._client is None:
            make_database(self.uri)
            self._client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        name = self._header["name"]
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            self._cursor["experiment"] = self._client.create_experiment(name, artifact_location=self._artifacts(name))
        else:
            if experiment.lifecycle_stage == "deleted":
                self._client.restore_experiment(experiment.experiment_id)
            self._cursor["experiment"] = experiment.experiment_id
        found: dict[str, str] = {}
        token = None
        while True:
            filter_string = f"tags.`spectune.id` = '{self._header['id']}'"
            page = self._client.search_runs([self._cursor["experiment"]], filter_string, page_token=token)
            for run in page:
                found[run.data.tags["spectune.trial"]] = run.info.run_id
            token = page.token
            if not token:
                break
        self._cursor["runs"] = found
        self._known = True

    def _artifacts(self, name: str) -> str | None:
        """A database file alone has no place for artifacts: they go beside it. A server has its own."""
        file = database(self.uri)
        return (file.parent / "mlartifacts" / name).as_uri() if file else None

    def _run(self, key: str, *, name: str, began: float, tags: dict[str, Any]) -> str:
        if key not in self._cursor["runs"]:
            tags = {"mlflow.runName": name, "spectune.id": self._header["id"], "spectune.trial": key, **tags}
            if key != PARENT:
                tags["mlflow.parentRunId"] = self._cursor["runs"][PARENT]
            run = self._client.create_run(self._cursor["experiment"], start_time=int(1000 * began), tags=_texts(tags))
            self._cursor["runs"][key] = run.info.run_id
        return str(self._cursor["runs"][key])

    def _describe(self, header: dict[str, Any]) -> None:
        """The parent run: the study's options and everything that is needed to repeat it."""
        run = self._run(PARENT, name=header["name"], began=header["time"], tags=self._study_tags(header))
        options = {name: value for name, value in header["options"].items() if value not in (None, "", {}, [])}
        tags = {f"spectune.version.{name}": value for name, value in header["versions"].items()}
        tags |= {f"option.{name}": value for name, value in options.items()}
        tags |= {"spectune.command": header["command"], "spectune.session": header["session"], "status": "running"}
        self._batch(run, tags=_texts(tags))
        self._client.update_run(run, status="RUNNING")

    def _study_tags(self, header: dict[str, Any]) -> dict[str, Any]:
        return {
            "study": header["name"],
            "space": header["space"],
            "dataset": header["dataset"]["name"],
            "dataset.digest": header["dataset"]["digest"],
            "spectune.seed": header["seed"],
        }

    def _log(self, trial: str, run: dict[str, Any]) -> None:
        """One trial's news: created, one batch, ended."""
        start, end = run.get("start"), run.get("end")
        if start is not None:
            network = start["config"]["network"]
            tags = {
                **self._study_tags(self._header),
                "family": network["family"],
                "stage": start["stage"],
                "label": start["label"],
                "candidate": "" if start["candidate"] is None else start["candidate"],
                "status": "running",
            }
            name = f"{start['stage']} {trial}" + (f" {start['label']}" if start["label"] else "")
            run_id = self._run(trial, name=name, began=start["time"], tags=tags)
            params = {**network, **start["config"]["training"], "seed": start["seed"]}
        else:
            run_id, params = self._cursor["runs"][trial], {}
        metrics = [
            (key, value, report["time"], report["epoch"])
            for report in run.get("reports", [])
            for key in EPOCH_METRICS
            if (value := report["metrics"].get(key)) is not None
        ]
        tags = {}
        if end is not None:
            final = {
                **end["metrics"],
                "seconds": end["seconds"],
                "epochs": end["epochs"],
                "best_epoch": end["best_epoch"],
            }
            metrics += [(f"final/{key}", value, end["time"], 0) for key, value in final.items() if value is not None]
            tags = {"status": end["status"], "reason": end["reason"]}
        self._batch(run_id, params=_texts(params), metrics=metrics, tags=_texts(tags))
        if end is not None:
            self._client.set_terminated(run_id, RUN_STATUS[end["status"]], end_time=int(1000 * end["time"]))

    def _batch(
        self,
        run: str,
        *,
        params: dict[str, str] | None = None,
        metrics: list[tuple[str, float, float, int]] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        rows = [Metric(key, float(value), int(1000 * when), step) for key, value, when, step in metrics or []]
        self._client.log_batch(
            run,
            metrics=rows[:MOST_METRICS],
            params=[Param(name, text) for name, text in (params or {}).items()],
            tags=[RunTag(name, text) for name, text in (tags or {}).items()],
        )
        for first in range(MOST_METRICS, len(rows), MOST_METRICS):
            self._client.log_batch(run, metrics=rows[first : first + MOST_METRICS])

    def _file(self, line: dict[str, Any]) -> None:
        """Events of the whole study: tests, exports, files, its end."""
        parent = self._cursor["runs"].get(PARENT)
        match line["event"]:
            case "test":
                self._test(line)
            case "export":
                run = self._cursor["runs"][str(line["trial"])]
                self._client.log_artifacts(run, str(self.folder / line["folder"]), "export")
                if line["rank"] == 1:
                    self._register(run, line)
            case "artifact":
                self._client.log_artifact(parent, str(self.folder / line["path"]))
            case "finish":
                self._batch(parent, tags={"status": "finished"})
                self._client.set_terminated(parent, "FINISHED", end_time=int(1000 * line["time"]))

    def _test(self, line: dict[str, Any]) -> None:
        """Test metrics belong to the trials whose weights were tested; their means to the parent."""
        for trial, metrics in zip(line["trials"], line["metrics"], strict=True):
            rows = [(f"test/{key}", value, line["time"], 0) for key, value in metrics.items()]
            self._batch(self._cursor["runs"][str(trial)], metrics=rows)
        means = {key: sum(row[key] for row in line["metrics"]) / len(line["metrics"]) for key in line["metrics"][0]}
        rows = [(f"test/{line['candidate']}/{key}", value, line["time"], 0) for key, value in means.items()]
        self._batch(self._cursor["runs"][PARENT], metrics=rows)

    def _register(self, run: str, line: dict[str, Any]) -> None:
        """Register the winner as a model in ONNX form, which loads without pickle."""
        import mlflow.onnx
        import onnx

        name = self._header["name"]
        if not any(model.name == name for model in self._client.search_registered_models(f"name = '{name}'")):
            self._client.create_registered_model(name, tags={"dataset.digest": self._header["dataset"]["digest"]})
        versions = self._client.search_model_versions(f"name = '{name}'")
        version = next((version for version in versions if version.run_id == run), None)
        if version is None:
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder) / "model"
                model = onnx.load(self.folder / line["folder"] / "model.onnx")
                mlflow.onnx.save_model(model, str(target), pip_requirements=["onnx", "onnxruntime"])
                self._client.log_artifacts(run, str(target), "model")
            source = f"{self._client.get_run(run).info.artifact_uri}/model"
            version = self._client.create_model_version(name, source, run_id=run)
        self._client.set_registered_model_alias(name, "winner", version.version)


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
    return {name: text[:5000] for name, text in texts.items()}


def _replace(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)
