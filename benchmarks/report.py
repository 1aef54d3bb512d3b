"""What was measured, as Markdown and a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import sidebyside

HEAD = """# Benchmarks

Written by `make bench`. Times depend on the machine and on what else it does: read the ratios. Everything that is compared
was measured in one run, turn by turn and in both orders; ratios are medians over the turns.
"""
BUSY = """
The machine was busy with other work: 99th percentiles, maxima, start times and decisions per second by the clock are those
of a busy machine. Medians, instructions and everything in processor time are not much disturbed.
"""
LATENCY = ("tick", "tick, decision due", "tick, no decision due", "tick, nothing due", "observe", "forecast", "decide, due",
           "decide, standing")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    head = list(head)
    out = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    out += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(out)


def us(value: float) -> str:
    """Microseconds with three digits that count."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def spread(ratio: tuple[float, float, float]) -> str:
    """A ratio with its range over the turns."""
    return "{} ({} to {})".format(*(f"{part:.2f}" if part >= 0.1 else f"{part:.2g}" for part in ratio))


def per_size(fleets: list[dict]) -> list[dict]:
    """Medians of the runs of the same size and threads."""
    sizes = sorted({(run["pools"], run["threads"]) for run in fleets}, key=lambda size: (size[1], size[0]))
    out = []
    for size in sizes:
        same = [run for run in fleets if (run["pools"], run["threads"]) == size]
        row = {"pools": size[0], "threads": size[1]}
        for key in ("decisions_per_second", "decisions_per_processor_second", "resident_bytes_per_pool"):
            values = [run[key] for run in same if run[key] is not None]
            row[key] = median(values) if values else None
        out.append(row)
    return out


def times(measured: dict, networks: object) -> dict[str, dict]:
    """Times of the parts, with networks, without them, or of the networks alone."""
    return {row["part"]: row["us"] for row in measured["latency"] if row["networks"] == networks}


def targets(measured: dict) -> str:
    """What the project wants, and what it has."""
    with_, alone = times(measured, True), times(measured, "alone")
    turns = measured["networks"]["times"]
    network_us = alone["forecaster"]["p50"] + 2 * alone["policy"]["p50"]
    fleet = {(row["pools"], row["threads"]): row for row in per_size(measured["fleets"])}
    pool, challenger = next(row for row in measured["memory"] if "pool_bytes_full" in row), measured["challenger"]
    rows = [("forecaster, one row, over onnxruntime's time", "at most 1.4", spread(sidebyside.ratio(
        turns, "core, forecaster, 1 row", "onnxruntime, forecaster, 1 row")))]
    rows.append(("policy, one row, over onnxruntime's time", "at most 1.4", spread(sidebyside.ratio(
        turns, "core, policy, 1 row", "onnxruntime, policy, 1 row"))))
    if "onnxruntime, forecaster, 16 rows" in turns:
        rows.append(("forecaster, 16 rows, throughput over onnxruntime's", "at least 0.6", spread(sidebyside.ratio(
            turns, "onnxruntime, forecaster, 16 rows", "core, forecaster, 16 rows"))))
    rows += [
        ("tick with a decision (median) over its networks alone", "at most 1.30",
         f"{with_['tick, decision due']['p50'] / network_us:.2f}"),
        ("tick, 99th percentile, ms", "below 1 on a quiet core", f"{with_['tick']['p99'] / 1000:.2f}"),
        ("tick with nothing due, median, us", "below 1", us(with_["tick, nothing due"]["p50"])),
    ]
    largest = fleet.get((10_000, 1)) or max(fleet.values(), key=lambda row: row["pools"])
    rows.append((f"decisions per second and core, {largest['pools']:,} pools", "at least 2,000",
                 f"{largest['decisions_per_processor_second']:,.0f}"))
    two = fleet.get((10_000, 2))
    if two:
        rows.append(("10,000 pools on two threads: a tick, share of the interval of 120 s", "below 0.1",
                     f"{10_000 / two['decisions_per_second'] / 120:.3f}"))
    rows += [
        ("memory of a pool with a full history, KiB", "at most 42", f"{pool['pool_bytes_full'] / 1024:.1f}"),
        ("models in the shadow: ticks more", "at most 1.1", f"{challenger['ticks_more_with_challenger']:.2f}"),
        ("models in the shadow: memory per pool, KiB", "at most 40", f"{challenger['challenger_bytes_per_pool'] / 1024:.1f}"),
        ("models in the shadow, once they are gone: ticks more", "0", f"{challenger['ticks_more_after_it']:.2f}"),
        ("resident memory of a process with one pool, MB", "below 60", f"{measured['start']['resident_bytes'] / 1e6:.0f}"),
        ("start to the first decision, ms", "below 60", f"{measured['start']['first_decision_ms']:.0f}"),
    ]
    rows += [(f"`libevscale.so` without symbols, MB, {how}", "at most 18", f"{size / 1e6:.1f}")
             for how, size in measured["library_bytes"].items() if size]
    return table(("what", "wanted", "measured"), rows)


def latency(measured: dict) -> str:
    """Times of the parts of a tick."""
    rows = []
    for networks, name in ((True, "with networks"), (False, "experts and rule")):
        found = times(measured, networks)
        rows += [(f"{part}, {name}", *(us(found[part][key]) for key in ("p50", "p99", "max")), f"{found[part]['count']:,}")
                 for part in LATENCY if part in found]
    found = times(measured, "alone")
    rows += [(f"{part} network alone", *(us(row[key]) for key in ("p50", "p99", "max")), f"{row['count']:,}")
             for part, row in found.items()]
    return table(("microseconds", "p50", "p99", "max", "times"), rows)


def side_by_side(turns: dict[str, list[float]], base_of: Callable[[str], str]) -> str:
    """Medians, and how many times the time of its base each takes."""
    rows = [(name, us(median(values)), "1" if base_of(name) == name else
             spread(sidebyside.ratio(turns, name, base_of(name)))) for name, values in turns.items()]
    return table(("processor time", "microseconds", "ratio"), rows)


def runtime_base(name: str) -> str:
    """onnxruntime on the same rows of the same network; for a tick, the core's own network."""
    if name == "core, tick":
        return "core, forecaster, 1 row"
    return "onnxruntime, " + name.split(", ", 1)[1]


def instructions(measured: dict) -> str:
    """Instructions of the parts."""
    with_, without = measured["instructions"]["with"], measured["instructions"]["without"]
    rows = [(part, f"{cost:,.0f}", f"{100 * cost / with_['tick']:.1f} %", f"{without[part]:,.0f}")
            for part, cost in with_.items()]
    return table(("instructions of a tick", "with networks", "share", "without"), rows)


def operators(measured: dict) -> str:
    """Where the network's instructions go."""
    whole = measured["instructions"]["with"]["forecaster network"]
    rows = [(f"`{name}`", f"{cost:,.0f}", f"{100 * cost / whole:.1f} %")
            for name, cost in measured["operators"].items() if cost > 0.005 * whole]
    return table(("operator in the network", "instructions per tick", "share of the network"), rows)


def build_cost(rows: list[dict]) -> str:
    """Table of builds by profile."""
    base = next(row for row in rows if row["name"] == "`cargo build --release`")["tick_us"]
    cells = [(row["name"], "; ".join(f"`{setting}`" for setting in row["settings"]), f"{row['processor_seconds']:,.0f}",
              f"{row['program_bytes'] / 1e6:.1f}", f"{row['target_bytes'] / 1e6:,.0f}", us(row["tick_us"]),
              f"{row['tick_us'] / base:.2f}") for row in rows]
    return table(("build", "settings", "processor seconds", "program, MB", "target folder, MB", "tick, us", "ratio"), cells)


def markdown(measured: dict) -> str:
    """The whole page."""
    machine, base = measured["machine"], measured["floor"]
    pool = next(row for row in measured["memory"] if "pool_bytes_full" in row)
    flops, alone = base["flops"]["forecaster"], times(measured, "alone")["forecaster"]["p50"]
    floor_us = flops / base["peak"] * 1e6
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    apart = measured["networks"]["apart"]
    fleets = [(f"{row['pools']:,}", row["threads"], f"{row['decisions_per_second']:,.0f}",
               f"{row['decisions_per_processor_second']:,.0f}" if row["decisions_per_processor_second"] else "",
               f"{row['resident_bytes_per_pool'] / 1024:.1f}") for row in per_size(measured["fleets"])]
    memory = [
        ("memory of a new pool, bytes", f"{pool['pool_bytes_new']:,}"),
        ("memory of a pool with a full history, bytes", f"{pool['pool_bytes_full']:,}"),
        ("snapshot of it, bytes", f"{pool['snapshot_bytes']:,}"),
        ("resident memory before anything is loaded, MB", f"{measured['start']['resident_before_bytes'] / 1e6:.1f}"),
        ("resident memory with one pool, MB", f"{measured['start']['resident_bytes'] / 1e6:.1f}"),
        ("loading both networks, ms", f"{measured['start']['load_ms']:.1f}"),
        ("start to the first decision, ms", f"{measured['start']['first_decision_ms']:.1f}"),
    ]
    allocations = [(f"{row['part']}, {'with networks' if row['networks'] else 'experts and rule'}",
                    f"{row['allocations']:.1f}", f"{row['bytes']:,.0f}")
                   for row in measured["memory"] if "allocations" in row]
    page = f"""{HEAD}
**Machine**: {machine["processor"]} ({machine["vectors"]}), {machine["cores"]} cores, {machine["system"]}; load \
{machine["load"]:.1f} when it began. **Versions**: {versions}.
{BUSY if machine["load"] > machine["cores"] / 2 else ""}
## In short

{targets(measured)}

## Latency

A tick is `observe`, `forecast` and `decide` with the record of a new interval; every third one decides. Nothing is due when
no record came: `forecast` and `decide` repeat what stands.

{latency(measured)}

## Networks beside onnxruntime

The same files, one thread each, processor time per row. Their answers are at most {apart:.1e} apart (the core rounds to
1/4096).

{side_by_side(measured["networks"]["times"], runtime_base)}

## Beside what people would embed otherwise

{side_by_side(measured["alternatives"], lambda _: next(iter(measured["alternatives"])))}

Statistical models are fitted to two weeks of hours with a season of a day and forecast three hours; evscale and LightGBM
know two-minute counts. Only evscale and the HPA rule decide.

## Fleets

{table(("pools", "threads", "decisions per second", "per second and core", "resident KiB per pool"), fleets)}

Every pool forecasts and decides at every tick; per core in processor time. Small fleets share their resident memory with
the networks'.

![Time of a tick over the number of pools](benchmarks/fleets.svg)

## Memory and start

{table(("what", "measured"), memory)}

## Allocations

{table(("per call", "allocations", "bytes"), allocations)}

## The floor

The products of the forecaster are {flops / 1e6:.2f} million operations ({base["flops"]["policy"] / 1e3:.1f} thousand of the
policy). At this core's measured peak of {base["peak"] / 1e9:.0f} GFLOP/s (a large matrix product on one thread) that is
{floor_us:.0f} us; the network takes {alone / floor_us:.1f} times that, a tick \
{times(measured, True)["tick"]["p50"] / floor_us:.1f} times.
"""
    if "build_cost" in measured:
        page += f"""
## The first build of a crate that depends on evscale-core

Processor time of everything, downloads apart, and the median tick of the program that comes out, beside that of
`cargo build --release` in turns. Measured by `python benchmarks/build_cost.py`, not by `make bench`. The settings are
those of the dependent crate's profile:

{build_cost(measured["build_cost"])}
"""
    if "instructions" in measured:
        page += f"""
## Instructions

Counted by valgrind, the same on every run; a mean tick of three.

{instructions(measured)}

{operators(measured)}

A recurrent loop (`scan`) contains the operators inside it, which are counted once more in their own rows.
"""
    return page


def picture(fleets: list[dict], path: Path) -> None:
    """Time of a tick over the number of pools."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "evscale", "font.family": "sans-serif"}
    from matplotlib import pyplot
    rows = [row for row in per_size(fleets) if row["threads"] == 1]
    pools = [row["pools"] for row in rows]
    seconds = [row["pools"] / row["decisions_per_processor_second"] for row in rows]
    figure, axes = pyplot.subplots(figsize=(6, 3.4), layout="constrained")
    axes.loglog(pools, seconds, "o-", color="#1f6feb", label="measured, one core")
    axes.loglog(pools, [seconds[0] / pools[0] * n for n in pools], "--", color="#888888", label="linear from the smallest")
    axes.axhline(12.0, color="#d1242f", linewidth=1, label="a tenth of the interval")
    axes.set(xlabel="pools", ylabel="seconds of a tick")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
