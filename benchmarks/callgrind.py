"""Instructions of a tick, counted by valgrind: the same on every run, whatever else the machine does."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

FEW, MANY = 20, 80

# inclusive cost of a function of the core, by the part of a tick that it is
PARTS = {
    "tick": ("Autoscaler::observe", "Autoscaler::forecast", "Autoscaler::decide_at"),
    "features": ("forecaster_input::forecaster_input",),
    "forecaster network": ("ForecastSource>::quantiles",),
    "experts, mixture, calibration": ("Horizon::predict", "Horizon::evaluate"),
    "shadow evaluation of the rules": ("Selection::evaluate",),
    "policy network": ("PolicySource>::jobs",),
    "decision and its reasons": ("pipeline::conclude",),
}
# what the time inside the forecaster's network goes to, by operator
OPERATORS = re.compile(r"<(tract_core::ops::[\w:]+) as tract_core::ops::(?:EvalOp>::eval|OpState>::eval)$")


def available() -> bool:
    """Whether valgrind is there."""
    return shutil.which("valgrind") is not None


def inclusive(command: list[str]) -> dict[str, int]:
    """Instructions by function, those that it calls included."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command], check=True,
                       capture_output=True)
        text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--show-percs=no", out],
                              check=True, capture_output=True, text=True).stdout
    costs: dict[str, int] = {}
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+)\s+(?:\S*?:)?(.+?)(?: \[.*\])?$", line)
        if found:
            name = found[2].strip()
            costs[name] = max(costs.get(name, 0), int(found[1].replace(",", "")))
    return costs


def per_tick(start: Path, networks: bool) -> dict[str, float]:
    """What one tick adds to every function: the difference of a long and a short run."""
    few, many = (inclusive([str(start), str(ticks), str(int(networks))]) for ticks in (FEW, MANY))
    return {name: (cost - few.get(name, 0)) / (MANY - FEW) for name, cost in many.items()}


def parts(costs: dict[str, float]) -> dict[str, float]:
    """Instructions of the parts of a tick."""
    return {part: sum(cost for name, cost in costs.items() if name.endswith(ends)) for part, ends in PARTS.items()}


def operators(costs: dict[str, float]) -> dict[str, float]:
    """Instructions of the operators of the networks, those inside a recurrent loop counted with the loop too."""
    found = {match[1].removeprefix("tract_core::ops::"): cost for name, cost in costs.items()
             if (match := OPERATORS.search(name)) and cost > 0}
    return dict(sorted(found.items(), key=lambda item: -item[1]))
