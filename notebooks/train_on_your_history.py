# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Train on your history
# The bundled forecaster has never seen your load and does well on most. If you have weeks of history, it can be trained
# further on it; `pip install 'evscale[train]'` brings what that needs. The last days are held back: the new bundle is
# written only if it forecasts them better. This notebook writes a history first; put the path of yours in its place.

# %%
import tempfile
from pathlib import Path

import evscale
import numpy as np
from evscale.training.fit import Settings, fit, read_history

folder = Path(tempfile.mkdtemp())
index = np.arange(28 * 288)
rng = np.random.default_rng(1)
batches = np.where(index % 84 < 12, 4.0, 1.0)  # an hour of batch work every seven hours, whatever the time of day
events = rng.poisson(400 * batches * (1 + 0.5 * np.sin(index / 288 * 2 * np.pi)))
rows = [f"{1_767_571_200_000 + 300_000 * i},{count}" for i, count in zip(index, events, strict=True)]
(folder / "history.csv").write_text("\n".join(["timestamp,events", *rows]), encoding="utf-8")

# %% [markdown]
# Three minutes show the way; more are worth it for a history of your own. The losses are those of
# quantile forecasts on the held-back days, over those of the same time yesterday: below 1 is better than that.

# %%
history = read_history(folder / "history.csv")
result = fit(history, folder / "bundle", settings=Settings(minutes=3, rows=8000))
print("better" if result.better else "no better, and so not written")

# %% [markdown]
# The bundle is a folder that every binding loads. On the command line: `python -m evscale.training fit --history
# history.csv --out bundle`, and `evscale bundle check bundle`.

# %%
if result.written:
    bundle = evscale.ModelBundle.load(folder / "bundle")
    scaler = evscale.Autoscaler(evscale.Config(interval_seconds=300), bundle)
    print(bundle.manifest["name"])
