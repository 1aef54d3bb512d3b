//! Everything that one pool has learned: what a snapshot keeps, and what follows from it.

use super::warm_start::WarmStart;
use crate::announced::Announcements;
use crate::calendar::Calendar;
use crate::classes::Classes;
use crate::config::{Config, Mode, Timetable};
use crate::decision::Schedule;
use crate::features::PolicyState;
use crate::forecaster::{Burst, Days, Ensemble, Forecast, Months};
use crate::inference::CircuitBreaker;
use crate::lifecycle::Lifecycle;
use crate::metrics::{History, Metrics};
use crate::monitor::{Monitor, Sight};
use crate::policy::{Begin, ForecastAvailability, Levels, Need, Outlook, Selection, policy_state};
use crate::pool::Pool;
use crate::safety::{Orders, Safety, Share};
use crate::time::Timestamp;
use crate::validation::{Expectation, Issue};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The state of one pool, by stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) history: History,
    pub(crate) days: Days,
    pub(crate) months: Months,
    pub(crate) expectation: Expectation,
    /// Of the newest record, or of one that was rejected since.
    pub(crate) issue: Option<Issue>,
    /// At the last decision since: the age of the newest record counts too.
    pub(crate) issue_decided: Option<Issue>,
    pub(crate) pool: Pool,
    pub(crate) ensemble: Ensemble,
    pub(crate) availability: ForecastAvailability,
    pub(crate) selection: Selection,
    pub(crate) policy_breaker: CircuitBreaker,
    pub(crate) safety: Safety,
    pub(crate) orders: Orders,
    pub(crate) schedule: Schedule,
    pub(crate) monitor: Monitor,
    pub(crate) announced: Announcements,
    /// Classes of events; none in a pool of one kind.
    pub(crate) classes: Option<Box<Classes>>,
    /// Other models than those at first; none while there were none.
    pub(crate) lifecycle: Option<Box<Lifecycle>>,
    /// What it takes over from pools like it; none in a pool that begins alone, and once that is done.
    pub(crate) warm_start: Option<Box<WarmStart>>,
    /// What the next decision tells, beside its reasons.
    pub(crate) notes: Vec<String>,
    /// The forecast at the newest record, with what is stated of the time to come.
    #[serde(skip)]
    pub(crate) forecast: Arc<Forecast>,
    /// The same without what is stated, where that differs.
    #[serde(skip)]
    usual: Option<Forecast>,
    /// No record has come since the state was restored.
    #[serde(skip)]
    pub(crate) restored: bool,
    #[serde(skip)]
    pub(crate) ran: Ran,
    /// What the pool has of a budget that it shares, while a fleet lets it decide.
    #[serde(skip)]
    pub(crate) share: Option<Box<Share>>,
}

/// Leads that the plan tells, and what follows after the effect of a decision, seconds.
const PLANNED_SECONDS: f64 = 7200.0;
const LATER_SECONDS: f64 = 1800.0;

/// Networks that ran in the last call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ran {
    pub(crate) forecaster: bool,
    pub(crate) policy: bool,
}

impl State {
    /// The state of a pool before its first record.
    pub(crate) fn new(config: &Config) -> Self {
        let history = History::new(config.interval_seconds);
        let ensemble = Ensemble::new(f64::from(config.interval_seconds));
        let forecast = Arc::new(ensemble.forecast(&history));
        Self {
            usual: None,
            forecast,
            history,
            days: Days::default(),
            months: Months::default(),
            expectation: Expectation::default(),
            issue: None,
            issue_decided: None,
            pool: Pool::new(config),
            ensemble,
            availability: ForecastAvailability::default(),
            selection: Selection::new(config.min_jobs, config.use_networks),
            policy_breaker: CircuitBreaker::default(),
            safety: Safety::default(),
            orders: Orders::new(config.pause),
            schedule: Schedule::default(),
            monitor: Monitor::new(config),
            announced: Announcements::default(),
            classes: Classes::new(config),
            lifecycle: None,
            warm_start: None,
            notes: Vec::new(),
            restored: false,
            ran: Ran::default(),
            share: None,
        }
    }

    /// Takes the usual load of an interval into the memory.
    pub(crate) fn remember(&mut self, config: &Config, calendar: &Calendar, at: Timestamp, events: f64) {
        let interval = f64::from(config.interval_seconds);
        self.history.push(at, events);
        self.days.observe(calendar, at, events, interval);
        self.months.observe(calendar, at, events, interval);
    }

    /// Returns the bursts that are due by the clock for as long as anything is planned.
    pub(crate) fn bursts(&self, config: &Config, calendar: &Calendar) -> Vec<Burst> {
        let at = self.history.end_of(self.history.newest_slot().max(0));
        let effect = self.pool.startup_seconds() + f64::from(config.decision_interval_seconds);
        let reach = (effect + LATER_SECONDS).max(PLANNED_SECONDS);
        let due = self.days.bursts(calendar, at, reach, config.interval_seconds.into());
        self.months.bursts(calendar, &self.history, reach, due)
    }

    /// Completes a state that was read from a snapshot of a pool under the configuration `before`.
    pub(crate) fn restored(mut self, before: &Config, now: &Config, calendar: &Calendar) -> Self {
        self.restored = true;
        self.foresee(before);
        self.pool.restored();
        self.reconfigure(before, now);
        let bursts = self.bursts(now, calendar);
        self.foresee_from(now, self.seen(), bursts);
        self
    }

    /// Looks up the schedule around `now`.
    pub(crate) fn look_ahead(&mut self, config: &Config, timetable: &Timetable, now: Timestamp) {
        let ahead = self.pool.startup_seconds() + f64::from(config.decision_interval_seconds);
        self.announced.look_ahead(timetable, now, ahead);
    }

    /// Makes the forecast at the newest record, and adds what is stated of the time to come.
    pub(crate) fn foresee(&mut self, config: &Config) {
        let bursts = self.usual().bursts.clone();
        self.foresee_from(config, self.seen(), bursts);
    }

    /// Returns the newest arrivals.
    fn seen(&self) -> f64 {
        self.pool.last_events().unwrap_or(f64::NAN)
    }

    /// The same at a record with so many arrivals and bursts that are due.
    pub(crate) fn foresee_from(&mut self, config: &Config, seen: f64, bursts: Vec<Burst>) {
        let usual = Forecast { bursts, ..self.ensemble.forecast(&self.history) };
        let (usual, forecast) = self.with_statements(config, seen, usual);
        *Arc::make_mut(&mut self.forecast) = forecast;
        self.usual = usual;
    }

    /// Returns a forecast with what is stated, and itself before where that differs.
    fn with_statements(&self, config: &Config, seen: f64, usual: Forecast) -> (Option<Forecast>, Forecast) {
        match self.announced.told(&usual, config.interval_seconds, seen, self.event_size()) {
            Some(told) => (Some(usual), told),
            None => (None, usual),
        }
    }

    /// Returns the forecast of another ensemble on the same records, as [`foresee`](Self::foresee) makes that of the pool's own.
    pub(super) fn foreseen_by(&self, ensemble: &Ensemble, config: &Config) -> (Option<Forecast>, Forecast) {
        let usual = Forecast { bursts: self.usual().bursts.clone(), ..ensemble.forecast(&self.history) };
        self.with_statements(config, self.seen(), usual)
    }

    /// Returns the size of an event in what the history counts.
    fn event_size(&self) -> f64 {
        self.classes.as_ref().map_or(1.0, |classes| classes.event_size())
    }

    /// Returns the forecast at the newest record without what is stated.
    fn usual(&self) -> &Forecast {
        self.usual.as_ref().unwrap_or(&self.forecast)
    }

    /// Takes what is no load out of the arrivals of a record that said `counted` ones; returns its usual load, without what statements
    /// explain, of which it learns what came.
    pub(crate) fn usual_events(&mut self, config: &Config, record: &mut Metrics, counted: f64) -> f64 {
        let interval = f64::from(config.interval_seconds);
        let [usual, at_most] = self.usual().expected_at(record.timestamp, interval);
        record.logged_events_count = self.pool.load_of(record, usual, at_most);
        let busy_jobs = self.pool.in_service() / config.places();
        let size = self.event_size();
        let (events, notes) = self.announced.observe(config, record, counted, usual, busy_jobs, size);
        self.pool.follow_calendar(record, events, interval);
        self.note(notes);
        events
    }

    /// Forgets what was learned of the load and of its service, because the records were not what they seemed.
    pub(crate) fn begin_anew(&mut self, config: &Config) {
        self.history.clear();
        self.days = Days::default();
        self.months = Months::default();
        self.ensemble.begin_anew(f64::from(config.interval_seconds));
        self.availability = ForecastAvailability::default();
        self.selection = Selection::new(config.min_jobs, config.use_networks);
        self.pool.begin_anew(config);
        self.safety.begin_anew();
        self.classes = Classes::new(config);
        self.begin_second_anew();
        self.schedule.expedite();
        self.foresee_from(config, self.seen(), Vec::new());
    }

    /// Goes back to a time before that of the newest record: nothing waits for what later times said.
    pub(crate) fn rewind(&mut self, at: Timestamp) {
        self.history.rewind(at);
        self.ensemble.rewind();
        self.rewind_second(at);
        self.pool.rewind(at);
        self.safety.rewind(at);
        self.schedule.expedite();
        self.announced.rewind(at);
        if let Some(classes) = &mut self.classes {
            classes.rewind();
        }
    }

    /// Reports whether a new decision is due at `now`: its time has come, or what a person has
    /// ordered or announced has changed.
    pub(crate) fn decision_due(&self, config: &Config, now: Timestamp) -> bool {
        self.schedule.due(config, now) || self.orders.turned(now) || self.announced.turned(now)
    }

    /// Follows what the advice would bring beside a pool that is scaled otherwise.
    pub(crate) fn follow_mode(&mut self, config: &Config) {
        let Some(jobs) = self.pool.jobs().filter(|_| config.mode == Mode::Advise) else { return };
        self.selection.miss_advice();
        self.selection.begin_advice(&Begin {
            jobs,
            ready: jobs - self.pool.starting_now(),
            in_service: self.pool.in_service(),
            backlog: self.pool.backlog_events(),
        });
    }

    /// Reports whether the newest record shows the jobs that were asked for, so that late events are those of the rule that
    /// asked, and not of a host that did something else or of a person.
    pub(crate) fn is_as_asked(&self) -> bool {
        let enough = |jobs: u32| self.pool.jobs().is_some_and(|there| there >= f64::from(jobs));
        self.schedule.recommended().is_none_or(|asked| !asked.kept_small && enough(asked.jobs))
    }

    /// Returns the price of a job-hour at the newest record.
    pub(super) fn job_hour_price(&self, config: &Config) -> Option<f64> {
        self.announced.job_hour_price(config, self.pool.newest()?)
    }

    /// Returns what the classes of events need.
    pub(crate) fn levels(&self, config: &Config, calendar: &Calendar) -> Levels {
        let needs = |classes: &Classes| classes.needs(config, calendar, &self.forecast, &self.pool);
        self.classes.as_deref().map(needs).unwrap_or_default()
    }

    /// Returns the load ahead by a forecast, and what it needs.
    pub(crate) fn outlook<'a>(
        &self,
        config: &'a Config,
        calendar: &Calendar,
        forecast: &'a Forecast,
    ) -> Outlook<'a> {
        Outlook::new(config, forecast, &self.pool, &self.selection, self.levels(config, calendar))
    }

    /// Asks the monitor about the pool as it is.
    pub(crate) fn watched<T>(
        &self,
        config: &Config,
        calendar: &Calendar,
        ask: impl FnOnce(&Monitor, &Sight<'_>) -> T,
    ) -> T {
        let outlook = self.outlook(config, calendar, &self.forecast);
        let sight = Sight {
            config,
            calendar,
            pool: &self.pool,
            history: &self.history,
            ensemble: &self.ensemble,
            outlook: &outlook,
            job_hour_price: self.job_hour_price(config),
            standing: self.schedule.standing(),
            policy_breaker: &self.policy_breaker,
            safety: &self.safety,
            advised: self.selection.advised(),
        };
        ask(&self.monitor, &sight)
    }

    /// Lets the monitor look at the pool as it is.
    pub(crate) fn watch<T>(
        &mut self,
        config: &Config,
        calendar: &Calendar,
        outlook: &Outlook<'_>,
        work: impl FnOnce(&mut Monitor, &Sight<'_>) -> T,
    ) -> T {
        let advised = self.selection.advised();
        let job_hour_price = self.job_hour_price(config);
        let Self { history, pool, ensemble, policy_breaker, schedule, safety, monitor, .. } = self;
        let sight = Sight {
            config,
            calendar,
            pool,
            history,
            ensemble,
            outlook,
            job_hour_price,
            standing: schedule.standing(),
            policy_breaker,
            safety,
            advised,
        };
        work(monitor, &sight)
    }

    /// Returns what the policy sees of the pool at `now`.
    pub(crate) fn seen_by_policy(&self, config: &Config, need: &Need, now: Timestamp) -> PolicyState {
        let since_change = self.safety.seconds_since_change(now);
        policy_state(config, &self.forecast, &self.pool, need, now, since_change)
    }
}
