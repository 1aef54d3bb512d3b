"""What the first build costs a crate that depends on evscale-core, by profile, and what a tick then costs.

    python benchmarks/build_cost.py

Makes a small crate, builds it from nothing with each profile in a folder of its own, and lets the programs tick turn by
turn. Takes about half an hour of processor time; writes `benchmarks/build_cost.json`, which BENCHMARKS.md shows.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
# name -> (cargo profile, settings of that profile)
PROFILES = {
    "`cargo build`": ("dev", []),
    "`cargo build`, kernels optimised": ("dev", [
        'package.tract-linalg.opt-level = 3', 'package.tract-data.opt-level = 3']),
    "`cargo build`, dependencies at level 1, kernels at 3": ("dev", [
        'package."*".opt-level = 1', 'package.tract-linalg.opt-level = 3', 'package.tract-data.opt-level = 3',
        'package.evscale-core.opt-level = 3']),
    "`cargo build --release`": ("release", []),
    "`cargo build --release`, dependencies for size, kernels at 3": ("release", [
        'package."*".opt-level = "s"', 'package.tract-linalg.opt-level = 3', 'package.tract-data.opt-level = 3',
        'package.evscale-core.opt-level = 3']),
}
MAIN = """
use evscale_core::{Autoscaler, Config, Metrics, Timestamp};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ticks: i64 = std::env::args().nth(1).map_or(Ok(100), |text| text.parse())?;
    let mut scaler = Autoscaler::builder(Config::default()).build()?;
    let start: Timestamp = "2026-01-05T00:00:00Z".parse()?;
    let mut times = Vec::new();
    for step in 0..ticks {
        let events = (3000.0 + 2000.0 * (step as f64 / 115.0).sin()).round();
        let mut record = Metrics::new(start.plus_seconds(120 * step), events, 30.0);
        record.average_processing_duration_ms = Some(500.0);
        let began = Instant::now();
        scaler.observe(&record)?;
        scaler.decide();
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    println!("{}", 1e6 * times[times.len() / 2]);
    Ok(())
}
"""


def crate(folder: Path, profile: str, settings: list[str]) -> None:
    """Writes the dependent crate."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.rs").write_text(MAIN)
    lines = ["[package]", 'name = "dependent"', 'version = "0.0.0"', 'edition = "2024"', "[workspace]", "[dependencies]",
             f'evscale-core = {{ path = "{ROOT / "evscale-core"}" }}', f"[profile.{profile}]", *settings]
    (folder / "Cargo.toml").write_text("\n".join(lines) + "\n")
    shutil.copy(ROOT / "Cargo.lock", folder)


def build(folder: Path, profile: str) -> dict:
    """Processor time and memory of the build, and the size of the program without symbols, bytes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["cargo", "build", "--quiet", "--profile", profile], cwd=folder, check=True,
                   env={**os.environ, "CARGO_TARGET_DIR": str(folder / "target")})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = folder / "target" / ("debug" if profile == "dev" else profile) / "dependent"
    stripped = folder / "stripped"
    subprocess.run(["strip", "-o", stripped, program], check=True)
    target = sum(path.lstat().st_size for path in (folder / "target").rglob("*") if path.is_file())
    shutil.copy(program, folder / "program")
    shutil.rmtree(folder / "target")
    return {"processor_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "program_bytes": stripped.stat().st_size, "target_bytes": target}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "build_cost.json")
    parser.add_argument("--rounds", type=int, default=5, help="turns in which every program ticks")
    args = parser.parse_args()
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        for index, (name, (profile, settings)) in enumerate(PROFILES.items()):
            print(f"{name} ...", file=sys.stderr, flush=True)
            crate(Path(folder, str(index)), profile, settings)
            rows.append({"name": name, "settings": settings, **build(Path(folder, str(index)), profile), "turns_us": []})
            print(f"  {rows[-1]['processor_seconds']:.0f} s", file=sys.stderr, flush=True)
        for _ in range(args.rounds):
            for index, row in enumerate(rows):
                answer = subprocess.run([Path(folder, str(index), "program"), "200"], check=True, capture_output=True, text=True)
                row["turns_us"].append(float(answer.stdout))
    for row in rows:
        row["tick_us"] = median(row.pop("turns_us"))
    args.out.write_text(json.dumps(rows, indent=1) + "\n")
    print(args.out)


if __name__ == "__main__":
    main()
