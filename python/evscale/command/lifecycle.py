"""`evscale models` and `evscale retrain`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import evscale

from .._refuse import missing, refuse
from . import reading, settings
from .reading import history_of, readings
from .settings import config_of
from .terminal import say

FAILED, REFUSED = 1, 3
KEPT = 5
MLFLOW = "mlflow:"
LONGEST_VALUE = 60


def add_arguments(part: argparse.ArgumentParser) -> None:
    """Adds the actions on a registry."""
    part.add_argument("action", choices=tuple(ACTIONS), help="add a bundle's folder; list; show or verify a version; diff two; promote a "
                      "version, roll back to the champion before; pin the champion against both, unpin it; prune old versions")
    part.add_argument("what", nargs="*", metavar="VERSION", help="show, promote: one; diff: two; verify: one, or all; add: the FOLDER of a bundle")
    part.add_argument("--registry", required=True, metavar="FOLDER", help="the registry; `add` makes one; or mlflow:NAME, a model of MLflow")
    part.add_argument("--reason", metavar="WORDS", help="promote, rollback, pin, unpin: why, for whoever asks later")
    part.add_argument("--keep", type=int, default=KEPT, metavar="N", help="prune: newest versions that stay (default: %(default)s)")


def run_models(args: argparse.Namespace) -> int:
    """Runs one action on a registry; 1 if verify found damage."""
    least, most = WANTED[args.action]
    if not least <= len(args.what) <= most:
        noun = "FOLDER" if args.action == "add" else "VERSION"
        expected = "none" if most == 0 else f"{least} {noun}" if least == most else f"at most {most} {noun}"
        raise refuse(f"models {args.action} got {len(args.what)} arguments, expected {expected}")
    registry = registry_of(args.registry, create=args.action == "add")
    answer, code = ACTIONS[args.action](registry, args)
    if args.json:
        print(json.dumps(answer))
    else:
        for line in LINES[args.action](answer):
            say(line)
    return code


def registry_of(where: str, create: bool) -> evscale.Registry:
    """Returns the registry in a folder, or the model `mlflow:NAME`."""
    if where.startswith(MLFLOW):
        from ..mlflow_registry import MlflowRegistry

        return cast(evscale.Registry, MlflowRegistry(where.removeprefix(MLFLOW)))
    return evscale.Registry(where, create=create)


def _version(text: str) -> int:
    if not text.isdecimal():
        raise refuse(f"VERSION got {text!r}, expected the number of a version; `evscale models list` shows them")
    return int(text)


def _reason(args: argparse.Namespace) -> str:
    return args.reason if args.reason is not None else f"evscale models {args.action}"


def _row(registry: evscale.Registry, version: int, stages: dict[str, Any]) -> dict[str, Any]:
    card = registry.card(version)
    stage = "champion" if version == stages["champion"] else "champion before" if version in stages["earlier"] else "candidate"
    return {"version": version, "stage": stage, "parent": card["parent"], "created": _time(card["created_ms"]), "details": card["details"]}


def _list(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    stages = registry.stages()
    versions = [_row(registry, version, stages) for version in registry.versions()]
    return {"champion": stages["champion"], "pinned": stages["pinned"], "versions": versions}, 0


def _show(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    version, stages = _version(args.what[0]), registry.stages()
    steps = [step for step in stages["history"] if version in (step["from"], step["to"])]
    return registry.card(version) | {"stage": _row(registry, version, stages)["stage"], "history": steps}, 0


def _diff(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    before, after = (_version(text) for text in args.what)
    return registry.diff(before, after), 0


def _add(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    details = {"made_by": "evscale models add"} | ({} if args.reason is None else {"note": args.reason})
    return {"version": registry.add(args.what[0], details=details)}, 0


def _promote(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    registry.promote(_version(args.what[0]), _reason(args))
    return _champion(registry)


def _rollback(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    registry.rollback(_reason(args))
    return _champion(registry)


def _pin(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    (registry.pin if args.action == "pin" else registry.unpin)(_reason(args))
    return _champion(registry)


def _champion(registry: evscale.Registry) -> tuple[dict[str, Any], int]:
    stages = registry.stages()
    return {"champion": stages["champion"], "pinned": stages["pinned"]}, 0


def _prune(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    return {"removed": registry.prune(args.keep), "versions": registry.versions()}, 0


def _verify(registry: evscale.Registry, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    found = registry.verify(_version(args.what[0]) if args.what else None)
    ok = all(one["ok"] or one["unfinished"] for one in found)
    return {"ok": ok, "versions": found}, 0 if ok else FAILED


def _list_lines(answer: dict[str, Any]) -> list[str]:
    rows = [f"{one['version']:>7}  {one['stage']:<16}{'bundled' if one['parent'] is None else one['parent']!s:>8}  {one['created']}"
            for one in answer["versions"]]
    return [*_champion_lines(answer), "", f"{'version':>7}  {'stage':<16}{'parent':>8}  created", *rows]


def _champion_lines(answer: dict[str, Any]) -> list[str]:
    champion = "the bundled models" if answer["champion"] is None else f"version {answer['champion']}"
    pinned = "" if answer["pinned"] is None else f", pinned since {_time(answer['pinned']['at_ms'])}: {answer['pinned']['reason']}"
    return [f"champion: {champion}{pinned}"]


def _show_lines(answer: dict[str, Any]) -> list[str]:
    created = _time(answer["created_ms"])
    top = [f"version {answer['version']}, {answer['stage']}", f"parent: {'the bundled models, or not told' if answer['parent'] is None else answer['parent']}",
           f"created: {created}"]
    steps = [f"{_time(step['at_ms'])} {step['kind'].replace('_', ' ')}: {step['reason']}" for step in answer["history"]]
    return [*top, *_entries(answer["details"]), *steps]


def _entries(value: dict[str, Any], before: str = "") -> list[str]:
    lines = []
    for key, one in value.items():
        lines += _entries(one, f"{before}{key}.") if isinstance(one, dict) else [f"{before}{key}: {_short(one)}"]
    return lines


def _diff_lines(answer: dict[str, Any]) -> list[str]:
    lines = [f"{part} {one['entry']}: {_short(one['before'])} -> {_short(one['after'])}" for part in ("card", "manifest") for one in answer[part]]
    return lines or ["no difference"]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _prune_lines(answer: dict[str, Any]) -> list[str]:
    return [f"removed: {', '.join(map(str, answer['removed'])) or 'none'}", f"kept: {', '.join(map(str, answer['versions'])) or 'none'}"]


def _verify_lines(answer: dict[str, Any]) -> list[str]:
    def word(one: dict[str, Any]) -> str:
        return "ok" if one["ok"] else "unfinished" if one["unfinished"] else "DAMAGED"

    return [f"{word(one):<11}version {one['version']}{'' if one['ok'] else ': ' + one['problem']}" for one in answer["versions"]] or ["no versions"]


def _time(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"


ACTIONS: dict[str, Callable[[evscale.Registry, argparse.Namespace], tuple[dict[str, Any], int]]] = {
    "list": _list, "show": _show, "diff": _diff, "add": _add, "promote": _promote, "rollback": _rollback, "pin": _pin, "unpin": _pin,
    "prune": _prune, "verify": _verify,
}
LINES: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "list": _list_lines, "show": _show_lines, "diff": _diff_lines, "add": lambda answer: [f"added version {answer['version']}, a candidate"],
    "promote": _champion_lines, "rollback": _champion_lines, "pin": _champion_lines, "unpin": _champion_lines, "prune": _prune_lines,
    "verify": _verify_lines,
}
WANTED = {"list": (0, 0), "show": (1, 1), "diff": (2, 2), "add": (1, 1), "promote": (1, 1), "rollback": (0, 0), "pin": (0, 0),
          "unpin": (0, 0), "prune": (0, 0), "verify": (0, 1)}
"""Fewest and most arguments of an action."""


def add_retrain_arguments(part: argparse.ArgumentParser) -> None:
    """Adds what a retraining needs."""
    part.add_argument("--source", nargs="+", required=True, metavar="FILE", help=f"a file for each pool, of {reading.FILE_HELP}")
    part.add_argument("--registry", required=True, metavar="FOLDER", help="where the champion is and the result goes; made if not there; or "
                      "mlflow:NAME")
    part.add_argument("--promote", action="store_true", help="make the result the champion at once, if it is registered")
    part.add_argument("--part", choices=("forecaster", "policy", "both"), default="forecaster", help="the network that is trained; both: the "
                      "forecaster first (default: %(default)s)")
    part.add_argument("--minutes", type=float, default=5.0, help="of training, of each network (default: %(default)s)")
    part.add_argument("--held-back-days", type=float, default=14.0, metavar="DAYS", help="at the end of each history, at most a quarter, which are "
                      "only scored (default: %(default)s)")
    part.add_argument("--threads", type=int, default=2, help="of the CPU (default: %(default)s)")
    part.add_argument("--seed", type=int, default=1, help="of the training (default: %(default)s)")
    part.add_argument("--checkpoints", type=Path, metavar="FOLDER", help="keep the training's log and checkpoint there")
    part.add_argument("--resume", action="store_true", help="go on from the checkpoint in that folder")
    settings.add_arguments(part)
    reading.add_options(part)


def run_retrain(args: argparse.Namespace) -> int:
    """Retrains; 3 if the result is worse than the champion, and so was not registered."""
    for name, value in (("--minutes", args.minutes), ("--held-back-days", args.held_back_days), ("--threads", args.threads)):
        if not 0 < value < 1e6:
            raise refuse(f"{name} got {value:g}, expected more than 0")
    if args.resume and args.checkpoints is None:
        raise refuse("--resume needs --checkpoints FOLDER, where the run before kept its checkpoint")
    config = config_of(args)
    try:
        from ..training.fit import Settings
        from ..training.retrain import retrain
    except ImportError as problem:
        raise missing(problem.name or "PyTorch", "evscale retrain", "train") from None
    registry = registry_of(args.registry, create=True)
    if args.promote and registry.stages()["pinned"] is not None:
        raise refuse("--promote: the champion is pinned; unpin it with `evscale models unpin`, or leave --promote out")
    histories = _histories(args)
    out = sys.stderr if args.json else sys.stdout
    done = retrain(histories, registry, config=config, part=args.part, checkpoints=args.checkpoints, resume=args.resume, tell=lambda line: say(line, out),
                   settings=Settings(minutes=args.minutes, held_back_days=args.held_back_days, threads=args.threads, seed=args.seed))
    if done.version is not None and args.promote:
        registry.promote(done.version, "evscale retrain --promote: better on the held-back days")
    if args.json:
        print(json.dumps({"version": done.version, "promoted": done.version is not None and args.promote,
                          "objections": list(done.objections), "details": done.details}))
    if done.version is None:
        for objection in done.objections:
            say(f"evscale: not registered: {objection}", sys.stderr)
        return REFUSED
    say(f"registered as version {done.version}, " + ("now the champion" if args.promote else
        f"a candidate; `evscale models promote {done.version} --registry {args.registry}` makes it the champion"), out)
    return 0


def _histories(args: argparse.Namespace) -> dict[str, evscale.History]:
    """Returns the histories of all files by their names."""
    found: dict[str, evscale.History] = {}
    for file in args.source:
        one_file = argparse.Namespace(**{**vars(args), "file": file})
        for one in readings(one_file):
            name = one.name if one.name not in found else file
            if name in found:
                raise refuse(f"--source got {file} twice, expected each pool once")
            found[name] = history_of(one, one_file)
    return found
