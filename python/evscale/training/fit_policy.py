"""Fine-tuning of the policy: PPO from the weights of a bundle, in simulated pools under the load that the users' pools had."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from .. import ModelBundle
from .bundle import assemble
from .export import export
from .fit import Held, Settings
from .policy_loop import Trace, environment, forecast_trace, generated_series, mean_reward, train
from .policy_model import OBSERVATION, analytic, read_onnx
from .ppo import PpoSettings
from .schedule import Budget
from .traces import DAY_SECONDS, Series

POLICY_FILES = ("policy-log.csv", "policy-checkpoint.pt")
LONGEST_DAYS = 42
"""Newest days of what may be seen that the simulated pools live through."""
WARM_UP_DAYS = 7
"""Before the held-back days, for the forecasts."""
GENERATED_SEED = 10_000
CRITIC_FIRST = 5
"""Updates in which the critic, which no bundle has, learns what the actor's decisions bring."""
ENTROPY = 3e-4
REWARD_STEPS, REWARD_POOLS = 500, 32
"""Decisions of each, and number, of the simulated pools in which a policy is compared."""


def train_policy_further(pools: Sequence[Held], work: Path, scratch: Path, settings: Settings, tell: Callable[[str], None],
                         resume: bool) -> dict[str, float]:
    """Replaces `policy.onnx` in `work` by one that was trained further in simulated pools of many settings, under the load that all pools
    may show and under generated ones. Log and checkpoint go to `scratch`; the manifest is the caller's to write.

    Returns the mean reward of a decision under the held-back load: before, after, and by the analytic rule.
    """
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    bundle, network = ModelBundle.load(work), read_onnx(work / "policy.onnx")
    generated = max(1, round(settings.generated_share / (1.0 - settings.generated_share) * len(pools)))
    loads = [_newest(pool) for pool in pools]
    traces = [forecast_trace(series, bundle) for series in (*loads, *generated_series(generated, GENERATED_SEED + settings.seed))]
    held = [_held_back(pool, bundle) for pool in pools]
    reward = {"before": mean_reward(held, network, REWARD_STEPS, REWARD_POOLS),
              "analytic_rule": mean_reward(held, None, REWARD_STEPS, REWARD_POOLS)}
    tell(f"training the policy for {settings.minutes:g} minutes in {settings.environments} simulated pools under {len(loads)} loads of the "
         f"history and {generated} generated ones")
    ppo = PpoSettings(rate=settings.policy_rate, entropy=ENTROPY, critic_first=CRITIC_FIRST)
    train(traces, network, Budget(settings.updates, settings.minutes), ppo, scratch, environments=settings.environments, seed=settings.seed,
          every_seconds=settings.checkpoint_seconds, resume=resume, names=POLICY_FILES, tell=tell)
    reward["after"] = mean_reward(held, network, REWARD_STEPS, REWARD_POOLS)
    tell("mean reward under the held-back load: " + ", ".join(f"{value:.4f} {name.replace('_', ' ')}" for name, value in reward.items()))
    _export(network, work / "policy.onnx")
    return {name: round(value, 5) for name, value in reward.items()}


def with_analytic_rule(bundle: Path, out: Path) -> Path:
    """Writes the bundle with a policy that always takes the analytic rule's need as it is to a folder, and returns that."""
    shutil.copytree(bundle, out)
    manifest = json.loads((bundle / "manifest.json").read_text())
    _export(analytic(_analytic_action(ModelBundle.load(bundle))), out / "policy.onnx")
    assemble(out, "analytic-rule", manifest["version"], {}, {})
    return out


def _analytic_action(bundle: ModelBundle) -> int:
    return environment([forecast_trace(generated_series(1, GENERATED_SEED)[0].slice(0, 10), bundle)], 1, 0).analytic_action


def _export(network: nn.Module, path: Path) -> None:
    export(network, (torch.zeros(1, OBSERVATION),), ("observation",), "logits", path)


def _newest(pool: Held) -> Series:
    length = LONGEST_DAYS * DAY_SECONDS // pool.series.interval_seconds
    return pool.series.slice(max(0, pool.first_held - length), pool.first_held)


def _held_back(pool: Held, bundle: ModelBundle) -> Trace:
    first = max(0, pool.first_held - WARM_UP_DAYS * DAY_SECONDS // pool.series.interval_seconds)
    return forecast_trace(pool.series.slice(first, len(pool.series.events)), bundle)
