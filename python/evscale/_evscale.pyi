"""Types of the extension module; compared with the compiled module by the tests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from os import PathLike
from typing import Any, Literal, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Unpack

from .history import History
from .pool_report import PoolReport
from .types import MetricsRecord, ScalingOutcome

__version__: str

_Timestamp: TypeAlias = datetime | str | int | float
"""An aware datetime, RFC 3339 text with a zone, or epoch milliseconds."""

_Forecaster: TypeAlias = Callable[[History], ArrayLike]
_Policy: TypeAlias = Callable[[dict[str, Any]], float]

HORIZON_MINUTES: tuple[int, ...]
QUANTILE_LEVELS: tuple[float, ...]
RULES: dict[str, str]
"""What each safety rule does, by its name in the trail of a decision, in the order in which they apply."""

class EvscaleError(ValueError):
    """What evscale refuses or cannot do; `kind` is stable: invalid_config, invalid_argument, invalid_bundle, invalid_snapshot, invalid_trace, inference, unknown_pool, pool_failed, busy or panic."""
    kind: str

class ConfigError(EvscaleError):
    """A setting is unknown, out of range, or contradicts another."""
class ArgumentError(EvscaleError):
    """A metrics record or an argument is malformed."""
class BundleError(EvscaleError):
    """A model bundle is damaged, incomplete, or of another format."""
class SnapshotError(EvscaleError):
    """A snapshot is damaged, foreign, or of another format."""
class InferenceError(EvscaleError):
    """A network failed to run."""

@final
class Config:
    """Settings of one pool, as keyword arguments; None is the default. Each setting is an attribute.

    Parameters
    ----------
    interval_seconds
        Time between two metrics records, seconds. Range: 10 to 3,600.
    decision_interval_seconds
        Time between two decisions, seconds. Emergencies do not wait for it. Range: `interval_seconds` to 86,400.
    min_jobs
        Fewest jobs. Range: 0 to `max_jobs`.
    max_jobs
        Most jobs. Range: 1 to 1,000,000.
    job_step
        Jobs come in multiples of this number, as four on every machine do. Range: 1 to `max_jobs`.
    job_counts
        The only numbers of jobs that there are, such as the divisors of a number of partitions; increasing, at most
        1000. Every number by default.
    job_startup_seconds
        Time from the request of a job until it takes events, seconds. Range: 0 to 10,800.
    sla_wait_seconds
        Longest wait in the queue that meets the SLA, seconds. Range: 0.001 to 86,400.
    sla_target
        Share of events that should meet the SLA. Stricter than 0.995 costs much more: what must never happen cannot
        be learned from a week, so the pool keeps a reserve near its highest load. Range: 0.5 to 0.99999.
    target_utilization
        Utilization that jobs can be planned with. Range: 0.1 to 1.
    events_per_job
        Events that a job can work on at the same time: threads, connections, or the messages of a batch. With more
        than 1, durations are those of an event from its begin to its end. Range: 1 to 100,000.
    spare_jobs
        Jobs that are kept idle above what the load is expected to need. Range: 0 to `max_jobs`.
    most_events_per_second
        Most events per second that what the jobs call can take, all jobs together: no more jobs are asked for than
        that keeps busy. Range: 1e-6 to 1e12.
    classes
        Kinds of events that are unlike each other: `name`, `service_time_seconds`, `sla_wait_seconds`, `sla_target`
        and `priority` (a lower number is served first) of each; 2 to 8, and then the SLA and the service time of the
        pool are theirs. None by default.
    service_time_ms
        Mean time a job works on one event, ms, for pools whose records do not report it. Range: 1e-6 to 1e9.
    time_zone
        IANA time zone of the pool's users.
    holidays
        Dates that behave like a Sunday, such as `2026-12-25`; at most 1000.
    schedule
        Times that come again and again with other bounds or another load: `cron` (minute, hour, day of the month,
        month, weekday, in `time_zone`), `seconds`, and `min_jobs`, `max_jobs`, `multiplier` or `job_hour_price`; at
        most 100.
    tolerance
        Dead band: changes up to this share of the pool are not made. Range: 0 to 0.5.
    scale_down_stabilization_seconds
        Scale-down goes to the highest proposal of this window, seconds. A step down to less than two thirds of the
        pool looks back on less of it, in proportion, but on one decision at least. Range: 0 to 86,400.
    max_step_up_percent
        Most jobs added by one decision, as a percentage of the pool; the larger of the two limits holds. Range: 1 to
        10,000.
    max_step_up_jobs
        Most jobs added by one decision, absolute. Range: 1 to 1,000,000.
    max_step_down_percent
        Most jobs removed by one decision, as a percentage of the pool; the larger of the two limits holds. Range: 1
        to 100.
    max_step_down_jobs
        Most jobs removed by one decision, absolute. Range: 1 to 1,000,000.
    cooldown_up_seconds
        Time after a change in which the pool does not grow, seconds. Range: 0 to 86,400.
    cooldown_down_seconds
        Time after a change in which the pool does not shrink, seconds. Range: 0 to 86,400.
    flap_window_seconds
        Window in which reversals of direction are counted, seconds. Range: 60 to 604,800.
    max_reversals
        Reversals in the window from which on the pool does not shrink. Range: 1 to 1,000.
    scale_down_quantile
        Upper quantile that must fit into a smaller pool. Range: 0.5 to 0.995.
    job_hours_per_day
        Most job-hours per day of the pool's time zone; none by default. Range: 0.1 to 1e9.
    stale_after_seconds
        A newest record older than this is stale, seconds. Three intervals by default. Range: `interval_seconds` to
        86,400.
    stale_action
        What stale records lead to in the end: `hold` or `fail_safe`.
    stale_fail_safe_seconds
        Age of the newest record from which `stale_action` applies, seconds. Range: 0 to 604,800.
    fail_safe_jobs
        Job count to fail safe to after `stale_fail_safe_seconds` without metrics; the highest need of the last weeks
        by default. Range: `min_jobs` to `max_jobs`.
    emergency_quantile
        Quantile of the forecast that the pool must be able to serve within a startup time, else it is an emergency.
        Range: 0.5 to 0.995.
    emergency_tolerance
        How far that quantile may exceed the pool's capacity, as a share of it. Range: 0 to 10.
    emergency_in_maintenance
        Whether an emergency may raise the pool during a maintenance window.
    pause
        Which changes are switched off from the start: `off`, `all`, `down` or `up`.
    mode
        Whether decisions are carried out: `act`, or `advise` beside a pool that is scaled otherwise, whose report
        then says what the advice would have brought.
    drain_busy_jobs
        Whether jobs that are busy may be told to leave at once, after their event; else only idle ones.
    job_hour_price
        Price of a job for an hour, in the currency of your reports, at times for which the schedule names no other;
        none by default, and then no cost is told. Range: 0 to 1e9.
    late_event_price
        Price of an event that waits longer than `sla_wait_seconds`, in the same currency. Where it is set, money
        decides between late events and jobs, and `sla_target` does not; none by default. Range: 0 to 1e9.
    change_price
        Price of a change of the number of jobs, in the same currency; none by default. Range: 0 to 1e9.
    reversal_price
        Price of a change against the direction of the one before, beside that; none by default. Range: 0 to 1e9.
    cost_per_day
        Cost that a day (UTC) should not exceed, in the same currency; none by default. Alerts tell of it, and nothing
        else does. Range: 0 to 1e15.
    priority
        How much a late event counts against one of another pool, beside its price, where the pools of a fleet share a
        budget that is not enough for all. Range: 0.001 to 1,000.
    alerts
        Alerts of your own, beside those of the library: a metric of the report, `>` or `<`, a number, and as far as
        wished `for` a time and `critical`, such as `queue_length > 500 for 10m critical`; at most 16.
    latency_budget_ms
        Latency budget per call, ms. A reported call above it opens the circuit breakers of the networks that ran in
        it. Range: 1 to 60,000.
    bundle_public_key
        Ed25519 key, 64 lower-case hexadecimal digits: other bundles than the one compiled into the library must be
        signed by it; none by default.
    bundle_min_serial
        Least `serial` in the manifest of a bundle that `bundle_public_key` has signed, so that nobody can bring an
        older one back: raise it with every roll-out. 0 by default, which is every bundle. Range: 0 to 1e9.
    use_networks
        Whether the networks act; without them the statistical experts and the analytic rule do.

    Raises
    ------
    ConfigError
        A setting is unknown, out of range, or contradicts another.

    Examples
    --------
    >>> from evscale import Config
    >>> Config(min_jobs=2, max_jobs=40, time_zone="Europe/Berlin")
    Config(min_jobs=2, max_jobs=40, time_zone='Europe/Berlin')
    >>> Config().sla_target
    0.995
    """
    def __new__(
        cls,
        *,
        interval_seconds: int | None = None,
        decision_interval_seconds: int | None = None,
        min_jobs: int | None = None,
        max_jobs: int | None = None,
        job_step: int | None = None,
        job_counts: Sequence[int] | None = None,
        job_startup_seconds: int | None = None,
        sla_wait_seconds: float | None = None,
        sla_target: float | None = None,
        target_utilization: float | None = None,
        events_per_job: int | None = None,
        spare_jobs: int | None = None,
        most_events_per_second: float | None = None,
        classes: Sequence[Mapping[str, str | float]] | None = None,
        service_time_ms: float | None = None,
        time_zone: str | None = None,
        holidays: Sequence[str | date] | None = None,
        schedule: Sequence[Mapping[str, str | float]] | None = None,
        tolerance: float | None = None,
        scale_down_stabilization_seconds: int | None = None,
        max_step_up_percent: float | None = None,
        max_step_up_jobs: int | None = None,
        max_step_down_percent: float | None = None,
        max_step_down_jobs: int | None = None,
        cooldown_up_seconds: int | None = None,
        cooldown_down_seconds: int | None = None,
        flap_window_seconds: int | None = None,
        max_reversals: int | None = None,
        scale_down_quantile: float | None = None,
        job_hours_per_day: float | None = None,
        stale_after_seconds: int | None = None,
        stale_action: Literal["hold", "fail_safe"] | None = None,
        stale_fail_safe_seconds: int | None = None,
        fail_safe_jobs: int | None = None,
        emergency_quantile: float | None = None,
        emergency_tolerance: float | None = None,
        emergency_in_maintenance: bool | None = None,
        pause: Literal["off", "all", "down", "up"] | None = None,
        mode: Literal["act", "advise"] | None = None,
        drain_busy_jobs: bool | None = None,
        job_hour_price: float | None = None,
        late_event_price: float | None = None,
        change_price: float | None = None,
        reversal_price: float | None = None,
        cost_per_day: float | None = None,
        priority: float | None = None,
        alerts: Sequence[str] | None = None,
        latency_budget_ms: float | None = None,
        bundle_public_key: str | None = None,
        bundle_min_serial: int | None = None,
        use_networks: bool | None = None,
    ) -> Config: ...
    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values."""
    # settings as attributes, written by tools/stub.py
    @property
    def interval_seconds(self) -> int: ...
    @property
    def decision_interval_seconds(self) -> int: ...
    @property
    def min_jobs(self) -> int: ...
    @property
    def max_jobs(self) -> int: ...
    @property
    def job_step(self) -> int: ...
    @property
    def job_counts(self) -> Sequence[int]: ...
    @property
    def job_startup_seconds(self) -> int: ...
    @property
    def sla_wait_seconds(self) -> float: ...
    @property
    def sla_target(self) -> float: ...
    @property
    def target_utilization(self) -> float: ...
    @property
    def events_per_job(self) -> int: ...
    @property
    def spare_jobs(self) -> int: ...
    @property
    def most_events_per_second(self) -> float | None: ...
    @property
    def classes(self) -> Sequence[Mapping[str, str | float]]: ...
    @property
    def service_time_ms(self) -> float | None: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def holidays(self) -> list[str]: ...
    @property
    def schedule(self) -> Sequence[Mapping[str, str | float]]: ...
    @property
    def tolerance(self) -> float: ...
    @property
    def scale_down_stabilization_seconds(self) -> int: ...
    @property
    def max_step_up_percent(self) -> float: ...
    @property
    def max_step_up_jobs(self) -> int: ...
    @property
    def max_step_down_percent(self) -> float: ...
    @property
    def max_step_down_jobs(self) -> int: ...
    @property
    def cooldown_up_seconds(self) -> int: ...
    @property
    def cooldown_down_seconds(self) -> int: ...
    @property
    def flap_window_seconds(self) -> int: ...
    @property
    def max_reversals(self) -> int: ...
    @property
    def scale_down_quantile(self) -> float: ...
    @property
    def job_hours_per_day(self) -> float | None: ...
    @property
    def stale_after_seconds(self) -> int | None: ...
    @property
    def stale_action(self) -> Literal['hold', 'fail_safe']: ...
    @property
    def stale_fail_safe_seconds(self) -> int: ...
    @property
    def fail_safe_jobs(self) -> int | None: ...
    @property
    def emergency_quantile(self) -> float: ...
    @property
    def emergency_tolerance(self) -> float: ...
    @property
    def emergency_in_maintenance(self) -> bool: ...
    @property
    def pause(self) -> Literal['off', 'all', 'down', 'up']: ...
    @property
    def mode(self) -> Literal['act', 'advise']: ...
    @property
    def drain_busy_jobs(self) -> bool: ...
    @property
    def job_hour_price(self) -> float | None: ...
    @property
    def late_event_price(self) -> float | None: ...
    @property
    def change_price(self) -> float | None: ...
    @property
    def reversal_price(self) -> float | None: ...
    @property
    def cost_per_day(self) -> float | None: ...
    @property
    def priority(self) -> float: ...
    @property
    def alerts(self) -> Sequence[str]: ...
    @property
    def latency_budget_ms(self) -> float: ...
    @property
    def bundle_public_key(self) -> str | None: ...
    @property
    def bundle_min_serial(self) -> int: ...
    @property
    def use_networks(self) -> bool: ...
    # end of the settings
    def __hash__(self) -> int: ...
    def __dir__(self) -> list[str]: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...

@final
class Meter:
    """Counts what happens in a pool and hands out one record per interval, so that a host need not accumulate, stamp and scale.
    Count events as they come and end, or tell running totals, and call `tick` as often as you like: every second, or some times
    per interval. Any number of threads may use a meter; it starts none. `now` is the machine's clock unless it is given. A
    process that was forked makes a meter of its own.

    Parameters
    ----------
    config
        That of the pool; the defaults without one.
    now
        Measuring begins now. The interval that has begun before is told if at least half of it is measured, its counts scaled
        to the whole.

    Examples
    --------
    >>> from evscale import Autoscaler, Config, Meter
    >>> config = Config(max_jobs=40)
    >>> scaler, meter = Autoscaler(config), Meter(config, now="2026-01-05T10:00:00Z")
    >>> for second in range(1, 121):
    ...     meter.arrived(25)
    ...     meter.finished(0.4, waited=0.1, n=25)
    ...     for record in meter.tick(jobs=12, queued=3, now=1767607200000 + 1000 * second):
    ...         seen = scaler.observe(record)
    >>> record["logged_events_count"], record["average_processing_duration_ms"], seen.verdict
    (3000.0, 400.0, 'accepted')
    """
    def __new__(cls, config: Config | None = None, *, now: _Timestamp | None = None) -> Meter: ...
    def arrived(self, n: int | None = None) -> None:
        """Counts events that have arrived, once each: a retry is no arrival."""
    def finished(self, seconds: float | None = None, waited: float | None = None, n: int | None = None) -> None:
        """Counts events whose processing has ended, well or not.

        Parameters
        ----------
        seconds
            Time that each kept a job; None is not known.
        waited
            Time that each had waited in the queue; None is not known.
        n
            How many events; 1 without.
        """
    def failed(self, n: int | None = None) -> None:
        """Says that so many of the finished events failed."""
    def totals(
        self,
        source: str | None = None,
        *,
        arrived: float | None = None,
        finished: float | None = None,
        failed: float | None = None,
        busy_seconds: float | None = None,
        waited_seconds: float | None = None,
        late: float | None = None,
    ) -> None:
        """Takes running totals in the place of single events, such as the counters of a broker or a worker. `source` names whose
        they are; the totals of several sources add up. The first ones of a source are what it begins with; a total that is smaller
        than before has been reset, and counts from zero.

        Parameters
        ----------
        source
            Whose totals they are, such as a worker's name.
        arrived, finished, failed
            Events; `failed` are some of the finished ones.
        busy_seconds, waited_seconds
            What the finished events kept their jobs, and had waited in the queue, added up.
        late
            Events that had waited longer than `sla_wait_seconds`.

        Raises
        ------
        ArgumentError
            A total is negative or no number, or there are more than 10,000 sources.
        """
    def started(self, n: int | None = None, *, now: _Timestamp | None = None) -> None:
        """Notes that jobs were asked for."""
    def ready(self, n: int | None = None, *, now: _Timestamp | None = None) -> None:
        """Notes that jobs have become ready, those first that were asked for first; the time between is measured."""
    def refused(self, n: int | None = None) -> None:
        """Notes that jobs that were asked for could not be had."""
    def drained(self, n: int | None = None) -> None:
        """Notes that jobs have finished their work and left."""
    def tick(
        self,
        jobs: float | None,
        queued: float | None = None,
        busy: float | None = None,
        *,
        now: _Timestamp | None = None,
    ) -> list[MetricsRecord]:
        """Returns the records of the intervals that have ended since the last call, oldest first, as dicts for
        `Autoscaler.observe`: none, one, or many after a stall.

        A host that counts no arrivals but tells `queued` gets what was finished plus the growth of the queue. One that counts
        nothing but tells `busy` gets what so many jobs finish in `service_time_ms` of the configuration. `estimates` names every
        such field.

        Parameters
        ----------
        jobs
            Jobs that are there now, starting ones included; None is not known.
        queued
            Events that wait now; None is not known.
        busy
            Jobs that work now; None is not known.
        now
            The machine's clock without.
        """
    def outcome(self, *, now: _Timestamp | None = None) -> ScalingOutcome | None:
        """Returns what the host did since the last call as a dict for `Autoscaler.acknowledge`, with the measured startup time; None
        if it did nothing.
        """
    @property
    def estimates(self) -> dict[str, str]:
        """The fields of the last records that are estimates, and of what: a dict of reasons by field."""

@final
class ModelBundle:
    """A forecaster and a policy network, checked when loaded, shared by any number of pools and threads.

    Examples
    --------
    >>> from evscale import ModelBundle
    >>> ModelBundle.bundled().manifest["format_version"]
    1
    """
    @staticmethod
    def bundled() -> ModelBundle:
        """The models inside the package."""
    @staticmethod
    def bundled_files() -> dict[str, bytes]:
        """Names and contents of the files of the bundled models."""
    @staticmethod
    def load(path: str | PathLike[str], public_key: str | None = None) -> ModelBundle:
        """A bundle from a folder with manifest.json, forecaster.onnx and policy.onnx, or the champion of a registry.

        Parameters
        ----------
        path
            The folder, or ``registry:`` and the folder of a registry.
        public_key
            Ed25519 key, 64 hexadecimal digits: the folder's manifest.sig must be a signature of it over manifest.json, whose
            checksums bind the networks. `evscale bundle sign` makes it.

        Raises
        ------
        FileNotFoundError
            A file is missing; other kinds of OSError if it cannot be read.
        BundleError
            It is damaged, incomplete, of another format, or not signed by the key.
        """
    @property
    def name(self) -> str:
        """Name."""
    @property
    def version(self) -> str:
        """Version."""
    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest as plain values."""

@final
class Registry:
    """Versions of model bundles in a folder: the champion, the candidates, and what was done when and why. Needs no server;
    several processes may use one at once, and a killed one leaves nothing half.

    Parameters
    ----------
    path
        The folder.
    create
        Make the registry if the folder is empty or not there.

    Raises
    ------
    ArgumentError
        The folder holds no registry; in the methods, what makes no sense as the registry stands.
    BundleError
        In the methods: a file of the registry is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from evscale import Registry
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = Registry(folder, create=True)
    ...     registry.versions(), registry.stages()["champion"], registry.champion().name
    ([], None, 'evscale-bundled')
    """
    def __new__(cls, path: str | PathLike[str], create: bool = False) -> Registry: ...
    def versions(self) -> list[int]:
        """Numbers of the versions, the oldest first."""
    def card(self, version: int) -> dict[str, Any]:
        """The card of a version: `parent`, `created_ms`, `details`, and the checksums of its files."""
    def stages(self) -> dict[str, Any]:
        """The stages: `champion` (None: the bundled models), `earlier` champions, `pinned`, and the `history`."""
    def champion(self, public_key: str | None = None) -> ModelBundle:
        """The bundle of the champion; the bundled models before the first promotion. Files that are not as they were written
        are refused, as is a bundle that `public_key` did not sign, if there is one.
        """
    def load(self, version: int, public_key: str | None = None) -> ModelBundle:
        """The bundle of a version, checked as the champion is."""
    def files(self, version: int | None) -> dict[str, bytes]:
        """Names and contents of the files of a version, as they were written; those of the bundled models for None."""
    def add(self, path: str | PathLike[str], *, parent: int | None = None, details: dict[str, Any] | None = None,
            now: _Timestamp | None = None) -> int:
        """Adds the bundle in a folder as a candidate, if it loads, and returns its version.

        Parameters
        ----------
        path
            The folder of the bundle; its manifest.sig is kept if it has one.
        parent
            Version that its training began with.
        details
            What the card shall tell of it, such as the data window and scores: texts, finite numbers, lists, dicts.
        now
            When it was made; the machine's clock by default.
        """
    def promote(self, version: int, reason: str, *, now: _Timestamp | None = None) -> None:
        """Makes a version the champion, if its files are as they were written and load."""
    def rollback(self, reason: str, *, now: _Timestamp | None = None) -> int | None:
        """Makes the champion before the champion again, and returns its version; None is the bundled models."""
    def pin(self, reason: str, *, now: _Timestamp | None = None) -> None:
        """Forbids promotion and rollback."""
    def unpin(self, reason: str, *, now: _Timestamp | None = None) -> None:
        """Allows promotion and rollback again."""
    def prune(self, keep: int) -> list[int]:
        """Removes old versions and what killed processes left; returns the versions that were removed. The champion, its parent,
        the one that a rollback returns to, and the newest `keep` stay.
        """
    def verify(self, version: int | None = None) -> list[dict[str, Any]]:
        """Checks every version, or one: a list of dicts of `version`, `ok` and `problem`. Each file must be as it was written,
        and the bundle must load. A version without a card is no version yet, or never will be: it is `unfinished`.
        """
    def diff(self, before: int, after: int) -> dict[str, Any]:
        """What differs between two versions: `card` and `manifest`, each a list of dicts of `entry`, `before` and `after`."""

@final
class Observation:
    """What became of a record, and what it means.

    Examples
    --------
    >>> from evscale import Autoscaler
    >>> seen = Autoscaler().observe(timestamp="2026-01-05T10:02:00Z", logged_events_count=-5, current_job_count=3)
    >>> seen.verdict, len(seen.repairs)
    ('repaired', 1)
    """
    def __new__(
        cls,
        verdict: str,
        repairs: list[str],
        reason: str | None,
        data_quality: str,
        anomaly_score: float,
        decision_due: bool,
        emergency: bool,
    ) -> Observation: ...
    @property
    def verdict(self) -> Literal["accepted", "repaired", "rejected"]:
        """"accepted", "repaired" or "rejected"."""
    @property
    def repairs(self) -> list[str]:
        """Fields that were set to unknown, and why."""
    @property
    def reason(self) -> str | None:
        """Why the record was rejected."""
    @property
    def data_quality(self) -> str:
        """Verdict on the data: "good", or what is wrong with it, such as "late", "stuck" or "gap"."""
    @property
    def allowed_actions(self) -> Literal["all", "up_only", "hold"]:
        """What may be done on it: "all", "up_only" or "hold"."""
    @property
    def anomaly_score(self) -> float:
        """How unusual the record is, 0 to 1."""
    @property
    def decision_due(self) -> bool:
        """`decide` will make a new decision."""
    @property
    def emergency(self) -> bool:
        """It will do so because of a predicted or real breach of the SLA."""
    def to_dict(self) -> dict[str, Any]:
        """The observation as plain values."""
    def __hash__(self) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __getnewargs__(self) -> tuple[Any, ...]: ...

@final
class Decision:
    """A number of jobs that passed the safety rules, or None where it would be a guess, and why.

    Examples
    --------
    >>> from evscale import Autoscaler, Decision
    >>> decision = Autoscaler().decide()
    >>> decision.action, decision.recommended_jobs
    ('hold', None)
    >>> Decision(decision.to_json()).explanation == decision.explanation
    True
    """
    def __new__(cls, json: str, confidence: float | None = None) -> Decision: ...
    @property
    def recommended_jobs(self) -> int | None:
        """Jobs the pool should have, ready and starting ones; None while nobody knows how many it has: before a record told it,
        and after a restore until one tells it again.
        """
    @property
    def current_jobs(self) -> int | None:
        """Jobs it had when this was decided; after a restore those of the time before, None if nobody ever told them."""
    @property
    def change(self) -> int | None:
        """The difference; None without a recommendation or a count."""
    @property
    def confidence(self) -> float:
        """How far the decision can be trusted, 0 to 1."""
    @property
    def reasoning(self) -> dict[str, Any]:
        """The state of the pool in words."""
    @property
    def action(self) -> Literal["scale_up", "scale_down", "hold"]:
        """"scale_up", "scale_down" or "hold"."""
    @property
    def graceful(self) -> bool:
        """Whether jobs that leave should finish their event first."""
    @property
    def source(self) -> str:
        """Who proposed."""
    @property
    def proposed_jobs(self) -> int | None:
        """What was proposed before the safety rules; None where nobody knows enough to propose."""
    @property
    def limited_by(self) -> list[str]:
        """Names of the rules that changed the proposal, in order."""
    @property
    def trail(self) -> list[dict[str, Any]]:
        """What each of them changed: rule, before, after, detail."""
    @property
    def plan(self) -> list[dict[str, int]]:
        """What the pool will need later: minutes_ahead, jobs, low, high."""
    @property
    def drain(self) -> dict[str, Any] | None:
        """How jobs should leave; None unless the pool shrinks."""
    @property
    def emergency(self) -> bool:
        """Decided because of a predicted or real breach of the SLA, maybe before the decision was due."""
    @property
    def fallback_reason(self) -> str | None:
        """Why a better source did not act; None if it did."""
    @property
    def explanation(self) -> str:
        """The decision in a sentence."""
    @property
    def decided_at(self) -> datetime:
        """The moment it was made for, UTC."""
    @property
    def valid_until(self) -> datetime:
        """The next decision is due then, UTC."""
    def to_dict(self) -> dict[str, Any]:
        """The whole decision as plain values."""
    def to_json(self) -> str:
        """The whole decision as JSON, byte for byte as in Rust and C."""
    def __hash__(self) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __getnewargs__(self) -> tuple[str, float]: ...

@final
class HorizonForecast:
    """Arrivals of one whole interval that ends a while from now, events per interval."""
    def __new__(
        cls, minutes: int, steps: int, prediction: float, uncertainty: float, quantiles: Sequence[float]
    ) -> HorizonForecast: ...
    @property
    def minutes(self) -> int:
        """Nominal lead, minutes."""
    @property
    def steps(self) -> int:
        """Real lead, whole intervals."""
    @property
    def prediction(self) -> float:
        """Median."""
    @property
    def uncertainty(self) -> float:
        """Half the width of the 80 % interval."""
    @property
    def quantiles(self) -> dict[float, float]:
        """Level to value, lowest level first."""
    def quantile(self, level: float) -> float:
        """Value at a level of 0 to 1, interpolated; levels beyond the outermost ones give those.

        Examples
        --------
        >>> from evscale import Forecaster
        >>> soon = Forecaster().predict([5, 7, 6]).horizons[12]
        >>> soon.quantile(0.5) == soon.prediction
        True
        """
    def interval(self, share: float = 0.8) -> tuple[float, float]:
        """Central interval (low, high) that holds the actual value with this probability, 0 to 1."""
    def __hash__(self) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __getnewargs__(self) -> tuple[Any, ...]: ...

@final
class Forecast:
    """Arrivals expected at every horizon; made by `Autoscaler.forecast` and `Forecaster.predict`.

    Examples
    --------
    >>> from evscale import Forecaster
    >>> forecast = Forecaster().predict([5, 7, 6])
    >>> [minutes for minutes in forecast.horizons if minutes in (12, 48, 180)]
    [12, 48, 180]
    """
    def __new__(
        cls,
        at: _Timestamp,
        horizons: Sequence[HorizonForecast],
        anomaly_score: float,
        model_confidence: float,
        interval_seconds: int | None = None,
        bursts: Sequence[tuple[float, float, float]] | None = None,
        due: Sequence[tuple[_Timestamp, float]] | None = None,
    ) -> Forecast: ...
    @property
    def due(self) -> list[tuple[datetime, float]]:
        """Events that you said fall due, as far as they are believed: each its time and their number. They come beside the arrivals
        between the horizons, and are among those of a horizon in whose interval they fall due.
        """
    @property
    def bursts(self) -> list[tuple[float, float, float]]:
        """Bursts that are due by the clock, as on the days before: what the horizons are too far apart to show. In order; each is
        its begin and its end, seconds after the newest record, and its highest arrivals, events per second.
        """
    @property
    def interval_seconds(self) -> int | None:
        """Length of an interval, seconds; None if it is not known."""
    @property
    def horizons(self) -> dict[int, HorizonForecast]:
        """Horizons by minutes ahead, nearest first; 12, 48 and 180 are always there."""
    @property
    def at(self) -> datetime:
        """End of the newest interval known, UTC."""
    @property
    def anomaly_score(self) -> float:
        """How unusual the newest records are, 0 to 1."""
    @property
    def model_confidence(self) -> float:
        """How far this forecast can be trusted, 0 to 1."""
    def to_frame(self, level: Sequence[float] | float | None = None) -> Any:
        """Returns the forecast as a data frame (of the library that the counts came in, or of pandas, polars or pyarrow, whichever is
        installed): a row per interval that is forecast, with the columns ds (beginning of the interval, as in the histories
        that come in), median, lo-80, hi-80 and so on; `level` lists the central intervals in percent.
        """
    def plot(self, axes: Any = None) -> Any:
        """The median and the 50 and 80 % intervals over the horizons, drawn with matplotlib; the axes are returned."""
    def to_dict(self) -> dict[str, Any]:
        """The whole forecast as plain values."""
    def to_json(self) -> str:
        """The whole forecast as JSON, byte for byte as in Rust and C."""
    def __hash__(self) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __getnewargs__(self) -> tuple[Any, ...]: ...

@final
class Autoscaler:
    """Forecasts the arrivals of one pool and decides on its number of jobs. Threads may share it; they take turns. A child of
    `fork` may go on with it if no other thread was inside a call; else it raises an EvscaleError of the kind "busy".

    Parameters
    ----------
    config
        Settings; the defaults without one.
    bundle
        Models; the bundled ones without.
    forecaster
        A callable of your own in the place of the network: it gets a `History` of up to a week and returns quantiles of
        shape (12, 15), a row per minute of `HORIZON_MINUTES`, a column per level of `QUANTILE_LEVELS`.
    policy
        A callable of your own in the place of the network: it gets the state of the pool as a dict and returns jobs. An
        exception, or an answer that makes no sense, is named in the decision, and the next source of the fallback chain acts.
        `evscale.testing` checks both.

    Examples
    --------
    >>> from evscale import Autoscaler, Config
    >>> scaler = Autoscaler(Config(min_jobs=2, max_jobs=40))
    >>> for minute in range(10, 40, 2):
    ...     seen = scaler.observe(timestamp=f"2026-01-05T10:{minute}:00Z", logged_events_count=3000,
    ...                           current_job_count=12, average_processing_duration_ms=400)
    >>> seen.verdict, seen.decision_due
    ('accepted', True)
    >>> decision = scaler.decide()
    >>> 2 <= decision.recommended_jobs <= 40
    True
    """
    def __new__(
        cls,
        config: Config | None = None,
        bundle: ModelBundle | None = None,
        *,
        forecaster: _Forecaster | None = None,
        policy: _Policy | None = None,
    ) -> Autoscaler: ...
    @staticmethod
    def restore(
        config: Config,
        data: bytes,
        bundle: ModelBundle | None = None,
        *,
        forecaster: _Forecaster | None = None,
        policy: _Policy | None = None,
    ) -> Autoscaler:
        """An autoscaler that goes on from a snapshot. Settings that differ from those at the snapshot win, as by `reconfigure`.

        Raises
        ------
        SnapshotError
            It is damaged, foreign, or of another format.
        """
    @property
    def config(self) -> Config:
        """The configuration."""
    def reconfigure(self, config: Config) -> dict[str, tuple[Any, Any]]:
        """Goes on under another configuration: what it says wins over what was learned, and what was learned stays where it still
        means something, so that records of another interval go on with the history resampled. A decision is due, and tells what
        has changed. Returns the settings that differ, each with its value before and now.

        Raises
        ------
        ConfigError
            The configuration is refused. Then nothing changes, nor where it asks for networks that the autoscaler was made
            without (ArgumentError).

        Examples
        --------
        >>> from evscale import Autoscaler, Config
        >>> scaler = Autoscaler(Config(max_jobs=40))
        >>> scaler.reconfigure(Config(max_jobs=60))
        {'max_jobs': (40, 60)}
        """
    def observe(self, record: Mapping[str, Any] | None = None, /, **fields: Unpack[MetricsRecord]) -> Observation:
        """Takes the record of one interval: a dict, or its fields as keyword arguments.

        Parameters
        ----------
        record
            A mapping with some of `evscale.FIELDS`, and `classes` where the configuration has them: the counts of each by its name
            (`logged_events_count`, `processed_events_count`, `queued_events_count`, `sla_violations_count`). None is unknown, and unknown
            is never taken for zero.

        Raises
        ------
        ArgumentError
            A required field is missing, a field is unknown or of the wrong type, or a datetime is naive. A record that comes late
            or makes no sense is no error: the verdict tells, and the logger `evscale` warns of the first, second, fourth and so
            on in a row.
        """
    def observe_many(
        self, frame: Any, columns: Mapping[str, str] | None = None, warm_days: float | None = None
    ) -> list[Observation]:
        """Takes the records of many intervals, oldest first: a list of dicts, a dict of columns, or a data frame of
        pandas, polars or pyarrow, or the path of a CSV or Parquet file. `columns` maps our names to those of the table.
        A malformed record refuses the whole table.

        With `warm_days`, records that are older than that before the newest one go into the history alone: nothing is
        forecast, learned or evaluated on them, which is some hundred times faster; decisions differ a little from those
        after all records were observed. Without it, they are the same bit for bit.
        """
    def forecast(self) -> Forecast:
        """The forecast at the newest record."""
    def decide(self) -> Decision:
        """The decision at the time of the newest record: new if it is due or there is an emergency, else the standing one."""
    def decide_at(self, timestamp: _Timestamp) -> Decision:
        """The decision at a time that may be later than the newest record.

        Parameters
        ----------
        timestamp
            An aware datetime, RFC 3339 text with a zone, or epoch milliseconds.
        """
    def snapshot(self) -> bytes:
        """The whole state of the pool, for `restore`; `evscale.save_snapshot` writes it to a file.

        Examples
        --------
        >>> from evscale import Autoscaler, Config
        >>> scaler = Autoscaler(Config(max_jobs=40))
        >>> Autoscaler.restore(Config(max_jobs=40), scaler.snapshot()).snapshot() == scaler.snapshot()
        True
        """
    def acknowledge(self, outcome: Mapping[str, Any] | None = None, /, **fields: Unpack[ScalingOutcome]) -> None:
        """Tells what the host really did, as a dict or as keyword arguments; the startup time is learned from it.

        Parameters
        ----------
        timestamp
            When it was known; required.
        started, ready, refused, drained
            Jobs that were asked for, that became ready, that could not be had, and that finished their work and left; 0
            without.
        startup_seconds
            Time that the jobs took to become ready.
        """
    def set_pause(self, pause: Literal["off", "all", "down", "up"]) -> None:
        """Switches changes off: "off" (nothing is paused), "all", "down" or "up"."""
    def set_override(
        self,
        fixed: int | None = None,
        cap: int | None = None,
        until: _Timestamp | None = None,
        *,
        floor: int | None = None,
        start: _Timestamp | None = None,
    ) -> None:
        """Orders exactly `fixed` jobs, at most `cap` or at least `floor`, until a time; without arguments the order is taken back.
        It begins at once, or at `start`. A decision is due now, when it begins and when it ends; that one tells so.

        Raises
        ------
        ArgumentError
            The order ends before it begins or before the newest record, or asks for a number outside `min_jobs` to `max_jobs`.

        Examples
        --------
        >>> from evscale import Autoscaler
        >>> scaler = Autoscaler()
        >>> scaler.set_override(fixed=12, until="2026-01-05T12:00:00Z")
        >>> scaler.set_override(floor=8, start="2026-01-05T18:00:00Z", until="2026-01-05T22:00:00Z")
        >>> scaler.set_override()
        """
    def announce(
        self,
        start: _Timestamp,
        end: _Timestamp,
        *,
        multiplier: float | None = None,
        events: float | None = None,
        min_jobs: int | None = None,
    ) -> int:
        """Announces an event before the records show it: `multiplier` times the load that is expected otherwise, so many `events` in
        all, or at least `min_jobs`. What it needs is ready at `start`. A statement on the load is compared with what came: the first
        decision after `end` tells so, and the next one weighs less if the last ones proved wrong again and again. Returns the number
        by which it is cancelled.

        Raises
        ------
        ArgumentError
            It starts before the newest record or ends before it starts, says a number that cannot be or not exactly one, says the
            same kind of thing as another one about the same time, or 64 are known already.

        Examples
        --------
        >>> from evscale import Autoscaler
        >>> scaler = Autoscaler()
        >>> scaler.announce("2026-01-05T18:00:00Z", "2026-01-05T19:00:00Z", multiplier=3)
        1
        >>> scaler.announcements()[0]["what"]
        {'multiplier': 3.0}
        >>> scaler.cancel_announcement(1)
        """
    def cancel_announcement(self, id: int) -> None:
        """Takes an announcement back by its number. A decision is due.

        Raises
        ------
        ArgumentError
            There is none of this number, or its end has come.
        """
    def set_due(self, now: _Timestamp, due: Iterable[tuple[_Timestamp, float]]) -> None:
        """Says which events fall due when, as it is known at `now`: a list of pairs of a time and a number of events, such as delayed
        messages, jobs that were enqueued for a time, and a batch whose delivery time is known. They come beside the load that is
        expected otherwise, all at their moment, and have their jobs ready by then. Call it as often as the numbers change: what was
        said of times from `now` on is replaced, what has fallen due before stays; events whose time is before `now` are left out, as
        the records count them.

        Raises
        ------
        ArgumentError
            More than 256 times, or a number of events that cannot be. What was said before stays.

        Examples
        --------
        >>> from evscale import Autoscaler
        >>> scaler = Autoscaler()
        >>> scaler.set_due("2026-01-05T18:00:00Z", [("2026-01-06T02:00:00Z", 40_000)])
        >>> scaler.health()["announced"]
        ['due: 40000 events fall due at 2026-01-06T02:00:00Z']
        """
    def announcements(self) -> list[dict[str, Any]]:
        """What was announced, as dicts: everything that is to come and the last ones that have ended, with the share of it that is
        planned for (`believed`) and what came (`came`, in the unit of the announcement).
        """
    def report_latency(self, took_ms: float) -> None:
        """Tells how long the last `observe` or `decide` took by your clock, ms. Networks that were asked in it and took longer
        than `latency_budget_ms` of the configuration are left alone for a while.
        """
    def report(self) -> PoolReport:
        """How the pool is doing: every metric by its name (None where it is not known), drift with its onset, whether retraining is
        recommended and why, the last day in 144 bins, and the alerts; with `to_frame()` and `plot()`.

        Examples
        --------
        >>> from evscale import Autoscaler
        >>> Autoscaler().report()["accuracy"] is None
        True
        """
    def openmetrics(self, pool: str) -> str:
        """Report and alerts as OpenMetrics text, as Prometheus reads it, with the label `pool`. Serve it with the content type
        `application/openmetrics-text; version=1.0.0; charset=utf-8`.

        Examples
        --------
        >>> from evscale import Autoscaler
        >>> Autoscaler().openmetrics("orders").splitlines()[-1]
        '# EOF'
        """
    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that fire, or were resolved within the last day, the worst and newest first: a list of dicts."""
    def silence(self, alert: str, until: _Timestamp | None = None) -> None:
        """Silences an alert by its name until a time; without one the silence is taken back.

        Raises
        ------
        ArgumentError
            There is no such alert.
        """
    def health(self) -> dict[str, Any]:
        """Who acts, and what is known to be wrong: a dict with status (healthy, degraded or holding), source and causes; and what is
        `announced` of the time to come.

        Examples
        --------
        >>> from evscale import Autoscaler
        >>> Autoscaler().health()["causes"]
        []
        """
    def learned(self) -> dict[str, Any]:
        """What the pool has learned and counts on at its newest record: a dict with newest_record (ISO 8601), jobs, starting_jobs,
        waiting_events, service_time_ms, job_startup_seconds, error_budget_burn (violations of the last day over those that the SLA
        allows), the rule that leads in shadow evaluation, and policy_leads; None where nothing is known so far.

        Examples
        --------
        >>> from evscale import Autoscaler, Config
        >>> Autoscaler(Config(job_startup_seconds=60)).learned()["job_startup_seconds"]
        60.0
        """
    @property
    def models(self) -> PoolModels:
        """Its models: who acts, who is tried beside them."""

@final
class FleetModels:
    """The models of the pools of a fleet, as `Fleet.models` returns them: other ones are tried or act in a share of the pools, always the
    same pools for the same models.

    Examples
    --------
    >>> from evscale import Fleet
    >>> fleet = Fleet()
    >>> fleet.add("eu-west")
    >>> fleet.models.status("eu-west") is None
    True
    """
    def challenge(self, bundle: ModelBundle, share: float) -> list[str]:
        """Runs other models in the shadow in a share of the pools, 0 to 1; a larger share has the pools of a smaller one. Each pool promotes
        them once they have proven to be better on its own load. Returns the keys of the pools in which they run from now on: pools
        whose configuration refuses the models are left out.

        Raises
        ------
        ArgumentError
            The share is not 0 to 1.
        """
    def roll_out(self, bundle: ModelBundle, share: float, reason: str | None = None) -> list[str]:
        """Lets other models act in a share of the pools, 0 to 1, without a trial. Returns the keys of the pools in which they act from now
        on: pools that rolled these models back before, or whose models are pinned, are left out.

        Raises
        ------
        ArgumentError
            The share is not 0 to 1.
        """
    def end(self, key: str, reason: str | None = None) -> bool:
        """Takes the models in the shadow of a pool away, a challenger or a predecessor; returns whether there were any.

        Raises
        ------
        EvscaleError
            There is no such pool.
        """
    def promote(self, key: str, reason: str | None = None) -> None:
        """Promotes the challenger of a pool without waiting for its proof.

        Raises
        ------
        ArgumentError
            There is none, or the models are pinned.
        EvscaleError
            There is no such pool.
        """
    def roll_back(self, key: str, reason: str | None = None) -> None:
        """Brings the predecessor of a pool back, with what it has learned in the shadow.

        Raises
        ------
        ArgumentError
            There is none, or the models are pinned.
        EvscaleError
            There is no such pool.
        """
    def pin(self, key: str, reason: str | None = None) -> None:
        """Forbids promotion and rollback in a pool, by hand and by itself; without a reason, allows them again."""
    def status(self, key: str) -> dict[str, Any] | None:
        """Which models act in a pool, which run beside them, how both compare, and what happened: a dict, or None while there was never
        another one than at first.
        """

@final
class PoolModels:
    """The models of a pool, as `Autoscaler.models` returns them: other ones are tried in the shadow, promoted once they have proven
    to be better on this pool's load, and rolled back if they become worse.

    Examples
    --------
    >>> from evscale import Autoscaler
    >>> scaler = Autoscaler()
    >>> scaler.models.status() is None
    True
    >>> scaler.models.pin("until the audit")
    >>> scaler.models.status()["pinned"]
    'until the audit'
    """
    def challenge(self, bundle: ModelBundle) -> None:
        """Runs other models in the shadow: they see every record, and no decision sees them. They are promoted by themselves. After a
        restore the same ones go on where they were.

        Raises
        ------
        ArgumentError
            The configuration does without networks, or the models are those that act.
        """
    def end(self, reason: str | None = None) -> bool:
        """Takes the models in the shadow away, a challenger or a predecessor; returns whether there were any."""
    def promote(self, reason: str | None = None) -> None:
        """Promotes the challenger without waiting for its proof.

        Raises
        ------
        ArgumentError
            There is none, or the models are pinned.
        """
    def roll_back(self, reason: str | None = None) -> None:
        """Brings the predecessor back, with what it has learned in the shadow.

        Raises
        ------
        ArgumentError
            There is none, or the models are pinned.
        """
    def replace(self, bundle: ModelBundle, reason: str | None = None) -> None:
        """Lets other models act from now on, without a trial and without a pause: everything that was learned stays. Those before
        them stay in the shadow, to come back if the new ones are worse.

        Raises
        ------
        ArgumentError
            The configuration does without networks, or the present ones are pinned.
        """
    def pin(self, reason: str | None = None) -> None:
        """Forbids promotion and rollback, by hand and by itself; without a reason, allows them again."""
    def status(self) -> dict[str, Any] | None:
        """Which models act, which run beside them, how both compare, and what happened: a dict, or None while there was never another
        one than at first.
        """
    @staticmethod
    def status_in(data: bytes) -> dict[str, Any] | None:
        """The same of a snapshot, by which one knows which models to restore it with."""
    @staticmethod
    def restore(config: Config, data: bytes, bundles: Sequence[ModelBundle]) -> Autoscaler:
        """An autoscaler that goes on from a snapshot with those of `bundles` that acted and ran in the shadow when it was taken, as if
        nothing had been asked in between. Where none of them acted, the first one does.

        Raises
        ------
        SnapshotError
            It is damaged, foreign, or of another format.
        """

@final
class Fleet:
    """Autoscalers of many pools that share the networks of one bundle. Decisions equal those of single autoscalers, whatever
    the number of threads. A pool that fails does not disturb another. Threads may share a fleet; they take turns.

    >>> import evscale
    >>> fleet = evscale.Fleet(threads=2)
    >>> fleet.add("eu-west", evscale.Config(min_jobs=5))
    >>> tick = fleet.tick({"eu-west": {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400,
    ...                                "current_job_count": 12, "average_processing_duration_ms": 400.0}})
    >>> tick.observations["eu-west"][0].verdict
    'accepted'
    >>> tick.decisions["eu-west"].recommended_jobs >= 5
    True
    """
    def __new__(cls, bundle: ModelBundle | None = None, threads: int = 1) -> Fleet: ...
    def add(self, key: str, config: Config | None = None) -> None:
        """Adds a pool; its key must be free."""
    def add_like(self, key: str, config: Config | None = None, *, like: Sequence[str]) -> None:
        """Adds a pool without history that begins with what the pools `like` have learned.

        Their startup and service time (the middle one), the weights and widths of their forecasts, and the rule that leads in most
        of them are there at once; once an hour of its own records tells its level, the course of their load at that level follows,
        and half a day of what the candidates cost in them. Counts, accounts, orders, announcements and alarms stay theirs. What is
        configured wins, its own records correct all of it, and its next decisions tell it.

        Examples
        --------
        >>> import evscale
        >>> fleet = evscale.Fleet()
        >>> fleet.add("eu-west")
        >>> tick = fleet.tick({"eu-west": {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400,
        ...                                "current_job_count": 12, "average_processing_duration_ms": 400.0}})
        >>> fleet.add_like("eu-north", like=["eu-west"])
        >>> fleet.learned("eu-north")["service_time_ms"]
        400.0
        """
    def restore(self, key: str, config: Config, data: bytes) -> None:
        """Adds a pool that goes on from a snapshot of a fleet or of an autoscaler."""
    def remove(self, key: str) -> bool:
        """Removes a pool; says whether it was there."""
    def set_threads(self, threads: int) -> None:
        """Sets the number of threads that a tick may use, the caller's included: 1 to 1024."""
    def set_budget(self, *, jobs: int | None = None, cost_per_hour: float | None = None) -> None:
        """Sets what all pools may have together: so many `jobs`, or so much `cost_per_hour` by the price of a job-hour of each pool (one
        without a price counts 1). Without either there is no such limit any more.

        Whenever the pools ask for more, every pool with a record decides in that `tick`, and it is divided among them: each keeps
        what its safety rules keep, and the rest goes where a job prevents most late events of the time ahead for its price, each
        weighed with `priority` and `late_event_price` of its pool (without a price, with the time that an event keeps a job busy;
        give all pools of a fleet one, or none). The trail of a decision and the health of its pool tell what the pool gave, as
        `shared_budget`. A pool that decides alone gets what the others leave.

        Examples
        --------
        >>> import evscale
        >>> fleet = evscale.Fleet()
        >>> fleet.set_budget(jobs=500)
        >>> fleet.budget()["budget"]
        {'jobs': 500}
        """
    def budget(self) -> dict[str, Any] | None:
        """What became of the budget in the last tick: `budget`, what the pools have of it (`held`) and would have without it
        (`wanted`), `pools_that_gave_way`, and why it is `exceeded`, if it is. None without a budget.
        """
    def tick(
        self, records: Mapping[str, Mapping[str, Any]] | Iterable[tuple[str, Mapping[str, Any]]]
    ) -> FleetTick:
        """Takes records of any pools, and decides for each of these pools: a dict of key to record, or pairs of key and record
        in any order (those of one pool oldest first). A malformed record refuses the whole tick. Ctrl-C ends it; the pools
        before have taken their records then.
        """
    def observe(self, key: str, record: Mapping[str, Any]) -> Observation:
        """Takes one record of a pool, without a decision."""
    def forecast(self, key: str) -> Forecast:
        """The forecast of a pool at its newest record."""
    def decide(self, key: str, timestamp: _Timestamp | None = None) -> Decision:
        """The decision of a pool at the time of its newest record, or at a later time."""
    def acknowledge(self, key: str, outcome: Mapping[str, Any]) -> None:
        """Tells what the host really did with a pool."""
    def set_pause(self, key: str, pause: Literal["off", "all", "down", "up"]) -> None:
        """Switches changes of a pool off: "off" (nothing is paused), "all", "down" or "up"."""
    def set_override(
        self,
        key: str,
        fixed: int | None = None,
        cap: int | None = None,
        until: _Timestamp | None = None,
        *,
        floor: int | None = None,
        start: _Timestamp | None = None,
    ) -> None:
        """Orders exactly `fixed` jobs of a pool, at most `cap` or at least `floor`, from `start` (at once without) until a time;
        without them the order is taken back.
        """
    def reconfigure(self, key: str, config: Config) -> dict[str, tuple[Any, Any]]:
        """Goes on with a pool under another configuration, as `Autoscaler.reconfigure`."""
    def announce(
        self,
        key: str,
        start: _Timestamp,
        end: _Timestamp,
        *,
        multiplier: float | None = None,
        events: float | None = None,
        min_jobs: int | None = None,
    ) -> int:
        """Announces an event for a pool before the records show it, as `Autoscaler.announce`."""
    def cancel_announcement(self, key: str, id: int) -> None:
        """Takes an announcement for a pool back, as `Autoscaler.cancel_announcement`."""
    def set_due(self, key: str, now: _Timestamp, due: Iterable[tuple[_Timestamp, float]]) -> None:
        """Says which events of a pool fall due when, as `Autoscaler.set_due`."""
    def announcements(self, key: str) -> list[dict[str, Any]]:
        """What was announced for a pool, as `Autoscaler.announcements`."""
    def report(self, key: str) -> PoolReport:
        """How a pool is doing, as `Autoscaler.report`."""
    def sums(self) -> dict[str, float]:
        """The metrics that add up, summed over the pools that know them: a dict by name. Pools that failed are left out.

        Examples
        --------
        >>> from evscale import Fleet
        >>> fleet = Fleet()
        >>> fleet.add("eu-west"), fleet.add("us-east")
        (None, None)
        >>> fleet.sums()["missed_intervals"]
        0.0
        """
    def openmetrics(self) -> str:
        """Reports and alerts of all pools as OpenMetrics text, as Prometheus reads it, with the label `pool`."""
    def silence(self, key: str, alert: str, until: _Timestamp | None = None) -> None:
        """Silences an alert of a pool until a time, as `Autoscaler.silence`."""
    def alerts(self, key: str) -> list[dict[str, Any]]:
        """The alerts of a pool, as `Autoscaler.alerts`."""
    def health(self, key: str) -> dict[str, Any]:
        """Who acts for a pool, and what is known to be wrong."""
    def learned(self, key: str) -> dict[str, Any]:
        """What a pool has learned and counts on, as `Autoscaler.learned`."""
    def snapshot(self, key: str) -> bytes | None:
        """The whole state of a pool; None if it is not there or failed."""
    def snapshots(self) -> dict[str, bytes]:
        """The states of all pools, by key."""
    @property
    def models(self) -> FleetModels:
        """The models of its pools: other ones are tried or act in a share of them."""
    def keys(self) -> list[str]:
        """Keys in their order."""
    def __len__(self) -> int: ...
    def __contains__(self, key: str, /) -> bool: ...

@final
class FleetTick:
    """What became of the records of a tick."""
    def __new__(
        cls, decisions: dict[str, Decision], observations: dict[str, list[Observation]], errors: list[EvscaleError]
    ) -> FleetTick: ...
    def __getnewargs__(self) -> tuple[Any, ...]: ...
    @property
    def decisions(self) -> dict[str, Decision]:
        """The decision of every pool that had a record, by key."""
    @property
    def observations(self) -> dict[str, list[Observation]]:
        """One observation per record of a pool, in their order, by key."""
    @property
    def errors(self) -> list[EvscaleError]:
        """An EvscaleError for every record of an unknown pool and for every pool that failed inside."""

@final
class Forecaster:
    """Forecasts a series of counts, without a pool of jobs. Threads may share it; they take turns.

    Parameters
    ----------
    interval_seconds
        Length of an interval, 10 to 3600.
    start
        Beginning of the first interval; a Monday at midnight without one. The hour and the weekday matter.
    bundle
        Models; the bundled ones without.
    config
        Forecasts under its interval, time zone, holidays, `use_networks` and the signature that it asks of the models.

    Raises
    ------
    BundleError
        The models are not signed as `config` asks for.

    Examples
    --------
    >>> import numpy as np
    >>> from evscale import Forecaster
    >>> counts = 500 + 300 * np.sin(np.arange(720) / 720 * 2 * np.pi)
    >>> forecast = Forecaster(interval_seconds=120).predict(counts, start="2026-01-05T00:00:00Z")
    >>> low, high = forecast.horizons[12].interval(0.8)
    >>> low <= forecast.horizons[12].prediction <= high
    True
    """
    def __new__(
        cls, interval_seconds: int = 120, start: _Timestamp | None = None, bundle: ModelBundle | None = None, *,
        config: Config | None = None,
    ) -> Forecaster: ...
    @property
    def interval_seconds(self) -> int:
        """Length of an interval, seconds."""
    def observe(self, events: float | None) -> None:
        """Takes the events of the next interval; NaN and None are unknown."""
    def observe_many(self, events: ArrayLike) -> None:
        """Takes the events of the next intervals, oldest first: any one-dimensional array of numbers; NaN is unknown.
        Those before a refused count are taken.
        """
    def forecast(self) -> Forecast:
        """The forecast at the end of the newest interval."""
    def predict(self, counts: Any, start: _Timestamp | None = None) -> Forecast:
        """Returns the forecast after `counts`, from a fresh state: an array, or a `History`, a data frame or a series with times,
        whose first time is the start; absent rows are refused (`History.read(..., gaps="interpolate")` takes them as unknown).
        `start` is that of this forecaster if none is given.
        """
    def predict_many(self, series: Sequence[Any]) -> list[Forecast]:
        """The forecasts after several series, each as in `predict`, from a fresh state each."""

def backtest_history(
    start_ms: int,
    interval_seconds: int,
    events: NDArray[np.float64],
    service_ms: NDArray[np.float64] | None,
    config: Config,
    bundle: ModelBundle | None = None,
    jobs_at_peak: float | None = None,
    seed: int = 0,
    baselines: bool = True,
    progress: Callable[[int, int], object] | None = None,
    classes: dict[str, NDArray[np.float64]] | None = None,
    due: Sequence[tuple[object, float, object]] | None = None,
) -> str:
    """Replays counts per interval under evscale and the baselines; the answer is JSON. `classes` are the counts of each class of events by
    its name, `due` is what was known ahead: a time, a number of events, and a time since when, or None. `progress` gets (done, all) about a
    hundred times; an exception of it, or Ctrl-C, ends the replay.
    """
def demo_workload(seed: int) -> str:
    """CSV text of two generated weeks."""
def replay_workload(
    name: str,
    csv: str,
    rule: str,
    config: Config,
    jobs_at_peak: float = 60.0,
    hpa_target_percent: float = 70.0,
    progress: Callable[[int, int], object] | None = None,
) -> str:
    """Replays a CSV trace under a rule ("evscale" or "hpa"); the answer is JSON with rows and scores.

    Intervals shorter than that of the configuration are summed. `progress` gets (done, all) about a hundred times; an
    exception of it, or Ctrl-C, ends the replay.
    """
@final
class OpenTick:
    """A tick that has begun: its pools have taken their records, and wait for what they have of the budget."""
    def __new__(cls, fleet: Fleet, records: Any, budget: str) -> OpenTick: ...
    def demand(self) -> tuple[int, int, int]:
        """What the pools of the fleet hold of the budget, what those that decide hold of that, and what these ask for."""
    def claims(self) -> list[tuple[str, int, int, list[tuple[int, float]]]]:
        """Begins the decisions too that are not due; what each pool asks for."""
    def end(self, cuts: dict[str, int]) -> FleetTick:
        """Ends the tick: every pool of `cuts` has so many jobs at most."""
def budget_holding(fleet: Fleet, budget: str) -> tuple[int, int]:
    """What the pools of a fleet hold of a budget, in its units, and how many of them gave way."""
def budget_total(budget: str, demands: list[tuple[int, int, int]]) -> tuple[int, bool]:
    """What all pools take of a budget in one number of units, and whether they ask for no more than there is."""
def divide_budget(
    budget: str, demands: list[tuple[int, int, int]], claims: list[tuple[str, int, int, list[tuple[int, float]]]],
) -> dict[str, int]:
    """Divides a budget among the pools of several fleets; the jobs of each that has fewer than it asks for."""
def budget_status(budget: str, held: int, wanted: int, gave_way: int) -> dict[str, Any]:
    """What became of a budget of several fleets, as `Fleet.budget` tells it."""
def replace_file(path: str | PathLike[str], data: bytes) -> None:
    """Replaces a file atomically: at every moment, also if the power fails, it is the one before or the new one. The mode of
    an existing file is kept.

    Raises
    ------
    OSError
        It cannot be written; the file before is whole.
    ArgumentError
        The path is that of a symbolic link, a folder, a pipe or a device.
    """
def readable_text(text: str) -> str:
    """Returns a text as it may be printed: what a terminal would obey, and what a reader would not see, as escapes;
    a long one is cut.
    """
def sign_manifest(manifest: bytes, seed: str) -> bytes:
    """The Ed25519 signature of the contents of manifest.json. `seed` is the secret, 64 hexadecimal digits."""
def public_key_of(seed: str) -> str:
    """The public key that belongs to a seed, both as 64 hexadecimal digits."""
def feature_contract() -> str:
    """What a bundle for this build must declare, as JSON in the shape of its manifest."""
def lead_steps(interval_seconds: float) -> list[int]:
    """Whole intervals from now to the end of the forecast interval of each horizon."""
def settings() -> list[dict[str, Any]]:
    """Returns every setting of `Config`: a dict of `name`, `description`, `default` and `range` (the smallest and the largest
    value, each a number or the name of the setting that bounds it; None where there is no range).
    """
def alert_rules() -> list[dict[str, Any]]:
    """Returns every alert of the library: a dict of `name`, `severity`, `condition` (a list of `metric`, `side`, `fires_at` and
    `resolves_at`), `for_seconds`, `resolved_after_seconds`, `escalated_after_seconds`, `text` and `action`.
    """
def metrics() -> list[dict[str, Any]]:
    """Returns every metric of a report: a dict of `name`, `unit`, `description`, `adds_up` (whether those of several pools do) and
    `exported`, its name in Prometheus.
    """
def fields() -> list[dict[str, Any]]:
    """Returns every field of a metrics record: a dict of `name`, `description`, `range` (the smallest and the largest number
    that makes sense, or None) and `required`.
    """
def forecaster_samples(
    events: NDArray[np.float64], start_ms: int, interval_seconds: int, origins: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """Features and targets at each origin: `events[..= origin]` is known.

    Returns float32 arrays: fine [n, 96, 6], coarse [n, 336, 2], future [n, 12, 24], statics [n, 14],
    target [n, 12] (events), target_known [n, 12], level_z [n], scale [n]. Origins must increase.
    """
def random_workload(seed: int, days: float, interval_seconds: int) -> tuple[int, NDArray[np.float64]]:
    """A generated workload: its start (epoch milliseconds) and counts."""
def forecast_trace(
    events: NDArray[np.float64], start_ms: int, interval_seconds: int, bundle: ModelBundle
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Forecasts at every interval of a series by the whole forecaster: quantiles [n, 12, 15], confidence [n] and anomaly
    score [n], float32.
    """

@final
class ScalingVectorEnv:
    """Many pools side by side, for reinforcement learning. Observations are those of the policy network, actions are
    indices of its adjustments; an episode that ends is followed by the next one.
    """
    def __new__(cls, traces: Iterable[tuple[Any, ...]], num_envs: int, seed: int) -> ScalingVectorEnv: ...
    @property
    def observation_size(self) -> int:
        """Elements of an observation."""
    @property
    def action_count(self) -> int:
        """Number of actions."""
    @property
    def analytic_action(self) -> int:
        """The action that leaves the analytic rule's need as it is."""
    def reset(self) -> NDArray[np.float32]:
        """Starts all episodes; observations [N, O]."""
    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Takes an action per pool: observations [N, O], rewards [N], ends of episodes [N]."""
