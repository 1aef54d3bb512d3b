"""`evscale decide` and `evscale explain`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

import evscale

from .._evscale import readable_text
from .._refuse import door, refuse, shown
from ..decision_log import DecisionLog
from ..notebook import jobs_of
from .models import loaded
from .reading import pairs
from .records import Records, objects
from .settings import config_of, json_object
from .terminal import LARGEST_TEXT, say, standard_input, text_of

POLL_SECONDS = 0.5
MOST_DECISIONS = 64 << 20
"""Most characters of standard input in which the last decision is looked for."""
BAD_INPUT = 2


def run_decide(args: argparse.Namespace) -> int:
    """Prints a decision per record. A record that cannot be read is reported and passed over; 2 if none could be read."""
    config = config_of(args)
    bundle = loaded(args.bundle, config.bundle_public_key)
    scaler = evscale.Autoscaler(config, bundle)
    records = Records(pairs(args.column, "--column", "FIELD=NAME such as logged_events_count=requests") or {}, args.time_zone, args.ignore_extra)
    if args.pool and args.log is None:
        raise refuse("--pool names the pool in a decision log, expected --log FOLDER with it")
    read = failed = 0
    with nullcontext() if args.log is None else DecisionLog(args.log) as log:
        for place, value in objects(piped() if args.follow is None else followed(args.follow)):
            try:
                record = records.record(mapping_of(value))
                seen = scaler.observe(record)
            except evscale.EvscaleError as problem:
                failed += 1
                say(f"evscale: {place}: {problem}", sys.stderr)
                continue
            read += 1
            if seen.verdict == "rejected":
                say(f"evscale: {place}: record rejected: {seen.reason}", sys.stderr)
            decision = scaler.decide()
            if log is not None and seen.verdict != "rejected":
                log.append(decision, record, pool=args.pool or "", models=f"{bundle.name} {bundle.version}")
            print(decision.to_json(), flush=True)
    return BAD_INPUT if failed and not read else 0


def mapping_of(value: Any) -> Mapping[str, Any]:
    """Returns a record as it was read; what is none is refused."""
    if isinstance(value, RecursionError):
        raise refuse("nested too deeply, expected a metrics record as a JSON object")
    if isinstance(value, Exception):
        raise refuse(f"{getattr(value, 'msg', str(value)[:80])}, expected a metrics record as a JSON object")
    if not isinstance(value, Mapping):
        raise refuse(f"{shown(value)[:80]}, expected a metrics record as a JSON object")
    return value


def piped() -> Iterator[str]:
    """Yields the lines of standard input; one that is longer than a record may be is refused."""
    given = standard_input()
    for number, line in enumerate(iter(lambda: given.readline(LARGEST_TEXT + 1), ""), 1):
        if len(line) > LARGEST_TEXT:
            raise refuse(f"line {number}: more than {LARGEST_TEXT} characters, expected at most as many")
        yield line


def followed(path: Path) -> Iterator[str]:
    """Yields the lines of a file, then those that are appended to it, for ever; a file that is replaced or cut is read anew."""
    while True:
        with _opened(path) as file:
            identity, part = os.fstat(file.fileno()).st_ino, ""
            while True:
                part += file.readline(LARGEST_TEXT + 1)
                if len(part) > LARGEST_TEXT:
                    raise refuse(f"{path}: a line of more than {LARGEST_TEXT} characters, expected at most as many")
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


@door
def _opened(path: Path) -> TextIO:
    return path.open(encoding="utf-8", errors="replace")


def run_explain(args: argparse.Namespace) -> int:
    """Tells a decision in words: that of a file, or the last one of standard input."""
    text = standard_input().read(MOST_DECISIONS) if args.decision == "-" else text_of(Path(args.decision))
    lines = [line for line in text.splitlines() if line.strip()]
    is_lines = len(lines) > 1 and all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in (lines[0], lines[-1]))
    chosen = lines[-1] if is_lines else text
    json_object(chosen, args.decision)
    try:
        decision = evscale.Decision(chosen)
    except ValueError as problem:
        raise refuse(f"{args.decision}: {problem}") from None
    for line in told(decision):
        print(readable_text(line))
    return 0


def told(decision: evscale.Decision) -> list[str]:
    """Returns a decision in words, rule by rule, a line each."""
    change = "" if decision.change is None else f" ({decision.change:+d})"
    lines = [(f"{decision.action.replace('_', ' ')}: {jobs_of(decision.current_jobs)} -> {jobs_of(decision.recommended_jobs)} jobs"
              f"{change} at {decision.decided_at:%Y-%m-%d %H:%M} UTC, confidence {decision.confidence:.2f}"),
             decision.explanation,
             f"proposed by the {decision.source.replace('_', ' ')}: {jobs_of(decision.proposed_jobs)} jobs"]
    if decision.fallback_reason:
        lines.append(f"a better source did not act: {decision.fallback_reason}")
    if not decision.trail:
        lines.append("no safety rule changed the proposal")
    lines += [f"{number}. {step['rule'].replace('_', ' ')}: {step['before']} -> {step['after']} ({step['detail']})"
              for number, step in enumerate(decision.trail, 1)]
    lines += [f"{key.replace('_', ' ')}: {'unknown' if value is None else str(value).replace('_', ' ')}"
              for key, value in decision.reasoning.items()]
    lines += [f"in {step['minutes_ahead']} min: {step['jobs']} jobs ({step['low']} to {step['high']})" for step in decision.plan]
    return lines
