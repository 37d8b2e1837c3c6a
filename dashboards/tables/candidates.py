"""What a candidate of a study is, and what it is called."""

from __future__ import annotations

from spectune.search.records import Study

EXPLORED, KNOWN, VARIANT = "explored", "known", "variant"


def kind(study: Study, candidate: int | str) -> str:
    """EXPLORED by the study, a KNOWN network that was trained beside, or a VARIANT of an ablation."""
    if study.header.get("ablation"):
        return VARIANT
    return KNOWN if isinstance(candidate, str) else EXPLORED


def trained(study: Study) -> bool:
    """Whether the study is a training of one known network: nothing was searched or compared."""
    return bool(study.header["options"].get("model"))


def who(study: Study, candidate: int | str, label: str = "") -> str:
    """``trial 12``, ``cnn6 (trial 3)`` or ``cnn2 (baseline)``; a variant by its name, as what a training trains."""
    match kind(study, candidate):
        case "explored":
            return f"{label} (trial {candidate})" if label else f"trial {candidate}"
        case "known":
            return (label or str(candidate)) if trained(study) else f"{candidate} (baseline)"
    return str(candidate)
