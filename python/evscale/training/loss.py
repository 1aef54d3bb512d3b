"""Pinball loss in log space and in events, and the scores that are reported."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .model import LEVELS

RATIO_LIMIT = 50.0
"""Events over the scale of the context are clipped here, so that one huge burst does not own the loss."""

LEVEL_WEIGHTS = tuple(1.0 if 0.1 <= level <= 0.9 else 0.6 if 0.05 <= level <= 0.95 else 0.4 for level in LEVELS)
"""The grid from 0.1 to 0.9 is what scores count; the tails must still be learnt."""

SCORED = tuple(index for index, level in enumerate(LEVELS) if 0.1 <= level <= 0.9)


def ratio(z: Tensor, level_z: Tensor, limit: float = RATIO_LIMIT) -> Tensor:
    """Events over scale, `(exp(z + level_z) - 1) / 8`, between 0 and `limit`."""
    return torch.expm1((z + level_z).clamp(0.0, math.log1p(8.0 * limit))) / 8.0


def pinball(quantiles: Tensor, target: Tensor) -> Tensor:
    """Pinball loss per level: `quantiles` [..., levels], `target` [...]."""
    levels = quantiles.new_tensor(LEVELS)
    error = target.unsqueeze(-1) - quantiles
    return torch.maximum(levels * error, (levels - 1.0) * error)


def forecast_loss(quantiles: Tensor, target: Tensor, known: Tensor, level_z: Tensor,
                  events_weight: float = 1.0) -> Tensor:
    """Training loss: weighted mean pinball loss in z plus `events_weight` times the one in events over scale.

    quantiles [B, 12, 15], target [B, 12] (any finite value where not known), known [B, 12] in 0..1,
    level_z [B]. Horizons that are not known count nothing.
    """
    weights = quantiles.new_tensor(LEVEL_WEIGHTS)
    weights = weights / weights.sum()
    level = level_z[:, None]
    in_z = pinball(quantiles, target) @ weights
    in_events = pinball(ratio(quantiles, level[..., None]), ratio(target, level)) @ weights
    known = known.to(in_z.dtype)
    return ((in_z + events_weight * in_events) * known).sum() / known.sum().clamp_min(1.0)


def weighted_quantile_loss(quantiles: np.ndarray, target: np.ndarray, known: np.ndarray, level_z: np.ndarray,
                           scale: np.ndarray) -> np.ndarray:
    """Weighted quantile loss per horizon over the levels 0.1 to 0.9, in events.

    Twice the summed pinball loss over the summed actuals, mean over the levels; NaN where nothing is known or all is zero.
    `quantiles` in z: [B, 12, 15], or [B, 12] for a point forecast.
    """
    factor = scale[:, None].astype(np.float64) / 8.0
    offset = level_z[:, None].astype(np.float64)
    actual = np.maximum(np.expm1(target + offset), 0.0) * factor
    points = quantiles[..., None] if quantiles.ndim == 2 else quantiles[..., SCORED]
    forecast = np.maximum(np.expm1(np.minimum(points + offset[..., None], 40.0)), 0.0) * factor[..., None]
    levels = np.array(LEVELS)[list(SCORED)]
    error = actual[..., None] - forecast
    loss = np.maximum(levels * error, (levels - 1.0) * error).mean(axis=-1)
    total = np.where(known > 0, actual, 0.0).sum(axis=0)
    lost = np.where(known > 0, loss, 0.0).sum(axis=0)
    return np.where(total > 0, 2.0 * lost / np.maximum(total, 1e-9), np.nan)
