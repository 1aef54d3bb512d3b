"""A run: its arguments and its begin, its budget, its learning rate, and the moving average of the weights."""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn


def run_arguments(parser: argparse.ArgumentParser, minutes: float, threads: int) -> None:
    """The arguments that every training script has."""
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: log, checkpoint, result")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=minutes, help=f"of training; {minutes:g} by default")
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")


def begin(args: argparse.Namespace) -> None:
    """Makes the folder of the run, seeds PyTorch and limits its threads."""
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)


@dataclass
class Budget:
    """How long to train: until `steps` or `minutes`, whichever is set and comes first.

    `used_seconds` carries over from earlier runs that were resumed.
    """

    steps: int | None = None
    minutes: float | None = None
    used_seconds: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ValueError("a budget needs `steps` or `minutes`")

    def seconds(self) -> float:
        """Seconds trained so far, earlier runs included."""
        return self.used_seconds + time.monotonic() - self._started

    def progress(self, step: int) -> float:
        """Share of the budget that is used, 0 to 1."""
        by_steps = step / max(self.steps, 1) if self.steps is not None else 0.0
        by_time = self.seconds() / max(60.0 * self.minutes, 1e-9) if self.minutes is not None else 0.0
        return min(max(by_steps, by_time), 1.0)


def one_cycle(progress: float, warmup: float = 0.04, final: float = 0.01) -> float:
    """Factor on the peak learning rate: linear warm-up, then a cosine down to `final`."""
    if progress < warmup:
        return max(progress / warmup, 0.02)
    along = (progress - warmup) / (1.0 - warmup)
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * along))


class MovingAverage:
    """Exponential moving average of the weights of a network, used for evaluation and export."""

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.updates = 0
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards the weights of `network`; quickly at first."""
        self.updates += 1
        decay = min(self.decay, (1.0 + self.updates) / (10.0 + self.updates))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1.0 - decay)
