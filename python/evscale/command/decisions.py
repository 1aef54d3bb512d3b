"""`evscale decisions`: what a decision log holds, and all of it as one file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from .._refuse import listed, refuse
from ..decision_log import read_decisions, write_table
from .terminal import say


def add_arguments(part: argparse.ArgumentParser) -> None:
    """Adds what is read of a decision log."""
    part.add_argument("folder", type=Path, metavar="FOLDER", help="of `evscale decide --log` or `evscale.decision_log`")
    part.add_argument("--pool", metavar="KEY", help="rows of one pool alone")
    part.add_argument("--out", type=Path, metavar="OUT.parquet", help="write all rows to one Parquet file; docs/decision-log.md has the columns")


def run(args: argparse.Namespace) -> int:
    """Tells rows, times and what was decided, pool by pool."""
    table = read_decisions(args.folder)
    pools = sorted({str(pool) for pool in table["pool"].unique().to_pylist()})
    if args.pool is not None:
        if args.pool not in pools:
            raise refuse(f"--pool {args.pool}: no row of it, expected one of {listed(pools)}")
        table, pools = table.filter([pool == args.pool for pool in table["pool"].to_pylist()]), [args.pool]
    if args.out is not None:
        write_table(table, args.out)
    rows = table.select(["pool", "timestamp", "decided_at", "action", "emergency"]).to_pylist()
    answer = {"rows": len(rows), "pools": {pool: _told([row for row in rows if row["pool"] == pool]) for pool in pools}}
    if args.json:
        print(json.dumps(answer))
        return 0
    for pool in pools:
        one = answer["pools"][pool]  # type: ignore[index]
        say(f"{pool or 'one pool'}: {one['rows']} rows, {one['from']} to {one['to']}: {one['decisions']} decisions, of them "
            f"{one['scale_up']} to grow, {one['scale_down']} to shrink and {one['emergencies']} in an emergency")
    if args.out is not None:
        say(f"written: {args.out}", sys.stderr)
    return 0


def _told(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns a pool in numbers; a decision stands for several rows, and is counted once."""
    times = [row["timestamp"] or row["decided_at"] for row in rows]
    decisions = {row["decided_at"]: row for row in rows}.values()
    counted = {action: sum(row["action"] == action for row in decisions) for action in ("scale_up", "scale_down", "hold")}
    return {"rows": len(rows), "from": _iso(min(times)), "to": _iso(max(times)), "decisions": len(decisions), **counted,
            "emergencies": sum(row["emergency"] for row in decisions)}


def _iso(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
