"""Proximal policy optimization (Schulman et al. 2017) for a vector environment with discrete actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .policy_model import log_probabilities


class VectorEnv(Protocol):
    """Episodes start again by themselves: the observation after an end is the first of the next episode."""

    def reset(self) -> np.ndarray:
        """Observations float32 [N, O]."""

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Observations, rewards float32 [N], ends float32 [N]."""


@dataclass(frozen=True)
class PpoSettings:
    """length: steps per rollout and environment. discount, trace: of rewards and of advantages (GAE).
    clip: of the probability ratio. entropy: weight at the start, falling to a tenth. rate: learning rate, falling.
    critic_first: updates at the start that train the critic alone, for an actor that is good already."""

    length: int = 128
    discount: float = 0.9
    trace: float = 0.9
    clip: float = 0.2
    entropy: float = 0.003
    rate: float = 1e-3
    epochs: int = 4
    minibatch: int = 2048
    gradient_norm: float = 0.5
    reward_scale: float = 1.0
    critic_first: int = 0


@dataclass
class Rollout:
    """What one rollout gave, [length * N, ...]."""

    observations: Tensor
    actions: Tensor
    logs: Tensor
    advantages: Tensor
    returns: Tensor
    mean_reward: float


class Trainer:
    """Holds networks, optimizer, the environment's present observation, and the number of updates so far."""

    def __init__(self, env: VectorEnv, actor: nn.Module, critic: nn.Module, settings: PpoSettings, seed: int, updates: int = 0) -> None:
        self.env, self.actor, self.critic, self.settings, self.updates = env, actor, critic, settings, updates
        self.random = torch.Generator().manual_seed(seed)
        self.optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=settings.rate, eps=1e-5)
        self.observation = torch.from_numpy(env.reset())

    def run(self, progress) -> Iterator[dict[str, float]]:
        """Updates until `progress()` (0 to 1) reaches 1; yields statistics of each."""
        while (done := progress()) < 1.0:
            for group in self.optimizer.param_groups:
                group["lr"] = self.settings.rate * max(1.0 - done, 0.05)
            rollout = self.collect()
            statistics = self.update(rollout, self.settings.entropy * max(1.0 - done, 0.1), self.updates >= self.settings.critic_first)
            self.updates += 1
            yield {"progress": done, "reward": rollout.mean_reward, **statistics}

    @torch.no_grad()
    def collect(self) -> Rollout:
        """Plays `length` steps in every environment."""
        seen, actions, logs, rewards, ends, values = [], [], [], [], [], []
        for _ in range(self.settings.length):
            scores = log_probabilities(self.actor(self.observation))
            action = torch.multinomial(scores.exp(), 1, generator=self.random)
            seen.append(self.observation)
            actions.append(action)
            logs.append(scores.gather(1, action))
            values.append(self.critic(self.observation).squeeze(1))
            observation, reward, end = self.env.step(action.squeeze(1).numpy())
            self.observation = torch.from_numpy(observation)
            rewards.append(torch.from_numpy(reward))
            ends.append(torch.from_numpy(end))
        values.append(self.critic(self.observation).squeeze(1))
        advantages = self._advantages(rewards, ends, values)
        returns = advantages + torch.stack(values[:-1])
        flat = lambda parts: torch.cat(parts).reshape(-1)
        return Rollout(torch.cat(seen), flat(actions), flat(logs), advantages.reshape(-1), returns.reshape(-1),
                       float(torch.stack(rewards).mean()))

    def _advantages(self, rewards: list[Tensor], ends: list[Tensor], values: list[Tensor]) -> Tensor:
        discount, trace = self.settings.discount, self.settings.trace
        running = torch.zeros_like(rewards[0])
        out = []
        for step in reversed(range(len(rewards))):
            going_on = 1.0 - ends[step]
            error = self.settings.reward_scale * rewards[step] + discount * going_on * values[step + 1] - values[step]
            running = error + discount * trace * going_on * running
            out.append(running)
        return torch.stack(out[::-1])

    def update(self, rollout: Rollout, entropy_weight: float, both: bool = True) -> dict[str, float]:
        """Several epochs of clipped updates on a rollout; of the critic alone unless `both`."""
        settings = self.settings
        size = len(rollout.actions)
        sums = {"policy_loss": 0.0, "value_loss": 0.0, "entropy": 0.0, "divergence": 0.0}
        count = 0
        for _ in range(settings.epochs):
            order = torch.randperm(size, generator=self.random)
            for rows in order.split(settings.minibatch):
                scores = log_probabilities(self.actor(rollout.observations[rows]))
                log = scores.gather(1, rollout.actions[rows, None]).squeeze(1)
                change = log - rollout.logs[rows]
                ratio = change.exp()
                advantage = rollout.advantages[rows]
                advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
                clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip)
                policy_loss = -torch.minimum(ratio * advantage, clipped * advantage).mean()
                value = self.critic(rollout.observations[rows]).squeeze(1)
                value_loss = nn.functional.smooth_l1_loss(value, rollout.returns[rows])
                entropy = -(scores.exp() * scores).sum(dim=1).mean()
                loss = 0.5 * value_loss
                if both:
                    loss = loss + policy_loss - entropy_weight * entropy
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_([*self.actor.parameters(), *self.critic.parameters()],
                                         settings.gradient_norm)
                self.optimizer.step()
                count += 1
                for name, value_ in (("policy_loss", policy_loss), ("value_loss", value_loss), ("entropy", entropy),
                                     ("divergence", -change.mean())):
                    sums[name] += float(value_.detach())
        return {name: total / count for name, total in sums.items()}
