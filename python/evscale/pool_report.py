"""How a pool is doing, as a value: metrics, alerts and the last day, as a table, a data frame and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ._evscale import Config

BIN = timedelta(minutes=10)
"""Length of a bin of the day's picture."""


def instant(text: str) -> datetime:
    """Returns an instant of a report, which is RFC 3339 text."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class PoolReport(Mapping[str, Any]):
    """How a pool is doing; made by `Autoscaler.report` and `Fleet.report`, and read like a dict.

    Every metric is there by its name, as `evscale.metrics()` documents it, and None where it is not known.

    Attributes
    ----------
    at : datetime
        The newest moment that the pool knows of, UTC.
    alerts : tuple of dict
        The alerts that fire, or were resolved within the last day, the worst and newest first.
    config : Config
        The configuration of the pool.

    Examples
    --------
    >>> from evscale import Autoscaler
    >>> report = Autoscaler().report()
    >>> report["jobs"] is None, report["missed_intervals"], report.alerts
    (True, 0.0, ())
    """

    __slots__ = ("_values", "alerts", "config")
    _values: dict[str, Any]
    alerts: tuple[dict[str, Any], ...]
    config: Config

    def __init__(self, values: Mapping[str, Any], alerts: Iterator[Mapping[str, Any]] | list[dict[str, Any]], config: Config) -> None:
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "alerts", tuple(dict(alert) for alert in alerts))
        object.__setattr__(self, "config", config)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a PoolReport is frozen: {name!r} cannot be set")

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def at(self) -> datetime:
        return instant(self._values["at"])

    @property
    def firing(self) -> tuple[dict[str, Any], ...]:
        """The alerts that fire."""
        return tuple(alert for alert in self.alerts if alert["state"] == "firing")

    @property
    def drift_detected(self) -> bool:
        """Whether a drift was found that is not over."""
        return bool(self._values["drift"])

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain values, the alerts among them."""
        return deepcopy(self._values) | {"alerts": [dict(alert) for alert in self.alerts]}

    def to_frame(self, backend: str | None = None) -> Any:
        """Returns every metric as a data frame: a row each, with the columns metric, value (NaN where it is not known), unit and description.

        `backend` is pandas, polars or pyarrow; without it the first of them that is installed.
        """
        from ._evscale import metrics
        from .history import frame_of

        known = metrics()
        value = [float("nan") if self._values[one["name"]] is None else self._values[one["name"]] for one in known]
        return frame_of({"metric": [one["name"] for one in known], "value": value, "unit": [one["unit"] for one in known],
                         "description": [one["description"] for one in known]}, backend)

    def day_frame(self, backend: str | None = None) -> Any:
        """Returns the last day as a data frame: a row per ten minutes, with the beginning (ds), arrivals, forecast, jobs, needed_jobs and
        late_share; NaN where nothing is known."""
        from .history import frame_of

        return frame_of({"ds": self.bins(), **self.curves()}, backend)

    def bins(self) -> list[datetime]:
        """Returns the beginnings of the bins of the last day, oldest first."""
        until, count = instant(self._values["day"]["until"]), len(self._values["day"]["arrivals"])
        return [until - (count - place) * BIN for place in range(count)]

    def curves(self) -> dict[str, list[float]]:
        """Returns the curves of the last day by name; NaN where nothing is known."""
        return {name: [float("nan") if value is None else value for value in values]
                for name, values in self._values["day"].items() if name != "until"}

    def plot(self) -> Figure:
        """Draws the last day with matplotlib: forecast against arrivals, jobs against need, late events against what the error budget allows,
        and the alerts."""
        from .day_picture import day_figure

        return day_figure(self)

    def _repr_html_(self) -> str:
        from .notebook import pool_report_html

        return pool_report_html(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PoolReport):
            return NotImplemented
        return (self._values, self.alerts, self.config) == (other._values, other.alerts, other.config)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return PoolReport, (self._values, list(self.alerts), self.config)

    def __repr__(self) -> str:
        def told(name: str, form: str) -> str:
            return "unknown" if self._values[name] is None else format(self._values[name], form)

        firing = ", ".join(alert["name"] for alert in self.firing) or "none"
        return (f"PoolReport(at {self.at:%Y-%m-%d %H:%M} UTC, {told('jobs', '.0f')} jobs, accuracy {told('accuracy', '.0%')}, "
                f"SLA of the day {told('sla_compliance_day', '.2%')}, alerts: {firing})")


def utc(text: str | None, otherwise: datetime) -> datetime:
    """Returns an instant without its zone, as matplotlib wants it; `otherwise` where there is none."""
    return (instant(text) if text else otherwise).astimezone(timezone.utc).replace(tzinfo=None)
