"""`evscale decide` and `evscale explain`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import evscale

from .._refuse import refuse, shown
from .reading import pairs
from .records import Records, objects
from .settings import config_of, json_object

POLL_SECONDS = 0.5
BAD_INPUT = 2


def run_decide(args: argparse.Namespace) -> int:
    """Prints a decision per record. A record that cannot be read is reported and passed over; 2 if none could be read."""
    scaler = evscale.Autoscaler(config_of(args))
    records = Records(pairs(args.column, "--column", "FIELD=NAME such as logged_events_count=requests") or {}, args.time_zone, args.ignore_extra)
    read = failed = 0
    for place, value in objects(sys.stdin if args.follow is None else followed(args.follow)):
        try:
            seen = scaler.observe(records.record(_mapping(value)))
        except evscale.EvscaleError as problem:
            failed += 1
            print(f"evscale: {place}: {problem}", file=sys.stderr, flush=True)
            continue
        read += 1
        if seen.verdict == "rejected":
            print(f"evscale: {place}: record rejected: {seen.reason}", file=sys.stderr, flush=True)
        print(scaler.decide().to_json(), flush=True)
    return BAD_INPUT if failed and not read else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Exception):
        raise refuse(f"{getattr(value, 'msg', str(value)[:80])}, expected a metrics record as a JSON object")
    if not isinstance(value, Mapping):
        raise refuse(f"{shown(value)[:80]}, expected a metrics record as a JSON object")
    return value


def followed(path: Path) -> Iterator[str]:
    """Yields the lines of a file, then those that are appended to it, for ever; a file that is replaced or cut is read anew."""
    while True:
        with path.open(encoding="utf-8", errors="replace") as file:
            identity, part = os.fstat(file.fileno()).st_ino, ""
            while True:
                part += file.readline()
                if part.endswith("\n"):
                    yield part
                    part = ""
                    continue
                time.sleep(POLL_SECONDS)
                try:
                    now = path.stat()
                except FileNotFoundError:
                    continue
                if now.st_ino != identity or now.st_size < file.tell():
                    break


def run_explain(args: argparse.Namespace) -> int:
    """Tells a decision in words: that of a file, or the last one of standard input."""
    text = sys.stdin.read() if args.decision == "-" else Path(args.decision).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip()]
    is_lines = len(lines) > 1 and all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in (lines[0], lines[-1]))
    given = json_object(lines[-1] if is_lines else text, args.decision)
    try:
        decision = evscale.Decision(json.dumps(given))
    except ValueError as problem:
        raise refuse(f"{args.decision}: {problem}") from None
    print(told(decision))
    return 0


def told(decision: evscale.Decision) -> str:
    """Returns a decision in words, rule by rule."""
    lines = [(f"{decision.action.replace('_', ' ')}: {decision.current_jobs} -> {decision.recommended_jobs} jobs "
             f"({decision.change:+d}) at {decision.decided_at:%Y-%m-%d %H:%M} UTC, confidence {decision.confidence:.2f}"),
             decision.explanation, f"proposed by the {decision.source.replace('_', ' ')}: {decision.proposed_jobs} jobs"]
    if decision.fallback_reason:
        lines.append(f"a better source did not act: {decision.fallback_reason}")
    if not decision.trail:
        lines.append("no safety rule changed the proposal")
    lines += [f"{number}. {step['rule'].replace('_', ' ')}: {step['before']} -> {step['after']} ({step['detail']})"
              for number, step in enumerate(decision.trail, 1)]
    lines += [f"{key.replace('_', ' ')}: {'unknown' if value is None else str(value).replace('_', ' ')}"
              for key, value in decision.reasoning.items()]
    lines += [f"in {step['minutes_ahead']} min: {step['jobs']} jobs ({step['low']} to {step['high']})" for step in decision.plan]
    return "\n".join("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line) for line in lines)
