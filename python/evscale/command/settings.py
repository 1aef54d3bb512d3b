"""Settings of a pool from the command line, and JSON objects from files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import evscale

from .._refuse import refuse, shown
from .terminal import text_of


def add_arguments(part: argparse.ArgumentParser) -> None:
    """Adds the settings of the pool."""
    part.add_argument("--config", type=Path, metavar="FILE.json", help="settings of the pool")
    part.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE", help="one setting, such as max_jobs=200")


def config_of(args: argparse.Namespace, **more: Any) -> evscale.Config:
    """Returns the configuration of a file with single settings over it."""
    settings: dict[str, Any] = {}
    if args.config is not None:
        settings = json_object(text_of(args.config), str(args.config))
    for one in args.set:
        name, sign, text = one.partition("=")
        if not sign:
            raise refuse(f"--set got {one!r}, expected SETTING=VALUE such as max_jobs=200")
        try:
            settings[name] = json.loads(text)
        except json.JSONDecodeError:
            settings[name] = text
        except (ValueError, RecursionError) as problem:
            raise refuse(f"--set {name}: {'nested too deeply' if isinstance(problem, RecursionError) else problem}") from None
    return evscale.Config(**{**settings, **{name: value for name, value in more.items() if value is not None}})


def json_object(text: str, where: str) -> dict[str, Any]:
    """Returns the JSON object of a text."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise refuse(f"{where}: nested too deeply, expected a JSON object") from None
    except ValueError as problem:
        raise refuse(f"{where}: {getattr(problem, 'msg', str(problem)[:80])}, expected a JSON object") from None
    if not isinstance(value, dict):
        raise refuse(f"{where}: {shown(text.strip()[:60])}, expected a JSON object")
    return value
