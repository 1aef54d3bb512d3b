"""evscale: an embeddable predictive autoscaler for pools of jobs that process events.

>>> import evscale
>>> scaler = evscale.Autoscaler(evscale.Config(min_jobs=5, max_jobs=100))
>>> seen = scaler.observe(timestamp="2026-01-05T10:02:00Z", logged_events_count=3400, current_job_count=12,
...                       average_processing_duration_ms=400.0)
>>> seen.verdict
'accepted'
>>> scaler.decide().recommended_jobs >= 5
True
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from ._evscale import (
    HORIZON_MINUTES,
    QUANTILE_LEVELS,
    RULES,
    ArgumentError,
    Autoscaler,
    BundleError,
    Config,
    ConfigError,
    Decision,
    EvscaleError,
    Fleet,
    FleetModels,
    FleetTick,
    Forecast,
    Forecaster,
    HorizonForecast,
    InferenceError,
    Meter,
    ModelBundle,
    Observation,
    PoolModels,
    Registry,
    SnapshotError,
    __version__,
    alert_rules,
    fields,
    lead_steps,
    metrics,
    settings,
)

if TYPE_CHECKING:
    from .history import History
    from .pool_report import PoolReport
    from .report import Report, Run, WhatIf, backtest
    from .snapshot import load_snapshot, save_snapshot

FIELDS = tuple(field["name"] for field in fields())
"""Names of the fields of a metrics record; `timestamp`, `logged_events_count` and `current_job_count` are required."""

__all__ = [
    "FIELDS", "HORIZON_MINUTES", "QUANTILE_LEVELS", "RULES", "ArgumentError", "Autoscaler", "BundleError", "Config",
    "ConfigError", "Decision", "EvscaleError", "Fleet", "FleetModels", "FleetTick", "Forecast", "Forecaster", "History",
    "HorizonForecast", "InferenceError", "Meter", "ModelBundle", "Observation", "PoolModels", "PoolReport", "Registry", "Report",
    "Run", "SnapshotError", "WhatIf",
    "__version__", "alert_rules", "backtest", "fields", "lead_steps", "load_snapshot", "metrics", "save_snapshot", "settings",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())

_LATER = {"History": "history", "PoolReport": "pool_report", "Report": "report", "Run": "report", "WhatIf": "report", "backtest": "report",
          "load_snapshot": "snapshot", "save_snapshot": "snapshot"}


_SUBMODULES = ("adapters", "distributed", "gym", "notebook", "readers", "sources", "testing", "types")

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _LATER:
            return getattr(import_module(f".{_LATER[name]}", __name__), name)
        if name in _SUBMODULES:
            return import_module(f".{name}", __name__)
        from ._refuse import meant

        raise AttributeError(f"module 'evscale' has no attribute {name!r}{meant(name, (*__all__, *_SUBMODULES))}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_SUBMODULES))
