//! What Python asks of one pool.

use super::Autoscaler;
use crate::arguments::{Fields, Text};
use crate::config::Config;
use crate::decision::Decision;
use crate::door::{Door, door, reading_door};
use crate::errors::refused;
use crate::forecast::Forecast;
use crate::lifecycle::PoolModels;
use crate::models::ModelBundle;
use crate::observation::Observation;
use crate::turns::{contained, locked};
use crate::{frame, orders, plain, record, reports};
use evscale_core::{Alert, AnnouncementStatus, Metrics};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use std::time::Duration;

/// Records taken between two looks for a signal such as Ctrl-C.
const CHUNK: usize = 256;

#[pymethods]
impl Autoscaler {
    #[new]
    #[pyo3(signature = (config=None, bundle=None, *, forecaster=None, policy=None))]
    fn new(
        py: Python<'_>,
        config: Option<&Config>,
        bundle: Option<&ModelBundle>,
        forecaster: Option<Py<PyAny>>,
        policy: Option<Py<PyAny>>,
    ) -> Door<Self> {
        door(py, || {
            let config = config.map(|config| config.0.clone()).unwrap_or_default();
            let has_own_bundle = bundle.is_some();
            let bundle = bundle.map(|bundle| bundle.0.clone());
            let scaler = contained(py, || {
                let builder = evscale_core::Autoscaler::builder(config);
                match bundle {
                    Some(bundle) => builder.bundle(bundle).build(),
                    None => builder.build(),
                }
            })?;
            Self::around(py, scaler, has_own_bundle, forecaster, policy)
        })
    }
    /// Takes the record of one interval: a dict, or its fields as keyword arguments.
    ///
    /// Parameters
    /// ----------
    /// record
    ///     A mapping with some of `evscale.FIELDS`, and `classes` where the configuration has them: the counts of each by its name
    ///     (`logged_events_count`, `processed_events_count`, `queued_events_count`, `sla_violations_count`). None is unknown, and unknown
    ///     is never taken for zero.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     A required field is missing, a field is unknown or of the wrong type, or a datetime is naive. A record that comes late
    ///     or makes no sense is no error: the verdict tells, and the logger `evscale` warns of the first, second, fourth and so
    ///     on in a row.
    #[pyo3(signature = (record=None, /, **fields))]
    fn observe(
        &self,
        py: Python<'_>,
        record: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> Door<Observation> {
        door(py, || {
            let metrics = record::metrics(&Fields::given(py, record::RECORD, record, fields)?)?;
            let seen = Observation::from(locked(py, &self.state, |scaler| scaler.observe(&metrics))?);
            self.rejections.follow(py, [(None, &seen)].into_iter())?;
            Ok(seen)
        })
    }
    /// Takes the records of many intervals, oldest first: a list of dicts, a dict of columns, or a data frame of
    /// pandas, polars or pyarrow, or the path of a CSV or Parquet file. `columns` maps our names to those of the table.
    /// A malformed record refuses the whole table.
    ///
    /// With `warm_days`, records that are older than that before the newest one go into the history alone: nothing is
    /// forecast, learned or evaluated on them, which is some hundred times faster; decisions differ a little from those
    /// after all records were observed. Without it, they are the same bit for bit.
    #[pyo3(signature = (frame, columns=None, warm_days=None))]
    fn observe_many(
        &self,
        py: Python<'_>,
        frame: &Bound<'_, PyAny>,
        columns: Option<&Bound<'_, PyAny>>,
        warm_days: Option<&Bound<'_, PyAny>>,
    ) -> Door<Vec<Observation>> {
        reading_door(py, || {
            let warm_days = warm_days.map(|given| plain::not_negative("warm_days", given)).transpose()?;
            let is_path = frame.is_instance_of::<PyString>() || frame.hasattr("__fspath__")?;
            let records = if is_path || columns.is_some() {
                let table = py.import("evscale.history")?.call_method1("as_columns", (frame, columns))?;
                frame::records(&table)?
            } else {
                frame::records(frame)?
            };
            let observed_from = match (warm_days, records.last()) {
                (Some(days), Some(newest)) => Some(newest.timestamp.plus_seconds((-days * 86_400.0) as i64)),
                _ => None,
            };
            let mut seen = Vec::with_capacity(records.len());
            for chunk in records.chunks(CHUNK) {
                let part: Vec<_> = locked(py, &self.state, |scaler| {
                    let mut take = |record: &Metrics| match observed_from {
                        Some(from) if record.timestamp < from => scaler.backfill(record),
                        _ => scaler.observe(record),
                    };
                    chunk.iter().map(&mut take).collect()
                })?;
                seen.extend(part.into_iter().map(Observation::from));
                py.check_signals()?;
            }
            self.rejections.follow(py, seen.iter().map(|one| (None, one)))?;
            Ok(seen)
        })
    }
    /// The forecast at the newest record.
    fn forecast(&self, py: Python<'_>) -> Door<Forecast> {
        door(py, || {
            let ask = |scaler: &mut evscale_core::Autoscaler| {
                Ok((scaler.forecast(), scaler.config().interval_seconds))
            };
            let (forecast, interval) = locked(py, &self.state, ask)?;
            Ok(Forecast::of(forecast, interval))
        })
    }
    /// The decision at the time of the newest record: new if it is due or there is an emergency, else the standing one.
    fn decide(&self, py: Python<'_>) -> Door<Decision> {
        door(py, || locked(py, &self.state, |scaler| Ok(scaler.decide())).map(Decision))
    }
    /// The decision at a time that may be later than the newest record.
    ///
    /// Parameters
    /// ----------
    /// timestamp
    ///     An aware datetime, RFC 3339 text with a zone, or epoch milliseconds.
    fn decide_at(&self, py: Python<'_>, timestamp: &Bound<'_, PyAny>) -> Door<Decision> {
        door(py, || {
            let at = plain::timestamp("timestamp", timestamp)?;
            locked(py, &self.state, |scaler| Ok(scaler.decide_at(at))).map(Decision)
        })
    }
    /// The whole state of the pool, for `restore`; `evscale.save_snapshot` writes it to a file.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler, Config
    /// >>> scaler = Autoscaler(Config(max_jobs=40))
    /// >>> Autoscaler.restore(Config(max_jobs=40), scaler.snapshot()).snapshot() == scaler.snapshot()
    /// True
    fn snapshot<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyBytes>> {
        door(py, || Ok(PyBytes::new(py, &locked(py, &self.state, |scaler| Ok(scaler.snapshot()))?)))
    }
    /// An autoscaler that goes on from a snapshot. Settings that differ from those at the snapshot win, as by `reconfigure`.
    ///
    /// Raises
    /// ------
    /// SnapshotError
    ///     It is damaged, foreign, or of another format.
    #[staticmethod]
    #[pyo3(signature = (config, data, bundle=None, *, forecaster=None, policy=None))]
    fn restore(
        py: Python<'_>,
        config: &Config,
        data: &[u8],
        bundle: Option<&ModelBundle>,
        forecaster: Option<Py<PyAny>>,
        policy: Option<Py<PyAny>>,
    ) -> Door<Self> {
        door(py, || {
            let has_own_bundle = bundle.is_some();
            let (config, bundle) = (config.0.clone(), ModelBundle::or_bundled(bundle));
            let scaler = contained(py, || evscale_core::Autoscaler::restore(config, bundle()?, data))?;
            Self::around(py, scaler, has_own_bundle, forecaster, policy)
        })
    }
    /// Tells what the host really did, as a dict or as keyword arguments; the startup time is learned from it.
    ///
    /// Parameters
    /// ----------
    /// timestamp
    ///     When it was known; required.
    /// started, ready, refused, drained
    ///     Jobs that were asked for, that became ready, that could not be had, and that finished their work and left; 0
    ///     without.
    /// startup_seconds
    ///     Time that the jobs took to become ready.
    #[pyo3(signature = (outcome=None, /, **fields))]
    fn acknowledge(
        &self,
        py: Python<'_>,
        outcome: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> Door<()> {
        door(py, || {
            let outcome = record::outcome(&Fields::given(py, record::OUTCOME, outcome, fields)?)?;
            locked(py, &self.state, |scaler| {
                scaler.acknowledge(&outcome);
                Ok(())
            })
        })
    }
    /// Switches changes off: "off" (nothing is paused), "all", "down" or "up".
    fn set_pause(&self, py: Python<'_>, pause: Text) -> Door<()> {
        door(py, || {
            let pause = orders::pause(py, &pause.0)?;
            locked(py, &self.state, |scaler| {
                scaler.set_pause(pause);
                Ok(())
            })
        })
    }
    /// Orders exactly `fixed` jobs, at most `cap` or at least `floor`, until a time; without arguments the order is taken back.
    /// It begins at once, or at `start`. A decision is due now, when it begins and when it ends; that one tells so.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     The order ends before it begins or before the newest record, or asks for a number outside `min_jobs` to `max_jobs`.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler
    /// >>> scaler = Autoscaler()
    /// >>> scaler.set_override(fixed=12, until="2026-01-05T12:00:00Z")
    /// >>> scaler.set_override(floor=8, start="2026-01-05T18:00:00Z", until="2026-01-05T22:00:00Z")
    /// >>> scaler.set_override()
    #[pyo3(signature = (fixed=None, cap=None, until=None, *, floor=None, start=None))]
    fn set_override(
        &self,
        py: Python<'_>,
        fixed: Option<&Bound<'_, PyAny>>,
        cap: Option<&Bound<'_, PyAny>>,
        until: Option<&Bound<'_, PyAny>>,
        floor: Option<&Bound<'_, PyAny>>,
        start: Option<&Bound<'_, PyAny>>,
    ) -> Door<()> {
        door(py, || {
            let manual = orders::order(py, [fixed, cap, floor], until, start)?;
            locked(py, &self.state, |scaler| scaler.set_override(manual))
        })
    }
    /// Announces an event before the records show it: `multiplier` times the load that is expected otherwise, so many `events` in
    /// all, or at least `min_jobs`. What it needs is ready at `start`. A statement on the load is compared with what came: the first
    /// decision after `end` tells so, and the next one weighs less if the last ones proved wrong again and again. Returns the number
    /// by which it is cancelled.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     It starts before the newest record or ends before it starts, says a number that cannot be or not exactly one, says the
    ///     same kind of thing as another one about the same time, or 64 are known already.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler
    /// >>> scaler = Autoscaler()
    /// >>> scaler.announce("2026-01-05T18:00:00Z", "2026-01-05T19:00:00Z", multiplier=3)
    /// 1
    /// >>> scaler.announcements()[0]["what"]
    /// {'multiplier': 3.0}
    /// >>> scaler.cancel_announcement(1)
    #[pyo3(signature = (start, end, *, multiplier=None, events=None, min_jobs=None))]
    fn announce(
        &self,
        py: Python<'_>,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        multiplier: Option<&Bound<'_, PyAny>>,
        events: Option<&Bound<'_, PyAny>>,
        min_jobs: Option<&Bound<'_, PyAny>>,
    ) -> Door<u32> {
        door(py, || {
            let announcement = orders::announcement(py, [start, end], [multiplier, events, min_jobs])?;
            locked(py, &self.state, |scaler| scaler.announce(announcement))
        })
    }
    /// Takes an announcement back by its number. A decision is due.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     There is none of this number, or its end has come.
    fn cancel_announcement(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            let id = plain::whole("id", id)?;
            locked(py, &self.state, |scaler| scaler.cancel_announcement(id))
        })
    }
    /// Says which events fall due when, as it is known at `now`: a list of pairs of a time and a number of events, such as delayed
    /// messages, jobs that were enqueued for a time, and a batch whose delivery time is known. They come beside the load that is
    /// expected otherwise, all at their moment, and have their jobs ready by then. Call it as often as the numbers change: what was
    /// said of times from `now` on is replaced, what has fallen due before stays; events whose time is before `now` are left out, as
    /// the records count them.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     More than 256 times, or a number of events that cannot be. What was said before stays.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler
    /// >>> scaler = Autoscaler()
    /// >>> scaler.set_due("2026-01-05T18:00:00Z", [("2026-01-06T02:00:00Z", 40_000)])
    /// >>> scaler.health()["announced"]
    /// ['due: 40000 events fall due at 2026-01-06T02:00:00Z']
    fn set_due(&self, py: Python<'_>, now: &Bound<'_, PyAny>, due: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            let (now, due) = (plain::timestamp("now", now)?, orders::due(due)?);
            locked(py, &self.state, |scaler| scaler.set_due(now, &due))
        })
    }
    /// What was announced, as dicts: everything that is to come and the last ones that have ended, with the share of it that is
    /// planned for (`believed`) and what came (`came`, in the unit of the announcement).
    fn announcements<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let known = locked(py, &self.state, |scaler| Ok(scaler.announcements()))?;
            plain::loads(py, &AnnouncementStatus::list_to_json(&known))
        })
    }
    /// Tells how long the last `observe` or `decide` took by your clock, ms. Networks that were asked in it and took longer
    /// than `latency_budget_ms` of the configuration are left alone for a while.
    fn report_latency(&self, py: Python<'_>, took_ms: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            let took_ms = plain::number("took_ms", took_ms)?;
            let took = Duration::try_from_secs_f64(took_ms / 1000.0)
                .map_err(|_| refused(py, &format!("`took_ms` is {took_ms}, expected 0 or more")))?;
            locked(py, &self.state, |scaler| {
                scaler.report_latency(took);
                Ok(())
            })
        })
    }
    /// How the pool is doing: every metric by its name (None where it is not known), drift with its onset, whether retraining is
    /// recommended and why, the last day in 144 bins, and the alerts; with `to_frame()` and `plot()`.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler
    /// >>> Autoscaler().report()["accuracy"] is None
    /// True
    fn report<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let told = locked(py, &self.state, |scaler| {
                Ok((scaler.report().to_json(), Alert::all_to_json(&scaler.alerts()), scaler.config().clone()))
            })?;
            reports::value(py, told)
        })
    }
    /// Report and alerts as OpenMetrics text, as Prometheus reads it, with the label `pool`. Serve it with the content type
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler
    /// >>> Autoscaler().openmetrics("orders").splitlines()[-1]
    /// '# EOF'
    fn openmetrics(&self, py: Python<'_>, pool: Text) -> Door<String> {
        door(py, || locked(py, &self.state, |scaler| Ok(scaler.openmetrics(&pool.0))))
    }
    /// The alerts that fire, or were resolved within the last day, the worst and newest first: a list of dicts.
    fn alerts<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let text = locked(py, &self.state, |scaler| Ok(Alert::all_to_json(&scaler.alerts())))?;
            plain::loads(py, &text)
        })
    }
    /// Silences an alert by its name until a time; without one the silence is taken back.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     There is no such alert.
    #[pyo3(signature = (alert, until=None))]
    fn silence(&self, py: Python<'_>, alert: Text, until: Option<&Bound<'_, PyAny>>) -> Door<()> {
        door(py, || {
            let until = until.map(|until| plain::timestamp("until", until)).transpose()?;
            locked(py, &self.state, |scaler| scaler.silence(&alert.0, until))
        })
    }
    /// Who acts, and what is known to be wrong: a dict with status (healthy, degraded or holding), source and causes; and what is
    /// `announced` of the time to come.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler
    /// >>> Autoscaler().health()["causes"]
    /// []
    fn health<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let text = locked(py, &self.state, |scaler| Ok(scaler.health().to_json()))?;
            plain::loads(py, &text)
        })
    }
    /// What the pool has learned and counts on at its newest record: a dict with newest_record (ISO 8601), jobs, starting_jobs,
    /// waiting_events, service_time_ms, job_startup_seconds, error_budget_burn (violations of the last day over those that the SLA
    /// allows), the rule that leads in shadow evaluation, and policy_leads; None where nothing is known so far.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler, Config
    /// >>> Autoscaler(Config(job_startup_seconds=60)).learned()["job_startup_seconds"]
    /// 60.0
    fn learned<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let text = locked(py, &self.state, |scaler| Ok(scaler.learned().to_json()))?;
            plain::loads(py, &text)
        })
    }
    /// Its models: who acts, who is tried beside them.
    #[getter]
    fn models(slf: &Bound<'_, Self>) -> PoolModels {
        PoolModels(slf.clone().unbind())
    }
    /// The configuration.
    #[getter]
    fn config(&self, py: Python<'_>) -> Door<Config> {
        door(py, || Ok(Config(self.current_config(py)?)))
    }
    /// Goes on under another configuration: what it says wins over what was learned, and what was learned stays where it still
    /// means something, so that records of another interval go on with the history resampled. A decision is due, and tells what
    /// has changed. Returns the settings that differ, each with its value before and now.
    ///
    /// Raises
    /// ------
    /// ConfigError
    ///     The configuration is refused. Then nothing changes, nor where it asks for networks that the autoscaler was made
    ///     without (ArgumentError).
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Autoscaler, Config
    /// >>> scaler = Autoscaler(Config(max_jobs=40))
    /// >>> scaler.reconfigure(Config(max_jobs=60))
    /// {'max_jobs': (40, 60)}
    fn reconfigure<'py>(&self, py: Python<'py>, config: &Config) -> Door<Bound<'py, PyDict>> {
        door(py, || {
            let config = config.0.clone();
            let changes = locked(py, &self.state, |scaler| {
                let changes = scaler.reconfigure(config)?;
                if let Ok(mut known) = self.config.write() {
                    *known = scaler.config().clone();
                }
                Ok(changes)
            })?;
            orders::changed(py, &changes)
        })
    }
    /// The collector sees the host's callables, so that a policy that holds its own autoscaler is collected. They need no
    /// `__clear__`: they were there before the autoscaler, so that whatever refers back to it can be cleared.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.callables.iter().try_for_each(|callable| visit.call(&**callable))
    }
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        door(py, || {
            if this.has_own_bundle || !this.callables.is_empty() {
                return Err(refused(
                    py,
                    "an Autoscaler with a bundle, forecaster or policy of its own is not picklable, expected its snapshot() \
                     and Autoscaler.restore with them",
                ));
            }
            let restore = py.get_type::<Self>().getattr("restore")?;
            let data = locked(py, &this.state, |scaler| Ok(scaler.snapshot()))?;
            let arguments = (Config(this.current_config(py)?), PyBytes::new(py, &data));
            Ok((restore, arguments).into_pyobject(py)?.into_any())
        })
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        crate::notebook::table(slf, "autoscaler_html")
    }
    fn __repr__(&self, py: Python<'_>) -> Door<String> {
        door(py, || Ok(format!("Autoscaler({})", Bound::new(py, Config(self.current_config(py)?))?.repr()?)))
    }
}
