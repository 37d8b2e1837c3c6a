"""The report of a study: ``python -m spectune.dashboards.report STUDY_FOLDER [--out FILE]`` writes one HTML page.

It works at any moment of a study's life: before the first trial, while it runs, after a crash and when it is finished.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from spectune.dashboards.figures.categories import categories
from spectune.dashboards.figures.decisive import decisive
from spectune.dashboards.figures.families import families
from spectune.dashboards.figures.labels import labels
from spectune.dashboards.figures.tuning import tuning
from spectune.dashboards.sections import ablation, general, training
from spectune.dashboards.sections import search as sections
from spectune.dashboards.style.page import arguments_of, command, page
from spectune.dashboards.style.words import moment
from spectune.dashboards.tables.candidates import trained
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import Study, read

Draw = Callable[[Summary], str]
Sections = dict[str, tuple[str, Draw]]  # name in the page's address -> heading, what draws it

SEARCH: Sections = {
    "finalists": ("Finalists", sections.finalists),
    "search": ("The search", sections.search),
    "families": ("Families", families),
    "hyperparameters": ("Hyperparameters", sections.hyperparameters),
    "front": ("Pareto front", sections.front),
    "confused": ("Most confused classes", general.confused),
    "labels": ("Labels", labels),
    "decisive": ("What decides", decisive),
    "trials": ("Trials", general.trials),
    "repeat": ("To repeat this", general.repeat),
}
TRAINING: Sections = {
    "trainings": ("Trainings", training.trainings),
    "learning": ("Learning curves", training.curves),
    "confused": ("Most confused classes", general.confused),
    "labels": ("Labels", labels),
    "decisive": ("What decides", decisive),
    "trials": ("Trials", general.trials),
    "repeat": ("To repeat this", general.repeat),
}
ABLATION: Sections = {
    "variants": ("Variants", ablation.variants),
    "paired": ("Seed by seed", ablation.paired),
    "differences": ("Differences", ablation.differences),
    "losses": ("Validation loss", ablation.losses),
    "categories": ("Categories", categories),
    "tuning": ("Re-tuning", tuning),
    "trials": ("Trials", general.trials),
    "repeat": ("To repeat this", general.repeat),
}
PAGES: dict[str, tuple[Draw, Sections]] = {  # kind of study -> head and sections
    "search": (sections.head, SEARCH),
    "training": (training.head, TRAINING),
    "ablation": (ablation.head, ABLATION),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; 2 with one line on stderr when that cannot be done."""
    parser = argparse.ArgumentParser(prog="spectune.dashboards.report", description="Write a study's report page.")
    parser.add_argument("study", type=Path, metavar="STUDY_FOLDER", help="folder with the study's journal")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page (default STUDY_FOLDER/report.html)")
    options = arguments_of(parser, arguments)
    out = options.out or options.study / "report.html"
    return command("report", out, lambda: build(read(options.study)))


def build(study: Study) -> str:
    """The page of a study as text."""
    summary = Summary(study)
    head, parts = PAGES["ablation" if study.header.get("ablation") else "training" if trained(study) else "search"]
    shown = {name: (heading, html) for name, (heading, draw) in parts.items() if (html := draw(summary))}
    links = " ".join(f'<a href="#{name}">{heading}</a>' for name, (heading, _) in shown.items())
    body = [head(summary), f"<nav>{links}</nav>"]
    body += [f'<section id="{name}"><h2>{heading}</h2>\n{html}</section>' for name, (heading, html) in shown.items()]
    body.append(f"<footer>Written on {moment(time.time())} from {escape(str(study.folder))}.</footer>")
    return page(f"{study.name}: spectune report", "\n".join(body))


if __name__ == "__main__":
    sys.exit(main())
