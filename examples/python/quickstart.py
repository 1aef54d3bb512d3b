"""The quickstart of the README."""

from datetime import datetime, timedelta, timezone

import evscale

config = evscale.Config(min_jobs=5, max_jobs=100, sla_wait_seconds=30.0, sla_target=0.995)
scaler = evscale.Autoscaler(config)  # the bundled models
start = datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
for minute in range(2, 62, 2):
    scaler.observe({"timestamp": start + timedelta(minutes=minute), "logged_events_count": 3000 + 20 * minute,
                    "current_job_count": 12, "average_processing_duration_ms": 400})
forecast = scaler.forecast()
decision = scaler.decide()
print(f"in 12 minutes: {forecast.horizons[12].prediction:.0f} events per interval")
print(f"{decision.recommended_jobs} jobs: {decision.explanation}")
