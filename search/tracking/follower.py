"""MLflow as a follower of the journal: one process beside the driver.

It reads the journal behind the study and keeps a cursor, so whatever a slow, absent or dead server missed is
simply still to be read: the journal is the spool. Nothing here can slow or stop the search. Delivering twice does no
harm: runs are found by their tags, and equal metric points are stored once.
"""

from __future__ import annotations

import getpass
import json
import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from spectune.search.records import JOURNAL, Study, events, opening, read
from spectune.search.records.metrics import METRICS
from spectune.search.records.ranking import winner
from spectune.search.tracking import view
from spectune.search.tracking.runs import Runs
from spectune.search.tracking.store import analyse, public
from spectune.spaces.files import replace

RUN_STATUS = {"complete": "FINISHED", "paused": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}
PARENT = "study"  # the parent's key among the runs, and its spectune.trial tag
FEW = 100  # runs that any query is quick for


@dataclass
class _News:
    """What of the journal is to be delivered."""

    offset: int  # behind the last event
    epochs: dict[str, int]  # running trial -> last epoch delivered: one that was started again repeats them
    runs: dict[str, dict[str, Any]]  # trial -> its start, reports and last end, as far as they are new
    other: list[dict[str, Any]]  # events of the whole study


class Follower:
    """Delivers a study's journal to one MLflow store; ``deliver`` does what is to be done now and returns.

    The cursor (byte offset and keys of the runs) is a file in the study's folder with an entry for each store.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder = folder
        self.uri = uri
        self._path = folder / "tracking.json"
        self._cursors = _cursors(self._path)
        self._cursor = self._cursors.setdefault(public(uri), {"offset": 0, "runs": [], "epochs": {}})
        self._header = opening(folder)
        self._runs = Runs(uri, study=self._header["name"], mark=self._header["id"])
        self._known = False  # whether these are all runs that the store has of this study
        self._watching: Any = None  # what logs this machine's system metrics
        self._counted = 2  # runs that there were when the page was last told of their columns

    @property
    def behind(self) -> int:
        """Bytes of the journal that the store has not got."""
        return (self.folder / JOURNAL).stat().st_size - int(self._cursor["offset"])

    def catch_up(self) -> None:
        """Deliver until nothing is left, but for a line that is just being written."""
        self.deliver()
        before = math.inf
        while 0 < self.behind < before:
            before = self.behind
            self.deliver()
        if len(self._runs) >= 2 * self._counted:
            self._counted = len(self._runs)
            self._show(read(self.folder))
            if self._counted >= FEW:
                analyse(self.uri)

    def watch(self) -> None:
        """Have MLflow log this machine's system metrics to the study's run while the process lives."""
        if self._watching is None and PARENT in self._runs:
            self._watching = self._runs.watch(PARENT)

    def rest(self) -> None:
        """Log them no more; ``watch`` begins again."""
        if self._watching is not None:
            self._watching.finish()
            self._watching = None

    def _show(self, study: Study) -> None:
        """The table's columns, among them the hyperparameters in which trials differ."""
        self._runs.describe(view.saved_view(study.header, view.searched(study.trials.values())))

    def deliver(self, most: int = 5000) -> None:
        """Deliver up to ``most`` events. Whatever the store raises is raised here; the cursor then stays."""
        if self._known and not self.behind:
            return
        try:
            self._connect()
            news = self._news(most)
            for line in news.other:
                if line["event"] == "study":
                    self._describe(line)
            for trial, run in news.runs.items():
                self._log(trial, run)
            for line in news.other:
                self._file(line)
            self._cursor.update(offset=news.offset, epochs=news.epochs, runs=list(self._runs))
        except BaseException:
            self._known = False  # a request may have been carried out although its answer was lost
            raise
        finally:
            replace(self._path, json.dumps(self._cursors))

    def _connect(self) -> None:
        """Learn which runs the store has. One that has lost some, because somebody removed them for good or the whole
        database, gets everything again."""
        if self._known:
            return
        self._runs.find()
        if not all(key in self._runs for key in self._cursor["runs"]):
            self._cursor.update(offset=0, epochs={})
        self._known = True

    def _news(self, most: int) -> _News:
        news = _News(self._cursor["offset"], dict(self._cursor["epochs"]), {}, [])
        for line, behind in islice(events(self.folder / JOURNAL, news.offset), most):
            event, trial = line["event"], str(line.get("trial"))
            if event == "report" and line["epoch"] > news.epochs.get(trial, 0):
                news.epochs[trial] = line["epoch"]
                news.runs.setdefault(trial, {}).setdefault("reports", []).append(line)
            elif event == "start":
                news.runs.setdefault(trial, {}).pop("end", None)  # it was paused and goes on
                news.runs[trial][event] = line
            elif event == "end":
                news.runs.setdefault(trial, {})[event] = line
                news.epochs.pop(trial, None)
            elif event != "report":
                news.other.append(line)
            news.offset = behind
        return news

    def _describe(self, header: dict[str, Any]) -> None:
        """The parent run: the study's options and everything that is needed to repeat it."""
        self._show(read(self.folder))
        about = {**self._study_tags(header), "stage": PARENT}
        self._runs.make(PARENT, name=f"study {header['name']}", began=header["time"], tags=about, data=self._data)
        options = {name: value for name, value in header["options"].items() if value not in (None, "", {}, [])}
        tags = {f"spectune.version.{name}": value for name, value in header["versions"].items()}
        tags |= {f"option.{name}": value for name, value in options.items()}
        tags |= {"spectune.command": header["command"], "spectune.session": header["session"], "status": "running"}
        self._runs.log(PARENT, tags=tags)
        self._runs.go_on(PARENT)

    def _study_tags(self, header: dict[str, Any]) -> dict[str, Any]:
        return {
            "study": header["name"],
            "space": header["space"],
            "dataset": header["dataset"]["name"],
            "dataset.digest": header["dataset"]["digest"],
            "spectune.seed": header["seed"],
            "mlflow.source.name": header["command"],
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": header.get("git", "").rstrip("+"),
            "mlflow.user": _user(),
        }

    @property
    def _data(self) -> dict[str, Any]:
        """The dataset that trials are trained on, as the header describes it."""
        return dict(self._header["dataset"])

    def _log(self, trial: str, run: dict[str, Any]) -> None:
        """One trial's news: created, one batch, ended."""
        start, end = run.get("start"), run.get("end")
        tags = {} if end is None else {"status": end["status"], "reason": end["reason"]}
        params: dict[str, Any] = {}
        if start is not None:
            params = {**start["config"]["network"], **start["config"]["training"], "seed": start["seed"]}
            if trial in self._runs and end is None:
                self._runs.go_on(trial)
                tags = {"status": "running", "reason": ""}
            self._make(trial, start)
        metrics = [
            (key, value, report["time"], report["epoch"])
            for report in run.get("reports", [])
            for key in (one.name for one in METRICS.values() if one.by_epoch)
            if (value := report["metrics"].get(key)) is not None
        ]
        if end is not None:
            final = {
                **end["metrics"],
                "seconds": end["seconds"],
                "epochs": end["epochs"],
                "best_epoch": end["best_epoch"],
            }
            metrics += [(f"final/{key}", value, end["time"], 0) for key, value in final.items() if value is not None]
        self._runs.log(trial, params=params, metrics=metrics, tags=tags)
        if end is not None:
            self._runs.end(trial, status=RUN_STATUS[end["status"]], ended=end["time"])

    def _make(self, trial: str, start: dict[str, Any]) -> None:
        candidate = start["candidate"]
        about = {
            "family": start["config"]["network"]["family"],
            "stage": start["stage"],
            "label": start["label"],
            "origin": start.get("origin", ""),
            "candidate": "" if candidate is None else candidate,
            "status": "running",
        }
        name = view.run_name({**start, "number": trial}, self._header)
        tags = {**self._study_tags(self._header), **about}
        self._runs.make(trial, name=name, began=start["time"], tags=tags, data=self._data)

    def _file(self, line: dict[str, Any]) -> None:
        """Events of the whole study: tests, exports, files, its end."""
        match line["event"]:
            case "test":
                self._test(line)
            case "export":
                self._export(str(line["trial"]), self.folder / line["folder"], line["rank"])
            case "artifact":
                self._runs.add(PARENT, self.folder / line["path"])
            case "finish":
                self._conclude(line["time"])

    def _export(self, trial: str, folder: Path, rank: int) -> None:
        self._runs.add(trial, folder, "export")
        if rank == 1:
            tags = {"dataset.digest": self._header["dataset"]["digest"]}
            self._runs.register(trial, folder / "model.onnx", tags, (folder / "README.md").read_text())

    def _conclude(self, when: float) -> None:
        """The study's end: its verdict, its winner's numbers and runs, and the columns in which its trials differ."""
        study = read(self.folder)
        metrics = [(name, value, when, 0) for name, value in view.headline(study).items()]
        self._runs.log(PARENT, metrics=metrics, tags={"status": "finished"})
        self._runs.note(PARENT, view.verdict(study))
        self._show(study)
        best = None if study.header.get("ablation") else winner(study)
        for candidate, trials in study.confirmed().items():
            for trial in trials:
                name = view.run_name(vars(trial), study.header)
                self._runs.rename(str(trial.number), f"winner {name}" if candidate == best else name)
        self._runs.end(PARENT, status="FINISHED", ended=when)

    def _test(self, line: dict[str, Any]) -> None:
        """Test metrics belong to the trials whose weights were tested; their means to the parent."""
        for trial, metrics in zip(line["trials"], line["metrics"], strict=True):
            rows = [(f"test/{key}", value, line["time"], 0) for key, value in metrics.items()]
            self._runs.log(str(trial), metrics=rows)
        means = {key: sum(row[key] for row in line["metrics"]) / len(line["metrics"]) for key in line["metrics"][0]}
        rows = [(f"test/{line['candidate']}/{key}", value, line["time"], 0) for key, value in means.items()]
        self._runs.log(PARENT, metrics=rows)


def _cursors(path: Path) -> dict[str, dict[str, Any]]:
    """Store -> how far it is, as the file says; a store begins anew where that cannot be read."""
    try:
        content = json.loads(path.read_text())
        return {
            uri: {"offset": int(one["offset"]), "runs": list(one["runs"]), "epochs": dict(one["epochs"])}
            for uri, one in content.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _user() -> str:
    """Whoever delivers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
