"""More pools and histories than one process holds: on the processors of this machine, on Ray, and on Dask.

Where the work runs is an engine: `Processes()`, `Ray()` or `Dask(client)`. All of them run `backtest_many`, `what_if_many` and `retrain_many`,
and hold the actors of a `DistributedFleet`.

>>> from evscale.distributed import Processes, backtest_many
>>> import evscale, numpy
>>> times = [1_767_571_200_000 + 600_000 * i for i in range(432)]
>>> shops = {name: {"timestamp": times, "events": level + 100 * numpy.sin(numpy.arange(432) / 23)} for name, level in
...          [("north", 400), ("south", 900)]}
>>> many = backtest_many(shops, evscale.Config(max_jobs=80), engine=Processes(1), baselines=False, jobs_at_peak=20)
>>> sorted(many.results), many.failures
(['north', 'south'], {})
>>> many.results["north"]["scores"]["evscale"]["sla_compliance_percent"] > 50
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine import Engine, Lost
from .fleet import DistributedFleet, DistributedTick
from .histories import Many, backtest_many, retrain_many, what_if_many
from .processes import Processes

if TYPE_CHECKING:
    from .on_dask import Dask
    from .on_ray import Ray

__all__ = ["Dask", "DistributedFleet", "DistributedTick", "Engine", "Lost", "Many", "Processes", "Ray", "backtest_many",
           "retrain_many", "what_if_many"]


def __getattr__(name: str) -> Any:
    # their libraries are imported when they are used
    if name == "Ray":
        from .on_ray import Ray

        return Ray
    if name == "Dask":
        from .on_dask import Dask

        return Dask
    raise AttributeError(f"module 'evscale.distributed' has no attribute {name!r}")
