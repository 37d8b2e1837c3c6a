"""Tables of JCAMP-DX: numbers as they are (AFFN), packed, squeezed, as differences and with repeats (ASDF).

Source: McDonald and Wilks, Applied Spectroscopy 42, 151 (1988), tables VII to X.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.spectrum import NUMBER

SQUEEZED = {"@": 0} | {letter: n for n, letter in enumerate("ABCDEFGHI", 1)}
SQUEEZED |= {letter.lower(): -n for letter, n in SQUEEZED.items() if n}
STEPS = {"%": 0} | {letter: n for n, letter in enumerate("JKLMNOPQR", 1)}
STEPS |= {letter.lower(): -n for letter, n in STEPS.items() if n}
REPEATS = {letter: n for n, letter in enumerate("STUVWXYZ", 1)} | {"s": 9}
PLAIN = re.compile(rf"({NUMBER})|(\?)|[\s,;]+")
CODED = re.compile(r"([@A-Za-s%])(\d*)|([+-]?(?:\d+\.?\d*|\.\d+))|(\?)|[\s,;]+")
CODES = re.compile(r"[@%A-DF-Za-df-s]")  # what no exponent has
MOST = 4_000_000  # points of a spectrum; a few letters may stand for any number of repeats
LENGTH = 15  # digits of a number that float64 keeps

Lines = Sequence[tuple[str, str]]  # (where a line is, its text)


def ordinates(lines: Lines) -> tuple[NDArray[np.float64], list[tuple[float, int]]]:
    """Of a table (X++(Y..Y)): its ordinates, NaN for "?", and of each line its abscissa and the place of its first.

    InputError names a line that cannot be read, or whose check of the last ordinate of the line before fails.
    """
    coded = any(CODES.search(text) for _, text in lines)
    values: list[float] = []
    starts: list[tuple[float, int]] = []
    check = False
    for where, text in lines:
        numbers, stepped = _coded(where, text) if coded else (_plain(where, text), False)
        if not numbers:
            continue
        ordinate = numbers[1:]
        if check and ordinate and values:
            if len(ordinate) > 1 and ordinate[0] != values[-1]:  # some programs end by a line of another check
                raise InputError(
                    f"{where}: a line must begin with the last ordinate of the line before, {values[-1]:g}, as a "
                    f"check, got {ordinate[0]:g}: the file is damaged, copy it again"
                )
            starts.append((numbers[0], len(values) - 1))
            ordinate = ordinate[1:]
        else:
            starts.append((numbers[0], len(values)))
        values += ordinate
        check = stepped
        if len(values) > MOST:
            raise InputError(f"{where}: a spectrum must have {MOST} points at most, got more: the file is damaged")
    return np.array(values, np.float64), starts


def pairs(lines: Lines) -> NDArray[np.float64]:
    """Of a table (XY..XY): abscissas and ordinates (L, 2)."""
    numbers = [number for where, text in lines for number in _plain(where, text)]
    if len(numbers) % 2:
        raise InputError(f"{lines[0][0]}: a table (XY..XY) must hold pairs, got {len(numbers)} numbers: correct it")
    return np.array(numbers, np.float64).reshape(-1, 2)


def _plain(where: str, text: str) -> list[float]:
    found = list(PLAIN.finditer(text))
    _covered(where, text, found)
    return [float(match[1]) if match[1] else float("nan") for match in found if match[1] or match[2]]


def _coded(where: str, text: str) -> tuple[list[float], bool]:
    """The numbers of a line, and whether the last was a difference, so that the next line repeats it as a check."""
    found = list(CODED.finditer(text))
    _covered(where, text, found)
    numbers: list[float] = []
    step: float | None = None  # the last difference, where the last number was one
    for code, digits, plain, missing in (match.groups() for match in found):
        if code in REPEATS:
            count = int(f"{REPEATS[code]}{digits[:LENGTH]}")
            if len(numbers) < 2 or len(numbers) + count > MOST:
                raise InputError(
                    f"{where}: a repeat must follow an ordinate and give {MOST} points at most, got "
                    f"{code}{digits[:20]}: the file is damaged"
                )
            last = numbers[-1]
            numbers += [last + (step or 0) * turn for turn in range(1, count)]
        elif code in STEPS and len(numbers) > 1:
            step = _number(where, STEPS[code], code, digits)
            numbers.append(numbers[-1] + step)
        elif code in SQUEEZED:
            numbers.append(_number(where, SQUEEZED[code], code, digits))
            step = None
        elif code:
            raise InputError(f"{where}: a difference must follow an ordinate, got {code}{digits}: the file is damaged")
        elif plain or missing:
            numbers.append(float(plain) if plain else float("nan"))
            step = None
    return numbers, step is not None


def _number(where: str, first: int, code: str, digits: str) -> float:
    """A number whose ``first`` digit, with the sign, was written as the letter ``code``."""
    if len(digits) > LENGTH:
        raise InputError(f"{where}: an ordinate must have {LENGTH} digits at most, got {code}{digits[:30]}: correct it")
    value = float(f"{abs(first)}{digits}")
    return -value if first < 0 else value


def _covered(where: str, text: str, found: Sequence[re.Match[str]]) -> None:
    """InputError where the matches leave something of a line."""
    at = 0
    for match in found:
        if match.start() != at:
            break
        at = match.end()
    if at != len(text):
        raise InputError(f"{where}: a table must hold numbers, got {text[at : at + 20]!r}: correct the line")
