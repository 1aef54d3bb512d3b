"""The training loop of the forecaster: loss, moving average, validation, checkpoints."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from .._evscale import replace_file
from .data import INPUTS, Arrays, SampleBank
from .loss import forecast_loss, weighted_quantile_loss
from .model import Forecaster
from .schedule import Budget, MovingAverage, one_cycle

YESTERDAY = 12
"""Index of the value at the same time yesterday among the future features."""
JUDGED = (4, 8, 11)
"""Indices of the horizons 12, 48 and 180 minutes."""


@dataclass(frozen=True)
class LoopSettings:
    """batch: samples per step. rate: peak learning rate. every_seconds: between two validations."""

    batch: int = 256
    rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    every_seconds: float = 120.0


@dataclass
class Best:
    """The weights with the least validation loss so far."""

    loss: float = float("inf")
    weights: dict[str, Tensor] | None = None

    def offer(self, loss: float, network: Forecaster) -> None:
        """Keep a copy of the weights if they are better."""
        if loss < self.loss:
            self.loss, self.weights = loss, {name: value.clone() for name, value in network.state_dict().items()}


def target_z(samples: Arrays) -> np.ndarray:
    """Targets in the coordinate of the network: `ln(1 + 8 events / scale) - level_z`."""
    return np.log1p(8.0 * samples["target"] / samples["scale"][:, None]) - samples["level_z"][:, None]


def tensors(samples: Arrays) -> tuple[tuple[Tensor, ...], Tensor, Tensor, Tensor]:
    """Inputs, target z, mask and level of a batch."""
    inputs = tuple(torch.from_numpy(samples[name]) for name in INPUTS)
    target = torch.from_numpy(target_z(samples).astype(np.float32))
    return inputs, target, torch.from_numpy(samples["target_known"]), torch.from_numpy(samples["level_z"])


def predict(network: Forecaster, bank: SampleBank, batch: int = 512) -> np.ndarray:
    """Quantiles in z for every row of a bank."""
    out = []
    with torch.no_grad():
        for first in range(0, len(bank), batch):
            rows = np.arange(first, min(first + batch, len(bank)))
            out.append(network(*tensors(bank.take(rows))[0]).numpy())
    return np.concatenate(out)


def scores(network: Forecaster, bank: SampleBank) -> dict[str, np.ndarray]:
    """Weighted quantile loss per horizon as a ratio to repeating the last level and to the same time yesterday:
    geometric means over the traces of the bank."""
    quantiles = predict(network, bank)
    rows = bank.take(np.arange(len(bank)))
    target, known = target_z(rows), rows["target_known"]
    yesterday = rows["future"][:, :, YESTERDAY]
    logs: dict[str, list[np.ndarray]] = {"level": [], "yesterday": []}
    for group in np.unique(bank.arrays["group"]):
        pick = bank.arrays["group"] == group
        def loss(forecast: np.ndarray, pick: np.ndarray = pick) -> np.ndarray:
            return weighted_quantile_loss(forecast[pick], target[pick], known[pick], rows["level_z"][pick],
                                          rows["scale"][pick])
        ours = loss(quantiles)
        for name, rule in (("level", np.zeros_like(yesterday)), ("yesterday", yesterday)):
            logs[name].append(np.log(np.maximum(ours, 1e-9) / np.maximum(loss(rule), 1e-9)))
    return {name: np.exp(np.nanmean(values, axis=0)) for name, values in logs.items()}


def log_until(step: int, path: Path) -> None:
    """Removes what the log tells of steps after a checkpoint, which a killed run came to and which are done again."""
    if path.exists():
        rows = path.read_text().splitlines(keepends=True)
        kept = [row for row in rows if row.endswith("\n") and int(row.split(",", 1)[0]) <= step]
        replace_file(path, "".join(kept).encode())


def train(network: Forecaster, batches: Iterator[Arrays], validation: SampleBank, budget: Budget,
          settings: LoopSettings, out: Path, resumed: dict | None = None) -> Forecaster:
    """Train within the budget; returns the averaged network of the best validation. Writes `log.csv` and
    `checkpoint.pt` to `out`, the latter atomically, so that a run that is killed goes on from its last checkpoint."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
    average = MovingAverage(network)
    best = Best()
    step = 0
    if resumed:
        network.load_state_dict(resumed["network"])
        average.network.load_state_dict(resumed["average"])
        optimizer.load_state_dict(resumed["optimizer"])
        step, budget.used_seconds = resumed["step"], resumed["seconds"]
        average.updates = step
        best = Best(resumed["best_loss"], resumed["best"])
    log_until(step, out / "log.csv")
    last = budget.seconds()
    losses: list[float] = []
    with (out / "log.csv").open("a", newline="") as file, tqdm(unit="step", disable=None) as bar:
        log = csv.writer(file)
        while (progress := budget.progress(step)) < 1.0:
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * one_cycle(progress)
            inputs, target, known, level = tensors(next(batches))
            loss = forecast_loss(network(*inputs), target, known, level)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            optimizer.step()
            average.update(network)
            step += 1
            bar.update()
            losses.append(loss.item())
            if budget.seconds() - last > settings.every_seconds or budget.progress(step) >= 1.0:
                last = budget.seconds()
                found = scores(average.network, validation)
                best.offer(float(np.log(found["level"][list(JUDGED)]).mean()), average.network)
                row = [step, round(last), round(float(np.mean(losses)), 5)]
                row += [round(float(found[name][i]), 4) for name in found for i in JUDGED]
                losses.clear()
                log.writerow(row)
                file.flush()
                print(f"step {row[0]}, {row[1]} s, loss {row[2]}; over the level {row[3:6]}, over yesterday {row[6:]}",
                      flush=True)
                checkpoint = BytesIO()
                torch.save({"network": network.state_dict(), "average": average.network.state_dict(),
                            "optimizer": optimizer.state_dict(), "step": step, "seconds": last,
                            "best_loss": best.loss, "best": best.weights, "shape": network.shape.to_dict()}, checkpoint)
                replace_file(out / "checkpoint.pt", checkpoint.getvalue())
    if best.weights:
        average.network.load_state_dict(best.weights)
    return average.network
