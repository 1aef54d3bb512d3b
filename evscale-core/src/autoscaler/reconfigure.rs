//! Another configuration for a pool that has learned: what the configuration says wins over what is remembered, what was
//! learned stays where it still means something, and the next decision tells the difference.

use super::State;
use crate::config::{Config, ServiceClass, SettingChange};
use crate::forecaster::Ensemble;
use crate::policy::ForecastAvailability;

/// Most notes for the next decision that are kept.
const MOST_NOTES: usize = 16;

impl State {
    /// Goes on under `now` what was learned under `before`; returns the settings that differ.
    pub(crate) fn reconfigure(&mut self, before: &Config, now: &Config) -> Vec<SettingChange> {
        let impossible = self.orders.keep_possible(now);
        self.schedule.keep_within(now);
        self.notes.extend(impossible);
        self.monitor.reconfigure(before, now);
        let changes = before.changes_to(now);
        if changes.is_empty() {
            return changes;
        }
        self.notes.extend(changes.iter().map(SettingChange::to_string));
        self.pool.reconfigure(now);
        if before.events_per_job != now.events_per_job {
            self.pool.forget_service_time(now);
        }
        if before.schedule != now.schedule || before.time_zone != now.time_zone {
            self.announced.forget_schedule();
        }
        if before.pause != now.pause {
            self.orders.set_pause(now.pause);
        }
        if before.mode != now.mode {
            self.pool.forget_requests();
            self.safety.forget_changes();
            self.selection.end_advice();
        }
        if before.use_networks != now.use_networks {
            self.selection.employ_network(now.use_networks);
        }
        if before.sla_wait_seconds != now.sla_wait_seconds {
            self.pool.forget_lateness();
            self.selection.discount_past();
            self.notes.push("late events are counted anew".to_owned());
        }
        if before.service_time_ms != now.service_time_ms
            || before.job_startup_seconds != now.job_startup_seconds
        {
            self.selection.discount_past();
        }
        if before.interval_seconds != now.interval_seconds {
            self.resample(before, now);
        }
        self.follow_other_classes(before, now);
        self.note(Vec::new());
        self.schedule.expedite();
        changes
    }

    /// Learns anew what other classes of events need; where they are of other sizes, the load too.
    fn follow_other_classes(&mut self, before: &Config, now: &Config) {
        if before.classes == now.classes {
            return;
        }
        let size = |class: &ServiceClass| (class.name.clone(), class.service_time_seconds);
        let sizes = |config: &Config| config.classes.iter().map(size).collect::<Vec<_>>();
        if sizes(before) == sizes(now) {
            self.classes = self.classes.as_ref().and_then(|classes| classes.ordered_anew(now));
            self.selection.discount_past();
        } else {
            self.begin_anew(now);
            self.notes.push("the load is learned anew, as its classes are other ones".to_owned());
        }
    }

    /// Keeps what the next decision tells, the newest of it.
    pub(crate) fn note(&mut self, notes: Vec<String>) {
        self.notes.extend(notes);
        self.notes.drain(..self.notes.len().saturating_sub(MOST_NOTES));
    }

    /// Goes on with records of another interval.
    fn resample(&mut self, before: &Config, now: &Config) {
        let ratio = f64::from(now.interval_seconds) / f64::from(before.interval_seconds);
        self.history = self.history.resampled(now.interval_seconds);
        self.expectation.rescale(ratio);
        self.pool.rescale(ratio);
        self.selection.rescale(ratio);
        if let Some(classes) = &mut self.classes {
            classes.rescale(ratio);
        }
        self.availability = ForecastAvailability::default();
        self.ensemble = Ensemble::new(f64::from(now.interval_seconds));
        let newest = self.history.newest_slot();
        for slot in newest + 1 - self.history.len() as i64..=newest {
            self.ensemble.backfill(self.history.at(slot));
        }
        self.begin_second_anew();
        self.foresee(now);
        self.notes.push(format!(
            "the history was resampled for records every {} s, and forecasts are evaluated anew",
            now.interval_seconds
        ));
    }
}
