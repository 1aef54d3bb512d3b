"""A source as named columns that are read block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from .._refuse import refuse

SAMPLE = 2000
"""Rows that tell what a column holds."""

Block = dict[str, Sequence[Any]]


@dataclass(frozen=True)
class Hints:
    """What the format itself says about its rows.

    Attributes
    ----------
    roles : mapping
        Columns that the format is known to use: timestamp, events, service_ms or service_s.
    kind : str or None
        Kind of number of the events column, if the format fixes it.
    zone : str or None
        Zone of times that are written without one, if the format fixes it.
    stamp : str
        Whether a time is the `begin` or the `end` of its interval.
    about : str
        Names around the values, such as a metric's or a query's, that tell the kind of number.
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    kind: str | None = None
    zone: str | None = None
    stamp: str = "begin"
    about: str = ""


@dataclass(frozen=True)
class Table:
    """Columns of a source.

    Attributes
    ----------
    names : tuple of str
        Columns in the order of the source.
    blocks : callable
        Yields the rows of some columns, a block at a time, from the first row on.
    where : callable
        Returns how a message names the source, or one of its rows.
    format : str
        The format in words, such as "CSV with ;".
    notes : tuple of str
        What was passed over or assumed.
    """

    names: tuple[str, ...]
    blocks: Callable[[Sequence[str]], Iterator[Block]]
    where: Callable[..., str]
    format: str
    notes: tuple[str, ...] = ()
    hints: Hints = field(default_factory=Hints)
    backend: Any = None

    def sample(self) -> Block:
        """Returns the first rows of all columns."""
        block: Block = next(self.blocks(self.names), {})
        return {name: list(islice(block.get(name, ()), SAMPLE)) for name in self.names}

    def load(self, names: Sequence[str]) -> dict[str, list[Any]]:
        """Returns whole columns as lists."""
        out: dict[str, list[Any]] = {name: [] for name in names}
        for block in self.blocks(names):
            for name in names:
                out[name].extend(block[name])
        return out

    def hinted(self, *notes: str, **changes: Any) -> Table:
        """Returns the table with some hints changed and notes added."""
        return replace(self, hints=replace(self.hints, **changes), notes=self.notes + notes)


def row_name(source: str) -> Callable[..., str]:
    """Returns a `where` that counts rows from 0."""
    def where(index: int | None = None) -> str:
        return source if index is None else f"row {index}" if source == "history" else f"{source}: row {index}"

    return where


def of_columns(columns: Mapping[str, Sequence[Any]], source: str, form: str, **more: Any) -> Table:
    """Returns a table of columns in memory."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise refuse(f"{source}: columns have different lengths: {lengths}")

    def blocks(names: Sequence[str]) -> Iterator[Block]:
        yield {name: columns[name] for name in names}

    return Table(tuple(columns), blocks, more.pop("where", None) or row_name(source), form, **more)


def of_records(records: Sequence[Mapping[str, Any]], source: str, form: str, **more: Any) -> Table:
    """Returns a table of one mapping per row; nested mappings become columns with dots in their names."""
    flat = [flattened(record) for record in records]
    names = dict.fromkeys(name for record in flat for name in record)
    return of_columns({name: [record.get(name) for record in flat] for name in names}, source, form, **more)


def flattened(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns a mapping without nested mappings.

    >>> flattened({"metrics": {"count": 5}, "tags": ["a"]})
    {'metrics.count': 5}
    """
    out: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
            value = value[0]
        if isinstance(value, Mapping):
            out |= flattened(value, f"{prefix}{name}.")
        elif not isinstance(value, (list, tuple)):
            out[f"{prefix}{name}"] = value
    return out
