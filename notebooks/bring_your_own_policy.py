# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Bring your own policy
# A policy says how many jobs a pool should have. Yours can take the place of the bundled network, and gets what the network
# gets: the same forecast, the same shadow evaluation, the same safety rules. It is a callable; the state of the pool comes as a dict.

# %%
from collections import Counter

import evscale
import numpy as np
from evscale.testing import ConformanceError, check_forecaster, check_policy


def ahead(state):
    """The 80 % quantile of the need until new jobs help, or the median need of the half hour after that."""
    return max(state["near_need"][1], state["later_need"][0])


# %% [markdown]
# The checks ask it for many states: no load, overload, an unknown utilization. They name all that is wrong at once.

# %%
check_policy(lambda: ahead)

# %%
try:
    check_policy(lambda: lambda state: 1 / state["utilization"])
except ConformanceError as problem:
    print(problem)

# %% [markdown]
# Now a day of a pool. Your policy is evaluated on a shadow pool first and acts while it does no worse there than the best rule;
# the decision names who acted.


# %%
def day(scaler):
    jobs, decisions = 12, []
    for index in range(720):
        scaler.observe(timestamp=1_767_571_200_000 + 120_000 * index, current_job_count=jobs,
                       logged_events_count=round(3000 + 2000 * np.sin(index / 115)), average_processing_duration_ms=400)
        decisions.append(scaler.decide())
        jobs = decisions[-1].recommended_jobs
    return decisions


config = evscale.Config(min_jobs=2, max_jobs=60)
decisions = day(evscale.Autoscaler(config, policy=ahead))
print(Counter(decision.source for decision in decisions))
print(decisions[-1].explanation)

# %% [markdown]
# One that plans for the 99 % quantile is on time as well, but costs more than a rule that is: it seldom acts.

# %%
decisions = day(evscale.Autoscaler(config, policy=lambda state: state["near_need"][3]))
print(Counter(decision.source for decision in decisions))
print(decisions[-1].fallback_reason)

# %% [markdown]
# A policy that fails cannot hurt the pool: the next source of the fallback chain acts, and the decision says why.


# %%
def broken(state):
    raise RuntimeError("the model server does not answer")


decisions = day(evscale.Autoscaler(config, policy=broken))
print(Counter(decision.source for decision in decisions))
print(decisions[-1].fallback_reason)

# %% [markdown]
# A forecaster of your own works the same way. It gets up to a week of counts and returns quantiles, a row per horizon. It is
# one expert beside the simple ones, weighed by how well it has forecast lately.


# %%
def yesterday(history):
    """The same time yesterday, give or take the spread of the last day."""
    per_day = 86_400 // history.interval_seconds
    events = np.nan_to_num(history.events[-per_day:])
    ahead = [min(steps, len(events)) for steps in evscale.lead_steps(history.interval_seconds)]
    spread = np.quantile(events - np.median(events), evscale.QUANTILE_LEVELS) / 4
    return np.maximum(0, events[[steps - 1 for steps in ahead]][:, None] + spread)


check_forecaster(lambda: yesterday)
scaler = evscale.Autoscaler(config, forecaster=yesterday, policy=ahead)
day(scaler)
scaler.forecast()
