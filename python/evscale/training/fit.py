"""Fine-tuning: trains the forecaster further on a user's own history, and keeps the result only if it is better."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Settings:
    """minutes: of training. held_back_days: at the end of the history, at most a quarter of it; never trained on.
    generated_share: of every batch, generated workloads against forgetting. threads: of the CPU."""

    minutes: float = 5.0
    held_back_days: float = 14.0
    rows: int = 24_000
    generated_share: float = 0.25
    rate: float = 5e-4
    threads: int = 2
    seed: int = 1


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
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    days = len(series.events) * series.interval_seconds / DAY_SECONDS
    held_back = min(settings.held_back_days, HELD_BACK_SHARE * days)
    first_held = len(series.events) - int(held_back * DAY_SECONDS / series.interval_seconds)
    seen = series.slice(0, first_held)
    segment = Segment(seen, int((1.0 - VALIDATION_SHARE) * len(seen.events)))
    with tempfile.TemporaryDirectory(dir=_parent(out)) as scratch:
        work = Path(scratch) / "bundle"
        work.mkdir()
        _copy_base(base, work)
        before = _held_back_losses(series, work, first_held)
        if (out / FILES[0]).exists():
            before = min(before, _held_back_losses(series, out, first_held), key=mean)
        tell(f"{days:.0f} days of history, the last {held_back:.0f} held back; loss there before: {_words(before)}")
        rng = np.random.default_rng(settings.seed)
        core = compiled_core()
        real = real_samples(core, [[segment]], settings.rows, rng)
        generated = generated_samples(core, int(settings.rows * settings.generated_share), rng)
        validation = validation_samples(core, [[segment]], per_trace=1000)
        tell(f"training for {settings.minutes:g} minutes on {len(real)} samples of the history "
             f"and {len(generated)} generated ones")
        batches = mixed_batches(real, generated, 128, settings.generated_share, rng)
        network = train(read_onnx(work / "forecaster.onnx"), batches, validation, Budget(minutes=settings.minutes),
                        LoopSettings(batch=128, rate=settings.rate, every_seconds=20.0), Path(scratch))
        export(streamlined(network), network.shape.example(1), INPUT_NAMES, "quantiles", work / "forecaster.onnx")
        assemble(work, series.name, "1", {"history_days": round(days, 1), "seed": settings.seed,
                                          "minutes": settings.minutes}, {"held_back_loss_before": _keys(before)})
        after = _held_back_losses(series, work, first_held)
        assemble(work, series.name, "1", {"history_days": round(days, 1), "seed": settings.seed,
                                          "minutes": settings.minutes},
                 {"held_back_loss_before": _keys(before), "held_back_loss_after": _keys(after)})
        tell(f"loss on the held-back days after: {_words(after)}")
        result = Result(before, after, written=mean(after) < mean(before) or force)
        if result.written:
            _replace(work, out)
    return result


def _parent(out: Path) -> Path:
    parent = out.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def _copy_base(base: Path | None, work: Path) -> None:
    for name in FILES:
        contents = ModelBundle.bundled_files()[name] if base is None else (base / name).read_bytes()
        (work / name).write_bytes(contents)


def _held_back_losses(series: Series, bundle: Path, first_held: int) -> dict[int, float]:
    factor = max(1, -(-FINEST_SCORED_SECONDS // series.interval_seconds))
    scored = series.filled().aggregate(series.interval_seconds * factor)
    origins: NDArray[np.int64] = np.arange(first_held // factor, len(scored.events),
                                           max(1, ORIGIN_SECONDS // scored.interval_seconds))
    return pooled(score(scored, ModelBundle.load(bundle), origins), "wql")


def _replace(work: Path, out: Path) -> None:
    """Puts the finished folder in the place of `out`."""
    if out.exists():
        os.replace(out, work.with_name("replaced"))
    os.replace(work, out)


def _words(losses: dict[int, float]) -> str:
    return ", ".join(f"{loss:.3f} at {minutes} min" for minutes, loss in losses.items())


def _keys(losses: dict[int, float]) -> dict[str, float]:
    return {f"{minutes}_min": round(loss, 4) for minutes, loss in losses.items()}
