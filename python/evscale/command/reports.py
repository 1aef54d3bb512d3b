"""`evscale forecast` and `evscale backtest`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

import evscale

from .._progress import progress
from .._refuse import missing, refuse
from ..caveats import class_targets
from ..readers import look
from ..report import Report
from .models import loaded
from .reading import history_of, readings
from .settings import config_of
from .terminal import say

UNITS_MS = {"ms": 1.0, "s": 1000.0, "min": 60_000.0, "us": 0.001}
POOLS = (4.0, 16.0, 64.0)
"""Jobs at the peak for which the answer is shown where nothing is known of the pool."""


def run_forecast(args: argparse.Namespace) -> int:
    """Forecasts what comes after each series of a file."""
    for one in readings(args):
        _forecast(history_of(one, args).recent(), args)
    return 0


def _forecast(history: evscale.History, args: argparse.Namespace) -> None:
    start = datetime.fromtimestamp(history.start_ms / 1000, tz=timezone.utc)
    forecaster = evscale.Forecaster(interval_seconds=history.interval_seconds, start=start)
    forecast = forecaster.predict(history.events)
    if args.json:
        print(forecast.to_json())
        return
    days = len(history.events) * history.interval_seconds / 86_400
    print(f"events per {look.span(history.interval_seconds)} after {forecast.at:%Y-%m-%d %H:%M} UTC, from the last {days:.3g} days, "
          f"confidence {forecast.model_confidence:.2f}\n")
    print(f"{'minutes':>8}{'median':>12}{'low 80 %':>12}{'high 80 %':>12}")
    for minutes, horizon in forecast.horizons.items():
        low, high = horizon.interval(0.8)
        print(f"{minutes:>8}{horizon.prediction:>12.1f}{low:>12.1f}{high:>12.1f}")


def milliseconds(text: str) -> float:
    """Returns the milliseconds of a length of time such as 400ms, 2s or 1.5min."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|us)", text.strip())
    if found is None or float(found[1]) <= 0:
        raise refuse(f"--service-time got {text!r}, expected a length of time with its unit, such as 400ms or 2s")
    return float(found[1]) * UNITS_MS[found[2]]


def run_backtest(args: argparse.Namespace) -> int:
    """Replays each series of a file; outputs are checked before the work starts."""
    _check_output(args.html)
    config = config_of(args, service_time_ms=None if args.service_time is None else milliseconds(args.service_time))
    bundle = None if args.bundle is None else loaded(args.bundle, config.bundle_public_key)
    if args.html is not None and args.by is not None:
        raise refuse("--html with --by would write one page over the other, expected one of them; --where takes one series")
    for one in readings(args, list(class_targets(config))):
        name, history = one.name, history_of(one, args)
        report = evscale.backtest(history, config, bundle=bundle, baselines=args.baselines, jobs_at_peak=args.jobs_at_peak, due=args.due,
                                  progress=progress("backtest"))
        if args.json:
            print(json.dumps(report.to_dict()))
        else:
            _tell(report, name, args)
        if args.html is not None:
            report.to_html(args.html, title=f"evscale backtest: {name}")
            say(f"\nreport: {args.html}", sys.stderr if args.json else sys.stdout)
    return 0


def _check_output(path: Path | None) -> None:
    """Refuses a page that could not be written, before the replay."""
    if path is None:
        return
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise missing("matplotlib", "--html", "plot") from None
    if path.is_dir() or not path.parent.is_dir():
        raise refuse(f"--html {path}: {'this is no file but a folder' if path.is_dir() else f'there is no folder {path.parent}'}, expected a file "
                     "in a folder that exists")


def _tell(report: Report, name: str, args: argparse.Namespace) -> None:
    scored = len(report.times) - report.scored_from
    say(f"{name}: {scored} scored intervals of {look.span(report.interval_seconds)} after the warm-up\n")
    print(report.table())
    for remark in report.remarks:
        print(f"\n{remark}")
    if report.service_time_source == "assumed" and args.jobs_at_peak is None:
        print(f"\n{pools(report)}")


def pools(report: Report) -> str:
    """Returns the answer for three sizes of the pool, since nothing is known of the real one."""
    lines = ["the answer for three pools, since neither the service time of an event nor the size of your pool is known:", "",
             f"{'jobs busy at the peak':>22}{'service time':>16}{'on time':>12}{'job-hours':>12}{'x clairvoyant':>15}"]
    for jobs in POOLS:
        one = report.for_pool(jobs)
        scores = one.evscale.scores
        lines.append(f"{jobs:>22g}{one.service_time_ms:>13,.0f} ms{scores['sla_compliance_percent']:>10.2f} %{scores['job_hours']:>12,.0f}"
                     f"{scores['cost_ratio']:>15.2f}")
    return "\n".join([*lines, "", "give --service-time (such as 400ms), or --jobs-at-peak: how many of your workers are busy at the peak?"])
