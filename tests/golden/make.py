"""Golden vectors: decisions over two generated weeks in Rust, Python and C.

Run as a script it writes `expected.jsonl`: every 240th decision.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CONFIG = HERE / "config.json"
EVERY = 240


def records() -> str:
    """Metrics records of two generated weeks as JSON lines."""
    return subprocess.run([TARGET / "release/golden", "records"], check=True, capture_output=True, text=True).stdout


def in_rust(lines: str) -> str:
    """Decisions of the Rust crate."""
    command = [TARGET / "release/golden", "decide", CONFIG]
    return subprocess.run(command, input=lines, check=True, capture_output=True, text=True).stdout


def reports_in_rust(lines: str) -> str:
    """Report and alerts of the Rust crate after each day."""
    command = [TARGET / "release/golden", "report", CONFIG]
    return subprocess.run(command, input=lines, check=True, capture_output=True, text=True).stdout


def in_c(lines: str, what: str = "golden", program: str = "test-shared-c11") -> str:
    """Decisions of the C library."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write(lines)
        file.flush()
        command = [TARGET / "c-tests" / program, what, CONFIG, file.name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def in_cpp(lines: str) -> str:
    """Decisions of the C++ layer."""
    return in_c(lines, program="test-shared-cpp17")


def reports_in_c(lines: str) -> str:
    """Report and alerts of the C library after each day."""
    return in_c(lines, "report")


def in_python(lines: str) -> str:
    """Decisions of the Python package."""
    import json

    import evscale
    scaler = evscale.Autoscaler(evscale.Config(**json.loads(CONFIG.read_text())))
    out = []
    for line in lines.splitlines():
        scaler.observe(json.loads(line))
        out.append(scaler.decide().to_json())
    return "\n".join(out) + "\n"


def sampled(decisions: str) -> str:
    """Every 240th decision."""
    return "\n".join(decisions.splitlines()[EVERY - 1::EVERY]) + "\n"


if __name__ == "__main__":
    (HERE / "expected.jsonl").write_text(sampled(in_rust(records())))
    print(f"wrote {HERE / 'expected.jsonl'}", file=sys.stderr)
