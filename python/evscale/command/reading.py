"""How a file is read from the command line, and `evscale look`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import evscale

from .._refuse import CHUNK, refuse
from ..readers import Options, look, read, with_classes
from ..readers.encodings import LARGEST
from ..readers.kind import KINDS
from ..readers.options import GAPS
from ..readers.panels import values_of
from . import servers
from .terminal import say, standard_input

FILE_HELP = "metrics or events: CSV, JSON, JSON lines, access log, Parquet, workbook; - is standard input"


def add_arguments(part: argparse.ArgumentParser) -> None:
    """Adds the file and the options of reading it."""
    part.add_argument("file", metavar="FILE", help=FILE_HELP)
    add_options(part)


def add_options(part: argparse.ArgumentParser) -> None:
    """Adds the options of reading files."""
    group = part.add_argument_group("how the file is read", "found out where not given; `evscale look FILE` shows what is understood")
    group.add_argument("--column", action="append", default=[], metavar="ROLE=NAME",
                       help="the file's name for timestamp, events or service_ms; events=rate:NAME tells the kind as well, and events.CLASS=NAME the column "
                       "of a class of events")
    group.add_argument("--kind", choices=KINDS, help="kind of number: events per interval, per second, per minute, a running total, "
                       "a level (no arrivals), or one event per row")
    group.add_argument("--time-zone", metavar="ZONE", help="IANA zone of times without one, such as Europe/Berlin")
    group.add_argument("--time-format", metavar="FORMAT", help="how times are written, such as '%%d.%%m.%%Y %%H:%%M'")
    group.add_argument("--gaps", choices=GAPS, default="raise", help="absent rows: refuse them, take them as unknown, or as intervals "
                       "without events (default: %(default)s)")
    group.add_argument("--fill-gaps", action="store_const", dest="gaps", const="interpolate", help="the same as --gaps interpolate")
    group.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE", help="only rows with this value")
    group.add_argument("--sum", action="store_true", help="add up several series, or rows of one time")
    group.add_argument("--by", metavar="COLUMN", help="each value of this column on its own")
    group.add_argument("--interval", type=int, metavar="SECONDS", help="longer intervals than the distance of rows, 10 to 3600")
    group.add_argument("--stamp", choices=("begin", "end"), help="whether a time is the begin or the end of its interval")
    group.add_argument("--decimal", choices=(".", ","), help="mark before the fraction of numbers")
    group.add_argument("--encoding", metavar="NAME", help="of a text file, such as cp1252")
    group.add_argument("--sheet", metavar="NAME", help="of a workbook")
    servers.add_arguments(part)


def pairs(given: Iterable[str], flag: str, example: str) -> dict[str, str] | None:
    """Returns NAME=VALUE arguments as a mapping."""
    out = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not (name and sign and value):
            raise refuse(f"{flag} got {one!r}, expected {example}")
        out[name] = value
    return out or None


def options_of(args: argparse.Namespace) -> Options:
    """Returns how the file is to be read."""
    return Options(
        columns=pairs(args.column, "--column", "ROLE=NAME such as events=requests"), time_zone=args.time_zone, time_format=args.time_format,
        gaps=args.gaps, kind=args.kind, where=pairs(args.where, "--where", "COLUMN=VALUE such as queue=orders"), sum=args.sum,
        interval_seconds=args.interval, stamp=args.stamp, decimal=args.decimal, encoding=args.encoding, sheet=args.sheet)


def file_of(args: argparse.Namespace) -> str:
    """Returns the path of the file; standard input is written to one first."""
    if args.file != "-":
        return str(args.file)
    import tempfile

    with tempfile.NamedTemporaryFile(prefix="evscale-", suffix=".input", delete=False) as file:
        given, left = standard_input().buffer, LARGEST
        while part := given.read(CHUNK):
            left -= len(part)
            if left < 0:
                os.unlink(file.name)
                raise refuse(f"standard input is more than {LARGEST} bytes, expected at most as many")
            file.write(part)
    args.file = file.name
    return file.name


@dataclass(frozen=True)
class Understood:
    """One series as understood: its name, the paragraph on it, the same as JSON, and the history of it."""

    name: str
    paragraph: str
    json: str
    next_command: str
    history: Callable[[], evscale.History]


def readings(args: argparse.Namespace, classes: Iterable[str] = ()) -> Iterator[Understood]:
    """Yields what is understood of the file or server, or of each series with --by; with the counts of classes of events, if it has them."""
    if servers.is_server(args.file):
        yield _of_server(args)
        return
    path, options = file_of(args), options_of(args)
    options = with_classes(path, options, classes)
    name = Path(path).name
    if args.by is None:
        yield _of_file(name, path, options)
        return
    for value in values_of(path, args.by, options.encoding, options.sheet):
        yield _of_file(f"{name}, {args.by}={value}", path, replace(options, where={**(options.where or {}), args.by: value}))


def _of_file(name: str, path: str, options: Options) -> Understood:
    reading = read(path, options)
    return Understood(name, look.paragraph(reading, name), look.as_json(reading, path, options), look.next_command(reading, path, options),
                      lambda: evscale.History.of_reading(reading))


def _of_server(args: argparse.Namespace) -> Understood:
    history = servers.server_history(args)
    return Understood(history.about.partition(",")[0], look.of_history(history), look.json_of_history(history),
                      "the same with backtest in the place of look", lambda: history)


def history_of(understood: Understood, args: argparse.Namespace) -> evscale.History:
    """Returns the history, after the paragraph on what was understood, which goes to standard error with --json."""
    history = understood.history()
    say(understood.paragraph + "\n", sys.stderr if args.json else sys.stdout)
    return history


def run_look(args: argparse.Namespace) -> int:
    """Shows what is understood of a file or server, without a forecast."""
    for number, one in enumerate(readings(args)):
        if args.json:
            print(one.json)
            continue
        say(("\n" if number else "") + one.paragraph)
        say(f"  next    {one.next_command}")
    return 0
