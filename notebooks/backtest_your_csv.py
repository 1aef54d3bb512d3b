# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Backtest on your own CSV
# A file with a time and a count of events per row is enough. This notebook writes one first; put the path of yours
# in its place.

# %%
import tempfile
from pathlib import Path

import evscale
from evscale._evscale import demo_workload

folder = Path(tempfile.mkdtemp())
path = folder / "events.csv"
path.write_text(demo_workload(1).replace("timestamp,events", "when,orders"), encoding="utf-8")

# %% [markdown]
# Foreign column names are mapped. Absent rows, duplicates and times without a zone are refused with the line, unless you
# say what to do about them.

# %%
history = evscale.History.read(path, columns={"timestamp": "when", "events": "orders"}, gaps="interpolate")
print(f"{len(history.events)} intervals of {history.interval_seconds} s, {history.gaps} without a row")

# %% [markdown]
# `service_time_ms` is what one event takes: from your load test or traces. Without it the backtest assumes a pool that is
# busy at the peak, and says so.

# %%
config = evscale.Config(min_jobs=1, max_jobs=90, sla_wait_seconds=30.0, sla_target=0.995, service_time_ms=600)
report = evscale.backtest(history, config)
print(report)

# %%
report.plot()

# %% [markdown]
# What would a pool cost that promises more?

# %%
print(report.what_if(sla_target=0.999))

# %%
report.to_html(folder / "report.html", title="orders")
