"""Dates in one column and times of day in another, as one column of times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from .moments import CLOCK, ZONE, moment
from .numbers import is_missing
from .table import Block, Table
from .text import is_total

OF_DAY = re.compile(rf"{CLOCK}{ZONE}")
LOOK_AT = 100


def joined(table: Table) -> Table:
    """Returns the table with dates and times of day put together, if it keeps them apart."""
    sample = table.sample()
    hours = next((name for name in table.names if _all(sample[name], _is_of_day)), None)
    days = next((name for name in table.names if _all(sample[name], _is_date)), None)
    if hours is None or days is None:
        return table
    name = f"{days} {hours}"

    def blocks(wanted: Sequence[str]) -> Iterator[Block]:
        for block in table.blocks(list(dict.fromkeys([days, hours, *(one for one in wanted if one != name)]))):
            both = [_put_together(day, hour) for day, hour in zip(block[days], block[hours], strict=True)]
            yield {one: both if one == name else block[one] for one in wanted}

    others = tuple(one for one in table.names if one not in (days, hours))
    return replace(table, names=(name, *others), blocks=blocks).hinted(roles={"timestamp": name, **table.hints.roles})


def _put_together(day: Any, hour: Any) -> Any:
    if isinstance(day, date) and isinstance(hour, time):
        return datetime.combine(day, hour)
    return day if is_missing(hour) else f"{day} {hour}"


def _all(values: Sequence[Any], test: Any) -> bool:
    known = [value for value in values[:LOOK_AT] if not is_missing(value) and not is_total(value)]
    return bool(known) and all(test(value) for value in known)


def _is_of_day(value: Any) -> bool:
    return isinstance(value, time) or isinstance(value, str) and OF_DAY.fullmatch(value.strip()) is not None


def _is_date(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime) or isinstance(value, str) and ":" not in value and moment(value) is not None
