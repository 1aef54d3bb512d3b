"""The forecaster network: patches and a small Transformer encoder, an LSTM over the horizon, quantiles."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = (0.005, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995)
MEDIAN = LEVELS.index(0.5)
LARGEST_SCORE = 60.0
"""Attention scores are clipped here, far beyond any that occur: a softmax without the search for the largest one, which
costs more than all the rest of it where rows are short."""
INPUT_NAMES = ("fine", "coarse", "future", "statics")


@dataclass(frozen=True)
class ForecasterShape:
    """Shape of the forecaster. The switches at the end exist for ablations.

    fine_steps, fine_features, coarse_steps, coarse_features, horizons, future_features, statics: input sizes.
    fine_patch, coarse_patch: steps per token. width, heads, layers, feedforward: encoder.
    hidden: size of the LSTM. dropout: on the outputs of the encoder's blocks.
    spread: initial standard deviation of the quantiles, in z.
    context: what the decoder sees of the encoder: "attention" (each horizon asks) or "mean".
    use_transformer, use_lstm: leave a part out. use_coarse: false blanks the coarse context; the input stays.
    """

    fine_steps: int = 96
    fine_features: int = 6
    coarse_steps: int = 336
    coarse_features: int = 2
    horizons: int = 12
    future_features: int = 24
    statics: int = 14
    fine_patch: int = 8
    coarse_patch: int = 24
    width: int = 64
    heads: int = 4
    layers: int = 2
    feedforward: int = 128
    hidden: int = 64
    dropout: float = 0.0
    spread: float = 0.3
    context: str = "attention"
    use_transformer: bool = True
    use_lstm: bool = True
    use_coarse: bool = True

    def __post_init__(self) -> None:
        if self.fine_steps % self.fine_patch or self.coarse_steps % self.coarse_patch:
            raise ValueError("the steps of `fine` and `coarse` must be multiples of their patch")
        if self.width % self.heads:
            raise ValueError(f"`width` is {self.width}, expected a multiple of `heads` ({self.heads})")
        if self.context not in ("attention", "mean"):
            raise ValueError(f"`context` is {self.context!r}, expected 'attention' or 'mean'")

    def to_dict(self) -> dict:
        """As plain values, for checkpoints and manifests."""
        return asdict(self)

    def example(self, batch: int) -> tuple[Tensor, ...]:
        """Random inputs in the order of `INPUT_NAMES`."""
        return (
            torch.randn(batch, self.fine_steps, self.fine_features),
            torch.randn(batch, self.coarse_steps, self.coarse_features),
            torch.randn(batch, self.horizons, self.future_features),
            torch.randn(batch, self.statics),
        )


class Attention(nn.Module):
    """Multi-head attention of `queries` [B, Q, width] over `memory` [B, M, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.size = width // heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        tokens = memory.shape[1]
        steps = queries.shape[1]
        query = self.query(queries).view(-1, steps, self.heads, self.size).transpose(1, 2)
        key, value = self.key_value(memory).chunk(2, dim=-1)
        key = key.reshape(-1, tokens, self.heads, self.size).permute(0, 2, 3, 1)
        value = value.reshape(-1, tokens, self.heads, self.size).transpose(1, 2)
        scores = query @ key * (1.0 / math.sqrt(self.size))
        weights = torch.exp(scores.clamp(-LARGEST_SCORE, LARGEST_SCORE))
        mixed = (weights @ value) / weights.sum(dim=-1, keepdim=True)
        mixed = mixed.transpose(1, 2).reshape(-1, steps, self.heads * self.size)
        return self.out(mixed)


class EncoderLayer(nn.Module):
    """Pre-norm self-attention and feed-forward block."""

    def __init__(self, shape: ForecasterShape) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(shape.width)
        self.attention = Attention(shape.width, shape.heads)
        self.norm_feedforward = nn.LayerNorm(shape.width)
        self.feedforward = nn.Sequential(
            nn.Linear(shape.width, shape.feedforward), nn.GELU(), nn.Linear(shape.feedforward, shape.width)
        )
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.norm_attention(tokens)
        tokens = tokens + self.dropout(self.attention(normed, normed))
        return tokens + self.dropout(self.feedforward(self.norm_feedforward(tokens)))


class QuantileHead(nn.Module):
    """Quantiles that cannot cross: a median, and positive steps summed outwards from it.

    Starts at a median of 0 (the last level) and normal quantiles of standard deviation `spread`.
    """

    def __init__(self, hidden: int, future: int, spread: float) -> None:
        super().__init__()
        self.from_hidden = nn.Linear(hidden, len(LEVELS))
        self.from_future = nn.Linear(future, len(LEVELS), bias=False)
        nn.init.zeros_(self.from_hidden.weight)
        nn.init.zeros_(self.from_future.weight)
        ideal = torch.tensor([spread * NormalDist().inv_cdf(level) for level in LEVELS])
        with torch.no_grad():
            gaps = ideal.diff().clamp_min(1e-3)
            raw = torch.log(torch.expm1(gaps))
            self.from_hidden.bias.copy_(torch.cat([raw[:MEDIAN], torch.zeros(1), raw[MEDIAN:]]))
        sums = torch.zeros(len(LEVELS), len(LEVELS))
        for level in range(len(LEVELS)):
            for step in range(len(LEVELS)):
                if level <= step < MEDIAN:
                    sums[step, level] = -1.0
                elif MEDIAN < step <= level:
                    sums[step, level] = 1.0
        self.register_buffer("sums", sums, persistent=False)

    def forward(self, hidden: Tensor, future: Tensor) -> Tensor:
        raw = self.from_hidden(hidden) + self.from_future(future)
        median = raw[..., MEDIAN : MEDIAN + 1]
        return median + functional.softplus(raw) @ self.sums


class Forecaster(nn.Module):
    """Quantiles [B, horizons, levels] of the future log counts, relative to the current level."""

    def __init__(self, shape: ForecasterShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.embed_fine = nn.Linear(shape.fine_patch * shape.fine_features, width)
        self.embed_coarse = nn.Linear(shape.coarse_patch * shape.coarse_features, width)
        tokens = shape.fine_steps // shape.fine_patch + shape.coarse_steps // shape.coarse_patch + 1
        self.embed_statics = nn.Linear(shape.statics, width)
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        layers = shape.layers if shape.use_transformer else 0
        self.encoder = nn.ModuleList(EncoderLayer(shape) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.embed_future = nn.Sequential(nn.Linear(shape.future_features, width), nn.GELU())
        self.steps = nn.Parameter(0.02 * torch.randn(1, shape.horizons, width))
        if shape.context == "attention":
            self.context = Attention(width, shape.heads)
        if shape.use_lstm:
            self.decoder = nn.LSTM(width, shape.hidden, batch_first=True)
        else:
            self.decoder = nn.Sequential(nn.Linear(width, shape.hidden), nn.GELU())
        self.mix = nn.Sequential(nn.Linear(shape.hidden + width, shape.hidden), nn.GELU())
        self.head = QuantileHead(shape.hidden, shape.future_features, shape.spread)

    def forward(self, fine: Tensor, coarse: Tensor, future: Tensor, statics: Tensor) -> Tensor:
        shape = self.shape
        if not shape.use_coarse:
            coarse = coarse * 0.0
        parts = [self.embed_fine(fine.reshape(-1, shape.fine_steps // shape.fine_patch,
                                              shape.fine_patch * shape.fine_features)),
                 self.embed_coarse(coarse.reshape(-1, shape.coarse_steps // shape.coarse_patch,
                                                  shape.coarse_patch * shape.coarse_features)),
                 self.embed_statics(statics).unsqueeze(1)]
        tokens = torch.cat(parts, dim=1) + self.positions
        for layer in self.encoder:
            tokens = layer(tokens)
        tokens = self.norm(tokens)
        asked = self.embed_future(future) + self.steps
        if shape.context == "attention":
            asked = asked + self.context(asked, tokens)
        else:
            asked = asked + tokens.mean(dim=1, keepdim=True)
        hidden = self.decoder(asked)[0] if shape.use_lstm else self.decoder(asked)
        return self.head(self.mix(torch.cat([hidden, asked], dim=-1)), future)
