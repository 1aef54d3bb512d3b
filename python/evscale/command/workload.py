"""`evscale simulate`."""

from __future__ import annotations

import argparse
import json
import math
from datetime import datetime, timedelta, timezone


def run_simulate(args: argparse.Namespace) -> int:
    """Prints a generated workload as CSV or as metrics records."""
    from .._evscale import random_workload

    start_ms, events = random_workload(args.seed, args.days, args.interval_seconds)
    if not args.records:
        print("timestamp,events")
    for index, count in enumerate(events):
        at = datetime.fromtimestamp(start_ms / 1000 + index * args.interval_seconds, tz=timezone.utc)
        known = math.isfinite(count)
        if args.records:
            record = {"timestamp": (at + timedelta(seconds=args.interval_seconds)).isoformat(),
                      "logged_events_count": float(count) if known else None, "current_job_count": args.jobs,
                      "average_processing_duration_ms": args.service_time_ms}
            print(json.dumps(record))
        elif known:
            print(f"{at:%Y-%m-%dT%H:%M:%SZ},{count:g}")
    return 0
