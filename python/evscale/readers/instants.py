"""Wall clocks of a zone as instants, with the hour that comes twice in autumn told apart by the order of the rows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from .._refuse import refuse
from .moments import NAIVE

QUARTER_MS = 900_000
EPOCH = datetime(1970, 1, 1)


def zone_of(name: str | None) -> tzinfo | None:
    """Returns the zone of an IANA name."""
    if name is None:
        return None
    try:
        return timezone.utc if name.upper() == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refuse(f"time zone {name!r} is not known, expected an IANA name such as Europe/Berlin") from None


def instants(walls: NDArray[np.int64], offsets: NDArray[np.int32], zone: tzinfo) -> tuple[NDArray[np.int64], int]:
    """Returns epoch milliseconds, and how many of the times do not exist in the zone (the hour left out in spring)."""
    out = walls - offsets.astype(np.int64) * 60_000
    naive = offsets == NAIVE
    if not naive.any():
        return out, 0
    local = walls[naive]
    quarters, inverse = np.unique(local // QUARTER_MS, return_inverse=True)
    early, late, absent = (np.array(column) for column in zip(*(_offsets(int(quarter), zone) for quarter in quarters), strict=True))
    first, second = local - early[inverse] * 1000, local - late[inverse] * 1000
    out[naive] = _by_order(first, second)
    return out, int(absent[inverse].sum())


def _offsets(quarter: int, zone: tzinfo) -> tuple[int, int, bool]:
    """Returns the offsets in seconds of a quarter's first and second coming, and whether it does not come at all."""
    at = EPOCH + timedelta(milliseconds=quarter * QUARTER_MS)
    early, late = (at.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    absent = late > early
    return round(early.total_seconds()), round(late.total_seconds()), absent


def _by_order(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Chooses between the two comings of an ambiguous time so that the rows keep their order."""
    out = np.where(second < first, second, first)
    ambiguous = np.flatnonzero(second > first)
    out[ambiguous] = first[ambiguous]
    if not len(ambiguous):
        return out
    falling = len(out) > 1 and out[0] > out[-1]
    order = ambiguous[::-1] if falling else ambiguous
    before = 1 if falling else -1
    for place in order:
        neighbour = place + before
        if 0 <= neighbour < len(out) and out[place] <= out[neighbour] and second[place] > out[neighbour]:
            out[place] = second[place]
    return out
