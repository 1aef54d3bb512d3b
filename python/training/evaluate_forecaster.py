"""Scores a bundle's whole forecaster on the test parts of traces, beside the naive forecasts.

    python python/training/evaluate_forecaster.py --traces DIR --bundle models/onnx --out results/forecaster.csv

The test part of a trace is what `evscale.training.traces` keeps from training. Rolling origins every three hours; weighted
quantile loss over the levels 0.1 to 0.9 as a ratio to repeating the same time yesterday, each with quantiles from its own
errors of the last seven days.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from evscale import _evscale
from evscale.training.traces import (
    DAY_SECONDS,
    FINEST_SCORED_SECONDS,
    TEST_DAYS,
    WARMUP_DAYS,
    WARMUP_SHARE,
    Series,
    read_traces,
)
from tqdm import tqdm

LEVELS = np.arange(1, 10) / 10
FIRST_LEVEL, LAST_LEVEL, MEDIAN = 3, 12, 7
HORIZONS = {12: 4, 48: 8, 180: 11}
ORIGIN_SECONDS = 3 * 3600
ERROR_DAYS = 7
NOTHING = 1e-6
DRAWS = 200


def loss(quantiles: np.ndarray, actual: np.ndarray) -> float:
    """Weighted quantile loss of [origins, 9] quantiles."""
    error = actual[:, None] - quantiles
    return float(2 * np.maximum(LEVELS * error, (LEVELS - 1) * error).sum(axis=0).mean() / max(actual.sum(), 1e-9))


def naive(events: np.ndarray, lag: int, steps: int, day: int, origins: np.ndarray) -> np.ndarray:
    """The value `lag` intervals before the target, with the quantiles of its errors."""
    point = np.full(len(events), np.nan)
    point[lag - steps:] = events[: len(events) - (lag - steps)]
    errors = events[steps:] - point[: len(events) - steps]
    rows = []
    for origin in origins:
        known = errors[max(0, origin - steps - ERROR_DAYS * day + 1): origin - steps + 1]
        known = known[~np.isnan(known)]
        rows.append(np.maximum(point[origin] + (np.quantile(known, LEVELS) if len(known) else 0.0), 0.0))
    return np.array(rows)


def near(forecast: np.ndarray, actual: np.ndarray) -> float:
    """Share of forecasts within 10 % of the actual count, or half an event."""
    return float(np.mean(np.abs(actual - forecast) <= np.maximum(0.1 * actual, 0.5)))


def score(series: Series, bundle, seed: int = 0) -> list[dict]:
    """One row per horizon; empty for a series that is too short."""
    per_day = DAY_SECONDS // series.interval_seconds
    events = np.ascontiguousarray(series.events)
    warm = int(min(WARMUP_DAYS * per_day, WARMUP_SHARE * len(events)))
    events = events[: warm + int(TEST_DAYS * per_day)]
    steps_of = {minutes: round(minutes * 60 / series.interval_seconds) for minutes in HORIZONS}
    origins = np.arange(warm, len(events) - max(steps_of.values()), max(1, ORIGIN_SECONDS // series.interval_seconds))
    if warm < 2 * per_day or len(origins) < 10:
        return []
    quantiles, _, _ = _evscale.forecast_track(events, series.start_ms, series.interval_seconds, bundle)
    rows = []
    for minutes, steps in steps_of.items():
        if steps < 1:
            continue
        actual = events[origins + steps]
        ours = np.asarray(quantiles)[origins, HORIZONS[minutes]]
        yesterday = loss(naive(events, per_day, steps, per_day, origins), actual) + NOTHING
        noise = np.random.default_rng(seed).poisson(actual, (DRAWS, len(actual)))
        rows.append({
            "trace": series.name, "interval_seconds": series.interval_seconds, "minutes": minutes,
            "wql": (loss(ours[:, FIRST_LEVEL:LAST_LEVEL], actual) + NOTHING) / yesterday,
            "wql_last_value": (loss(naive(events, steps, steps, per_day, origins), actual) + NOTHING) / yesterday,
            "coverage_80": float(np.mean((actual >= ours[:, 3]) & (actual <= ours[:, 11]))),
            "within_10_percent": near(ours[:, MEDIAN], actual),
            "within_10_percent_of_a_perfect_rate": near(actual, noise),
        })
    return rows


def pooled(rows: list[dict]) -> None:
    """Prints geometric means of the losses and plain means of the shares."""
    for minutes in HORIZONS:
        group = [row for row in rows if row["minutes"] == minutes]
        if group:
            mean = lambda name, group=group: np.exp(np.mean([np.log(row[name]) for row in group]))
            print(f"{minutes:4d} min, {len(group)} traces: {mean('wql'):.3f} of the seasonal naive forecast's loss "
                  f"(last value {mean('wql_last_value'):.3f}), 80 % interval holds "
                  f"{100 * np.mean([row['coverage_80'] for row in group]):.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, required=True, help="folder of CSV files `timestamp,events`")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--only", default="", help="traces whose name begins so; several separated by commas")
    parser.add_argument("--out", type=Path, help="CSV, one row per trace and horizon")
    args = parser.parse_args()
    bundle = _evscale.ModelBundle.load(args.bundle)
    rows = []
    chosen = [trace for trace in read_traces(args.traces) if trace.name.startswith(tuple(args.only.split(",")))]
    for trace in tqdm(chosen, unit="trace", disable=None):
        factor = max(1, -(-FINEST_SCORED_SECONDS // trace.interval_seconds))
        rows += score(trace.filled().aggregate(trace.interval_seconds * factor), bundle)
    if not rows:
        raise SystemExit(f"no trace of {args.traces} is long enough")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with args.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    pooled(rows)


if __name__ == "__main__":
    main()
