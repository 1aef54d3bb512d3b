"""The command `python -m evscale.training`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import EvscaleError

BAD_INPUT = 2
NO_BETTER = 3


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evscale.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit", help="train the forecaster further on your own history",
                              description="Trains the forecaster further on your own history, compares it on held-back "
                                          "days, and writes a bundle for ModelBundle.load if it is better.")
    fit.add_argument("--history", type=Path, required=True, help="CSV or Parquet file: a time and a count of events")
    fit.add_argument("--out", type=Path, required=True, help="folder of the new bundle")
    fit.add_argument("--base", type=Path, help="folder of the bundle to start from; the bundled models by default")
    fit.add_argument("--minutes", type=float, default=5.0, help="of training; 5 by default")
    fit.add_argument("--held-back-days", type=float, default=14.0,
                     help="days at the end that are only scored; 14 by default, at most a quarter of the history")
    fit.add_argument("--column", action="append", default=[], metavar="ROLE=NAME", help="such as events=requests")
    fit.add_argument("--threads", type=int, default=2)
    fit.add_argument("--seed", type=int, default=1)
    fit.add_argument("--force", action="store_true", help="write the bundle even if it is no better")
    return parser.parse_args()


def main() -> int:
    """Exit codes: 0 written, 2 bad input, 3 no better than before and so not written."""
    args = arguments()
    try:
        from .fit import Settings, fit, read_history
    except ImportError as problem:
        print(f"evscale: {problem.name} is missing: pip install 'evscale[train]'", file=sys.stderr)
        return BAD_INPUT
    try:
        columns = dict(pair.split("=", 1) for pair in args.column) or None
        settings = Settings(minutes=args.minutes, held_back_days=args.held_back_days, threads=args.threads,
                            seed=args.seed)
        result = fit(read_history(args.history, columns), args.out, args.base, settings, args.force)
    except (EvscaleError, OSError, ValueError) as problem:
        print(f"evscale: {problem}", file=sys.stderr)
        return BAD_INPUT
    if not result.written:
        print("no better than before: nothing was written (--force writes it)", file=sys.stderr)
        return NO_BETTER
    print(f"{'better' if result.better else 'no better'} than before; the bundle is in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
