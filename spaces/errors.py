"""The one error for people."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """Something that a person can mend: its text gives the rule, the value and the cure in one line.

    The command line answers it, as it answers an OSError, with that line and exit code 2. Every other error is a fault
    of the program and shows its traceback.
    """


def hold(options: object, rules: Iterable[tuple[str, bool, str]], of: str = "") -> None:
    """InputError for the first of the ``rules`` on fields of ``options``, each a name, whether it holds, and the rule
    in words, that does not hold; ``of`` follows the name, such as " of the challenge"."""
    for name, holds, rule in rules:
        if not holds:
            raise InputError(f"{name}{of} must be {rule}, got {getattr(options, name)!r}: change it")
