//! Many pools by key.

use crate::arguments::{Fields, MOST_RECORDS, Text, items, text};
use crate::config::Config;
use crate::decision::Decision;
use crate::door::{Door, door};
use crate::errors::{error, refused};
use crate::forecast::Forecast;
use crate::lifecycle::FleetModels;
use crate::log::Rejections;
use crate::models::ModelBundle;
use crate::notebook::table;
use crate::observation::Observation;
use crate::plain::{integer, number};
use crate::ticks::{keyed, tick};
use crate::turns::{Shared, contained, locked};
use crate::{orders, plain, record, reports};
use evscale_core::{AnnouncementStatus, PoolTick, SharedBudget};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

/// Autoscalers of many pools that share the networks of one bundle. Decisions equal those of single autoscalers, whatever
/// the number of threads. A pool that fails does not disturb another. Threads may share a fleet; they take turns.
///
/// >>> import evscale
/// >>> fleet = evscale.Fleet(threads=2)
/// >>> fleet.add("eu-west", evscale.Config(min_jobs=5))
/// >>> tick = fleet.tick({"eu-west": {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400,
/// ...                                "current_job_count": 12, "average_processing_duration_ms": 400.0}})
/// >>> tick.observations["eu-west"][0].verdict
/// 'accepted'
/// >>> tick.decisions["eu-west"].recommended_jobs >= 5
/// True
#[pyclass(frozen, weakref, module = "evscale", name = "Fleet")]
pub struct Fleet(pub(crate) Shared<evscale_core::Fleet>, HasOwnBundle, Rejections);

/// Whether a fleet was made with models that are not the bundled ones.
type HasOwnBundle = bool;

/// What became of the records of a tick.
#[pyclass(frozen, weakref, module = "evscale", name = "FleetTick")]
pub struct FleetTick {
    decisions: Py<PyDict>,
    observations: Py<PyDict>,
    errors: Py<PyList>,
}

impl Fleet {
    /// Returns what became of the records of a tick.
    pub(crate) fn told(
        &self,
        py: Python<'_>,
        answers: Vec<evscale_core::Result<PoolTick>>,
    ) -> PyResult<FleetTick> {
        let (decisions, observations) = (PyDict::new(py), PyDict::new(py));
        let errors = PyList::empty(py);
        for answer in answers {
            match answer {
                Ok(tick) => {
                    let seen: Vec<Observation> =
                        tick.observations.into_iter().map(Observation::from).collect();
                    self.2.follow(py, seen.iter().map(|one| (Some(tick.key.as_str()), one)))?;
                    observations.set_item(&tick.key, seen)?;
                    decisions.set_item(&tick.key, Decision(tick.decision))?;
                }
                Err(problem) => {
                    errors.append(error(py, problem.kind().as_str(), &problem.to_string()).into_value(py))?
                }
            }
        }
        Ok(FleetTick {
            decisions: decisions.unbind(),
            observations: observations.unbind(),
            errors: errors.unbind(),
        })
    }
}

#[pymethods]
impl Fleet {
    #[new]
    #[pyo3(signature = (bundle=None, threads=None), text_signature = "(bundle=None, threads=1)")]
    fn new(py: Python<'_>, bundle: Option<&ModelBundle>, threads: Option<&Bound<'_, PyAny>>) -> Door<Self> {
        door(py, || {
            let has_own_bundle = bundle.is_some();
            let bundle = ModelBundle::or_bundled(bundle);
            let threads = threads.map_or(Ok(1), self::threads)?;
            contained(py, || {
                let mut fleet = evscale_core::Fleet::new(&bundle()?);
                fleet.set_threads(threads)?;
                Ok(Self(Shared::new(fleet), has_own_bundle, Rejections::default()))
            })
        })
    }
    /// Adds a pool; its key must be free.
    #[pyo3(signature = (key, config=None))]
    fn add(&self, py: Python<'_>, key: Text, config: Option<&Config>) -> Door<()> {
        door(py, || {
            let config = config.map(|config| config.0.clone()).unwrap_or_default();
            locked(py, &self.0, |fleet| fleet.add(&key.0, config))
        })
    }
    /// Adds a pool without history that begins with what the pools `like` have learned.
    ///
    /// Their startup and service time (the middle one), the weights and widths of their forecasts, and the rule that leads in most
    /// of them are there at once; once an hour of its own records tells its level, the course of their load at that level follows,
    /// and half a day of what the candidates cost in them. Counts, accounts, orders, announcements and alarms stay theirs. What is
    /// configured wins, its own records correct all of it, and its next decisions tell it.
    ///
    /// Examples
    /// --------
    /// >>> import evscale
    /// >>> fleet = evscale.Fleet()
    /// >>> fleet.add("eu-west")
    /// >>> tick = fleet.tick({"eu-west": {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400,
    /// ...                                "current_job_count": 12, "average_processing_duration_ms": 400.0}})
    /// >>> fleet.add_like("eu-north", like=["eu-west"])
    /// >>> fleet.learned("eu-north")["service_time_ms"]
    /// 400.0
    #[pyo3(signature = (key, config=None, *, like))]
    fn add_like(
        &self,
        py: Python<'_>,
        key: Text,
        config: Option<&Config>,
        like: &Bound<'_, PyAny>,
    ) -> Door<()> {
        door(py, || {
            let config = config.map(|config| config.0.clone()).unwrap_or_default();
            if like.is_instance_of::<PyString>() {
                let given = plain::shown(like);
                return Err(refused(
                    py,
                    &format!("`like` is {given}, expected the keys of pools, such as [{given}]"),
                ));
            }
            let like: Vec<String> =
                items("`like`", like, MOST_RECORDS)?.iter().map(text).collect::<PyResult<_>>()?;
            let like: Vec<&str> = like.iter().map(String::as_str).collect();
            locked(py, &self.0, |fleet| fleet.add_like(&key.0, config, &like))
        })
    }
    /// Adds a pool that goes on from a snapshot of a fleet or of an autoscaler.
    fn restore(&self, py: Python<'_>, key: Text, config: &Config, data: &[u8]) -> Door<()> {
        door(py, || {
            let config = config.0.clone();
            locked(py, &self.0, |fleet| fleet.restore(&key.0, config, data))
        })
    }
    /// Removes a pool; says whether it was there.
    fn remove(&self, py: Python<'_>, key: Text) -> Door<bool> {
        door(py, || locked(py, &self.0, |fleet| Ok(fleet.remove(&key.0))))
    }
    /// Sets the number of threads that a tick may use, the caller's included: 1 to 1024.
    fn set_threads(&self, py: Python<'_>, threads: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            let threads = self::threads(threads)?;
            locked(py, &self.0, |fleet| fleet.set_threads(threads))
        })
    }
    /// Sets what all pools may have together: so many `jobs`, or so much `cost_per_hour` by the price of a job-hour of each pool (one
    /// without a price counts 1). Without either there is no such limit any more.
    ///
    /// Whenever the pools ask for more, every pool with a record decides in that `tick`, and it is divided among them: each keeps
    /// what its safety rules keep, and the rest goes where a job prevents most late events of the time ahead for its price, each
    /// weighed with `priority` and `late_event_price` of its pool (without a price, with the time that an event keeps a job busy;
    /// give all pools of a fleet one, or none). The trail of a decision and the health of its pool tell what the pool gave, as
    /// `shared_budget`. A pool that decides alone gets what the others leave.
    ///
    /// Examples
    /// --------
    /// >>> import evscale
    /// >>> fleet = evscale.Fleet()
    /// >>> fleet.set_budget(jobs=500)
    /// >>> fleet.budget()["budget"]
    /// {'jobs': 500}
    #[pyo3(signature = (*, jobs=None, cost_per_hour=None))]
    fn set_budget(
        &self,
        py: Python<'_>,
        jobs: Option<&Bound<'_, PyAny>>,
        cost_per_hour: Option<&Bound<'_, PyAny>>,
    ) -> Door<()> {
        door(py, || {
            let budget = match (jobs, cost_per_hour) {
                (None, None) => None,
                (Some(jobs), None) => {
                    Some(SharedBudget::Jobs(integer("jobs", jobs, 0..=u32::MAX.into())? as u32))
                }
                (None, Some(cost)) => Some(SharedBudget::CostPerHour(number("cost_per_hour", cost)?)),
                (Some(_), Some(_)) => {
                    return Err(refused(
                        py,
                        "`jobs` and `cost_per_hour` are both given, expected one of them",
                    ));
                }
            };
            locked(py, &self.0, |fleet| fleet.set_budget(budget))
        })
    }
    /// What became of the budget in the last tick: `budget`, what the pools have of it (`held`) and would have without it
    /// (`wanted`), `pools_that_gave_way`, and why it is `exceeded`, if it is. None without a budget.
    fn budget<'py>(&self, py: Python<'py>) -> Door<Option<Bound<'py, PyAny>>> {
        door(py, || {
            let status = locked(py, &self.0, |fleet| Ok(fleet.budget_status()))?;
            status.map(|status| plain::loads(py, &status.to_json())).transpose()
        })
    }
    /// Takes records of any pools, and decides for each of these pools: a dict of key to record, or pairs of key and record
    /// in any order (those of one pool oldest first). A malformed record refuses the whole tick. Ctrl-C ends it; the pools
    /// before have taken their records then.
    fn tick(&self, py: Python<'_>, records: &Bound<'_, PyAny>) -> Door<FleetTick> {
        door(py, || {
            let records = keyed(records)?;
            let answers = locked(py, &self.0, |fleet| Ok(tick(fleet, records)))?;
            self.told(py, answers)
        })
    }
    /// Takes one record of a pool, without a decision.
    fn observe(&self, py: Python<'_>, key: Text, record: &Bound<'_, PyAny>) -> Door<Observation> {
        door(py, || {
            let metrics = record::metrics(&Fields::of(record::RECORD, record)?)?;
            let seen =
                locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.observe(&metrics))?)?;
            let seen = Observation::from(seen);
            self.2.follow(py, [(Some(key.0.as_str()), &seen)].into_iter())?;
            Ok(seen)
        })
    }
    /// The forecast of a pool at its newest record.
    fn forecast(&self, py: Python<'_>, key: Text) -> Door<Forecast> {
        door(py, || {
            let ask =
                |pool: &mut evscale_core::PoolMut<'_>| (pool.forecast(), pool.config().interval_seconds);
            let (forecast, interval) = locked(py, &self.0, |fleet| fleet.with_pool(&key.0, ask))?;
            Ok(Forecast::of(forecast, interval))
        })
    }
    /// The decision of a pool at the time of its newest record, or at a later time.
    #[pyo3(signature = (key, timestamp=None))]
    fn decide(&self, py: Python<'_>, key: Text, timestamp: Option<&Bound<'_, PyAny>>) -> Door<Decision> {
        door(py, || {
            let at = timestamp.map(|timestamp| plain::timestamp("timestamp", timestamp)).transpose()?;
            locked(py, &self.0, |fleet| {
                fleet.with_pool(&key.0, |pool| match at {
                    Some(at) => pool.decide_at(at),
                    None => pool.decide(),
                })
            })
            .map(Decision)
        })
    }
    /// Tells what the host really did with a pool.
    fn acknowledge(&self, py: Python<'_>, key: Text, outcome: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            let outcome = record::outcome(&Fields::of(record::OUTCOME, outcome)?)?;
            locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.acknowledge(&outcome)))
        })
    }
    /// Switches changes of a pool off: "off" (nothing is paused), "all", "down" or "up".
    fn set_pause(&self, py: Python<'_>, key: Text, pause: Text) -> Door<()> {
        door(py, || {
            let pause = orders::pause(py, &pause.0)?;
            locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.set_pause(pause)))
        })
    }
    /// Orders exactly `fixed` jobs of a pool, at most `cap` or at least `floor`, from `start` (at once without) until a time;
    /// without them the order is taken back.
    #[pyo3(signature = (key, fixed=None, cap=None, until=None, *, floor=None, start=None))]
    #[expect(clippy::too_many_arguments, reason = "they are those of the Python call")]
    fn set_override(
        &self,
        py: Python<'_>,
        key: Text,
        fixed: Option<&Bound<'_, PyAny>>,
        cap: Option<&Bound<'_, PyAny>>,
        until: Option<&Bound<'_, PyAny>>,
        floor: Option<&Bound<'_, PyAny>>,
        start: Option<&Bound<'_, PyAny>>,
    ) -> Door<()> {
        door(py, || {
            let manual = orders::order(py, [fixed, cap, floor], until, start)?;
            locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.set_override(manual))?)
        })
    }
    /// Announces an event for a pool before the records show it, as `Autoscaler.announce`.
    #[pyo3(signature = (key, start, end, *, multiplier=None, events=None, min_jobs=None))]
    #[expect(clippy::too_many_arguments, reason = "they are those of the Python call")]
    fn announce(
        &self,
        py: Python<'_>,
        key: Text,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        multiplier: Option<&Bound<'_, PyAny>>,
        events: Option<&Bound<'_, PyAny>>,
        min_jobs: Option<&Bound<'_, PyAny>>,
    ) -> Door<u32> {
        door(py, || {
            let announcement = orders::announcement(py, [start, end], [multiplier, events, min_jobs])?;
            locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.announce(announcement))?)
        })
    }
    /// Takes an announcement for a pool back, as `Autoscaler.cancel_announcement`.
    fn cancel_announcement(&self, py: Python<'_>, key: Text, id: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            let id = plain::whole("id", id)?;
            locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.cancel_announcement(id))?)
        })
    }
    /// Says which events of a pool fall due when, as `Autoscaler.set_due`.
    fn set_due(&self, py: Python<'_>, key: Text, now: &Bound<'_, PyAny>, due: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            let (now, due) = (plain::timestamp("now", now)?, orders::due(due)?);
            locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.set_due(now, &due))?)
        })
    }
    /// What was announced for a pool, as `Autoscaler.announcements`.
    fn announcements<'py>(&self, py: Python<'py>, key: Text) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let known = locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.announcements()))?;
            plain::loads(py, &AnnouncementStatus::list_to_json(&known))
        })
    }
    /// Goes on with a pool under another configuration, as `Autoscaler.reconfigure`.
    fn reconfigure<'py>(&self, py: Python<'py>, key: Text, config: &Config) -> Door<Bound<'py, PyDict>> {
        door(py, || {
            let config = config.0.clone();
            let changes =
                locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.reconfigure(config))?)?;
            orders::changed(py, &changes)
        })
    }
    /// How a pool is doing, as `Autoscaler.report`.
    fn report<'py>(&self, py: Python<'py>, key: Text) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let ask = |pool: &mut evscale_core::PoolMut<'_>| {
                let alerts = evscale_core::Alert::all_to_json(&pool.alerts());
                (pool.report().to_json(), alerts, pool.config().clone())
            };
            let told = locked(py, &self.0, |fleet| fleet.with_pool(&key.0, ask))?;
            reports::value(py, told)
        })
    }
    /// The metrics that add up, summed over the pools that know them: a dict by name. Pools that failed are left out.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Fleet
    /// >>> fleet = Fleet()
    /// >>> fleet.add("eu-west"), fleet.add("us-east")
    /// (None, None)
    /// >>> fleet.sums()["missed_intervals"]
    /// 0.0
    fn sums<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDict>> {
        door(py, || {
            let out = PyDict::new(py);
            for (name, sum) in locked(py, &self.0, |fleet| Ok(fleet.sums()))? {
                out.set_item(name, sum)?;
            }
            Ok(out)
        })
    }
    /// Reports and alerts of all pools as OpenMetrics text, as Prometheus reads it, with the label `pool`.
    fn openmetrics(&self, py: Python<'_>) -> Door<String> {
        door(py, || locked(py, &self.0, |fleet| Ok(fleet.openmetrics())))
    }
    /// Silences an alert of a pool until a time, as `Autoscaler.silence`.
    #[pyo3(signature = (key, alert, until=None))]
    fn silence(&self, py: Python<'_>, key: Text, alert: Text, until: Option<&Bound<'_, PyAny>>) -> Door<()> {
        door(py, || {
            let until = until.map(|until| plain::timestamp("until", until)).transpose()?;
            locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.silence(&alert.0, until))?)
        })
    }
    /// The alerts of a pool, as `Autoscaler.alerts`.
    fn alerts<'py>(&self, py: Python<'py>, key: Text) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let told =
                |pool: &mut evscale_core::PoolMut<'_>| evscale_core::Alert::all_to_json(&pool.alerts());
            let text = locked(py, &self.0, |fleet| fleet.with_pool(&key.0, told))?;
            plain::loads(py, &text)
        })
    }
    /// Who acts for a pool, and what is known to be wrong.
    fn health<'py>(&self, py: Python<'py>, key: Text) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let text = locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.health().to_json()))?;
            plain::loads(py, &text)
        })
    }
    /// What a pool has learned and counts on, as `Autoscaler.learned`.
    fn learned<'py>(&self, py: Python<'py>, key: Text) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let text = locked(py, &self.0, |fleet| fleet.with_pool(&key.0, |pool| pool.learned().to_json()))?;
            plain::loads(py, &text)
        })
    }
    /// The whole state of a pool; None if it is not there or failed.
    fn snapshot<'py>(&self, py: Python<'py>, key: Text) -> Door<Option<Bound<'py, PyBytes>>> {
        door(py, || {
            let data = locked(py, &self.0, |fleet| Ok(fleet.snapshot(&key.0)))?;
            Ok(data.map(|data| PyBytes::new(py, &data)))
        })
    }
    /// The states of all pools, by key.
    fn snapshots<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDict>> {
        door(py, || {
            let all: Vec<(String, Vec<u8>)> = locked(py, &self.0, |fleet| {
                Ok(fleet.snapshots().map(|(key, data)| (key.to_owned(), data)).collect())
            })?;
            let out = PyDict::new(py);
            for (key, data) in all {
                out.set_item(key, PyBytes::new(py, &data))?;
            }
            Ok(out)
        })
    }
    /// The models of its pools: other ones are tried or act in a share of them.
    #[getter]
    fn models(slf: &Bound<'_, Self>) -> FleetModels {
        FleetModels(slf.clone().unbind())
    }
    /// Keys in their order.
    fn keys(&self, py: Python<'_>) -> Door<Vec<String>> {
        door(py, || locked(py, &self.0, |fleet| Ok(fleet.keys().map(str::to_owned).collect())))
    }
    fn __len__(&self, py: Python<'_>) -> Door<usize> {
        door(py, || locked(py, &self.0, |fleet| Ok(fleet.len())))
    }
    fn __contains__(&self, py: Python<'_>, key: &Bound<'_, PyString>) -> Door<bool> {
        door(py, || {
            // a key with lone surrogates is in no fleet
            let Ok(key) = text(key) else { return Ok(false) };
            locked(py, &self.0, |fleet| Ok(fleet.contains(&key)))
        })
    }
    fn __reduce__<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            if self.1 {
                return Err(refused(
                    py,
                    "a Fleet with a bundle of its own is not picklable, expected its snapshots() and restore with it",
                ));
            }
            let pools: Vec<(String, Config, Vec<u8>)> = locked(py, &self.0, |fleet| {
                let states: Vec<(String, Vec<u8>)> =
                    fleet.snapshots().map(|(key, data)| (key.to_owned(), data)).collect();
                let mut pools = Vec::with_capacity(states.len());
                for (key, data) in states {
                    let config = Config(fleet.with_pool(&key, |pool| pool.config().clone())?);
                    pools.push((key, config, data));
                }
                Ok(pools)
            })?;
            let list = PyList::empty(py);
            for (key, config, data) in pools {
                list.append((key, config, PyBytes::new(py, &data)))?;
            }
            let restore = py.import("evscale.snapshot")?.getattr("fleet_of")?;
            Ok((restore, (list,)).into_pyobject(py)?.into_any())
        })
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "fleet_html")
    }
    fn __repr__(&self, py: Python<'_>) -> Door<String> {
        door(py, || {
            let pools = locked(py, &self.0, |fleet| Ok(fleet.len()))?;
            Ok(format!("Fleet({pools} pools)"))
        })
    }
}

#[pymethods]
impl FleetTick {
    #[new]
    fn new(decisions: Py<PyDict>, observations: Py<PyDict>, errors: Py<PyList>) -> Self {
        Self { decisions, observations, errors }
    }
    fn __getnewargs__(&self, py: Python<'_>) -> (Py<PyDict>, Py<PyDict>, Py<PyList>) {
        (self.decisions(py), self.observations(py), self.errors(py))
    }
    /// The decision of every pool that had a record, by key.
    #[getter]
    fn decisions(&self, py: Python<'_>) -> Py<PyDict> {
        self.decisions.clone_ref(py)
    }
    /// One observation per record of a pool, in their order, by key.
    #[getter]
    fn observations(&self, py: Python<'_>) -> Py<PyDict> {
        self.observations.clone_ref(py)
    }
    /// An EvscaleError for every record of an unknown pool and for every pool that failed inside.
    #[getter]
    fn errors(&self, py: Python<'_>) -> Py<PyList> {
        self.errors.clone_ref(py)
    }
    /// The collector sees what the caller may put into these dicts and lists, which can be cleared themselves.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.decisions)?;
        visit.call(&self.observations)?;
        visit.call(&self.errors)
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "tick_html")
    }
    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "FleetTick({} decisions, {} errors)",
            self.decisions.bind(py).len(),
            self.errors.bind(py).len()
        )
    }
}

/// Returns a number of threads.
fn threads(given: &Bound<'_, PyAny>) -> PyResult<usize> {
    integer("threads", given, 1..=1024).map(|threads| threads as usize)
}
