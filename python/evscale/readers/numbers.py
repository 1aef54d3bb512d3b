"""Numbers as people and tools write them: decimal comma, thousands, units, words for what is missing.

Built on numpy, which reads the plain ones; pandas' `decimal` and `thousands` have to be told, and know no units.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = frozenset((
    "", "null", "none", "nan", "na", "n/a", "#n/a", "-", "--", "—", "nil", "undefined", "\\n", "(null)", "<null>", "<na>",
    "nat", "missing", "no data",
))
"""Words for an unknown value, in lower case."""
SCALES = {"k": 1e3, "M": 1e6, "Mil": 1e6, "Mio": 1e6, "G": 1e9, "Bil": 1e9, "Mrd": 1e9, "T": 1e12, "Tri": 1e12}
WITH_UNIT = re.compile(r"([-+]?\d[\d.,'’_  \u202f]*(?:[eE][-+]?\d+)?)\s*(k|K|Mil|Mio|M|G|Bil|Mrd|Tri|T)?(?:\s+|(?=[^\sA-Za-z])|$)(\S.*)?")
INDIAN = r"|\d{1,2}(?:,\d{2})+,\d{3}"
GROUPS = {mark: re.compile(rf"[-+]?(?:\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+{INDIAN if mark == ',' else ''})(?:[.,]\d+)?") for mark in (",", ".", "'", "’", " ", " ", "\u202f")}
MOSTLY = 0.6
PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class Unreadable(ValueError):
    """Tells which value is no number, and by which place of a block."""

    def __init__(self, place: int, value: Any) -> None:
        super().__init__(place, value)
        self.place, self.value = place, value


@dataclass(frozen=True)
class Style:
    """How a column writes its numbers: decimal mark, mark between thousands, unit."""

    decimal: str = "."
    group: str = ""
    unit: str = ""
    ambiguous: bool = False

    def __str__(self) -> str:
        parts = ["decimal comma"] if self.decimal == "," else []
        parts += [f"thousands written with {self.group!r}"] if self.group else []
        parts += [f"unit {self.unit}"] if self.unit else []
        return ", ".join(parts)


def is_missing(value: Any) -> bool:
    """Tells whether a cell says that its value is not known."""
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, np.datetime64) and bool(np.isnat(value)))


def style_of(values: Sequence[Any], decimal: str | None = None, semicolons: bool = False) -> Style | None:
    """Returns how a sample writes its numbers; None if most of its values are none.

    `ambiguous` marks a column such as ``1,234`` alone, which may be a fraction or a thousand.

    >>> style_of(["1.234,5", "57"]), style_of(["2,280", "980"])
    (Style(decimal=',', group='.', unit='', ambiguous=False), Style(decimal='.', group=',', unit='', ambiguous=False))
    """
    texts = [str(value).strip() for value in values if not is_missing(value) and not isinstance(value, bool)]
    if not texts:
        return None
    parts = [found for found in (WITH_UNIT.fullmatch(text) for text in texts) if found]
    if len(parts) < MOSTLY * len(texts):
        return None
    bodies = [part[1].strip() for part in parts]
    units = {part[3] for part in parts if part[3]}
    scaled = any(part[2] for part in parts)
    if len(units) > 1:
        return None
    unit = units.pop() if units else ("K" if scaled else "")
    if not units and not scaled and re.match(r"[-:./\d]", unit):
        return None
    marks = _marks(bodies, semicolons) if decimal is None else _told(bodies, decimal)
    return None if marks is None else Style(*marks[:2], unit, marks[2])


def _told(bodies: Sequence[str], decimal: str) -> tuple[str, str, bool]:
    others = [mark for mark in GROUPS if mark != decimal and any(mark in body for body in bodies)]
    return decimal, others[0] if others else "", False


def _marks(bodies: Sequence[str], semicolons: bool) -> tuple[str, str, bool] | None:
    used = {mark for mark in GROUPS if any(mark in body for body in bodies)}
    if all(PLAIN.fullmatch(body) for body in bodies) and not _dotted_thousands(bodies):
        return ".", "", semicolons and all(GROUPS["."].fullmatch(body) and body[0] != "0" for body in bodies)
    for group in ("'", "’", " ", " ", "\u202f"):
        if group in used:
            return ("," if "," in used else "."), group, False
    if {",", "."} <= used:
        last = max((body for body in bodies if "," in body and "." in body), key=len, default="")
        if not last:
            return None
        return (",", ".", False) if last.rindex(",") > last.rindex(".") else (".", ",", False)
    mark = "," if "," in used else "."
    grouped = [GROUPS[mark].fullmatch(body) is not None for body in bodies if mark in body]
    if not all(grouped) or any(body.lstrip("+-").startswith("0" + mark) for body in bodies):
        return (",", "", False) if mark == "," and all(body.count(",") <= 1 for body in bodies) else None
    sure = any(body.count(mark) > 1 for body in bodies) or not semicolons or any(
        mark not in body and len(body.lstrip("+-")) <= 3 for body in bodies)
    return ("." if mark == "," else ","), mark, not sure


def _dotted_thousands(bodies: Sequence[str]) -> bool:
    """Tells whether dots part thousands: three digits after each, and none above 999 without one."""
    dotted = [body for body in bodies if "." in body]
    if any(body.count(".") > 1 for body in dotted):
        return True
    others = [body for body in bodies if "." not in body]
    return bool(dotted and others) and all(GROUPS["."].fullmatch(body) and body[0] != "0" for body in dotted) and all(
        len(body.lstrip("+-")) <= 3 for body in others)


def numbers(values: Sequence[Any], style: Style) -> NDArray[np.float64]:
    """Returns the values as floats; NaN is unknown.

    Raises
    ------
    Unreadable
        A value is no number, with its place.
    """
    if style == Style():
        try:
            out = np.asarray(values, dtype=np.float64)
            if out.ndim == 1 and not any(isinstance(value, bool) for value in values[:SAMPLE_OF_TYPES]):
                return out
        except (TypeError, ValueError, OverflowError):
            pass
    return np.array([_number(value, style, place) for place, value in enumerate(values)], dtype=np.float64)


SAMPLE_OF_TYPES = 16


def _number(value: Any, style: Style, place: int) -> float:
    if is_missing(value):
        return np.nan
    if isinstance(value, bool):
        raise Unreadable(place, value)
    scale = 1.0
    if isinstance(value, str):
        text = value.strip()
        if style != Style():
            found = WITH_UNIT.fullmatch(text)
            if found is None:
                raise Unreadable(place, value)
            text, scale = found[1].strip(), SCALES.get((found[2] or "").replace("K", "k"), 1.0)
            text = (text.replace(style.group, "") if style.group else text).replace(style.decimal, ".")
        value_of: Any = text
    else:
        value_of = value
    try:
        return float(value_of) * scale
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(place, value) from None
