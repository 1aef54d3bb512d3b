"""The policy's training environment for Gymnasium; the pools are simulated in Rust."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _evscale
from ._refuse import missing, refuse

try:
    import gymnasium
    from gymnasium import spaces
    from gymnasium.utils import seeding
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space
except ImportError:
    raise missing("gymnasium", "evscale.gym", "gym") from None

INTERVAL_SECONDS = 120


def traces(seeds: list[int], days: float) -> list[tuple[Any, ...]]:
    """Generated workloads with the forecasts that evscale makes of them."""
    bundle = _evscale.ModelBundle.bundled()
    made = []
    for seed in seeds:
        start, events = _evscale.random_workload(seed, days, INTERVAL_SECONDS)
        quantiles, confidence, anomaly = _evscale.forecast_trace(events, start, INTERVAL_SECONDS, bundle)
        made.append((start, INTERVAL_SECONDS, events, quantiles.ravel(), confidence, anomaly))
    return made


class ScalingVectorEnv(VectorEnv):  # type: ignore[type-arg, misc, unused-ignore]
    """Many pools side by side.

    Observation: the ratios that the policy network sees (`feature_contract` names them), float32, -4 to 4. Action: index of an
    adjustment of the analytic need, -20 to +100 %; `analytic_action` leaves it as it is. Reward: minus the cost of jobs,
    late events and changes of a decision interval. An episode that ends is followed by the next one in the same step.

    Parameters
    ----------
    num_envs
        Number of pools.
    workloads
        Generated workloads the episodes are cut from, or their seeds.
    days
        Length of a workload.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # noqa: RUF012

    def __init__(self, num_envs: int = 1, workloads: int | list[int] = 2, days: float = 3.0, seed: int = 0) -> None:
        if num_envs < 1:
            raise refuse(f"`num_envs` is {num_envs}, expected 1 or more")
        seeds = list(range(workloads)) if isinstance(workloads, int) else workloads
        self._traces = traces(seeds, days)
        self.num_envs = num_envs
        self._start(seed)
        size = self._pools.observation_size
        self.single_observation_space = spaces.Box(-4.0, 4.0, (size,), np.float32)
        self.single_action_space = spaces.Discrete(self._pools.action_count)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def _start(self, seed: int) -> None:
        self._pools = _evscale.ScalingVectorEnv(self._traces, self.num_envs, seed)

    @property
    def analytic_action(self) -> int:
        """The action that takes the analytic rule's need as it is."""
        return self._pools.analytic_action

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts all episodes; a seed makes them the same again."""
        if seed is not None:
            self._np_random, self._np_random_seed = seeding.np_random(seed)
            self._start(seed)
        return self._pools.reset(), {}

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Takes one action per pool."""
        seen, rewards, done = self._pools.step(np.asarray(actions, dtype=np.int64))
        ended = done.astype(bool)
        return seen, rewards.astype(np.float64), np.zeros(self.num_envs, dtype=bool), ended, {}


class ScalingEnv(gymnasium.Env):  # type: ignore[type-arg, misc, unused-ignore]
    """One pool of `ScalingVectorEnv`, for code that takes single environments."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, **settings: Any) -> None:
        self._pools = ScalingVectorEnv(num_envs=1, **settings)
        self.observation_space, self.action_space = self._pools.single_observation_space, self._pools.single_action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode."""
        super().reset(seed=seed)
        seen, _ = self._pools.reset(seed=seed, options=options)
        return seen[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Takes one action."""
        seen, rewards, ended, cut, _ = self._pools.step(np.array([action]))
        return seen[0], float(rewards[0]), bool(ended[0]), bool(cut[0]), {}
