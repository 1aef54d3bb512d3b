"""One series or several: told apart by their labels, added up if asked for, refused otherwise; rows that are there twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._refuse import in_shell, listed, option, refuse
from .grid import EVEN_SHARE, Series, step_of
from .loading import Loaded, are_naive
from .options import Options
from .remarks import Remark, iso
from .roles import MOST_SERIES, Roles
from .table import Table

LEAST_ROWS = 3
MOST_COPIES = 0.1


def each_on_its_own(column: str) -> str:
    """Returns how the caller's door takes each series on its own."""
    return f"{option('by', column)} takes each on its own" if in_shell() else f"History.read_many(..., by={column!r}) takes each on its own"


def series_of(table: Table, roles: Roles, loaded: Loaded, stamps: NDArray[np.int64], options: Options, raw: bool) -> list[Series]:
    """Returns the series of a source; several are refused unless they are to be added up."""
    whole = [_sorted(name, stamps, values, loaded.service)
             for name, values in zip((roles.events or "", *roles.wide), loaded.values, strict=True)]
    if raw or roles.wide:
        return [replace(whole[0], values=np.ones(len(stamps)))] if raw else whole
    count = len(loaded.combinations)
    one = whole[0]
    repeated = bool((np.diff(one.stamps) == 0).any())
    if count > 1 and count <= MOST_SERIES and len(stamps) >= LEAST_ROWS * count and (repeated or _are_apart(loaded, stamps, one.stamps)):
        parts = []
        varying = [place for place in range(len(roles.labels)) if len({labels[place] for labels in loaded.combinations}) > 1]
        for code, labels in enumerate(loaded.combinations):
            mask = loaded.labels == code
            name = ",".join(f"{roles.labels[place]}={labels[place]}" for place in varying)
            parts.append(_sorted(name, stamps[mask], loaded.values[0][mask], None if loaded.service is None else loaded.service[mask]))
        if not options.sum:
            key, value = roles.labels[varying[0]], loaded.combinations[0][varying[0]]
            raise refuse(f"{table.where()}: {count} series ({listed(part.name for part in parts)}), expected one; {option('sum')} adds them "
                         f"up, {option('where', {key: value})} takes one, {each_on_its_own(key)}")
        return parts
    if repeated and not options.sum and options.interval_seconds is None and table.hints.kind != "sums":
        at = int(np.flatnonzero(np.diff(one.stamps) == 0)[0]) + 1
        row = int(loaded.rows[np.argsort(stamps, kind="stable")[at]])
        zone = "" if options.time_zone or not are_naive(loaded.offsets) else (
            f"{option('time_zone', 'Europe/Berlin')} tells the hour that comes twice in autumn apart, ")
        raise refuse(f"{table.where(row)}: duplicate time {iso(int(one.stamps[at]))}, expected one row per interval; {zone}{option('sum')} adds "
                     f"rows of one time up, {option('kind', 'events')} counts rows")
    return whole


def _are_apart(loaded: Loaded, stamps: NDArray[np.int64], together: NDArray[np.int64]) -> bool:
    """Tells whether rows of different labels are series of their own: each keeps a longer distance than all of them together."""
    step = step_of(together)
    if step.even < EVEN_SHARE:
        return True
    alone = [np.sort(stamps[loaded.labels == code]) for code in range(len(loaded.combinations))]
    steps = [step_of(one) for one in alone]
    filled = [len(one) * each.ms / max(1, int(one[-1] - one[0]) + each.ms) for one, each in zip(alone, steps, strict=True)]
    return float(np.median([each.ms for each in steps])) > 1.3 * step.ms and float(np.median(filled)) > EVEN_SHARE


def without_copies(loaded: Loaded, stamps: NDArray[np.int64], remarks: list[Remark]) -> tuple[Loaded, NDArray[np.int64]]:
    """Returns the rows without copies of others, if only a few are there and no time has different ones."""
    order = np.lexsort((loaded.values[0], loaded.labels, stamps))
    same_time = (np.diff(stamps[order]) == 0) & (np.diff(loaded.labels[order]) == 0)
    if not 0 < same_time.sum() <= MOST_COPIES * len(stamps):
        return loaded, stamps
    if not all((np.diff(values[order])[same_time] == 0).all() for values in loaded.values):
        return loaded, stamps
    keep = np.ones(len(stamps), bool)
    keep[order[1:][same_time]] = False
    copies = int(same_time.sum())
    remarks.append(Remark(f"{copies} row{'s are copies of others and are' if copies > 1 else ' is a copy of another and is'} passed over", option("sum")))
    return replace(
        loaded, walls=loaded.walls[keep], offsets=loaded.offsets[keep], values=tuple(values[keep] for values in loaded.values),
        service=None if loaded.service is None else loaded.service[keep], labels=loaded.labels[keep], rows=loaded.rows[keep]), stamps[keep]


def _sorted(name: str, stamps: NDArray[np.int64], values: NDArray[np.float64], service: NDArray[np.float64] | None) -> Series:
    if (np.diff(stamps) >= 0).all():
        return Series(name, stamps, values, service)
    order = np.argsort(stamps, kind="stable")
    return Series(name, stamps[order], values[order], None if service is None else service[order])
