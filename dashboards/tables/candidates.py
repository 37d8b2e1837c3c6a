"""What a candidate of a study is, and what it is called."""

from __future__ import annotations

from dataclasses import replace

from spectune.search.records import ENSEMBLE, Study

EXPLORED, KNOWN, SIMPLE = "explored", "known", "simple"


def kind(study: Study, candidate: int | str) -> str:
    """EXPLORED by the study, a KNOWN network or a SIMPLE method beside, the ensemble, or a variant of an ablation."""
    return study.candidate(candidate).kind


def trained(study: Study) -> bool:
    """Whether the study is a training of one known network: nothing was searched or compared."""
    return bool(study.header["options"].get("model"))


def who(study: Study, candidate: int | str, label: str = "") -> str:
    """``trial 12``, ``cnn6 (trial 3)``, ``cnn2 (baseline)`` or ``trees (simple)``; a variant, and what a training
    trains, by its name."""
    named = study.candidate(candidate)
    if named.kind == KNOWN and not trained(study):
        return f"{candidate} (baseline)"
    if named.kind == SIMPLE:
        return f"{named.title} (simple)"
    return named.title if named.kind in (ENSEMBLE, "variant") else replace(named, label=label).title
