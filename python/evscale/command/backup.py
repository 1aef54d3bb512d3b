"""`evscale backup` and `evscale restore`."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .._refuse import refuse
from ..backups import PARTS, back_up, check, restore
from .terminal import say


def add_arguments(part: argparse.ArgumentParser) -> None:
    """Adds what a backup holds."""
    part.add_argument("archive", type=Path, metavar="ARCHIVE.tar", help="is written; may hold what configurations hold, and only its owner may read it")
    part.add_argument("--registry", type=Path, metavar="FOLDER", help="a registry of models")
    part.add_argument("--config", type=Path, nargs="+", default=[], metavar="FILE", help="configurations of pools, or folders of them")
    part.add_argument("--state", type=Path, nargs="+", default=[], metavar="PATH", help="snapshots, folders of distributed fleets, decision logs, "
                      "databases of an evscale-server with SQLite")
    part.add_argument("--overwrite", action="store_true", help="replace an archive that is there")


def run_backup(args: argparse.Namespace) -> int:
    """Writes an archive and reads it again."""
    back_up(args.archive, registry=args.registry, config=args.config, state=args.state, overwrite=args.overwrite)
    return _tell(check(args.archive), f"written and read again: {args.archive}", args.json)


def add_restore_arguments(part: argparse.ArgumentParser) -> None:
    """Adds where an archive is restored."""
    part.add_argument("archive", type=Path, metavar="ARCHIVE.tar")
    part.add_argument("--into", type=Path, metavar="FOLDER", help=f"gets {', '.join(PARTS[:-1])} and {PARTS[-1]}; empty, or not there")
    part.add_argument("--replace", action="store_true", help="move what is in the folder to FOLDER.before")
    part.add_argument("--check", action="store_true", help="read the archive and write nothing")


def run_restore(args: argparse.Namespace) -> int:
    """Brings everything back, or checks the archive."""
    if args.check == (args.into is not None):
        raise refuse("restore got both or none of --into FOLDER and --check, expected one of them")
    if args.check:
        return _tell(check(args.archive), f"whole: {args.archive}", args.json)
    return _tell(restore(args.archive, args.into, replace=args.replace), f"restored into {args.into}", args.json)


def _tell(manifest: dict[str, Any], what: str, as_json: bool) -> int:
    if as_json:
        print(json.dumps(manifest))
        return 0
    made = datetime.fromtimestamp(manifest["created_ms"] / 1000, tz=timezone.utc)
    say(f"{what}, of {made:%Y-%m-%d %H:%M} UTC")
    for part in PARTS:
        files = [one for one in manifest["files"] if one["name"].startswith(f"{part}/")]
        if files:
            say(f"{part:9} {len(files)} files, {sum(one['bytes'] for one in files)} bytes")
    return 0
