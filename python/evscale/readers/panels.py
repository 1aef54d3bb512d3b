"""Several series of one source, each on its own."""

from __future__ import annotations

from typing import Any

from .._refuse import listed, option, refuse
from .roles import column
from .sources import open_source

MOST = 10_000


def values_of(source: Any, by: str, encoding: str | None = None, sheet: str | None = None) -> list[str]:
    """Returns the different values of a column in the order in which they come."""
    table = open_source(source, encoding, sheet)
    if by not in table.names and by.lower() not in (name.lower() for name in table.names):
        raise refuse(f"{table.where()}: no column {by!r} among {listed(table.names)}; {option('by', table.names[0])} takes one of them")
    name = column(table, by)
    found: dict[str, None] = {}
    for block in table.blocks([name]):
        found.update(dict.fromkeys("" if value is None else str(value).strip() for value in block[name]))
        if len(found) > MOST:
            raise refuse(f"{table.where()}: `{name}` has more than {MOST} values, expected the name of a series in it")
    return list(found)
