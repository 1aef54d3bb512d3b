"""Forecasts of the bundle's forecaster along workloads: what the policy network is trained on.

    python python/training/make_forecast_traces.py --traces DIR --bundle models/onnx --out runs/forecast_traces.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from evscale import _evscale
from evscale.training.policy_loop import FEWEST_EVENTS, generated_series
from evscale.training.traces import DAY_SECONDS, FINEST_SCORED_SECONDS, Series, read_traces, segments
from tqdm import tqdm

LONGEST_DAYS = 12


def real_series(folder: Path, leave_out: str) -> list[Series]:
    """The training parts of the traces, at the interval that evaluation uses; coarse and nearly empty ones are left out."""
    found = []
    for trace in read_traces(folder):
        if leave_out and trace.name.startswith(tuple(leave_out.split(","))):
            continue
        for segment in segments(trace):
            factor = max(1, -(-FINEST_SCORED_SECONDS // segment.series.interval_seconds))
            series = segment.series.aggregate(segment.series.interval_seconds * factor)
            length = LONGEST_DAYS * DAY_SECONDS // series.interval_seconds
            series = series.slice(0, min(length, len(series.events)))
            if series.interval_seconds <= 600 and np.nanmean(series.events) > FEWEST_EVENTS and len(series.events) > 400:
                found.append(series)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--generated", type=int, default=50)
    parser.add_argument("--seed", type=int, default=10_000)
    parser.add_argument("--leave-out", default="", help="traces whose name begins so are not trained on; several beginnings separated by commas")
    args = parser.parse_args()
    bundle = _evscale.ModelBundle.load(args.bundle)
    arrays: dict[str, np.ndarray] = {}
    every = real_series(args.traces, args.leave_out) + generated_series(args.generated, args.seed)
    for index, series in enumerate(tqdm(every, unit="workload", disable=None)):
        events = np.ascontiguousarray(series.events, np.float64)
        trace = _evscale.forecast_trace(events, series.start_ms, series.interval_seconds, bundle)
        arrays[f"w{index}_start_ms"] = np.int64(series.start_ms)
        arrays[f"w{index}_interval_seconds"] = np.int64(series.interval_seconds)
        arrays[f"w{index}_events"] = events
        for name, values in zip(("quantiles", "confidence", "anomaly"), trace, strict=True):
            arrays[f"w{index}_{name}"] = values
    np.savez(args.out, **arrays)
    print(f"{args.out}: {len(every)} workloads, {sum(len(s.events) for s in every)} intervals")


if __name__ == "__main__":
    main()
