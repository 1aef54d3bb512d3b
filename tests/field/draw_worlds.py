"""Draws worlds that no setting was tuned in, as JSON rows: python tests/field/draw_worlds.py [--seed 7] [--count 36]

A row is interval, decision interval, startup and service time in seconds, spread of the service time, longest wait in
time in seconds, jobs busy at the height of the mean load, shape of the load, bursty or not, seed of the arrivals. Every
value of every column comes about equally often, and combinations that nobody would build are left out: decisions
rarer than the records or events so short and jobs so few that nothing can be counted.
"""

import argparse
import json
import random

INTERVALS = (15, 60, 120, 300)
STARTUPS = (20, 180, 600, 900)
SERVICES = (0.02, 2.0, 60.0, 900.0, 3600.0)
SPREADS = ("fixed", "exponential", "lognormal")
WAITS = (5.0, 30.0, 300.0, 1800.0)
JOBS = (2, 20, 500, 5000)
SHAPES = ("flat", "daily", "weekly", "nightly", "hourly", "sparse", "growth", "shift")
SHORT = 60.0  # spreads of shorter service times do not show


def shuffled(rng: random.Random, values: tuple, count: int) -> list:
    """Each value about equally often, in random order."""
    column = [values[k % len(values)] for k in range(count)]
    rng.shuffle(column)
    return column


def draw(seed: int, count: int) -> list[list]:
    """`count` worlds, the same for the same seed."""
    rng = random.Random(seed)
    columns = [shuffled(rng, values, count) for values in (INTERVALS, STARTUPS, SERVICES, SPREADS, WAITS, JOBS, SHAPES)]
    rows = []
    for k, (interval, startup, service, spread, wait, jobs, shape) in enumerate(zip(*columns)):
        decision = rng.choice((interval, max(360, interval)))
        spread = spread if service >= SHORT else "fixed"
        rows.append([interval, decision, startup, service, spread, wait, jobs, shape, rng.random() < 0.5, 1000 * seed + k])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--count", type=int, default=36)
    options = parser.parse_args()
    print("[\n" + ",\n".join(json.dumps(row) for row in draw(options.seed, options.count)) + "\n]")


if __name__ == "__main__":
    main()
