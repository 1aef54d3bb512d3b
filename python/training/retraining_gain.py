"""Measures whether retraining gains: loss and decisions of retrained bundles beside those that stay as they were.

    python python/training/retraining_gain.py pools --out runs/gain
    python python/training/retraining_gain.py policy --out runs/gain
    python python/training/retraining_gain.py traces --traces DIR --base BUNDLE --out runs/gain
    python python/training/retraining_gain.py weeks --traces DIR --base BUNDLE --out runs/gain
    python python/training/retraining_gain.py table --out runs/gain

pools: ten generated pools of five months whose load changes; retrained every 30 days from the 60th on, as `evscale retrain` does, and
compared on the 30 days after. policy: the same for the policy, once, on the 60th day. traces: the forecaster of BUNDLE, which was
trained without them, on each of the long public traces; the last 28 days are scored. weeks: ten public traces of 55 days, after their
test part, in three weekly cycles. What is done is a row in OUT, and is not done again. table: writes the page and the picture.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from sys import stderr
from typing import Any

import numpy as np
from evscale import Config, History, ModelBundle
from evscale.retraining import LARGEST_DIFFERENCE, Judged, Outcome, decisions, late_price, objections, policy_objections
from evscale.training.bundle import assemble
from evscale.training.evaluation import pooled, score
from evscale.training.fit import FILES, Held, Settings, held_back_losses, mean, train_further
from evscale.training.fit_policy import train_policy_further, with_analytic_rule
from evscale.training.traces import DAY_SECONDS, Series, read_traces, segments

LONG_TRACES = ("nab_nyc_taxi_30min", "grid_auvergrid_jobs_15min", "melbourne_pedestrians_southern_cross_1h",
               "melbourne_pedestrians_birrarung_marr_1h", "capital_bikeshare_rentals_1h")
WEEKLY_TRACES = "nab_tweets_"
POOLS, INTERVAL, DAYS, FIRST, PERIOD = 10, 900, 150, 60, 30
WEEKLY_INTERVAL, WEEKS = 600, ((13, 20), (20, 27), (27, 34))
HOURS_BEFORE = 14 * 24
"""Of a series before the days that are scored, for the forecasts."""
POOL_CONFIG = Config(interval_seconds=INTERVAL, decision_interval_seconds=INTERVAL, sla_wait_seconds=120.0, max_jobs=200)


def changing_load(seed: int) -> Series:
    """Five months of a load whose habits change twice: hours and height of the day's peaks, the weekend, a job that comes back every few
    hours, the level and its growth. Counts are Poisson draws around a rate with noise."""
    random = np.random.default_rng([22, seed])
    steps = DAYS * DAY_SECONDS // INTERVAL
    hours = np.arange(steps) * INTERVAL / 3600.0
    rate = np.empty(steps)
    changes = np.sort(random.uniform(25 * 24, DAYS * 24 - 25 * 24, 2))
    level = 10.0 ** random.uniform(2.0, 4.0)
    for first, last in zip((0.0, *changes), (*changes, DAYS * 24.0), strict=True):
        now = (hours >= first) & (hours < last)
        of_day, weekend = hours[now] % 24.0, hours[now] // 24.0 % 7.0 >= 5.0
        shape = np.full(now.sum(), 1.0)
        for _ in range(random.integers(1, 4)):
            away = np.abs((of_day - random.uniform(0.0, 24.0) + 12.0) % 24.0 - 12.0)
            shape += random.uniform(0.3, 2.0) * np.exp(-0.5 * (away / random.uniform(0.7, 4.0)) ** 2)
        shape[weekend] *= random.uniform(0.2, 1.2)
        every = random.choice([2.5, 5.0, 8.0, 9.5, 12.0, 36.0])
        shape += random.uniform(0.0, 2.0) * ((hours[now] - random.uniform(0.0, every)) % every < random.uniform(0.25, 1.0))
        growth = random.normal(0.0, 0.004)
        rate[now] = level * shape * np.exp(growth * (hours[now] - first) / 24.0)
        level *= np.exp(growth * (last - first) / 24.0) * 2.0 ** random.uniform(-0.7, 0.7)
    noise, wander = random.normal(size=steps), 0.0
    for step in range(steps):
        wander = 0.97 * wander + 0.03**0.5 * noise[step]
        rate[step] *= np.exp(0.1 * wander)
    return Series(f"pool {seed + 1}", 1_767_571_200_000, INTERVAL, random.poisson(rate).astype(np.float64))


def history(series: Series, days: float) -> History:
    """The first days of a series, with a service time at which the 99.9th percentile of its first month keeps 40 jobs busy."""
    events = series.events[: int(days * DAY_SECONDS / series.interval_seconds)]
    month = series.events[: 30 * DAY_SECONDS // series.interval_seconds]
    service_ms = 40_000.0 * series.interval_seconds / max(np.quantile(month, 0.999), 1.0)
    return History(series.start_ms, series.interval_seconds, events, service_ms=np.full(len(events), service_ms))


@dataclass
class Rows:
    """Results in a CSV file, which a run that is ended goes on from."""

    path: Path

    def read(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))

    def of(self, **wanted: Any) -> dict[str, str] | None:
        return next((row for row in self.read() if all(row[name] == str(value) for name, value in wanted.items())), None)

    def has(self, **wanted: Any) -> bool:
        return self.of(**wanted) is not None

    def add(self, row: Mapping[str, Any]) -> None:
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if new:
                writer.writeheader()
            writer.writerow({name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()})
        print(dict(row), flush=True)


def folder_of(bundle: Path | None, out: Path) -> Path:
    """A copy of a bundle's folder, or of the bundled one."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in FILES:
        (out / name).write_bytes(ModelBundle.bundled_files()[name] if bundle is None else (bundle / name).read_bytes())
    return out


def trained(pools: list[Held], base: Path, out: Path, settings: Settings, train: Callable[..., Any]) -> float:
    """Trains a bundle further in a folder; returns the seconds of the processor."""
    began = time.process_time()
    folder_of(base, out)
    with redirect_stdout(stderr):
        train(pools, out, out.parent, settings, print)
    assemble(out, out.name, "1", {"seed": settings.seed}, {})
    return time.process_time() - began


def later_losses(pools: list[Series], first_day: float, last_day: float, bundle: Path) -> float:
    """Geometric mean loss over pools and horizons of the forecasts that are made between two days."""
    loaded, rows = ModelBundle.load(bundle), []
    for series in pools:
        per_day = DAY_SECONDS // series.interval_seconds
        first, last = int(first_day * per_day), int(last_day * per_day)
        before = max(0, first - HOURS_BEFORE * 3600 // series.interval_seconds)
        part = series.slice(before, last).filled()
        rows += score(part, loaded, np.arange(first - before, last - before, max(1, 3600 // series.interval_seconds)))
    return mean(pooled(rows, "wql"))


def later_decisions(pools: list[Series], first_day: float, last_day: float, bundle: Path, config: Config) -> dict[str, Outcome]:
    """What a bundle decides between two days."""
    histories = {series.name: history(series, last_day) for series in pools}
    return decisions(histories, {series.name: int(first_day * DAY_SECONDS / series.interval_seconds) for series in pools},
                     ModelBundle.load(bundle), config)


def cycle(rows: Rows, name: str, pools: list[Series], base: Path, until: float, held_back: float, later: float, out: Path, config: Config,
          settings: Settings, champion: Path) -> Path:
    """Retrains on what there was until a day, and compares on the days until a later one; a row for the bundle that stays as it was, the
    champion, the candidate and the analytic rule with simple forecasts. Returns the next champion."""
    candidate = out / f"{name} candidate"
    if not rows.has(cycle=name, bundle="rule"):
        past = {series.name: history(series, until) for series in pools}
        held = [Held.of(Series(series.name, series.start_ms, series.interval_seconds, past[series.name].events), held_back) for series in pools]
        first_held = {pool.series.name: pool.first_held for pool in held}
        seconds = trained(held, champion, candidate, settings, train_further)
        judged = [Judged(mean(held_back_losses(held, bundle)), decisions(past, first_held, ModelBundle.load(bundle), config))
                  for bundle in (champion, candidate)]
        against = objections(*judged)
        (out / f"{name}-objections.json").write_text(json.dumps(against))
        simple = Config(**(config.to_dict() | {"use_networks": False}))
        for kind, bundle, how in (("fixed", base, config), ("champion", champion, config), ("candidate", candidate, config), ("rule", base, simple)):
            if rows.has(cycle=name, bundle=kind):
                continue
            if kind == "champion" and champion == base:
                rows.add((rows.of(cycle=name, bundle="fixed") or {}) | {"bundle": kind})
                shutil.copy(out / f"{name}-fixed.json", out / f"{name}-{kind}.json")
                continue
            loss = later_losses(pools, until, later, bundle) if kind != "rule" else float("nan")
            outcomes = later_decisions(pools, until, later, bundle, how)
            rows.add(entry(name, kind, loss, outcomes, seconds if kind == "candidate" else 0.0, len(against) if kind == "candidate" else 0))
            (out / f"{name}-{kind}.json").write_text(json.dumps({pool: one.__dict__ for pool, one in outcomes.items()}))
    return candidate if rows.has(cycle=name, bundle="candidate", objections=0) else champion


def entry(name: str, kind: str, loss: float, outcomes: Mapping[str, Outcome], seconds: float, against: int) -> dict[str, Any]:
    whole = Judged(loss, outcomes)
    return {"cycle": name, "bundle": kind, "loss": loss, "late_percent": whole.total.late_percent, "mean_late_percent": whole.mean_late_percent,
            "job_hours": whole.total.job_hours, "training_seconds": seconds, "objections": against}


def pools_(args: argparse.Namespace) -> None:
    pools, out = [changing_load(seed) for seed in range(args.pools)], args.out / "pools"
    out.mkdir(parents=True, exist_ok=True)
    champion = bundled = folder_of(None, out / "bundled")
    for until in range(FIRST, DAYS, PERIOD):
        champion = cycle(Rows(args.out / "pools.csv"), f"day {until}", pools, bundled, until, 14.0, until + PERIOD, out, POOL_CONFIG,
                         settings_of(args), champion)


def policy(args: argparse.Namespace) -> None:
    """A policy that is trained on the first 60 days, on the 30 days after."""
    pools, out, rows = [changing_load(seed) for seed in range(args.pools)], args.out / "policy", Rows(args.out / "policy.csv")
    if rows.has(cycle="policy", bundle="rule"):
        return
    out.mkdir(parents=True, exist_ok=True)
    bundled, candidate = folder_of(None, out / "bundled"), out / "candidate"
    past = {series.name: history(series, FIRST) for series in pools}
    held = [Held.of(Series(series.name, series.start_ms, INTERVAL, past[series.name].events), 14.0) for series in pools]
    first_held = {pool.series.name: pool.first_held for pool in held}
    rewards: dict[str, float] = {}
    seconds = trained(held, bundled, candidate, settings_of(args), lambda *given: rewards.update(train_policy_further(*given, False)))
    (out / "rewards.json").write_text(json.dumps(rewards))
    shutil.rmtree(out / "rule", ignore_errors=True)
    rule = with_analytic_rule(bundled, out / "rule")
    judged = [Judged(0.0, decisions(past, first_held, ModelBundle.load(bundle), POOL_CONFIG)) for bundle in (bundled, candidate, rule)]
    against = policy_objections(*judged, POOL_CONFIG)
    (out / "objections.json").write_text(json.dumps(against))
    for kind, bundle in (("fixed", bundled), ("candidate", candidate), ("rule", rule)):
        outcomes = later_decisions(pools, FIRST, FIRST + PERIOD, bundle, POOL_CONFIG)
        rows.add(entry("policy", kind, float("nan"), outcomes, seconds if kind == "candidate" else 0.0, len(against) if kind == "candidate" else 0))
        (out / f"policy-{kind}.json").write_text(json.dumps({pool: one.__dict__ for pool, one in outcomes.items()}))


def after_test_part(trace: Series) -> Series:
    """What of a trace comes after its test part, which may be trained on."""
    return segments(trace)[-1].series


def traces(args: argparse.Namespace) -> None:
    rows = Rows(args.out / "traces.csv")
    bundled = folder_of(None, args.out / "bundled")
    for trace in read_traces(args.traces):
        if trace.name not in LONG_TRACES or rows.has(trace=trace.name):
            continue
        held, out = Held.of(after_test_part(trace), 28.0), args.out / "trace"
        out.mkdir(parents=True, exist_ok=True)
        seconds = trained([held], args.base, out / "candidate", settings_of(args), train_further)
        before, after, knows = (held_back_losses([held], bundle) for bundle in (args.base, out / "candidate", bundled))
        rows.add({"trace": trace.name, "days": round(len(held.seen.series.events) * trace.interval_seconds / DAY_SECONDS),
                  **{f"before_{minutes}": loss for minutes, loss in before.items()}, "before": mean(before),
                  **{f"after_{minutes}": loss for minutes, loss in after.items()}, "after": mean(after), "bundled": mean(knows),
                  "training_seconds": seconds})


def weeks(args: argparse.Namespace) -> None:
    out, config = args.out / "weeks", Config(**(POOL_CONFIG.to_dict() | {"interval_seconds": WEEKLY_INTERVAL, "decision_interval_seconds": WEEKLY_INTERVAL}))
    out.mkdir(parents=True, exist_ok=True)
    pools = [after_test_part(trace).filled().aggregate(WEEKLY_INTERVAL) for trace in read_traces(args.traces)
             if trace.name.startswith(WEEKLY_TRACES)]
    champion = args.base
    for until, later in WEEKS:
        champion = cycle(Rows(args.out / "weeks.csv"), f"day {until}", pools, args.base, until, 7.0, later, out, config, settings_of(args), champion)


def settings_of(args: argparse.Namespace) -> Settings:
    return Settings(minutes=10_000.0, steps=args.steps, updates=args.updates, rows=args.rows, environments=args.environments, threads=1,
                    seed=args.seed, checkpoint_seconds=600.0)


def more_by_pool(folder: Path, cycle_name: str, kind: str, against: str, config: Config) -> list[float]:
    """How much more the decisions of a bundle cost than those of another one, of each pool: percent of the larger cost."""
    one, other = ({pool: Outcome(**numbers) for pool, numbers in json.loads((folder / f"{cycle_name}-{name}.json").read_text()).items()}
                  for name in (kind, against))
    costs = [[decided[pool].cost(late_price(other[pool], config)) for pool in other] for decided in (one, other)]
    return [100.0 * (mine - theirs) / max(mine, theirs) for mine, theirs in zip(*costs, strict=True)]


def more_percent(folder: Path, cycle_name: str, kind: str, against: str, config: Config) -> float:
    """The mean over the pools, as the refusal of a policy counts it."""
    most = 100.0 * LARGEST_DIFFERENCE
    return float(np.mean(np.clip(more_by_pool(folder, cycle_name, kind, against, config), -most, most)))


def table(args: argparse.Namespace) -> None:
    """Prints the tables as Markdown, and draws the generated pools' months."""
    long = Rows(args.out / "traces.csv").read()
    if long:
        print("| trace | days trained on | loss before | after | bundled, which know it |\n|---|---:|---:|---:|---:|")
        for row in long:
            print(f"| {row['trace']} | {row['days']} | " + " | ".join(f"{float(row[name]):.3f}" for name in ("before", "after", "bundled")) + " |")
    for name in ("pools", "weeks", "policy"):
        rows = Rows(args.out / f"{name}.csv").read()
        if rows:
            print(f"\n{name}\n\n| retrained | bundle | loss after it | late, all events | late, mean of the pools | job-hours | cost, beside fixed | objections |\n"
                  "|---|---|---:|---:|---:|---:|---:|---:|")
        for row in rows:
            loss = "" if row["loss"] == "nan" else f"{float(row['loss']):.4f}"
            more = more_percent(args.out / name, row["cycle"], row["bundle"], "fixed", POOL_CONFIG)
            print(f"| {row['cycle']} | {row['bundle']} | {loss} | {float(row['late_percent']):.3f} % | {float(row['mean_late_percent']):.3f} % | "
                  f"{float(row['job_hours']):.0f} | {more:+.2f} % | {row['objections'] if row['bundle'] == 'candidate' else ''} |")
    if args.picture:
        picture(args.out, args.picture)


def picture(out: Path, path: Path) -> None:
    """How one of the loads changes, and what each pool costs in each month beside the bundle that stays as it was."""
    from evscale.pictures import BASELINE, LOAD, OURS, REFERENCE, figure

    drawn, axes = figure(2, (1.0, 1.2), (9, 5.5))
    series = changing_load(0)
    axes[0].plot(np.arange(len(series.events)) * INTERVAL / DAY_SECONDS, series.events, color=LOAD, linewidth=0.3)
    axes[0].set_ylabel("events per interval")
    axes[0].set_title("One of ten generated loads that change", fontsize=9)
    cycles = [row["cycle"] for row in Rows(out / "pools.csv").read() if row["bundle"] == "rule"]
    for place, (kind, color, label) in enumerate((("champion", REFERENCE, "the champion before"), ("candidate", OURS, "retrained"),
                                                  ("rule", BASELINE, "no networks"))):
        for name in cycles:
            day = float(name.split()[1]) + PERIOD * (0.3 + 0.2 * place)
            costs = more_by_pool(out / "pools", name, kind, "fixed", POOL_CONFIG)
            axes[1].plot(np.full(len(costs), day), costs, "o", color=color, markersize=4, label=label if name == cycles[0] else None)
            axes[1].plot([day - 2.0, day + 2.0], [np.mean(costs)] * 2, color=color)
    axes[1].axhline(0.0, color=LOAD, linewidth=0.8)
    axes[1].set_xlim(axes[0].get_xlim())
    axes[1].set_xlabel("day")
    axes[1].set_ylabel("cost over that of the bundle\nthat stays as it was, percent")
    axes[1].legend(fontsize=8, loc="upper left")
    drawn.savefig(path, dpi=110)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pools", "policy", "traces", "weeks", "table"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--traces", type=Path, help="folder of CSV files `timestamp,events`")
    parser.add_argument("--base", type=Path, help="folder of a bundle that was trained without those traces")
    parser.add_argument("--pools", type=int, default=POOLS)
    parser.add_argument("--steps", type=int, default=300, help="of each training of the forecaster; 300 by default")
    parser.add_argument("--rows", type=int, default=8_000, help="samples of the histories; 8000 by default")
    parser.add_argument("--updates", type=int, default=60, help="of the policy; 60 by default")
    parser.add_argument("--environments", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="table: where the picture goes")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    {"pools": pools_, "policy": policy, "traces": traces, "weeks": weeks, "table": table}[args.what](args)


if __name__ == "__main__":
    main()
