"""Readers of metrics files: from what tools write to arrivals per interval.

The way of a source: `sources` chooses the reader by what the file holds; the reader (`text`, `structured`, `access_log`,
`columnar`, `frames`) gives a `Table` of named columns; `load_tests` and `monitoring` know what tools mean by theirs; `roles` finds
time, events and labels; `loading` reads them with `clocks` and `numbers`; `kind` tells which kind of number they are; `grid` puts
them on a regular grid; `reading` holds all of it together, `classes` reads a column for each class of events, and `look` tells it in words.

Which library reads what, and why:

| format | library | why |
|---|---|---|
| CSV, logs, compressed text | the standard library's csv, gzip, bz2, lzma | streams two million rows in little memory, names the line of a fault, needs no extra |
| JSON, JSON lines | the standard library's json | exact numbers, no extra |
| numbers, ISO 8601, grids | numpy | a dependency of evscale already |
| data frames | narwhals | pandas, polars and pyarrow through one interface |
| Parquet, partitioned folders | pyarrow, polars or pandas (extra `data`) | the reference implementation; partition keys become columns |
| workbooks | python-calamine (extra `excel`) | reads .xlsx, .xls and .ods fast, and types its cells |
| zones | zoneinfo | IANA names, with the hour that comes twice |
"""

from .classes import with_classes
from .options import Gaps, Kind, Options
from .reading import Reading, read

__all__ = ["Gaps", "Kind", "Options", "Reading", "read", "with_classes"]
