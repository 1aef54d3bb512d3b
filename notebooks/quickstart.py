# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Quickstart
# One metrics record per interval goes in, a forecast and a number of jobs come out.

# %%
from datetime import datetime, timedelta, timezone

import evscale
import numpy as np

config = evscale.Config(min_jobs=5, max_jobs=100, sla_wait_seconds=30.0, sla_target=0.995)
scaler = evscale.Autoscaler(config)

# %% [markdown]
# An hour of rising load. A real scheduler calls `observe` once per interval with what it measured.

# %%
start = datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
seen = [
    scaler.observe(timestamp=start + timedelta(minutes=minute), logged_events_count=3000 + 20 * minute,
                   current_job_count=12, average_processing_duration_ms=400)
    for minute in range(2, 62, 2)
]
seen[-1]

# %%
decision = scaler.decide()
print(decision.explanation)
decision.trail

# %%
forecast = scaler.forecast()
forecast.plot()
forecast.to_frame(level=[80, 95])

# %% [markdown]
# A series of counts alone can be forecast without a pool of jobs.

# %%
counts = 500 + 300 * np.sin(np.arange(1440) / 720 * 2 * np.pi)
alone = evscale.Forecaster(interval_seconds=120).predict(counts, start=start)
alone.horizons[48].interval(0.8)

# %% [markdown]
# The state of a pool is bytes: another process can go on with it, and holds until it has seen a record.

# %%
same = evscale.Autoscaler.restore(config, scaler.snapshot())
print(same.decide().explanation)
for pool in (scaler, same):
    pool.observe(timestamp=start + timedelta(minutes=62), logged_events_count=4300, current_job_count=15)
assert same.forecast() == scaler.forecast()
