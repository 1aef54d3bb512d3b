"""The training loop of the policy: PPO in the library's own simulator, on workloads and the forecasts made of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .. import ModelBundle, _evscale
from .._evscale import replace_file
from .forecaster_loop import log_until
from .policy_model import critic
from .ppo import PpoSettings, Trainer
from .schedule import Budget
from .traces import Series

FEWEST_EVENTS = 3.0
"""Mean events of an interval below which there is nothing to decide."""
Trace = tuple[int, int, NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Start (epoch milliseconds), seconds of an interval, events, quantiles (flat), confidence, anomaly score."""


def forecast_trace(series: Series, bundle: ModelBundle) -> Trace:
    """A workload and what the bundle forecasts along it, as the environment takes them; unknown counts are interpolated."""
    events = np.ascontiguousarray(series.filled().events, np.float64)
    quantiles, confidence, anomaly = _evscale.forecast_trace(events, series.start_ms, series.interval_seconds, bundle)
    return series.start_ms, series.interval_seconds, events, np.asarray(quantiles).reshape(-1), confidence, anomaly


def generated_series(count: int, seed: int) -> list[Series]:
    """Generated workloads that are not nearly empty."""
    found: list[Series] = []
    while len(found) < count:
        interval = (120, 120, 300, 600)[seed % 4]
        start_ms, events = _evscale.random_workload(seed, 10.0 if interval > 120 else 6.0, interval)
        if events.mean() > FEWEST_EVENTS:
            found.append(Series(f"generated-{seed}", start_ms, interval, events))
        seed += 1
    return found


def environment(traces: Sequence[Trace], count: int, seed: int) -> _evscale.ScalingVectorEnv:
    """So many pools side by side, each on one workload after another."""
    return _evscale.ScalingVectorEnv(list(traces), count, seed)


@torch.no_grad()
def mean_reward(traces: Sequence[Trace], network: nn.Module | None, steps: int, count: int, seed: int = 999) -> float:
    """Mean reward of a decision if the likeliest action of a network is taken; of the analytic rule without one."""
    env = environment(traces, count, seed)
    analytic = np.full(count, env.analytic_action, np.int64)
    seen, total = env.reset(), 0.0
    for _ in range(steps):
        actions = analytic if network is None else network(torch.from_numpy(seen)).argmax(dim=1).numpy()
        seen, reward, _ = env.step(actions)
        total += float(reward.mean())
    return total / steps


def train(traces: Sequence[Trace], network: nn.Module, budget: Budget, settings: PpoSettings, out: Path, *, environments: int, seed: int,
          every_seconds: float = 60.0, resume: bool = False, names: tuple[str, str] = ("log.csv", "checkpoint.pt"),
          tell: Callable[[str], None] = print) -> None:
    """Trains the actor `network` in place within the budget, whose steps are updates. Writes a log and a checkpoint of these `names` to
    `out`, the latter atomically; a run that is killed goes on from it if it is to `resume`."""
    log, checkpoint = (out / name for name in names)
    stored: dict[str, Any] | None = torch.load(checkpoint, weights_only=True) if resume and checkpoint.exists() else None
    step = stored["step"] if stored else 0
    trainer = Trainer(environment(traces, environments, seed + step), network, critic(), settings, seed + step, step)
    if stored:
        network.load_state_dict(stored["actor"])
        trainer.critic.load_state_dict(stored["critic"])
        trainer.optimizer.load_state_dict(stored["optimizer"])
        budget.used_seconds = stored["seconds"]
    log_until(step, log)
    last = budget.seconds()
    with log.open("a", newline="") as file:
        rows = csv.writer(file)
        for statistics in trainer.run(lambda: budget.progress(trainer.updates)):
            rows.writerow([trainer.updates, round(budget.seconds(), 1), *(round(number, 5) for number in statistics.values())])
            if budget.seconds() - last > every_seconds or budget.progress(trainer.updates) >= 1.0:
                last = budget.seconds()
                file.flush()
                tell(f"update {trainer.updates}, {last:.0f} s, mean reward {statistics['reward']:.4f}, entropy {statistics['entropy']:.3f}")
                content = BytesIO()
                torch.save({"actor": network.state_dict(), "critic": trainer.critic.state_dict(), "optimizer": trainer.optimizer.state_dict(),
                            "step": trainer.updates, "seconds": last}, content)
                replace_file(checkpoint, content.getvalue())
