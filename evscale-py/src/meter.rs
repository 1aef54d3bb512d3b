//! From a host's raw signals to records.

use crate::arguments::Text;
use crate::config::Config;
use crate::door::{Door, door};
use crate::errors::{error, refused};
use crate::plain::{datetime, instant, integer, missing, number, whole};
use evscale_core::metrics::FieldMut;
use evscale_core::{Metrics, Totals};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Counts what happens in a pool and hands out one record per interval, so that a host need not accumulate, stamp and scale.
/// Count events as they come and end, or tell running totals, and call `tick` as often as you like: every second, or some times
/// per interval. Any number of threads may use a meter; it starts none. `now` is the machine's clock unless it is given. A
/// process that was forked makes a meter of its own.
///
/// Parameters
/// ----------
/// config
///     That of the pool; the defaults without one.
/// now
///     Measuring begins now. The interval that has begun before is told if at least half of it is measured, its counts scaled
///     to the whole.
///
/// Examples
/// --------
/// >>> from evscale import Autoscaler, Config, Meter
/// >>> config = Config(max_jobs=40)
/// >>> scaler, meter = Autoscaler(config), Meter(config, now="2026-01-05T10:00:00Z")
/// >>> for second in range(1, 121):
/// ...     meter.arrived(25)
/// ...     meter.finished(0.4, waited=0.1, n=25)
/// ...     for record in meter.tick(jobs=12, queued=3, now=1767607200000 + 1000 * second):
/// ...         seen = scaler.observe(record)
/// >>> record["logged_events_count"], record["average_processing_duration_ms"], seen.verdict
/// (3000.0, 400.0, 'accepted')
#[pyclass(frozen, weakref, module = "evscale", name = "Meter")]
pub struct Meter(evscale_core::Meter);

/// A number that may be unknown.
fn known(key: &str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<f64>> {
    value.filter(|value| !missing(value)).map(|value| number(key, value)).transpose()
}

/// A number of events; one without.
fn events(value: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
    value.map_or(Ok(1), |value| integer("n", value, 0..=MOST_EVENTS).map(|events| events as u64))
}

fn jobs(value: Option<&Bound<'_, PyAny>>) -> PyResult<u32> {
    value.map_or(Ok(1), |value| whole("n", value))
}

/// Most events of one call: whole numbers up to here are exact.
const MOST_EVENTS: i128 = 1 << 53;

#[pymethods]
impl Meter {
    #[new]
    #[pyo3(signature = (config=None, *, now=None))]
    fn new(py: Python<'_>, config: Option<&Config>, now: Option<&Bound<'_, PyAny>>) -> Door<Self> {
        door(py, || {
            let config = config.map(|config| config.0.clone()).unwrap_or_default();
            let made = evscale_core::Meter::new(&config, instant(py, now)?);
            made.map(Self).map_err(|problem| error(py, problem.kind().as_str(), &problem.to_string()))
        })
    }
    /// Counts events that have arrived, once each: a retry is no arrival.
    #[pyo3(signature = (n=None))]
    fn arrived(&self, py: Python<'_>, n: Option<&Bound<'_, PyAny>>) -> Door<()> {
        door(py, || {
            self.0.arrived(events(n)?);
            Ok(())
        })
    }
    /// Counts events whose processing has ended, well or not.
    ///
    /// Parameters
    /// ----------
    /// seconds
    ///     Time that each kept a job; None is not known.
    /// waited
    ///     Time that each had waited in the queue; None is not known.
    /// n
    ///     How many events; 1 without.
    #[pyo3(signature = (seconds=None, waited=None, n=None))]
    fn finished(
        &self,
        py: Python<'_>,
        seconds: Option<&Bound<'_, PyAny>>,
        waited: Option<&Bound<'_, PyAny>>,
        n: Option<&Bound<'_, PyAny>>,
    ) -> Door<()> {
        door(py, || {
            self.0.finished(known("seconds", seconds)?, known("waited", waited)?, events(n)?);
            Ok(())
        })
    }
    /// Says that so many of the finished events failed.
    #[pyo3(signature = (n=None))]
    fn failed(&self, py: Python<'_>, n: Option<&Bound<'_, PyAny>>) -> Door<()> {
        door(py, || {
            self.0.failed(events(n)?);
            Ok(())
        })
    }
    /// Takes running totals in the place of single events, such as the counters of a broker or a worker. `source` names whose
    /// they are; the totals of several sources add up. The first ones of a source are what it begins with; a total that is smaller
    /// than before has been reset, and counts from zero.
    ///
    /// Parameters
    /// ----------
    /// source
    ///     Whose totals they are, such as a worker's name.
    /// arrived, finished, failed
    ///     Events; `failed` are some of the finished ones.
    /// busy_seconds, waited_seconds
    ///     What the finished events kept their jobs, and had waited in the queue, added up.
    /// late
    ///     Events that had waited longer than `sla_wait_seconds`.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     A total is negative or no number, or there are more than 10,000 sources.
    #[pyo3(signature = (source=None, *, arrived=None, finished=None, failed=None, busy_seconds=None, waited_seconds=None, late=None))]
    #[expect(clippy::too_many_arguments, reason = "they are those of the Python call")]
    fn totals(
        &self,
        py: Python<'_>,
        source: Option<Text>,
        arrived: Option<&Bound<'_, PyAny>>,
        finished: Option<&Bound<'_, PyAny>>,
        failed: Option<&Bound<'_, PyAny>>,
        busy_seconds: Option<&Bound<'_, PyAny>>,
        waited_seconds: Option<&Bound<'_, PyAny>>,
        late: Option<&Bound<'_, PyAny>>,
    ) -> Door<()> {
        door(py, || {
            let mut totals = Totals::default();
            totals.arrived = known("arrived", arrived)?;
            totals.finished = known("finished", finished)?;
            totals.failed = known("failed", failed)?;
            totals.busy_seconds = known("busy_seconds", busy_seconds)?;
            totals.waited_seconds = known("waited_seconds", waited_seconds)?;
            totals.late = known("late", late)?;
            let source = source.map(|source| source.0).unwrap_or_default();
            self.0.totals(&source, &totals).map_err(|problem| refused(py, &problem.to_string()))
        })
    }
    /// Notes that jobs were asked for.
    #[pyo3(signature = (n=None, *, now=None))]
    fn started(
        &self,
        py: Python<'_>,
        n: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Door<()> {
        door(py, || {
            self.0.started(instant(py, now)?, jobs(n)?);
            Ok(())
        })
    }
    /// Notes that jobs have become ready, those first that were asked for first; the time between is measured.
    #[pyo3(signature = (n=None, *, now=None))]
    fn ready(
        &self,
        py: Python<'_>,
        n: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Door<()> {
        door(py, || {
            self.0.ready(instant(py, now)?, jobs(n)?);
            Ok(())
        })
    }
    /// Notes that jobs that were asked for could not be had.
    #[pyo3(signature = (n=None))]
    fn refused(&self, py: Python<'_>, n: Option<&Bound<'_, PyAny>>) -> Door<()> {
        door(py, || {
            self.0.refused(jobs(n)?);
            Ok(())
        })
    }
    /// Notes that jobs have finished their work and left.
    #[pyo3(signature = (n=None))]
    fn drained(&self, py: Python<'_>, n: Option<&Bound<'_, PyAny>>) -> Door<()> {
        door(py, || {
            self.0.drained(jobs(n)?);
            Ok(())
        })
    }
    /// Returns the records of the intervals that have ended since the last call, oldest first, as dicts for
    /// `Autoscaler.observe`: none, one, or many after a stall.
    ///
    /// A host that counts no arrivals but tells `queued` gets what was finished plus the growth of the queue. One that counts
    /// nothing but tells `busy` gets what so many jobs finish in `service_time_ms` of the configuration. `estimates` names every
    /// such field.
    ///
    /// Parameters
    /// ----------
    /// jobs
    ///     Jobs that are there now, starting ones included; None is not known.
    /// queued
    ///     Events that wait now; None is not known.
    /// busy
    ///     Jobs that work now; None is not known.
    /// now
    ///     The machine's clock without.
    #[pyo3(signature = (jobs, queued=None, busy=None, *, now=None))]
    fn tick<'py>(
        &self,
        py: Python<'py>,
        jobs: &Bound<'py, PyAny>,
        queued: Option<&Bound<'py, PyAny>>,
        busy: Option<&Bound<'py, PyAny>>,
        now: Option<&Bound<'py, PyAny>>,
    ) -> Door<Bound<'py, PyList>> {
        door(py, || {
            let jobs = known("jobs", Some(jobs))?.unwrap_or(f64::NAN);
            let (queued, busy) = (known("queued", queued)?, known("busy", busy)?);
            let records = self.0.tick(instant(py, now)?, jobs, queued, busy);
            let dicts: Vec<_> = records.iter().map(|record| dict_of(py, record)).collect::<PyResult<_>>()?;
            PyList::new(py, dicts)
        })
    }
    /// Returns what the host did since the last call as a dict for `Autoscaler.acknowledge`, with the measured startup time; None
    /// if it did nothing.
    #[pyo3(signature = (*, now=None))]
    fn outcome<'py>(
        &self,
        py: Python<'py>,
        now: Option<&Bound<'py, PyAny>>,
    ) -> Door<Option<Bound<'py, PyDict>>> {
        door(py, || {
            let Some(outcome) = self.0.outcome(instant(py, now)?) else { return Ok(None) };
            let dict = PyDict::new(py);
            dict.set_item("timestamp", datetime(py, outcome.timestamp)?)?;
            dict.set_item("started", outcome.started)?;
            dict.set_item("ready", outcome.ready)?;
            dict.set_item("refused", outcome.refused)?;
            dict.set_item("drained", outcome.drained)?;
            dict.set_item("startup_seconds", outcome.startup_seconds)?;
            Ok(Some(dict))
        })
    }
    /// The fields of the last records that are estimates, and of what: a dict of reasons by field.
    #[getter]
    fn estimates<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDict>> {
        door(py, || {
            let reasons = PyDict::new(py);
            for estimate in self.0.estimates() {
                let before: Option<String> =
                    reasons.get_item(estimate.field)?.map(|text| text.extract()).transpose()?;
                let text =
                    before.map_or(estimate.reason.clone(), |before| format!("{before}; {}", estimate.reason));
                reasons.set_item(estimate.field, text)?;
            }
            Ok(reasons)
        })
    }
}

/// A record as a dict; what is not known is None or absent.
fn dict_of<'py>(py: Python<'py>, record: &Metrics) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("timestamp", datetime(py, record.timestamp)?)?;
    let mut record = record.clone();
    for field in Metrics::FIELDS {
        match record.field_mut(field.name) {
            Some(FieldMut::Required(value)) => {
                dict.set_item(field.name, (!value.is_nan()).then_some(*value))?;
            }
            Some(FieldMut::Number(Some(value))) => dict.set_item(field.name, *value)?,
            _ => {}
        }
    }
    Ok(dict)
}
