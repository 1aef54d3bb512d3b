"""Parquet files, folders of them, and workbooks.

Parquet is read by the first of pyarrow, polars and pandas that is installed (extra `data`); a folder is a partitioned data
set, whose keys become columns. Workbooks are read by python-calamine (extra `excel`), which needs no Excel and is fast.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._refuse import missing, option, refuse, shown
from .clocks import clock_of
from .frames import of_object
from .numbers import style_of
from .table import Table, of_columns
from .text import is_total


def read_parquet(path: str) -> Table:
    """Returns the table of a Parquet file or of a folder of them."""
    for library in ("pyarrow.parquet", "polars", "pandas"):
        try:
            module = __import__(library, fromlist=["_"])
        except ImportError:
            continue
        try:
            frame = _read(module, library, path)
        except (FileNotFoundError, PermissionError):
            raise
        except Exception as problem:  # noqa: BLE001 - each library has exceptions of its own
            raise refuse(f"{path}: not a Parquet file that {library} can read: {str(problem)[:200]}; write it again") from None
        table = of_object(frame)
        return replace(table, where=lambda index=None: path if index is None else f"{path}: row {index}", format="Parquet")
    raise missing("pyarrow, polars or pandas", "a Parquet file", "data")


def _read(module: Any, library: str, path: str) -> Any:
    if library == "pyarrow.parquet":
        return module.read_table(path)
    if library == "polars" and os.path.isdir(path):
        return module.read_parquet(f"{path}/**/*.parquet", hive_partitioning=True)
    return module.read_parquet(path)


def holds_parquet(folder: str) -> bool:
    """Tells whether a folder holds Parquet files, at any depth."""
    return any(True for _ in Path(folder).rglob("*.parquet"))


def read_workbook(path: str, sheet: str | None = None) -> Table:
    """Returns the table of a workbook's sheet: the one named, or the first one with rows."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise missing("python-calamine", "a workbook", "excel") from None
    with open(path, "rb"):
        pass
    try:
        book = CalamineWorkbook.from_path(path)
        names = list(book.sheet_names)
        if sheet is not None and sheet not in names:
            raise refuse(f"{path}: no sheet {sheet!r} among {shown(names)}; {option('sheet', names[0])} takes one of them")
        tables = {name: _filled(book.get_sheet_by_name(name).to_python()) for name in ([sheet] if sheet else names)}
    except CalamineError as problem:
        raise refuse(f"{path}: not a workbook that can be read: {str(problem)[:200]}; save it as .xlsx or CSV") from None
    full = [name for name, rows in tables.items() if len(rows) > 1]
    if not full:
        raise refuse(f"{path}: no sheet with rows, expected a header and rows of a time and a count")
    rows = tables[full[0]]
    notes = () if len(full) == 1 else (f"sheet {full[0]!r} is read, {len(full) - 1} more are not ({option('sheet', full[1])} takes another)",)
    return _of_rows(rows, path, f"workbook, sheet {full[0]!r}", notes)


def _filled(rows: list[list[Any]]) -> list[list[Any]]:
    return [row for row in rows if any(cell not in ("", None) for cell in row)]


def _of_rows(rows: list[list[Any]], path: str, form: str, notes: tuple[str, ...]) -> Table:
    width = max(sum(cell not in ("", None) for cell in row) for row in rows[:50])
    header = next(place for place, row in enumerate(rows) if sum(cell not in ("", None) for cell in row) >= max(2, width - 1))
    named = all(isinstance(cell, str) for cell in rows[header] if cell not in ("", None)) and clock_of(rows[header][:1]) is None
    body = rows[header + 1:] if named else rows[header:]
    if body and is_total(body[-1][0]):
        notes += (f"the last row ({shown(body.pop()[0])}) is passed over",)
    names = [str(cell).strip() or f"column {place}" for place, cell in enumerate(rows[header], 1)] if named else [
        "timestamp" if clock_of([row[place] for row in body]) else "value" if style_of([row[place] for row in body]) else f"column {place + 1}"
        for place in range(len(rows[header]))]
    columns = {name: [None if row[place] == "" else row[place] for row in body] for place, name in enumerate(names)}

    def where(index: int | None = None) -> str:
        return path if index is None else f"{path}: row {index} of the sheet's data"

    return of_columns(columns, path, form, notes=notes, where=where)
