//! Jobs for events whose wait runs out.
//!
//! Queues are first come, first served, so that of `q` waiting events those came more than `a` seconds ago that exceed the
//! arrivals since then, `A(a)`, and they must begin within `r`, what is left of the allowed wait. Of `J` places `n` are busy,
//! and in `r` seconds `J r / s` become free if an event takes `s`; half of that is counted on, because those that have lasted
//! for long are those that last. All of them begin in time if
//!
//! `J >= (q - A(a) + n) / (1 + r / 2s)`, for every age `a`.
//!
//! Events that are late already are left out: more jobs than the backlog asks for would not mend that.

use super::super::need::Load;

/// Share of the places that become free in time, as the mean service time says, that is counted on.
const FREED: f32 = 0.5;
/// Ages that are looked at.
pub(super) const AGES: usize = 8;

/// What the waiting events of a pool ask for, by their age; nothing where the SLA leaves no time to see an event and to start a
/// job for it, or where events are of classes, which are not served in the order in which they came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Urgency {
    /// Arrivals since an age, and jobs per event that must begin in the rest of the wait or is in service.
    ages: [(f32, f32); AGES],
    /// Arrivals that are not late if they wait.
    in_time: f32,
}

impl Urgency {
    /// Reports whether events may become urgent.
    pub(super) fn applies(load: &Load<'_>) -> bool {
        load.patience.slack_seconds > 0.0 && load.config.classes.is_empty()
    }

    /// Returns the urgency at ages, seconds, with the arrivals since each of them, of which the last age is the allowed wait.
    pub(super) fn new(load: &Load<'_>, ages: &[(f32, f32); AGES]) -> Self {
        let (wait, in_time) = ages.last().copied().unwrap_or_default();
        let (interval, service) = (load.config.interval_seconds as f32, load.service_seconds as f32);
        let weight = (load.correction / load.config.places()) as f32;
        let row = |(age, since): (f32, f32)| {
            let left = (wait - age - interval).max(load.startup_seconds as f32);
            (since, weight / (1.0 + FREED * left / service))
        };
        Self { ages: ages.map(row), in_time }
    }

    /// Returns the jobs that a pool needs for its waiting events.
    pub(super) fn jobs(&self, waiting: f32, in_service: f32) -> f32 {
        let waiting = waiting.min(self.in_time);
        let older = self.ages.iter().filter(|(since, _)| waiting > *since);
        older.map(|(since, share)| (waiting - since + in_service) * share).fold(0.0, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve events that came 1,500 s ago, six that came just now; 1,800 s are allowed.
    fn urgency() -> Urgency {
        let ages = [0.0, 300.0, 600.0, 900.0, 1200.0, 1500.0, 1650.0, 1800.0];
        let since = |age: f32| {
            if age == 0.0 {
                0.0
            } else if age <= 1500.0 {
                6.0
            } else {
                18.0
            }
        };
        let share = |age: f32| 1.0 / (1.0 + FREED * (1800.0 - age - 60.0) / 900.0);
        Urgency { ages: ages.map(|age| (since(age), share(age))), in_time: 18.0 }
    }

    #[test]
    fn old_events_are_urgent_and_new_ones_are_not() {
        assert_eq!(urgency().jobs(0.0, 5.0), 0.0, "nothing waits");
        let (new, old) = (urgency().jobs(6.0, 5.0), urgency().jobs(18.0, 5.0));
        assert!((5.0..7.0).contains(&new), "eleven events in half an hour: {new}");
        assert!((14.0..17.0).contains(&old), "twelve have four minutes, and five jobs are busy: {old}");
    }

    #[test]
    fn what_is_late_already_asks_for_nothing_more() {
        assert_eq!(urgency().jobs(500.0, 5.0), urgency().jobs(18.0, 5.0));
    }
}
