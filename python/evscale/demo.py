"""`evscale demo`: a trace under evscale and under a reactive rule, as a table and a picture."""

from __future__ import annotations

import argparse
import json
from io import BytesIO
from pathlib import Path
from typing import Any

from ._evscale import Config, demo_workload, readable_text, replace_file, replay_workload
from ._progress import progress
from ._refuse import contents, refuse

LARGEST = 1 << 30
"""Most bytes of a trace."""
ROWS = (
    ("SLA compliance", "sla_compliance_percent", "{:.2f} %"),
    ("job-hours", "job_hours", "{:.0f}"),
    ("mean wait", "mean_wait_ms", "{:.0f} ms"),
    ("99 % wait", "p99_wait_ms", "{:.0f} ms"),
    ("scale actions", "scale_actions", "{:.0f}"),
    ("reversals", "reversals", "{:.0f}"),
)


def table(replays: dict[str, dict[str, Any]]) -> str:
    """Scores side by side."""
    lines = [f"{'':16}" + "".join(f"{name:>16}" for name in replays)]
    for title, key, form in ROWS:
        lines.append(f"{title:16}" + "".join(f"{form.format(replay['scores'][key]):>16}" for replay in replays.values()))
    return "\n".join(lines)


def draw(replays: dict[str, dict[str, Any]], title: str, path: Path) -> None:
    """Arrivals with the forecast band, jobs, and backlog of the scored part."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib import dates

    figure, (load, jobs, backlog) = plt.subplots(3, 1, figsize=(13, 9), sharex=True, constrained_layout=True,
                                                 height_ratios=(3, 3, 2))
    ours = replays["evscale"]
    rows = ours["rows"][ours["scored_from"]:]
    times = np.array([row["timestamp"].rstrip("Z") for row in rows], dtype="datetime64[s]")
    arrivals = np.array([row["arrivals"] for row in rows])
    band = np.array([row["expected"] or [np.nan] * 3 for row in rows], float)
    lead = max(1, round(720 / (times[1] - times[0]).astype(float)))
    load.fill_between(times[lead:], band[:-lead, 0], band[:-lead, 2], color="tab:blue", alpha=0.3, linewidth=0,
                      label="forecast 12 min before, 80 % interval")
    load.plot(times, arrivals, color="black", linewidth=0.6, label="arrivals")
    load.set_ylabel("events per interval")
    load.set_title(title)
    for name, replay in replays.items():
        part = replay["rows"][replay["scored_from"]:]
        late = " on time".join([f"{replay['scores']['sla_compliance_percent']:.2f} %", ""])
        jobs.step(times, [row["jobs"] for row in part], where="post", linewidth=0.9,
                  label=f"{name}: {replay['scores']['job_hours']:.0f} job-hours, {late}")
        backlog.plot(times, [row["backlog"] for row in part], linewidth=0.9, label=name)
    jobs.set_ylabel("jobs")
    backlog.set_ylabel("events waiting")
    backlog.set_yscale("symlog", linthresh=10)
    backlog.set_ylim(bottom=0)
    backlog.xaxis.set_major_formatter(dates.ConciseDateFormatter(backlog.xaxis.get_major_locator()))
    for axes in (load, jobs, backlog):
        axes.legend(loc="upper right", fontsize="small")
        axes.grid(alpha=0.3)
    picture = BytesIO()
    try:
        figure.savefig(picture, dpi=110, format=path.suffix.lstrip(".") or "png")
    except ValueError as problem:
        raise refuse(f"{path}: {problem}") from None
    plt.close(figure)
    replace_file(path, picture.getvalue())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the demonstration."""
    parser.add_argument("--trace", type=Path, help="CSV with the header timestamp,events; two generated weeks without")
    parser.add_argument("--lifecycle", action="store_true", help="models that have aged, a challenger that is promoted, and a damaged version that is rolled back")
    parser.add_argument("--out", type=Path, default=Path("demo.png"), help="picture (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the generated weeks (default: %(default)s)")
    parser.add_argument("--jobs-at-peak", type=float, default=60.0,
                        help="jobs that the 99.9th percentile of the load keeps busy (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Replays, prints the table, draws the picture."""
    if args.lifecycle:
        from .demo_lifecycle import run as run_lifecycle
        return run_lifecycle(args.out, args.seed)
    if args.trace is None:
        name, text = "two generated weeks", demo_workload(args.seed)
    else:
        name, text = args.trace.name, contents(args.trace, LARGEST).decode("utf-8")
    if not 0 < args.jobs_at_peak <= 1e6:
        raise refuse(f"--jobs-at-peak is {args.jobs_at_peak}, expected more than 0, up to 1000000")
    config = Config(min_jobs=1, max_jobs=round(1.5 * args.jobs_at_peak))
    replays = {title: json.loads(replay_workload(name, text, rule, config, args.jobs_at_peak, 70.0, progress(rule)))
               for rule, title in (("evscale", "evscale"), ("hpa", "HPA on CPU 70 %"))}
    scored = len(replays["evscale"]["rows"]) - replays["evscale"]["scored_from"]
    print(f"{readable_text(name)}: {scored} scored intervals after the warm-up\n\n{table(replays)}")
    draw(replays, name, args.out)
    print(f"\npicture: {readable_text(str(args.out))}")
    if not args.trace:
        print("next, with a history of yours: evscale look FILE")
    return 0
