//! A pool without history begins with what pools like it have learned. What says nothing of their level is there at once: startup
//! and service time, the weights and widths of the forecasts, the rule. The course of their load, and what the candidates
//! cost in them, follow once its own records tell its level. Their counts, accounts, orders, announcements and alarms stay theirs.

use super::state::State;
use super::warm_start::WarmStart;
use super::{Autoscaler, Networks};
use crate::config::Config;
use crate::error::Result;
use crate::forecaster::Ensemble;
use crate::metrics::Course;
use crate::policy::{Prior, Selection};
use crate::time::DAY_MS;

/// Records, and time of them, that tell the level.
const LEAST_RECORDS: usize = 6;
const LEAST_SECONDS: f64 = 3600.0;

impl Autoscaler {
    /// Builds a pool that begins like others.
    pub(crate) fn like(config: Config, networks: Option<Networks>, others: &[(&str, &Self)]) -> Result<Self> {
        let mut pool = Self::from_parts(config, networks, None)?;
        let Self { config, state, .. } = &mut pool;
        let others: Vec<(&str, &Config, &State)> =
            others.iter().map(|(key, other)| (*key, other.config(), other.state())).collect();
        state.begin_like(config, &others);
        Ok(pool)
    }
}

impl State {
    fn begin_like(&mut self, config: &Config, others: &[(&str, &Config, &Self)]) {
        let states = |alike: &dyn Fn(&Config, &Self) -> bool| -> Vec<(&Config, &Self)> {
            others
                .iter()
                .filter(|(_, theirs, state)| alike(theirs, state))
                .map(|(_, theirs, state)| (*theirs, *state))
                .collect()
        };
        let startup = states(&|theirs, _| theirs.job_startup_seconds == config.job_startup_seconds);
        let startup = median(startup.iter().map(|(_, state)| state.pool.startup_seconds()));
        let service = median(others.iter().filter_map(|(_, _, state)| state.pool.service_seconds()));
        let service = service.filter(|_| config.declared_service_ms().is_none());
        self.pool.begin_like(service, startup);
        let with_a_day = states(&|_, state| {
            state.history.len() as f64 * state.history.interval_seconds() >= (DAY_MS / 1000) as f64
        });
        let ensembles: Vec<&Ensemble> = with_a_day.iter().map(|(_, state)| &state.ensemble).collect();
        self.ensemble = self.ensemble.clone().like(&ensembles);
        let under_the_same_sla: Vec<(&Selection, f64)> = with_a_day
            .iter()
            .filter(|(theirs, _)| {
                theirs.sla_wait_seconds == config.sla_wait_seconds
                    && theirs.use_networks == config.use_networks
            })
            .map(|(theirs, state)| (&state.selection, f64::from(theirs.interval_seconds)))
            .collect();
        self.selection
            .begin_like(&under_the_same_sla.iter().map(|(selection, _)| *selection).collect::<Vec<_>>());
        let course = Course::of(&others.iter().map(|(_, _, state)| &state.history).collect::<Vec<_>>());
        let prior = Prior::of(&under_the_same_sla);
        self.note(vec![self.in_words(others, service, startup, &course)]);
        self.warm_start =
            (course.is_some() || prior.is_some()).then(|| Box::new(WarmStart { course, prior }));
    }

    fn in_words(
        &self,
        others: &[(&str, &Config, &Self)],
        service: Option<f64>,
        startup: Option<f64>,
        course: &Option<Course>,
    ) -> String {
        let keys: Vec<String> = others.iter().map(|(key, _, _)| format!("`{key}`")).collect();
        let mut told = vec![format!("it begins like {}", keys.join(", "))];
        told.extend(startup.map(|seconds| format!("jobs are thought to start in {seconds:.0} s")));
        told.extend(
            service
                .map(|seconds| format!("an event to take {:.0} ms until its records tell", 1000.0 * seconds)),
        );
        told.extend(
            course.as_ref().map(|course| {
                format!("{:.1} days of their load follow once it shows its level", course.days())
            }),
        );
        told.join(", ")
    }

    /// Takes over what waits for the level of the pool, once its own records tell that.
    pub(super) fn follow_warm_start(&mut self, config: &Config) {
        let (records, interval) = (self.history.len(), self.history.interval_seconds());
        let seconds = records as f64 * interval;
        if self.warm_start.is_none() || records < LEAST_RECORDS || seconds < LEAST_SECONDS {
            return;
        }
        let Some(waiting) = self.warm_start.take() else { return };
        if seconds > (DAY_MS / 1000) as f64 {
            return self
                .note(vec!["its own load has no level that pools like it could be compared by".to_owned()]);
        }
        if let Some(course) = &waiting.course {
            let Some(mean_events) = course.mean_events(&self.history) else {
                self.warm_start = Some(waiting);
                return;
            };
            let newest = self.history.end_of(self.history.newest_slot());
            self.history = course.before(&self.history, mean_events);
            self.ensemble.rewind();
            self.ensemble.know_of(mean_events * course.highest());
            self.rewind_second(newest);
            self.note(vec![format!(
                "the load of {:.1} days of pools like it is taken for its own, at {mean_events:.0} events per interval in the mean",
                course.days()
            )]);
        }
        if let Some(prior) = &waiting.prior {
            self.selection.take_over(prior, f64::from(config.interval_seconds));
        }
    }
}

/// Returns the middle one of some values, the lower one of two; none of none.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}
