"""The command `evscale`, also `python -m evscale`."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import evscale

from . import demo
from ._refuse import missing, shell_words
from .command import backup, decisions, lifecycle, live, models, reading, reports, settings, watch, workload
from .command.records import FIELDS_HELP
from .command.terminal import say

BUNDLE_HELP = "models other than the bundled ones: a bundle's folder, or registry:FOLDER for the champion of a registry"
BAD_INPUT = 2
INTERRUPTED = 130


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
    """Returns the arguments of the command."""
    top = argparse.ArgumentParser(prog="evscale", description="Predictive autoscaler: forecasts arrivals, decides the "
                                  "number of jobs, explains itself.")
    top.add_argument("--version", action="version", version=f"evscale {evscale.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], words: str, *, machine: bool = True, after: str | None = None
    ) -> argparse.ArgumentParser:
        part = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".", epilog=after,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
        part.set_defaults(run=run)
        if machine:
            part.add_argument("--json", action="store_true", help="print JSON")
        return part

    demo.add_arguments(command("demo", demo.run, "replay two generated weeks under evscale and a reactive rule", machine=False))
    reading.add_arguments(command("look", reading.run_look, "show what is understood of a metrics file, and the command to run next"))
    reading.add_arguments(command("forecast", reports.run_forecast, "forecast what comes after a history"))
    _backtest_arguments(command("backtest", reports.run_backtest, "replay a history, with scores, baselines and a clairvoyant schedule"))
    _decide_arguments(command("decide", live.run_decide, "metrics records as JSON in, decisions as JSON lines out", machine=False,
                              after=FIELDS_HELP))
    decisions.add_arguments(command("decisions", decisions.run, "tell what a decision log holds, or write it to one Parquet file"))
    _watch_arguments(command("watch", watch.run_watch, "show how a pool is doing: a table with sparklines and alerts", machine=False, after=FIELDS_HELP),
                     command("report", watch.run_report, "tell how a pool was doing on a day"))
    part = command("explain", live.run_explain, "explain a decision in plain language", machine=False)
    part.add_argument("decision", metavar="DECISION.json", help="a decision as JSON; - reads standard input and explains the last decision in it")
    _model_arguments(command("verify", models.run_verify, "test the installation and its models"),
                     command("bundle", models.run_bundle, "look at, check or sign a model bundle"))
    lifecycle.add_arguments(command("models", lifecycle.run_models, "look after the versions of models in a registry"))
    lifecycle.add_retrain_arguments(command("retrain", lifecycle.run_retrain, "train a registry's champion further on your own history"))
    backup.add_arguments(command("backup", backup.run_backup, "put registry, configuration and states of pools into one archive"))
    backup.add_restore_arguments(command("restore", backup.run_restore, "bring back what an archive of `evscale backup` holds, or check it"))
    _workload_arguments(command("simulate", workload.run_simulate, "print a generated workload as CSV or as metrics records", machine=False))
    part = command("completion", _completion, "print a completion script for a shell", machine=False)
    part.add_argument("shell", choices=("bash", "zsh", "fish"))
    return top


def _backtest_arguments(part: argparse.ArgumentParser) -> None:
    reading.add_arguments(part)
    settings.add_arguments(part)
    part.add_argument("--bundle", metavar="FOLDER", help=BUNDLE_HELP)
    part.add_argument("--html", type=Path, metavar="OUT.html", help="write a report for people")
    part.add_argument("--baselines", action="store_true", help="also replay common scaling rules, such as HPA")
    part.add_argument("--service-time", metavar="TIME", help="time that one event keeps a job busy, such as 400ms or 2s")
    part.add_argument("--due", type=Path, metavar="FILE", help="events that were known ahead: columns at, events and, if not from the beginning, known_at")
    part.add_argument("--jobs-at-peak", type=float, metavar="JOBS", help="how many jobs are busy at the peak, if no service time is known")


def _decide_arguments(part: argparse.ArgumentParser) -> None:
    settings.add_arguments(part)
    part.add_argument("--bundle", metavar="FOLDER", help=BUNDLE_HELP)
    part.add_argument("--column", action="append", default=[], metavar="FIELD=NAME", help="name of a field in the records")
    part.add_argument("--time-zone", metavar="ZONE", help="IANA time zone of timestamps without one")
    part.add_argument("--ignore-extra", action="store_true", help="ignore fields that evscale does not know")
    part.add_argument("--follow", type=Path, metavar="FILE", help="read a growing file instead of standard input, until interrupted")
    part.add_argument("--log", type=Path, metavar="FOLDER", help="keep records and decisions in Parquet files there; `evscale decisions` reads them")
    part.add_argument("--pool", metavar="KEY", help="what the log calls the pool")


def _watch_arguments(live_part: argparse.ArgumentParser, day: argparse.ArgumentParser) -> None:
    watch.add_arguments(live_part)
    live_part.add_argument("--follow", action="store_true", help="keep reading what is appended to the records, until interrupted")
    watch.add_arguments(day)
    day.add_argument("--day", metavar="DATE", help="a day (UTC) of the records, such as 2026-01-05 (default: the 24 hours before the newest record)")
    day.add_argument("--plot", type=Path, metavar="OUT.png", help="draw the day")


def _model_arguments(verify: argparse.ArgumentParser, bundle: argparse.ArgumentParser) -> None:
    verify.add_argument("--bundle", metavar="FOLDER", help=BUNDLE_HELP)
    verify.add_argument("--public-key", metavar="HEX", help="require a signature by this public key")
    bundle.add_argument("action", choices=("inspect", "check", "sign"))
    bundle.add_argument("--public-key", metavar="HEX", help="require a signature by this public key")
    bundle.add_argument("--key", type=Path, metavar="FILE", help="sign: the secret, 64 hexadecimal digits")
    bundle.add_argument("--new-key", action="store_true", help="sign: make a new secret in that file first")
    bundle.add_argument("path", nargs="?", type=Path, metavar="FOLDER", help="the bundled models without one")


def _workload_arguments(part: argparse.ArgumentParser) -> None:
    part.add_argument("--days", type=float, default=1.0, help="days of records (default: %(default)s)")
    part.add_argument("--seed", type=int, default=1, help="random seed of the workload (default: %(default)s)")
    part.add_argument("--interval-seconds", type=int, default=120, help="length of an interval (default: %(default)s)")
    part.add_argument("--records", action="store_true", help="JSON lines for `evscale decide`")
    part.add_argument("--jobs", type=int, default=12, help="jobs in the records (default: %(default)s)")
    part.add_argument("--service-time-ms", type=float, default=400.0, help="service time in the records, milliseconds (default: %(default)s)")


def _words(problem: BaseException) -> str:
    """Returns what went wrong, in words: the file first, if there is one."""
    if isinstance(problem, OSError) and problem.filename is not None and problem.strerror:
        return f"{problem.filename}: {problem.strerror}"
    return str(problem) or "out of memory"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; 0 is success, 1 a failed check, 2 bad input, 3 a worse model that was refused, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    commands = parser()
    _complete(commands)
    args = commands.parse_args(arguments)
    try:
        with shell_words():
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
        say(f"evscale: {_words(problem)}", sys.stderr)
        if isinstance(problem, OSError):
            _leave_stdout()
        return BAD_INPUT


def _leave_stdout() -> None:
    """Keeps the interpreter from failing once more, at its end, to write what standard output did not take."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
