"""Retraining: trains the networks of a registry's champion further on the histories of all pools together, judges the result by loss
and by decisions on held-back days, and registers it unless it is worse."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from sys import stderr
from typing import Any

import numpy as np
import torch

from .. import Config, History, ModelBundle, Registry, __version__
from .._evscale import replace_file
from .._refuse import contents, refuse
from ..retraining import Judged, decisions, objections, policy_objections, scores_of
from .bundle import assemble
from .fit import SHORTEST_DAYS, Held, Settings, days_of, held_back_losses, keys, mean, train_further, words
from .fit_policy import POLICY_FILES, train_policy_further, with_analytic_rule
from .traces import Series

PARTS = ("forecaster", "policy", "both")
RUN, CHECKPOINT = "run.json", "checkpoint.pt"
MOST_RUN_BYTES = 1 << 20


@dataclass(frozen=True)
class Retrained:
    """version: of the new bundle in the registry; None if it was refused. objections: why. details: what its card has."""

    version: int | None
    objections: tuple[str, ...]
    details: dict[str, Any]


def retrain(histories: Mapping[str, History], registry: Registry, *, config: Config | None = None,
            settings: Settings | None = None, part: str = "forecaster", checkpoints: Path | None = None, resume: bool = False,
            tell: Callable[[str], None] = print) -> Retrained:
    """Trains from the champion (the bundled models before the first promotion) and registers a candidate if it is better.

    Parameters
    ----------
    config
        Settings of the pools, for the decisions on the held-back days.
    part
        What is trained: the forecaster, the policy, or both, the forecaster first. A policy is registered if its decisions cost less
        than those before, and no more than those of the analytic rule.
    checkpoints
        Folder for logs and checkpoints of the training, which `resume` goes on from; only with the same part, histories, champion,
        seed and settings. A run that was killed after it had registered its result returns that one.
    tell
        Is called with lines on the progress.

    Raises
    ------
    ArgumentError
        A history is shorter than ten days, or the folder's run was another one.
    """
    settings, config = settings or Settings(), config or Config()
    if part not in PARTS:
        raise refuse(f"`part` is {part!r}, expected one of {', '.join(PARTS)}")
    pools = {name: _held(name, history, settings) for name, history in histories.items()}
    if not pools:
        raise refuse("retraining got no history, expected at least one")
    champion = registry.stages()["champion"]
    held, first_held = list(pools.values()), {name: pool.first_held for name, pool in pools.items()}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "bundle"
        work.mkdir()
        for name, content in registry.files(champion).items():
            if name != "manifest.sig":
                (work / name).write_bytes(content)
        scratch = Path(folder) if checkpoints is None else checkpoints
        going_on = _begun(scratch, _question(histories, champion, settings) | {"part": part}, resume)

        def decided(what: str, bundle: Path, loss: float) -> Judged:
            outcomes = decisions(histories, first_held, ModelBundle.load(bundle), config, threads=settings.threads)
            found = Judged(loss, outcomes)
            tell(f"decisions there {what}: {found.total.late_percent:.3f} % late, {found.total.job_hours:.0f} job-hours")
            return found

        def judged(what: str) -> tuple[dict[int, float], Judged]:
            losses = held_back_losses(held, work)
            tell(f"loss on the held-back days {what}: {words(losses)}")
            return losses, decided(what, work, mean(losses))

        tell(f"{len(pools)} pools, {sum(days_of(pool.series) for pool in held):.0f} days together, from "
             + ("the bundled models" if champion is None else f"version {champion}"))
        losses_before, before = judged("before")
        newest = max(history.start_ms + len(history.events) * history.interval_seconds * 1000 for history in histories.values())
        about = {"pools": len(pools), "days": round(sum(days_of(pool.series) for pool in held), 1), "seed": settings.seed,
                 "minutes": settings.minutes, "part": part, "parent": champion}
        results: dict[str, Any] = {"held_back_loss_before": keys(losses_before)}

        def assembled() -> None:
            assemble(work, "retrained", _iso(newest)[:10], about, results)

        losses_after, after, against = losses_before, before, []
        details: dict[str, Any] = {
            "made_by": f"evscale retrain {__version__}", "part": part, "seed": settings.seed, "minutes": settings.minutes,
            "data": {name: _window(histories[name], pools[name]) for name in pools},
        }
        if part != "policy":
            with redirect_stdout(stderr):
                train_further(held, work, scratch, settings, tell, _checkpoint(scratch) if going_on else None)
            assembled()
            losses_after, after = judged("after")
            against = objections(before, after)
        rule = None
        if part != "forecaster" and not against:
            forecasts = after
            details["reward"] = train_policy_further(held, work, scratch, settings, tell, going_on)
            assembled()
            after = decided("after, by the policy", work, mean(losses_after))
            rule = decided("by the analytic rule", with_analytic_rule(work, Path(folder) / "rule"), mean(losses_after))
            against = policy_objections(forecasts, after, rule, config)
        details |= {"loss": {"before": keys(losses_before), "after": keys(losses_after)}, "decisions": scores_of(before, after, rule)}
        version = None
        if not against:
            results["held_back_loss_after"] = keys(losses_after)
            assembled()
            version = _registered(registry, work, champion) or registry.add(work, parent=champion, details=details)
    return Retrained(version, tuple(against), details)


def _registered(registry: Registry, work: Path, parent: int | None) -> int | None:
    """The version that a run made of the same training before it was killed, if there is one."""
    digests = {name: hashlib.sha256((work / name).read_bytes()).hexdigest() for name in ("forecaster.onnx", "policy.onnx")}
    for found in reversed(registry.verify()):
        if found["ok"]:
            card = registry.card(found["version"])
            if card["parent"] == parent and all(card["files"][name]["sha256"] == digest for name, digest in digests.items()):
                return int(card["version"])
    return None


def _held(name: str, history: History, settings: Settings) -> Held:
    series = Series(name, history.start_ms, history.interval_seconds, history.events)
    if days_of(series) < SHORTEST_DAYS:
        raise refuse(f"{name}: history spans {days_of(series):.1f} days, expected at least {SHORTEST_DAYS:.0f}")
    return Held.of(series, settings.held_back_days)


def _window(history: History, pool: Held) -> dict[str, Any]:
    at = [history.start_ms + index * history.interval_seconds * 1000 for index in (0, pool.first_held, len(history.events))]
    return {"from": _iso(at[0]), "held_back_from": _iso(at[1]), "to": _iso(at[2]), "interval_seconds": history.interval_seconds}


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _question(histories: Mapping[str, History], champion: int | None, settings: Settings) -> dict[str, Any]:
    """What a run was asked; a checkpoint of another question is no place to go on from."""
    digest = hashlib.sha256()
    for name, history in histories.items():
        digest.update(f"{name} {history.start_ms} {history.interval_seconds} ".encode())
        digest.update(np.ascontiguousarray(history.events).tobytes())
    return {"champion": champion, "histories": digest.hexdigest(), **asdict(settings)}


def _begun(scratch: Path, question: dict[str, Any], resume: bool) -> bool:
    """Writes down the question, or reports that there are checkpoints of the same one to go on from."""
    scratch.mkdir(parents=True, exist_ok=True)
    run, kept = scratch / RUN, [scratch / name for name in (CHECKPOINT, POLICY_FILES[1])]
    if resume and any(checkpoint.exists() for checkpoint in kept):
        begun = json.loads(contents(run, MOST_RUN_BYTES))
        other = [name for name, value in question.items() if begun.get(name) != value]
        if other:
            raise refuse(f"{scratch}: the run there had another `{other[0]}`, expected {question[other[0]]}; give the same "
                         "arguments, or begin anew without --resume")
        return True
    for checkpoint in kept:
        checkpoint.unlink(missing_ok=True)
    replace_file(run, json.dumps(question, indent=2).encode())
    return False


def _checkpoint(scratch: Path) -> dict[str, Any] | None:
    """The forecaster's, if it came so far."""
    return torch.load(scratch / CHECKPOINT, weights_only=True) if (scratch / CHECKPOINT).exists() else None
