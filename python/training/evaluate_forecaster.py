"""Scores a bundle's whole forecaster on the test parts of traces, beside the naive forecasts.

    python python/training/evaluate_forecaster.py --traces DIR --bundle models/onnx --out results/forecaster.csv

The test part of a trace is what `evscale.training.traces` keeps from training. Rolling origins every three hours.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from evscale import ModelBundle
from evscale.training.evaluation import HORIZONS, pooled, score
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

ORIGIN_SECONDS = 3 * 3600
FEWEST_ORIGINS = 10
TABLE_HEAD = """# Forecasts by trace

Written by `python/training/evaluate_forecaster.py --table` from the test parts of public traces that the project trained on
the other parts of; percent. *Near*: forecasts of single intervals 12 minutes ahead whose median is within 10 % of the actual
count (or half an event). *Possible*: the same for somebody who knows the rate behind the counts exactly, if the counts are
Poisson draws from it; where this is low, noise alone makes ten percent impossible. Where counts vary more than that (the LLM
requests, `servegen`) it is an upper bound that nobody reaches; where they vary less (vehicles on a road) more than that is
possible. *Covered*: actual counts within the 80 % interval at 12, 48 and 180 minutes, of 35 to 111 forecasts each.

| trace | interval, s | near | possible | covered, 12 min | 48 min | 180 min |
|---|---:|---:|---:|---:|---:|---:|"""


def test_part(series: Series) -> tuple[Series, np.ndarray]:
    """The series up to the end of its test part, and the origins there; none for a series that is too short."""
    per_day = DAY_SECONDS // series.interval_seconds
    warm = int(min(WARMUP_DAYS * per_day, WARMUP_SHARE * len(series.events)))
    series = series.slice(0, warm + int(TEST_DAYS * per_day))
    longest = round(max(HORIZONS) * 60 / series.interval_seconds)
    origins = np.arange(warm, len(series.events) - longest, max(1, ORIGIN_SECONDS // series.interval_seconds))
    return series, origins if warm >= 2 * per_day and len(origins) >= FEWEST_ORIGINS else origins[:0]


def table(rows: list[dict]) -> str:
    """How near and how sure the forecasts of each trace are, in percent."""
    by_trace: dict[str, dict[int, dict]] = {}
    for row in rows:
        by_trace.setdefault(row["trace"], {})[row["minutes"]] = row
    lines = [TABLE_HEAD]
    for trace, horizons in by_trace.items():
        percent = [f"{100 * horizons[minutes][name]:.0f}" if minutes in horizons else ""
                   for minutes, name in ((12, "within_10_percent"), (12, "within_10_percent_of_a_perfect_rate"),
                                         (12, "coverage_80"), (48, "coverage_80"), (180, "coverage_80"))]
        interval = next(iter(horizons.values()))["interval_seconds"]
        lines.append(f"| {trace} | {interval} | " + " | ".join(percent) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, required=True, help="folder of CSV files `timestamp,events`")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--only", default="", help="traces whose name begins so; several separated by commas")
    parser.add_argument("--out", type=Path, help="CSV, one row per trace and horizon")
    parser.add_argument("--table", type=Path, help="Markdown, one row per trace")
    args = parser.parse_args()
    bundle = ModelBundle.load(args.bundle)
    rows = []
    chosen = [trace for trace in read_traces(args.traces) if trace.name.startswith(tuple(args.only.split(",")))]
    for trace in tqdm(chosen, unit="trace", disable=None):
        factor = max(1, -(-FINEST_SCORED_SECONDS // trace.interval_seconds))
        series, origins = test_part(trace.filled().aggregate(trace.interval_seconds * factor))
        if len(origins):
            rows += score(series, bundle, origins)
    if not rows:
        raise SystemExit(f"no trace of {args.traces} is long enough")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with args.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    if args.table:
        args.table.write_text(table(rows))
    ours, last_value = pooled(rows, "wql"), pooled(rows, "wql_last_value")
    for minutes in ours:
        group = [row for row in rows if row["minutes"] == minutes]
        print(f"{minutes:4d} min, {len(group)} traces: {ours[minutes]:.3f} of the seasonal naive forecast's loss "
              f"(last value {last_value[minutes]:.3f}), 80 % interval holds "
              f"{100 * np.mean([row['coverage_80'] for row in group]):.1f} %")


if __name__ == "__main__":
    main()
