"""Measures everything and writes BENCHMARKS.md and its picture: `make bench`.

One measurement at a time, nothing in parallel. `--quick` takes a tenth of the turns, to try the script.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import callgrind
import evscale
import floor
import numpy as np
import report
import sidebyside

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "models/onnx"
BUILD_COST = ROOT / "benchmarks/build_cost.json"
PACKAGES = ("onnxruntime", "statsforecast", "lightgbm", "numpy")


def lines(*command: object) -> list[dict]:
    """The JSON lines that a program prints."""
    out = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def machine() -> dict:
    """What it was measured on."""
    facts = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":", 1)[1].strip() for line in facts.splitlines() if line.startswith("model name")),
                 platform.processor() or platform.machine())
    flags = next((line for line in facts.splitlines() if line.startswith("flags")), "").split()
    rustc = subprocess.run(["rustc", "--version"], check=False, capture_output=True, text=True).stdout.split()
    lock = (ROOT / "Cargo.lock").read_text()
    tract = lock.split('name = "tract-onnx"\nversion = "')[1].split('"')[0]
    return {
        "processor": model, "cores": os.cpu_count(), "load": os.getloadavg()[0],
        "vectors": "AVX-512" if "avx512f" in flags else "AVX2 and FMA" if "fma" in flags else platform.machine(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"evscale": evscale.__version__, "rustc": rustc[1] if len(rustc) > 1 else "unknown", "tract": tract,
                     "Python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }


def fleets(bins: Path, quick: bool) -> list[dict]:
    """Fleets of growing size, up and down again; the largest once, if there is memory for it."""
    plan = [(10, 1, 200), (100, 1, 30), (1000, 1, 4), (10_000, 1, 1)]
    if quick:
        plan = [(10, 1, 20), (100, 1, 3), (1000, 1, 1)]
    runs = [lines(bins / "bench-fleet", *sizes)[0] for sizes in [*plan, *plan[::-1]]]
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if not quick:
        runs += [lines(bins / "bench-fleet", 10_000, 2, 1)[0] for _ in range(2)]
        if available > 9e9:
            runs += lines(bins / "bench-fleet", 100_000, 1, 0)
    return runs


def starts(bins: Path, runs: int) -> dict:
    """Medians of processes that decide once."""
    rows = [lines(bins / "bench-start", 1, 1)[0] for _ in range(runs)]
    return {key: median(row[key] for row in rows) for key in rows[0]}


def library(bins: Path) -> int | None:
    """Size of the C library without symbols, bytes."""
    shared = bins / "libevscale.so"
    if not shared.exists() or not shutil.which("strip"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / shared.name
        subprocess.run(["strip", "-o", copy, shared], check=True)
        return copy.stat().st_size


def measure(bins: Path, quick: bool) -> dict:
    """Everything, one after the other."""
    def step(name: str, work):
        print(f"{name} ...", file=sys.stderr, flush=True)
        return work()

    random = np.random.default_rng(0)
    counts = random.poisson(3000 + 1500 * np.sin(np.arange(10_080) * 2 * np.pi / 720)).astype(float)
    rounds = 2 if quick else 10
    out = {"machine": machine()}
    out["floor"] = {"flops": {name: floor.flops(MODELS / f"{name}.onnx") for name in ("forecaster", "policy")},
                    "peak": floor.peak()}
    out["latency"] = step("latency", lambda: lines(bins / "bench-latency", 2000 if quick else 100_000))
    out["memory"] = step("memory", lambda: lines(bins / "bench-memory"))
    times, memory = step("challenger", lambda: lines(bins / "bench-challenger"))
    out["challenger"] = times | memory
    out["start"] = step("start", lambda: starts(bins, 3 if quick else 11))
    out["library_bytes"] = {"as built here": library(bins), "as `make dist` builds it": library(bins.parent / "dist")}
    out["networks"] = step("networks", lambda: sidebyside.networks(bins, MODELS, rounds))
    out["alternatives"] = step("alternatives", lambda: sidebyside.alternatives(bins, counts, max(rounds // 2, 1)))
    out["fleets"] = step("fleets", lambda: fleets(bins, quick))
    if BUILD_COST.exists():
        out["build_cost"] = json.loads(BUILD_COST.read_text())
    if callgrind.available():
        costs = {name: step(f"instructions, {name}", lambda on=on: callgrind.per_tick(bins / "bench-start", on))
                 for name, on in (("with", True), ("without", False))}
        out["instructions"] = {name: callgrind.parts(cost) for name, cost in costs.items()}
        out["operators"] = callgrind.operators(costs["with"])
    return out


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bins", type=Path, default=ROOT / "target/release", help="folder of the measuring programs")
    parser.add_argument("--out", type=Path, default=ROOT / "BENCHMARKS.md")
    parser.add_argument("--json", type=Path, help="write what was measured there as well")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    measured = measure(arguments.bins, arguments.quick)
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1))
    report.picture(measured["fleets"], ROOT / "benchmarks/fleets.svg")
    arguments.out.write_text(report.markdown(measured))
    print(f"wrote {arguments.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
