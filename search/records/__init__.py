"""What a study is on the disk: its journal and everything that is read from it. All that a dashboard may see."""

from spectune.search.records.journal import JOURNAL, Journal, events
from spectune.search.records.options import AUTO, KEPT, Options, fixed, known_space, pairs, plain, word
from spectune.search.records.study import Study, Trial, find, read
from spectune.search.records.task import ENDED, STATES, WEIGHTS, Plan, Task, stored
from spectune.spaces.files import replace as replace_file

__all__ = [
    "AUTO",
    "ENDED",
    "JOURNAL",
    "KEPT",
    "STATES",
    "WEIGHTS",
    "Journal",
    "Options",
    "Plan",
    "Study",
    "Task",
    "Trial",
    "events",
    "find",
    "fixed",
    "known_space",
    "metrics",
    "pairs",
    "plain",
    "ranking",
    "read",
    "replace_file",
    "stored",
    "word",
]
