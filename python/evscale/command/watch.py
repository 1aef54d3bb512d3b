"""`evscale watch` and `evscale report`: how a pool is doing, live or on a day, from its records or a snapshot."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timezone
from math import isnan
from pathlib import Path
from typing import Any

import evscale

from .._refuse import missing, refuse
from ..pool_report import PoolReport
from ..snapshot import load_snapshot
from .live import followed, mapping_of
from .reading import pairs
from .records import Records, objects
from .settings import add_arguments as add_settings
from .settings import config_of
from .terminal import say

BLOCKS = "▁▂▃▄▅▆▇█"
COLUMNS = 72
"""Characters of a sparkline: two bins of ten minutes each."""
REDRAWN_SECONDS = 0.5
"""Least time between two pictures of a file that is followed."""
CLEAR = "\x1b[H\x1b[2J\x1b[3J"
BAD_INPUT = 2

GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("service", (("SLA of the day", "sla_compliance_day", "{:.2%}"), ("error budget left", "error_budget_left", "{:.0%}"),
                 ("burn rate, 1 h", "burn_rate_1_hour", "{:.2f}"), ("events that wait", "queue_length", "{:,.0f}"),
                 ("mean wait", "mean_wait_seconds", "{:.2f} s"), ("longest queue ahead", "predicted_queue", "{:,.0f}"))),
    ("pool", (("jobs", "jobs", "{:.0f}"), ("recommended", "recommended_jobs", "{:.0f}"), ("needed", "needed_jobs", "{:.0f}"),
              ("utilization", "utilization", "{:.0%}"), ("job-hours of the day", "job_hours_day", "{:,.1f}"), ("changes per hour", "changes_per_hour", "{:.2f}"))),
    ("forecast", (("accuracy", "accuracy", "{:.1%}"), ("noise allows", "attainable_accuracy", "{:.1%}"), ("coverage of 80 %", "coverage_80_12_minutes", "{:.0%}"),
                  ("confidence", "mean_confidence", "{:.2f}"), ("anomaly score", "anomaly_score", "{:.2f}"), ("kinds of drift", "drifts", "{:.0f}"))),
    ("data and cost", (("accepted", "share_accepted", "{:.1%}"), ("missed intervals", "missed_intervals", "{:.0f}"), ("age of newest", "age_seconds", "{:.0f} s"),
                       ("cost of the day", "cost_day", "{:,.2f}"), ("saved, static peak", "saved_against_static_peak", "{:.0%}"),
                       ("saved, HPA on CPU", "saved_against_hpa", "{:.0%}"))),
)


def add_arguments(part: argparse.ArgumentParser) -> None:
    """Adds where the pool's records and its settings come from."""
    part.add_argument("file", nargs="?", type=Path, metavar="RECORDS", help="records as JSON lines, as `evscale decide` reads them")
    part.add_argument("--snapshot", type=Path, metavar="FILE", help="begin with a pool that `save_snapshot` has saved")
    part.add_argument("--column", action="append", default=[], metavar="FIELD=NAME", help="the records' name for a field")
    part.add_argument("--time-zone", metavar="ZONE", help="IANA zone of times without one")
    part.add_argument("--ignore-extra", action="store_true", help="pass over fields that evscale does not know")
    add_settings(part)


class Watched:
    """A pool that is fed with the records of a file."""

    def __init__(self, args: argparse.Namespace) -> None:
        if args.file is None and args.snapshot is None:
            raise refuse("neither records nor a snapshot are given, expected RECORDS, --snapshot FILE or both")
        config = config_of(args)
        self.scaler = evscale.Autoscaler(config) if args.snapshot is None else load_snapshot(args.snapshot, config)
        self.records = Records(pairs(args.column, "--column", "FIELD=NAME such as logged_events_count=requests") or {}, args.time_zone, args.ignore_extra)
        self.decision: evscale.Decision | None = None
        self.read = self.failed = 0

    def feed(self, lines: Iterable[str], until: datetime | None = None) -> Iterator[None]:
        """Takes record after record and decides after each; ends before the first one that is later than `until`."""
        for place, value in objects(lines):
            try:
                record = self.records.record(mapping_of(value))
                if until is not None and record["timestamp"] > 1000 * until.timestamp():
                    return
                self.scaler.observe(record)
            except evscale.EvscaleError as problem:
                self.failed += 1
                say(f"evscale: {place}: {problem}", sys.stderr)
                continue
            self.read += 1
            self.decision = self.scaler.decide()
            yield

    @property
    def code(self) -> int:
        return BAD_INPUT if self.failed and not self.read else 0


def run_watch(args: argparse.Namespace) -> int:
    """Shows a pool as a table with sparklines; with --follow again after every record."""
    watched = Watched(args)
    live = sys.stdout is not None and sys.stdout.isatty()
    if args.follow:
        if args.file is None:
            raise refuse("--follow has no file, expected RECORDS")
        drawn = 0.0
        for _ in watched.feed(followed(args.file)):
            if time.monotonic() - drawn >= REDRAWN_SECONDS or not live:
                _show(watched, live)
                drawn = time.monotonic()
    elif args.file is not None:
        with args.file.open(encoding="utf-8", errors="replace") as lines:
            for _ in watched.feed(lines):
                pass
    if watched.code == 0:
        _show(watched, live=False)
    return watched.code


def _show(watched: Watched, live: bool) -> None:
    if live:
        sys.stdout.write(CLEAR)
    say("\n".join(table(watched.scaler.report(), watched.decision)), sys.stdout)


def run_report(args: argparse.Namespace) -> int:
    """Tells how a pool was doing on a day: the last one of its records, or the one that is asked for."""
    watched, until = Watched(args), None
    if args.day is not None:
        day = date.fromisoformat(args.day) if _is_date(args.day) else None
        if day is None:
            raise refuse(f"--day got {args.day!r}, expected a date (UTC) such as 2026-01-05")
        # a record has the end of its interval, so that the last one of a day has the midnight after it
        until = datetime.fromordinal(day.toordinal() + 1).replace(tzinfo=timezone.utc)
    if args.file is not None:
        with args.file.open(encoding="utf-8", errors="replace") as lines:
            for _ in watched.feed(lines, until):
                pass
    if watched.code:
        return watched.code
    report = watched.scaler.report()
    if until is not None and (until - report.at).days >= 1:
        raise refuse(f"--day {args.day}: the newest record before its end is of {report.at:%Y-%m-%d %H:%M} UTC, expected a day with records")
    if args.json:
        print(json.dumps(report.to_dict()))
    else:
        say("\n".join(table(report, watched.decision)), sys.stdout)
    if args.plot is not None:
        _plot(report, args.plot)
    return 0


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _plot(report: PoolReport, path: Path) -> None:
    if path.is_dir() or not path.parent.is_dir():
        raise refuse(f"--plot {path}: expected a file in a folder that exists, such as day.png or day.svg")
    try:
        report.plot().savefig(path, dpi=110)
    except ImportError:
        raise missing("matplotlib", "--plot", "plot") from None
    except ValueError as problem:
        raise refuse(f"--plot {path}: {problem}, expected a name that ends in .png or .svg") from None
    say(f"\npicture: {path}", sys.stderr)


def table(report: PoolReport, decision: evscale.Decision | None) -> list[str]:
    """Returns the lines of a pool: sparklines of the day, metrics in groups, alerts, and the last decision."""
    lines = [f"{report.at:%Y-%m-%d %H:%M} UTC", ""]
    curves = report.curves()
    for together in (("arrivals", "forecast"), ("jobs", "needed_jobs"), ("late_share",)):
        known = [value for name in together for value in curves[name] if not isnan(value)]
        highest = max(known, default=0.0)
        scale = "" if not known else f"up to {highest:.1%}" if together == ("late_share",) else f"up to {highest:,.4g}"
        lines += [f"{name.partition('_')[0]:<10}{sparkline(curves[name], highest)}  {scale}" for name in together]
    lines.append(f"{'':<10}{'24 hours ago':<{COLUMNS - 3}}now")
    for left, right in (GROUPS[:2], GROUPS[2:]):
        lines += ["", f"{left[0]:<42}{right[0]}"]
        for one, other in zip(left[1], right[1], strict=True):
            lines.append(_cell(report, one) + "    " + _cell(report, other))
    return [*lines, "", *_alerts(report), *_decision(decision)]


def _cell(report: PoolReport, of: tuple[str, str, str]) -> str:
    words, name, form = of
    value = report[name]
    return f"  {words:<22}{'-' if value is None else form.format(value):>14}"


def _alerts(report: PoolReport) -> list[str]:
    if not report.alerts:
        return ["no alert within the last day"]
    lines = []
    for alert in report.alerts:
        since = f"{alert['since'][:16].replace('T', ' ')} UTC"
        silenced = ", silenced" if alert["silenced_until"] else ""
        state = f"firing since {since}," if alert["state"] == "firing" else f"resolved, fired from {since}"
        escalated = ", escalated" if alert["escalated"] else ""
        lines.append(f"{alert['severity'].upper():<10}{alert['name']}: {state} {_time(alert['seconds'])}{escalated}{silenced}")
        if alert["state"] == "firing":
            lines += [f"{'':<10}{alert['text']}", f"{'':<10}{alert['action']}"]
    return lines


def _time(seconds: float) -> str:
    return f"for {seconds / 3600:.1f} h" if seconds >= 3600 else f"for {seconds / 60:.0f} min"


def _decision(decision: Any) -> list[str]:
    return [] if decision is None else ["", decision.explanation]


def sparkline(values: list[float], highest: float) -> str:
    """Returns a line of blocks from 0 to the highest value: the mean of every two bins; a gap is a space."""
    pairs_of = [[value for value in values[place:place + 2] if not isnan(value)] for place in range(0, len(values), 2)]
    means = [sum(pair) / len(pair) if pair else None for pair in pairs_of]
    return "".join(" " if mean is None else BLOCKS[0 if highest <= 0 else min(7, int(8 * mean / highest))] for mean in means)
