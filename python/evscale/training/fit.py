"""Fine-tuning: trains the forecaster further on a user's own history, and keeps the result only if it is better."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import ArgumentError, ModelBundle
from ..history import History
from .bundle import assemble
from .data import compiled_core, generated_samples, mixed_batches, real_samples, validation_samples
from .evaluation import pooled, score
from .export import export
from .forecaster_loop import LoopSettings, train
from .model import INPUT_NAMES
from .schedule import Budget
from .streamline import read_onnx, streamlined
from .traces import DAY_SECONDS, FINEST_SCORED_SECONDS, VALIDATION_SHARE, Segment, Series

FILES = ("manifest.json", "forecaster.onnx", "policy.onnx")
SHORTEST_DAYS = 10.0
HELD_BACK_SHARE = 0.25
ORIGIN_SECONDS = 3600
VALIDATION_ROWS = 1000
"""Samples that judge the training while it runs, over all pools."""


@dataclass(frozen=True)
class Settings:
    """minutes: of training, of each network. steps, updates: end the training of the forecaster and of the policy before that, wherever it
    runs. held_back_days: at the end of the history, at most a quarter of it; never trained on. generated_share: of every batch,
    generated workloads against forgetting. threads: of the CPU. checkpoint_seconds: between two checkpoints. rate: learning rate of the
    forecaster; policy_rate: of the policy. environments: simulated pools side by side that the policy acts in."""

    minutes: float = 5.0
    steps: int | None = None
    updates: int | None = None
    held_back_days: float = 14.0
    rows: int = 24_000
    generated_share: float = 0.25
    rate: float = 5e-4
    policy_rate: float = 3e-4
    environments: int = 64
    threads: int = 2
    seed: int = 1
    checkpoint_seconds: float = 20.0


@dataclass(frozen=True)
class Result:
    """Weighted quantile loss on the held-back days over that of the seasonal naive forecast, per horizon in minutes."""

    before: dict[int, float]
    after: dict[int, float]
    written: bool

    @property
    def better(self) -> bool:
        """The geometric mean over the horizons has fallen."""
        return mean(self.after) < mean(self.before)


def mean(losses: dict[int, float]) -> float:
    """Geometric mean."""
    return float(np.exp(np.mean(np.log(list(losses.values())))))


def read_history(path: Path, columns: dict[str, str] | None = None) -> Series:
    """A history of at least ten days; gaps stay unknown."""
    history = History.read(path, columns=columns, gaps="interpolate")
    series = Series(Path(path).stem, history.start_ms, history.interval_seconds, history.events)
    days = len(series.events) * series.interval_seconds / DAY_SECONDS
    if days < SHORTEST_DAYS:
        raise ArgumentError(f"{path}: history spans {days:.1f} days, expected at least {SHORTEST_DAYS:.0f}")
    return series


@dataclass(frozen=True)
class Held:
    """A pool's series, and the first of the intervals at its end that are only scored."""

    series: Series
    first_held: int

    @classmethod
    def of(cls, series: Series, held_back_days: float) -> Held:
        """Holds back the last days, at most a quarter."""
        held_back = min(held_back_days, HELD_BACK_SHARE * days_of(series))
        return cls(series, len(series.events) - int(held_back * DAY_SECONDS / series.interval_seconds))

    @property
    def seen(self) -> Segment:
        """What may be trained on."""
        seen = self.series.slice(0, self.first_held)
        return Segment(seen, int((1.0 - VALIDATION_SHARE) * len(seen.events)))


def days_of(series: Series) -> float:
    """Length in days."""
    return len(series.events) * series.interval_seconds / DAY_SECONDS


def fit(series: Series, out: Path, base: Path | None = None, settings: Settings | None = None, force: bool = False,
        tell: Callable[[str], None] = print) -> Result:
    """Trains from the weights of `base` (a bundle's folder; the bundled one by default) and writes a bundle to `out`.

    Nothing is written if the result is no better on the held-back days than `base` and what is in `out`, unless
    `force`. A bundle in `out` is replaced as a whole.

    Raises `ArgumentError` if `out` holds anything but a bundle.
    """
    strangers = sorted(set(os.listdir(out)) - set(FILES)) if out.exists() else []
    if strangers:
        raise ArgumentError(f"{out}: holds {strangers[0]}, expected a new folder or one with a bundle alone")
    settings = settings or Settings()
    held = Held.of(series, settings.held_back_days)
    about = {"history_days": round(days_of(series), 1), "seed": settings.seed, "minutes": settings.minutes}
    with tempfile.TemporaryDirectory(dir=_parent(out)) as scratch:
        work = Path(scratch) / "bundle"
        work.mkdir()
        for name in FILES:
            (work / name).write_bytes(ModelBundle.bundled_files()[name] if base is None else (base / name).read_bytes())
        before = held_back_losses([held], work)
        if (out / FILES[0]).exists():
            before = min(before, held_back_losses([held], out), key=mean)
        tell(f"{days_of(series):.0f} days of history, the last {days_of(series) - days_of(held.seen.series):.0f} held back; "
             f"loss there before: {words(before)}")
        train_further([held], work, Path(scratch), settings, tell)
        assemble(work, series.name, "1", about, {"held_back_loss_before": keys(before)})
        after = held_back_losses([held], work)
        assemble(work, series.name, "1", about, {"held_back_loss_before": keys(before), "held_back_loss_after": keys(after)})
        tell(f"loss on the held-back days after: {words(after)}")
        result = Result(before, after, written=mean(after) < mean(before) or force)
        if result.written:
            _replace(work, out)
    return result


def train_further(pools: Sequence[Held], work: Path, scratch: Path, settings: Settings, tell: Callable[[str], None],
                  resumed: dict[str, Any] | None = None) -> None:
    """Replaces `forecaster.onnx` in `work` by one that was trained further on what may be seen of all pools, each with the
    same weight. Log and checkpoint go to `scratch`; the manifest is the caller's to write."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    rng = np.random.default_rng(settings.seed)
    core, segments = compiled_core(), [[pool.seen] for pool in pools]
    real = real_samples(core, segments, settings.rows, rng)
    generated = generated_samples(core, int(settings.rows * settings.generated_share), rng)
    validation = validation_samples(core, segments, per_trace=max(100, VALIDATION_ROWS // len(pools)))
    tell(f"training for {settings.minutes:g} minutes on {len(real)} samples of the history "
         f"and {len(generated)} generated ones")
    if resumed:
        rng = np.random.default_rng([settings.seed, resumed["step"]])
    batches = mixed_batches(real, generated, 128, settings.generated_share, rng)
    network = train(read_onnx(work / "forecaster.onnx"), batches, validation, Budget(settings.steps, settings.minutes),
                    LoopSettings(batch=128, rate=settings.rate, every_seconds=settings.checkpoint_seconds), scratch, resumed)
    export(streamlined(network), network.shape.example(1), INPUT_NAMES, "quantiles", work / "forecaster.onnx")


def _parent(out: Path) -> Path:
    parent = out.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def held_back_losses(pools: Sequence[Held], bundle: Path) -> dict[int, float]:
    """Losses of the bundle in a folder on the held-back parts: geometric means over the pools."""
    loaded = ModelBundle.load(bundle)
    return pooled([row for pool in pools for row in _scores(pool, loaded)], "wql")


def _scores(pool: Held, bundle: ModelBundle) -> list[dict[str, Any]]:
    series = pool.series
    factor = max(1, -(-FINEST_SCORED_SECONDS // series.interval_seconds))
    scored = series.filled().aggregate(series.interval_seconds * factor)
    origins: NDArray[np.int64] = np.arange(pool.first_held // factor, len(scored.events),
                                           max(1, ORIGIN_SECONDS // scored.interval_seconds))
    return score(scored, bundle, origins)


def _replace(work: Path, out: Path) -> None:
    """Puts the finished folder in the place of `out`."""
    if out.exists():
        os.replace(out, work.with_name("replaced"))
    os.replace(work, out)


def words(losses: dict[int, float]) -> str:
    """Losses as a line."""
    return ", ".join(f"{loss:.3f} at {minutes} min" for minutes, loss in losses.items())


def keys(losses: dict[int, float]) -> dict[str, float]:
    """Losses as a manifest has them."""
    return {f"{minutes}_min": round(loss, 4) for minutes, loss in losses.items()}
