"""What a study is on the disk: its journal and everything that is read from it. All that a dashboard may see."""

from spectune.search.records.candidate import ENSEMBLE, SIMPLE, Candidate
from spectune.search.records.journal import JOURNAL, Journal, events
from spectune.search.records.option import AUTO, PRESETS, Group, Option, options_of
from spectune.search.records.options import Budget, Goal, Machine, Options, Place
from spectune.search.records.settings import fixed, pairs, plain, word
from spectune.search.records.study import Study, Trial, find, opening, read
from spectune.search.records.task import ENDED, ORIGINS, STATES, WEIGHTS, Plan, Task, stored
from spectune.spaces.errors import InputError
from spectune.spaces.files import replace as replace_file

__all__ = [
    "AUTO",
    "ENDED",
    "ENSEMBLE",
    "JOURNAL",
    "ORIGINS",
    "PRESETS",
    "SIMPLE",
    "STATES",
    "WEIGHTS",
    "Budget",
    "Candidate",
    "Goal",
    "Group",
    "InputError",
    "Journal",
    "Machine",
    "Option",
    "Options",
    "Place",
    "Plan",
    "Study",
    "Task",
    "Trial",
    "events",
    "find",
    "fixed",
    "metrics",
    "opening",
    "options_of",
    "pairs",
    "plain",
    "ranking",
    "read",
    "replace_file",
    "stored",
    "uncertainty",
    "word",
]
