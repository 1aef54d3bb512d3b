//! The configuration of one pool.

use crate::arguments::{entries, meant, text};
use crate::door::{Door, Refusal, door};
use crate::errors::{EvscaleError, error};
use crate::notebook::table;
use crate::plain;
use crate::turns::contained;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Settings of one pool, as keyword arguments; None is the default. Each setting is an attribute.
///
/// Parameters
/// ----------
/// interval_seconds
///     Time between two metrics records, seconds. Range: 10 to 3,600.
/// decision_interval_seconds
///     Time between two decisions, seconds. Emergencies do not wait for it. Range: `interval_seconds` to 86,400.
/// min_jobs
///     Fewest jobs. Range: 0 to `max_jobs`.
/// max_jobs
///     Most jobs. Range: 1 to 1,000,000.
/// job_step
///     Jobs come in multiples of this number, as four on every machine do. Range: 1 to `max_jobs`.
/// job_counts
///     The only numbers of jobs that there are, such as the divisors of a number of partitions; increasing, at most
///     1000. Every number by default.
/// job_startup_seconds
///     Time from the request of a job until it takes events, seconds. Range: 0 to 10,800.
/// sla_wait_seconds
///     Longest wait in the queue that meets the SLA, seconds. Range: 0.001 to 86,400.
/// sla_target
///     Share of events that should meet the SLA. Stricter than 0.995 costs much more: what must never happen cannot
///     be learned from a week, so the pool keeps a reserve near its highest load. Range: 0.5 to 0.99999.
/// target_utilization
///     Utilization that jobs can be planned with. Range: 0.1 to 1.
/// events_per_job
///     Events that a job can work on at the same time: threads, connections, or the messages of a batch. With more
///     than 1, durations are those of an event from its begin to its end. Range: 1 to 100,000.
/// spare_jobs
///     Jobs that are kept idle above what the load is expected to need. Range: 0 to `max_jobs`.
/// most_events_per_second
///     Most events per second that what the jobs call can take, all jobs together: no more jobs are asked for than
///     that keeps busy. Range: 1e-6 to 1e12.
/// classes
///     Kinds of events that are unlike each other: `name`, `service_time_seconds`, `sla_wait_seconds`, `sla_target`
///     and `priority` (a lower number is served first) of each; 2 to 8, and then the SLA and the service time of the
///     pool are theirs. None by default.
/// service_time_ms
///     Mean time a job works on one event, ms, for pools whose records do not report it. Range: 1e-6 to 1e9.
/// time_zone
///     IANA time zone of the pool's users.
/// holidays
///     Dates that behave like a Sunday, such as `2026-12-25`; at most 1000.
/// schedule
///     Times that come again and again with other bounds or another load: `cron` (minute, hour, day of the month,
///     month, weekday, in `time_zone`), `seconds`, and `min_jobs`, `max_jobs`, `multiplier` or `job_hour_price`; at
///     most 100.
/// tolerance
///     Dead band: changes up to this share of the pool are not made. Range: 0 to 0.5.
/// scale_down_stabilization_seconds
///     Scale-down goes to the highest proposal of this window, seconds. A step down to less than two thirds of the
///     pool looks back on less of it, in proportion, but on one decision at least. Range: 0 to 86,400.
/// max_step_up_percent
///     Most jobs added by one decision, as a percentage of the pool; the larger of the two limits holds. Range: 1 to
///     10,000.
/// max_step_up_jobs
///     Most jobs added by one decision, absolute. Range: 1 to 1,000,000.
/// max_step_down_percent
///     Most jobs removed by one decision, as a percentage of the pool; the larger of the two limits holds. Range: 1
///     to 100.
/// max_step_down_jobs
///     Most jobs removed by one decision, absolute. Range: 1 to 1,000,000.
/// cooldown_up_seconds
///     Time after a change in which the pool does not grow, seconds. Range: 0 to 86,400.
/// cooldown_down_seconds
///     Time after a change in which the pool does not shrink, seconds. Range: 0 to 86,400.
/// flap_window_seconds
///     Window in which reversals of direction are counted, seconds. Range: 60 to 604,800.
/// max_reversals
///     Reversals in the window from which on the pool does not shrink. Range: 1 to 1,000.
/// scale_down_quantile
///     Upper quantile that must fit into a smaller pool. Range: 0.5 to 0.995.
/// job_hours_per_day
///     Most job-hours per day of the pool's time zone; none by default. Range: 0.1 to 1e9.
/// stale_after_seconds
///     A newest record older than this is stale, seconds. Three intervals by default. Range: `interval_seconds` to
///     86,400.
/// stale_action
///     What stale records lead to in the end: `hold` or `fail_safe`.
/// stale_fail_safe_seconds
///     Age of the newest record from which `stale_action` applies, seconds. Range: 0 to 604,800.
/// fail_safe_jobs
///     Job count to fail safe to after `stale_fail_safe_seconds` without metrics; the highest need of the last weeks
///     by default. Range: `min_jobs` to `max_jobs`.
/// emergency_quantile
///     Quantile of the forecast that the pool must be able to serve within a startup time, else it is an emergency.
///     Range: 0.5 to 0.995.
/// emergency_tolerance
///     How far that quantile may exceed the pool's capacity, as a share of it. Range: 0 to 10.
/// emergency_in_maintenance
///     Whether an emergency may raise the pool during a maintenance window.
/// pause
///     Which changes are switched off from the start: `off`, `all`, `down` or `up`.
/// mode
///     Whether decisions are carried out: `act`, or `advise` beside a pool that is scaled otherwise, whose report
///     then says what the advice would have brought.
/// drain_busy_jobs
///     Whether jobs that are busy may be told to leave at once, after their event; else only idle ones.
/// job_hour_price
///     Price of a job for an hour, in the currency of your reports, at times for which the schedule names no other;
///     none by default, and then no cost is told. Range: 0 to 1e9.
/// late_event_price
///     Price of an event that waits longer than `sla_wait_seconds`, in the same currency. Where it is set, money
///     decides between late events and jobs, and `sla_target` does not; none by default. Range: 0 to 1e9.
/// change_price
///     Price of a change of the number of jobs, in the same currency; none by default. Range: 0 to 1e9.
/// reversal_price
///     Price of a change against the direction of the one before, beside that; none by default. Range: 0 to 1e9.
/// cost_per_day
///     Cost that a day (UTC) should not exceed, in the same currency; none by default. Alerts tell of it, and nothing
///     else does. Range: 0 to 1e15.
/// priority
///     How much a late event counts against one of another pool, beside its price, where the pools of a fleet share a
///     budget that is not enough for all. Range: 0.001 to 1,000.
/// alerts
///     Alerts of your own, beside those of the library: a metric of the report, `>` or `<`, a number, and as far as
///     wished `for` a time and `critical`, such as `queue_length > 500 for 10m critical`; at most 16.
/// latency_budget_ms
///     Latency budget per call, ms. A reported call above it opens the circuit breakers of the networks that ran in
///     it. Range: 1 to 60,000.
/// bundle_public_key
///     Ed25519 key, 64 lower-case hexadecimal digits: other bundles than the one compiled into the library must be
///     signed by it; none by default.
/// bundle_min_serial
///     Least `serial` in the manifest of a bundle that `bundle_public_key` has signed, so that nobody can bring an
///     older one back: raise it with every roll-out. 0 by default, which is every bundle. Range: 0 to 1e9.
/// use_networks
///     Whether the networks act; without them the statistical experts and the analytic rule do.
///
/// Raises
/// ------
/// ConfigError
///     A setting is unknown, out of range, or contradicts another.
///
/// Examples
/// --------
/// >>> from evscale import Config
/// >>> Config(min_jobs=2, max_jobs=40, time_zone="Europe/Berlin")
/// Config(min_jobs=2, max_jobs=40, time_zone='Europe/Berlin')
/// >>> Config().sla_target
/// 0.995
#[pyclass(frozen, weakref, module = "evscale", name = "Config")]
pub struct Config(pub evscale_core::Config);

impl Config {
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(plain::loads(py, &self.0.to_json())?.cast_into()?)
    }
}

/// Returns the error of a setting that cannot be read.
fn unreadable(py: Python<'_>, raised: PyErr) -> PyErr {
    if raised.is_instance_of::<EvscaleError>(py) {
        return error(py, "invalid_config", &raised.value(py).to_string());
    }
    raised
}

/// Names of the settings.
fn names() -> impl Iterator<Item = &'static str> {
    evscale_core::Config::settings().into_iter().map(|setting| setting.name)
}

/// Returns the error of a name that no setting has; none if every name is known.
fn unknown(py: Python<'_>, given: &Bound<'_, PyDict>) -> Option<PyErr> {
    let given = given.keys().into_iter().filter_map(|key| text(&key).ok());
    let name = given.into_iter().find(|name| !self::names().any(|known| known == name))?;
    let meant = meant(py, &name, self::names());
    let expected = "one of evscale.settings(), which tells what each means";
    Some(error(
        py,
        "invalid_config",
        &format!("the configuration has no setting `{name}`, expected {expected}{meant}"),
    ))
}

#[pymethods]
impl Config {
    #[new]
    #[pyo3(signature = (**settings))]
    fn new(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> Door<Self> {
        door(py, || {
            let Some(settings) = settings else { return Ok(Self(evscale_core::Config::default())) };
            let given = entries("configuration", settings, usize::MAX)
                .and_then(|settings| plain::object(py, settings))
                .map_err(|raised| unreadable(py, raised))?;
            let text = given.to_string();
            let config = contained(py, || evscale_core::Config::from_json(&text));
            config.map(Self).map_err(|raised| unknown(py, settings).unwrap_or(raised))
        })
    }
    /// All settings as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDict>> {
        door(py, || self.settings(py))
    }
    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyAny>) -> Door<Bound<'py, PyAny>> {
        door(py, || self.settings(py)?.get_item(name))?.ok_or_else(|| {
            let name = name.to_string();
            let meant = if name.starts_with('_') { String::new() } else { meant(py, &name, names()) };
            Refusal::of_attribute(format!("the configuration has no setting {name:?}{meant}"))
        })
    }
    fn __dir__<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyList>> {
        door(py, || {
            let names = py.get_type::<Self>().dir()?;
            for key in self.settings(py)?.keys() {
                names.append(key)?;
            }
            Ok(names)
        })
    }
    fn __repr__(&self, py: Python<'_>) -> Door<String> {
        door(py, || {
            let usual = Self(evscale_core::Config::default()).settings(py)?;
            let mut changed = Vec::new();
            for (key, value) in self.settings(py)? {
                if !usual.get_item(&key)?.is_some_and(|other| other.eq(&value).unwrap_or(false)) {
                    changed.push(format!("{}={}", key.str()?, value.repr()?));
                }
            }
            Ok(format!("Config({})", changed.join(", ")))
        })
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "config_html")
    }
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }
    fn __hash__(&self) -> u64 {
        plain::hash_of(&self.0.to_json())
    }
    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> Door<((), Bound<'py, PyDict>)> {
        door(py, || Ok(((), self.settings(py)?)))
    }
}
