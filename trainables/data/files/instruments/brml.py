"""BRML of Bruker's DIFFRAC.SUITE: a zip archive with an XML document for each scan, ``RawData0.xml`` and so on.

Every column of a ``Datum`` is found by its description in ``DataViews``; files differ in their order.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.spectrum import ANGLE, evenly, spectrum
from spectune.trainables.data.files.instruments.xml import Element, every, first, numbers, parsed, unzipped
from spectune.trainables.data.files.table import Spectrum

KIND = "{http://www.w3.org/2001/XMLSchema-instance}type"


def read_brml(path: Path) -> list[Spectrum]:
    """The scans of a .brml file along 2 theta, as measured; those of other axes are left out with a note."""
    found: list[Spectrum] = []
    others = 0
    members = unzipped(path, "RawData")
    names = sorted((name for name in members if name.lower().endswith(".xml")), key=_order)
    for name in names:
        for route in _routes(parsed(f"{path}, {name}", members[name])):
            one = _scan(f"{path}, {name}", route)
            if one is None:
                others += 1
            else:
                found.append(one)
    if not found:
        raise InputError(f"{path} must hold a scan along 2 theta, got {others} others: export such a scan")
    if not others:
        return found
    return [one._replace(notes=(f"left out {others} scans that are not along 2 theta",)) for one in found]


def _order(name: str) -> tuple[list[int], str]:
    """RawData10 after RawData9."""
    return [int(digits[:9]) for digits in re.findall(r"\d+", name)], name


def _routes(root: Element) -> list[Element]:
    """The routes as measured, where a file says which; what was made of them is left out."""
    routes = list(every(root, "DataRoute"))
    return [route for route in routes if route.get("RouteFlag") == "Measured"] or routes


def _scan(where: str, route: Element) -> Spectrum | None:
    """The spectrum of a route; None where it is not along 2 theta."""
    rows = [numbers(where, datum.text) for datum in every(route, "Datum")]
    angle, counts = _columns(where, route)
    if counts is None or not rows:
        raise InputError(f"{where} must hold measured counts, got none: export the scan as .xy")
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{where}: every Datum must have as many numbers as the first, got others: export it again")
    table = np.array(rows)
    at, width = counts
    if width < 1 or max(at + width, 0 if angle is None else angle + 1) > table.shape[1]:
        raise InputError(f"{where}: DataViews must describe the {table.shape[1]} numbers of a Datum: export it again")
    if width > 1:
        values, intensities = _frame(where, route, table[:, at : at + width])
    elif angle is None:
        return None
    else:
        values, intensities = table[:, angle], table[:, at]
    return spectrum(where, values, intensities, axis=ANGLE, quantity="counts")


def _columns(where: str, route: Element) -> tuple[int | None, tuple[int, int] | None]:
    """The column of 2 theta, and the first and number of those of the counts, where there are such."""
    angle, counts = None, None
    for view in every(route, "RawDataView"):
        at, width = _whole(where, view, "Start", 0), _whole(where, view, "Length", 1)
        if view.get(KIND, "").endswith("VaryingRawDataView"):
            for place, field in enumerate(every(view, "FieldDefinitions")):
                if (field.get("AxisId") or field.get("FieldName") or "").strip() == "TwoTheta":
                    angle = at + place
        elif view.get(KIND, "").endswith("RecordedRawDataView") and counts is None:
            unit = first(view, "Unit")
            if unit is None or "count" in unit.get("Base", "Counts").lower():
                counts = at, width
    return angle, counts


def _whole(where: str, view: Element, name: str, default: int) -> int:
    value = view.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", value):
        raise InputError(f"{where}: {name} of a RawDataView must be a number, got {value[:20]!r}: export it again")
    return int(value)


def _frame(where: str, route: Element, counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A detector that stood still and saw a range of 2 theta at once: its channels are the points."""
    for axis in every(route, "ScanAxisInfo"):
        if axis.get("AxisId") == "TwoTheta" and len(counts) == 1:
            ends = [first(axis, name) for name in ("Reference", "Start", "Increment")]
            reference, start, step = (0.0 if end is None else float(numbers(where, end.text).sum()) for end in ends)
            with np.errstate(all="ignore"):
                last = reference + start + step * (counts.shape[1] - 1)
            return evenly(where, reference + start, last, counts.shape[1]), counts[0]
    raise InputError(
        f"{where} must have one count a point, got detector frames of {counts.shape[1]}: integrate them in DIFFRAC"
    )
