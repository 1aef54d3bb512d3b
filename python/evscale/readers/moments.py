"""One time as people and tools write it, as a wall clock and an offset.

The standard library's `datetime.fromisoformat` accepts other texts in each version of Python; these patterns are the same in
all of them.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone

NAIVE = -100_000
"""Offset of a time without a zone, minutes."""

CLOCK = (r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,:](?P<f>\d{1,9}))?)?"
         r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?")
ZONE = r"(?:\s*(?P<zone>[Zz]|(?:UTC|GMT|utc)?\s?[+-]\d{2}(?::?\d{2})?(?::?\d{2})?|[A-Za-z]{2,5}))?(?:\s*[\[(].{1,40}[\])])?"
GAP = r"(?:[Tt]|[\s,_@:]+(?:at\s+)?)"
DAY = r"(?:[A-Za-z]{2,9}\.?,?\s+)?"
MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"
DATES = (
    r"(?P<Y>\d{4})[-/.](?P<M>\d{1,2})[-/.](?P<D>\d{1,2})",
    rf"{DAY}(?P<a>\d{{1,2}})(?P<mark>[-/.])(?P<b>\d{{1,2}})[-/.](?P<Y>\d{{4}}|\d{{2}})",
    rf"{DAY}(?P<D>\d{{1,2}})\.?[\s/-]+{MONTH},?[\s/-]+(?P<Y>\d{{4}}|\d{{2}})",
    rf"{DAY}{MONTH}\s+(?P<D>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<Y>\d{{4}})",
)
PATTERNS = tuple(re.compile(rf"{date}(?:{GAP}{CLOCK}{ZONE})?") for date in DATES) + (
    re.compile(rf"{DAY}{MONTH}\s+(?P<D>\d{{1,2}})\s+{CLOCK}{ZONE}\s+(?P<Y>\d{{4}})"),
    re.compile(rf"(?P<Y>\d{{4}})(?P<M>\d{{2}})(?P<D>\d{{2}})[Tt ](?P<h>\d{{2}})(?P<m>\d{{2}})(?P<s>\d{{2}})?(?:[.,](?P<f>\d{{1,9}}))?{ZONE}"),
    re.compile(rf"{CLOCK}{ZONE}\s+(?P<Y>\d{{4}})-(?P<M>\d{{2}})-(?P<D>\d{{2}})"),
)
MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)} | {
    "mär": 3, "mai": 5, "okt": 10, "dez": 12}
DAY_FIRST, MONTH_FIRST = "day", "month"


def numeric_date(text: str) -> tuple[int, int, str] | None:
    """Returns the first two numbers and their mark of a date such as 3/4/2024, whose order is open."""
    found = PATTERNS[1].fullmatch(text.strip())
    return None if found is None else (int(found["a"]), int(found["b"]), found["mark"])


def moment(text: str, order: str = DAY_FIRST) -> tuple[int, int] | None:
    """Returns wall-clock milliseconds since 1970 and the offset from UTC in minutes, `NAIVE` if there is none.

    None means that the text is no time. An instant in UTC is the wall clock minus the offset.

    >>> moment("1970-01-01T02:00:01.5+02:00"), moment("Jan 1, 1970 @ 00:00:01.000"), moment("noon")
    ((7201500, 120), (1000, -100000), None)
    """
    text = text.strip().removeprefix("[").removesuffix("]")
    if not 8 <= len(text) <= 80:
        return None
    for pattern in PATTERNS:
        found = pattern.fullmatch(text)
        if found is not None:
            return _of_parts(found.groupdict(), order)
    return None


def _of_parts(parts: dict[str, str | None], order: str) -> tuple[int, int] | None:
    day, month = parts.get("D"), parts.get("M")
    if "a" in parts:
        first, second = parts["a"], parts["b"]
        day, month = (first, second) if order == DAY_FIRST or parts["mark"] == "." else (second, first)
    if parts.get("name"):
        month = str(MONTHS.get((parts["name"] or "")[:3].lower(), 0))
    hour = int(parts.get("h") or 0)
    half = (parts.get("half") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        year = int(parts["Y"] or 0)
        seconds = int(parts.get("s") or 0)
        at = datetime(year + 2000 if year < 100 and len(parts["Y"] or "") == 2 else year, int(month or 0), int(day or 0), 0,
                      int(parts.get("m") or 0), min(seconds, 59), tzinfo=timezone.utc)
    except ValueError:
        return None
    if hour > 24 or seconds > 60 or (hour == 24 and (at.minute or seconds)):
        return None
    whole = (at.toordinal() - 719_163) * 86_400 + hour * 3600 + at.minute * 60 + seconds
    millis = int((parts.get("f") or "0").ljust(3, "0")[:3])
    offset = _offset(parts.get("zone"))
    return None if offset is None else (whole * 1000 + millis, offset)


def _offset(zone: str | None) -> int | None:
    """Returns minutes east of UTC; `NAIVE` for no zone and for letters that several zones share."""
    if zone is None:
        return NAIVE
    name = zone.upper().replace("UTC", "").replace("GMT", "").strip()
    if name in ("", "Z"):
        return 0
    if name[0] not in "+-":
        return NAIVE
    digits = name[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:4] or 0)
    return None if minutes > 18 * 60 else minutes if name[0] == "+" else -minutes
