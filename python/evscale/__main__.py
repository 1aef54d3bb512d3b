"""The command `evscale`, also `python -m evscale`."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TextIO

import evscale

from . import demo
from ._evscale import readable_text, replace_file
from ._progress import progress
from ._refuse import contents, missing, refuse

BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130
LARGEST_TEXT = 1 << 20
"""Most bytes of a configuration, a decision or a record."""


def _columns(given: Iterable[str]) -> dict[str, str] | None:
    pairs = [one.partition("=") for one in given]
    for role, sign, name in pairs:
        if not (role and sign and name):
            raise refuse(f"--column got {role + sign + name!r}, expected ROLE=NAME such as events=requests")
    return {role: name for role, _, name in pairs} or None


def _config(args: argparse.Namespace) -> evscale.Config:
    settings: dict[str, Any] = {}
    if args.config is not None:
        settings = _object(_text(args.config), str(args.config))
    for one in args.set:
        name, sign, text = one.partition("=")
        if not sign:
            raise refuse(f"--set got {one!r}, expected SETTING=VALUE such as max_jobs=200")
        try:
            settings[name] = _json(text, f"--set {name}")
        except json.JSONDecodeError:
            settings[name] = text
    return evscale.Config(**settings)


def _text(path: Path) -> str:
    return contents(path, LARGEST_TEXT).decode("utf-8")


def _stdin() -> TextIO:
    if sys.stdin is None:
        raise refuse("standard input is closed, expected text")
    return sys.stdin


def _json(text: str, where: str) -> Any:
    """Reads JSON; what Python's reader gives up on is refused, but text that is no JSON is a `JSONDecodeError`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise refuse(f"{where}: nested too deeply") from None
    except ValueError as problem:
        raise refuse(f"{where}: {problem}") from None


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = _json(text, where)
    except json.JSONDecodeError as problem:
        raise refuse(f"{where}: {problem.msg}, expected a JSON object") from None
    if not isinstance(value, dict):
        raise refuse(f"{where}: {text.strip()[:60]!r}, expected a JSON object")
    return value


def _say(text: str, file: TextIO | None = None) -> None:
    """Prints a line with foreign text in it, such as a file's name: nothing in it controls the terminal."""
    print(readable_text(text), file=file)


def _history(args: argparse.Namespace) -> evscale.History:
    return evscale.History.read(args.file, columns=_columns(args.column), time_zone=args.time_zone,
                                gaps="interpolate" if args.fill_gaps else "raise")


def _forecast(args: argparse.Namespace) -> int:
    history = _history(args)
    start = datetime.fromtimestamp(history.start_ms / 1000, tz=timezone.utc)
    forecast = evscale.Forecaster(interval_seconds=history.interval_seconds, start=start).predict(history.events)
    if args.json:
        print(forecast.to_json())
        return 0
    print(f"events per interval of {history.interval_seconds / 60:g} min after {forecast.at:%Y-%m-%d %H:%M} UTC, "
          f"confidence {forecast.model_confidence:.2f}\n")
    print(f"{'minutes':>8}{'median':>12}{'low 80 %':>12}{'high 80 %':>12}")
    for minutes, horizon in forecast.horizons.items():
        low, high = horizon.interval(0.8)
        print(f"{minutes:>8}{horizon.prediction:>12.1f}{low:>12.1f}{high:>12.1f}")
    return 0


def _backtest(args: argparse.Namespace) -> int:
    report = evscale.backtest(_history(args), _config(args), peers=args.peers, jobs_at_peak=args.jobs_at_peak,
                              progress=progress("backtest"))
    if args.html is not None:
        report.to_html(args.html, title=f"evscale backtest: {Path(args.file).name}")
    if args.json:
        print(json.dumps(report.to_dict()))
        return 0
    scored = len(report.times) - report.scored_from
    _say(f"{Path(args.file).name}: {scored} scored intervals of {report.interval_seconds / 60:g} min after the warm-up")
    print()
    print(report.table())
    if report.service_time_source == "assumed":
        print(f"\nservice time of an event assumed: {report.service_time_ms:.0f} ms; --set service_time_ms=... sets it")
    if args.html is not None:
        print()
        _say(f"report: {args.html}")
    return 0


def _decide(args: argparse.Namespace) -> int:
    scaler = evscale.Autoscaler(_config(args))
    given = _stdin()
    for number, line in enumerate(iter(lambda: given.readline(LARGEST_TEXT + 1), ""), 1):
        if not line.strip():
            continue
        if len(line) > LARGEST_TEXT:
            raise refuse(f"line {number}: more than {LARGEST_TEXT} characters, expected at most as many")
        try:
            seen = scaler.observe(_object(line, f"line {number}"))
        except evscale.EvscaleError as problem:
            text = str(problem)
            raise refuse(text if text.startswith(f"line {number}") else f"line {number}: {text}") from None
        if seen.verdict == "rejected":
            _say(f"evscale: line {number}: record rejected: {seen.reason}", sys.stderr)
        print(scaler.decide().to_json(), flush=True)
    return 0


def _explain(args: argparse.Namespace) -> int:
    text = _stdin().read(LARGEST_TEXT) if args.decision == "-" else _text(Path(args.decision))
    _object(text, args.decision)
    try:
        decision = evscale.Decision(text)
    except ValueError as problem:
        raise refuse(f"{args.decision}: {problem}") from None
    _say(f"{decision.action.replace('_', ' ')}: {decision.current_jobs} -> {decision.recommended_jobs} jobs "
          f"({decision.change:+d}) at {decision.decided_at:%Y-%m-%d %H:%M} UTC, confidence {decision.confidence:.2f}")
    _say(decision.explanation)
    _say(f"proposed by the {decision.source.replace('_', ' ')}: {decision.proposed_jobs} jobs")
    if decision.fallback_reason:
        _say(f"a better source did not act: {decision.fallback_reason}")
    if not decision.trail:
        _say("no safety rule changed the proposal")
    for number, step in enumerate(decision.trail, 1):
        _say(f"{number}. {step['rule'].replace('_', ' ')}: {step['before']} -> {step['after']} ({step['detail']})")
    for key, value in decision.reasoning.items():
        _say(f"{key.replace('_', ' ')}: {'unknown' if value is None else str(value).replace('_', ' ')}")
    for step in decision.plan:
        _say(f"in {step['minutes_ahead']} min: {step['jobs']} jobs ({step['low']} to {step['high']})")
    return 0


def _verify(args: argparse.Namespace) -> int:
    """Runs the installation through an hour of a pool and compares what must agree."""
    checks: list[tuple[str, bool]] = []
    bundle = _load(args.bundle, args.public_key)
    checks.append((f"models load: {bundle.name} {bundle.version}", True))
    config = evscale.Config(min_jobs=2, max_jobs=40)
    pools = [evscale.Autoscaler(config, bundle=bundle) for _ in range(2)]
    start = datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
    for pool in pools:
        for index in range(30):
            pool.observe(timestamp=start + timedelta(minutes=2 * index), logged_events_count=3000 + 40 * index,
                         current_job_count=12, average_processing_duration_ms=400.0)
    first, second = (pool.decide() for pool in pools)
    forecast = pools[0].forecast()
    again = evscale.Autoscaler.restore(config, pools[0].snapshot(), bundle)
    values = [value for horizon in forecast.horizons.values() for value in horizon.quantiles.values()]
    checks += [
        ("the networks or the analytic rule decide", first.source in ("policy_network", "analytic_rule")),
        ("it is within the bounds", 2 <= first.recommended_jobs <= 40),
        ("the same records give the same decision", first == second),
        ("forecasts are finite and do not cross", all(math.isfinite(value) and value >= 0 for value in values) and all(
            list(h.quantiles.values()) == sorted(h.quantiles.values()) for h in forecast.horizons.values())),
        ("a restored snapshot goes on with the same state", again.snapshot() == pools[0].snapshot()),
    ]
    ok = all(passed for _, passed in checks)
    if args.json:
        print(json.dumps({"version": evscale.__version__, "ok": ok, "checks": {name: passed for name, passed in checks}}))
    else:
        print(f"evscale {evscale.__version__}, Python {sys.version.split()[0]}")
        for name, passed in checks:
            print(f"{'ok    ' if passed else 'FAILED'} {name}")
    return 0 if ok else FAILED


def _load(path: Path | None, public_key: str | None) -> evscale.ModelBundle:
    if path is None:
        return evscale.ModelBundle.bundled()
    return evscale.ModelBundle.load(path, public_key)


def _bundle(args: argparse.Namespace) -> int:
    if args.action == "sign":
        return _sign(args)
    bundle = _load(args.path, args.public_key)
    if args.action == "check":
        signed = args.path is not None and args.public_key is not None
        print(json.dumps({"name": bundle.name, "version": bundle.version, "signed": signed, "ok": True}) if args.json
              else f"ok: {bundle.name} {bundle.version}{', signed' if signed else ''}")
        return 0
    if args.json:
        print(json.dumps(bundle.manifest))
        return 0
    for key, value in bundle.manifest.items():
        text = json.dumps(value)
        print(f"{key}: {text if len(text) <= 100 else text[:97] + '...'}")
    return 0


def _sign(args: argparse.Namespace) -> int:
    """Writes manifest.sig; the secret is a seed of 64 hexadecimal digits in a file that its owner alone can read."""
    from ._evscale import public_key_of, sign_manifest

    if args.path is None or args.key is None:
        raise refuse("bundle sign needs FOLDER and --key FILE")
    evscale.ModelBundle.load(args.path)
    if args.new_key:
        with os.fdopen(os.open(args.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(os.urandom(32).hex() + "\n")
    seed = contents(args.key, LARGEST_TEXT).decode("ascii", "replace").strip()
    key = public_key_of(seed)
    replace_file(args.path / "manifest.sig", sign_manifest((args.path / "manifest.json").read_bytes(), seed))
    evscale.ModelBundle.load(args.path, key)
    print(json.dumps({"public_key": key}) if args.json else f"signed; public key {key}")
    return 0


def _simulate(args: argparse.Namespace) -> int:
    from ._evscale import random_workload

    start_ms, events = random_workload(args.seed, args.days, args.interval_seconds)
    if not args.records:
        print("timestamp,events")
    for index, count in enumerate(events):
        at = datetime.fromtimestamp(start_ms / 1000 + index * args.interval_seconds, tz=timezone.utc)
        known = math.isfinite(count)
        if args.records:
            record = {"timestamp": (at + timedelta(seconds=args.interval_seconds)).isoformat(),
                      "logged_events_count": float(count) if known else None, "current_job_count": args.jobs,
                      "average_processing_duration_ms": args.service_time_ms}
            print(json.dumps(record))
        elif known:
            print(f"{at:%Y-%m-%dT%H:%M:%SZ},{count:g}")
    return 0


def _completion(args: argparse.Namespace) -> int:
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError:
        raise missing("argcomplete", "completion in a shell", "completion") from None
    print(shellcode(["evscale"], shell=args.shell))
    return 0


def _complete(of: argparse.ArgumentParser) -> None:
    """Answers the shell's question for completions and ends, if this run is one."""
    if "_ARGCOMPLETE" in os.environ:
        from argcomplete import autocomplete

        autocomplete(of)


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    top = argparse.ArgumentParser(prog="evscale", description="Predictive autoscaler: forecasts arrivals, decides the "
                                  "number of jobs, explains itself.")
    top.add_argument("--version", action="version", version=f"evscale {evscale.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], words: str, *, machine: bool = True) -> argparse.ArgumentParser:
        part = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        part.set_defaults(run=run)
        if machine:
            part.add_argument("--json", action="store_true", help="print JSON")
        return part

    def history(part: argparse.ArgumentParser) -> None:
        part.add_argument("file", metavar="FILE", help="CSV or Parquet: a time and a count of events per row")
        part.add_argument("--column", action="append", default=[], metavar="ROLE=NAME",
                          help="the file's name for timestamp, events or service_ms")
        part.add_argument("--time-zone", metavar="ZONE", help="IANA zone of times without one")
        part.add_argument("--fill-gaps", action="store_true", help="take absent rows as unknown instead of refusing them")

    def settings(part: argparse.ArgumentParser) -> None:
        part.add_argument("--config", type=Path, metavar="FILE.json", help="settings of the pool")
        part.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE", help="one setting, such as max_jobs=200")

    demo.add_arguments(command("demo", demo.run, "replay two generated weeks under evscale and a reactive rule", machine=False))
    history(command("forecast", _forecast, "forecast what comes after a history"))
    part = command("backtest", _backtest, "replay a history, with scores, peers and a clairvoyant schedule")
    history(part)
    settings(part)
    part.add_argument("--html", type=Path, metavar="OUT.html", help="write a report for people")
    part.add_argument("--peers", action="store_true", help="replay the rules people use today as well")
    part.add_argument("--jobs-at-peak", type=float, metavar="JOBS", help="jobs at the peak, if no service time is known")
    settings(command("decide", _decide, "metrics records as JSON lines in, decisions as JSON lines out", machine=False))
    part = command("explain", _explain, "tell a decision in words", machine=False)
    part.add_argument("decision", metavar="DECISION.json", help="a decision as JSON; - is standard input")
    part = command("verify", _verify, "test the installation and its models")
    part.add_argument("--bundle", type=Path, metavar="FOLDER", help="models other than the bundled ones")
    part.add_argument("--public-key", metavar="HEX", help="key that must have signed them")
    part = command("bundle", _bundle, "look at, check or sign a model bundle")
    part.add_argument("action", choices=("inspect", "check", "sign"))
    part.add_argument("--public-key", metavar="HEX", help="key that must have signed it")
    part.add_argument("--key", type=Path, metavar="FILE", help="sign: the secret, 64 hexadecimal digits")
    part.add_argument("--new-key", action="store_true", help="sign: make a new secret in that file first")
    part.add_argument("path", nargs="?", type=Path, metavar="FOLDER", help="the bundled models without one")
    part = command("simulate", _simulate, "print a generated workload as CSV or as metrics records", machine=False)
    part.add_argument("--days", type=float, default=1.0, help="length (default: %(default)s)")
    part.add_argument("--seed", type=int, default=1, help="of the workload (default: %(default)s)")
    part.add_argument("--interval-seconds", type=int, default=120, help="length of an interval (default: %(default)s)")
    part.add_argument("--records", action="store_true", help="JSON lines for `evscale decide`")
    part.add_argument("--jobs", type=int, default=12, help="jobs in the records (default: %(default)s)")
    part.add_argument("--service-time-ms", type=float, default=400.0, help="in the records (default: %(default)s)")
    part = command("completion", _completion, "print the completion of a shell, to be evaluated in it", machine=False)
    part.add_argument("shell", choices=("bash", "zsh", "fish"))
    return top


def _words(problem: BaseException) -> str:
    """What went wrong, in words: the file first, if there is one."""
    if isinstance(problem, OSError) and problem.filename is not None and problem.strerror:
        return f"{problem.filename}: {problem.strerror}"
    return str(problem) or "out of memory"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; 0 is success, 1 a failed check, 2 bad input, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    commands = parser()
    _complete(commands)
    args = commands.parse_args(arguments)
    try:
        code = int(args.run(args))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        _leave_stdout()
        return 0
    except KeyboardInterrupt:
        print("evscale: stopped", file=sys.stderr)
        return INTERRUPTED
    except (evscale.EvscaleError, OSError, UnicodeError, ImportError, MemoryError) as problem:
        _say(f"evscale: {_words(problem)}", sys.stderr)
        if isinstance(problem, OSError):
            _leave_stdout()
        return BAD_INPUT


def _leave_stdout() -> None:
    """Keeps the interpreter from failing once more, at its end, to write what standard output did not take."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
