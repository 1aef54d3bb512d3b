"""Data frames, series with an index, lists of records and dicts of columns.

Built on narwhals, which reads pandas, polars and pyarrow through one interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from .._refuse import refuse
from .clocks import Instants
from .table import Table, of_columns, of_records, row_name

MOST_COLUMNS = 10_000
HISTORY = "history"
KINDS = ("a data frame or series of pandas, polars or pyarrow, a dict of columns, a list of records, or the path of a file")


def of_object(source: Any) -> Table:
    """Returns the table of an object in memory."""
    if isinstance(source, Mapping):
        columns = {str(name): _listed(name, column) for name, column in islice(source.items(), MOST_COLUMNS)}
        return of_columns(columns, HISTORY, "columns")
    if isinstance(source, Sequence) and source and all(isinstance(one, Mapping) for one in source):
        return of_records(source, HISTORY, "records")
    return _frame(_with_index(source))


def _listed(name: Any, column: Any) -> Any:
    if isinstance(column, str) or not hasattr(column, "__len__"):
        raise refuse(f"column {name!r} is {type(column).__name__}, expected a list or array")
    return column


def _with_index(source: Any) -> Any:
    """Returns a pandas object whose index of times has become a column."""
    index = getattr(source, "index", None)
    if type(source).__module__.partition(".")[0] != "pandas" or index is None:
        return source
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    frame = source.to_frame(name=source.name or "events") if type(source).__name__ == "Series" else source
    timed = hasattr(index, "tz") or any(hasattr(level, "tz") for level in getattr(index, "levels", ()))
    if not timed:
        return frame
    names = [name or ("timestamp" if place == len(index.names) - 1 or hasattr(index, "tz") else f"level_{place}")
             for place, name in enumerate(index.names)]
    return frame.set_axis(index, axis=0).rename_axis(index=names).reset_index()


def _frame(source: Any) -> Table:
    import narwhals as nw

    try:
        frame = nw.from_native(source)
    except TypeError:
        raise refuse(f"history is {type(source).__name__}, expected {KINDS}") from None
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    columns: dict[str, Any] = {}
    for name in frame.columns:
        _flatten(name, frame[name], columns)
    return of_columns(columns, HISTORY, "data frame", backend=nw.get_native_namespace(frame), where=row_name(HISTORY))


def _flatten(name: str, column: Any, into: dict[str, Any]) -> None:
    """Adds a column; a struct adds its fields, with dots in their names."""
    if str(column.dtype).startswith("Struct"):
        for part in column.dtype.fields:
            _flatten(f"{name}.{part.name}", column.struct.field(part.name), into)
        return
    into[name] = _values(column)


def _values(column: Any) -> Any:
    """Returns numbers and times as numpy arrays, which are read fast, and everything else as a list."""
    kind = str(column.dtype)
    if kind.startswith("Datetime") and not column.is_null().any():
        zone = getattr(column.dtype, "time_zone", None)
        wall = column.dt.timestamp("ms").to_numpy().astype("datetime64[ms]")
        return Instants(wall) if zone is not None else wall
    if column.dtype.is_numeric() and not kind.startswith("Decimal") and not column.is_null().any():
        return column.to_numpy()
    return column.to_list()
