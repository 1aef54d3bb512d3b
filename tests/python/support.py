"""What the tests share: records of a load that rises, and pools that were fed with them."""

from datetime import datetime, timedelta, timezone

import evscale

START = datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
START_MS = 1_767_607_200_000


def record(i=0, **changes):
    """The record of interval `i`, with changes."""
    usual = {"timestamp": START + timedelta(minutes=2 * i), "logged_events_count": 1000 + 10 * i,
             "current_job_count": 6, "average_processing_duration_ms": 500}
    return usual | changes


def fed(count=60, **settings):
    """A pool with these settings after so many records."""
    scaler = evscale.Autoscaler(evscale.Config(**settings))
    for i in range(count):
        assert scaler.observe(record(i)).verdict == "accepted"
    return scaler
