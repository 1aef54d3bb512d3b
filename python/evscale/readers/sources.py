"""Which reader a source is for, by what it holds more than by its name."""

from __future__ import annotations

import os
from os import PathLike, fspath
from typing import Any

from .._refuse import option, refuse, shown
from .access_log import is_access_log, read_access_log
from .columnar import holds_parquet, read_parquet, read_workbook
from .encodings import encoding_of, head
from .exposition import is_exposition, read_exposition
from .frames import of_object
from .load_tests import recognised
from .split_times import joined
from .structured import is_json, of_document, read_json
from .table import Table
from .text import read_text

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


def open_source(source: Any, encoding: str | None = None, sheet: str | None = None) -> Table:
    """Returns the table of a path, of a file object, of parsed JSON, or of an object in memory."""
    if isinstance(source, (str, PathLike)):
        return joined(recognised(_of_path(str(fspath(source)), encoding, sheet)))
    if hasattr(source, "read") and not hasattr(source, "columns"):
        raise refuse(f"history is a file object ({type(source).__name__}), expected its path; io.StringIO is read by pandas.read_csv")
    if type(source) is dict and source and any(isinstance(value, (dict, str)) for value in source.values()):
        return of_document(source, "history")
    return joined(of_object(source))


def _of_path(path: str, encoding: str | None, sheet: str | None) -> Table:
    if path.startswith(("http://", "https://", "s3://", "gs://")):
        raise refuse(f"{path}: this is an address, expected the path of a file; download it first, or use evscale.sources")
    if os.path.isdir(path):
        if holds_parquet(path):
            return read_parquet(path)
        raise refuse(f"{path}: a folder without Parquet files, expected a file or a partitioned Parquet data set; "
                     "give one of the files in it")
    lowered = path.lower()
    if lowered.endswith(WORKBOOKS):
        return read_workbook(path, sheet)
    start = head(path)
    if lowered.endswith((".parquet", ".pq")) or start.startswith(b"PAR1"):
        return read_parquet(path)
    if start.startswith(b"PK\x03\x04"):
        raise refuse(f"{path}: a zip archive, expected its content; unpack it first")
    if not start.strip():
        raise refuse(f"{path}: line 1 is empty, expected a header such as timestamp,events")
    name = encoding or encoding_of(path, start)
    try:
        first = start.decode(name, errors="replace")
    except LookupError:
        raise refuse(f"{option('encoding', encoding)}: {shown(encoding)} is no encoding that Python knows, expected one such as utf-8 or cp1252") from None
    begun = first.splitlines()[:-1] or first.splitlines()
    if is_exposition(begun):
        return read_exposition(path, name)
    if is_json(first):
        return read_json(path, name)
    if first.lstrip("\ufeff \r\n\t").startswith(("<?xml", "<!DOCTYPE", "<html", "<testResults")):
        raise refuse(f"{path}: this is XML or a page, expected CSV, JSON or a log; export it as one of these (JMeter: "
                     "-Jjmeter.save.saveservice.output_format=csv)")
    if is_access_log(begun):
        return read_access_log(path, name)
    return read_text(path, name)
