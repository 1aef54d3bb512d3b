//! Which alerts fire, since when, and which of them somebody has silenced.

use super::report::Report;
use super::rules::{AlertRule, Severity};
use crate::error::{Error, Result};
use crate::names::named;
use crate::time::Timestamp;
use crate::traced;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Time for which a resolved alert is told, seconds.
const TOLD_SECONDS: f64 = 86_400.0;

/// Whether an alert fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Its condition holds.
    Firing,
    /// It has fired within the last day, and its condition no longer holds.
    Resolved,
}

named! { AlertState, "alert state": Firing = "firing", Resolved = "resolved" }

/// An alert that fires, or was resolved within the last day.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Alert {
    /// Name, as in [`AlertRule::table`]; of a user's threshold its text.
    pub name: String,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it fires.
    pub state: AlertState,
    /// When it began to fire.
    pub since: Timestamp,
    /// When it was resolved; none while it fires.
    pub until: Option<Timestamp>,
    /// How long it has been firing, or did, seconds.
    pub seconds: f64,
    /// It has been firing for longer than `escalated_after_seconds`.
    pub escalated: bool,
    /// Nobody is to be told before then; none if it is not silenced.
    pub silenced_until: Option<Timestamp>,
    /// Its condition, such as `accuracy < 0.8 and accuracy_gap > 0.1`.
    pub condition: String,
    /// Values of the metrics in it, in their order; none where they are unknown.
    pub values: Vec<Option<f64>>,
    /// What it says.
    pub text: &'static str,
    /// What to do.
    pub action: &'static str,
}

impl Alert {
    /// Alerts as a JSON array.
    pub fn all_to_json(alerts: &[Self]) -> String {
        serde_json::to_string(alerts).unwrap_or_default()
    }
}

/// Whole seconds after an instant, and one: half the memory of an instant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Later(NonZeroU32);

impl Later {
    fn than(begin: Timestamp, at: Timestamp) -> Self {
        let seconds = at.seconds_apart(begin).min(f64::from(u32::MAX - 1)) as u32;
        Self(NonZeroU32::MIN.saturating_add(seconds))
    }

    fn after(self, begin: Timestamp) -> Timestamp {
        begin.plus_seconds(i64::from(self.0.get()) - 1)
    }
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Phase {
    #[default]
    Quiet,
    /// The condition holds, and not yet for long enough.
    Pending(Timestamp),
    /// It fires; the condition may not hold since so long after.
    Firing(Timestamp, Option<Later>),
    /// It fired from then until then; the condition may hold again since so long after.
    Resolved(Timestamp, Timestamp, Option<Later>),
}

/// Returns whether `seconds` have passed between two instants. A clock that went back has not passed anything.
fn passed(since: Timestamp, now: Timestamp, seconds: u32) -> bool {
    now.elapsed_since(since).is_some_and(|elapsed| elapsed >= f64::from(seconds))
}

impl Phase {
    fn next(self, rule: &AlertRule, report: &Report, now: Timestamp) -> Self {
        let firing = matches!(self, Self::Firing(..));
        let holds = rule.condition.iter().all(|threshold| threshold.holds(report, firing));
        match (self, holds) {
            (Self::Firing(since, _), true) => Self::Firing(since.min(now), None),
            (Self::Firing(since, absent), false) => {
                let absent = absent.map_or(now, |later| later.after(since)).min(now);
                if passed(absent, now, rule.resolved_after_seconds) {
                    Self::Resolved(since.min(now), now, None)
                } else {
                    let since = since.min(now);
                    Self::Firing(since, Some(Later::than(since, absent)))
                }
            }
            (Self::Resolved(since, until, _), false) => Self::Resolved(since, until, None),
            (Self::Quiet | Self::Pending(_), false) => Self::Quiet,
            (before, true) => {
                let holds_since = before.pending().unwrap_or(now).min(now);
                match before {
                    _ if passed(holds_since, now, rule.for_seconds) => Self::Firing(now, None),
                    Self::Resolved(since, until, _) => {
                        Self::Resolved(since, until, Some(Later::than(until, holds_since)))
                    }
                    _ => Self::Pending(holds_since),
                }
            }
        }
    }

    /// Since when the condition of an alert that does not fire holds.
    fn pending(self) -> Option<Timestamp> {
        match self {
            Self::Pending(since) => Some(since),
            Self::Resolved(_, until, Some(later)) => Some(later.after(until)),
            _ => None,
        }
    }
}

/// The alerts of the library, and those of users.
fn all(own: &[AlertRule]) -> impl Iterator<Item = &AlertRule> {
    AlertRule::table().iter().chain(own)
}

/// The alerts of one pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alerts {
    /// Of the library's, in the order of the table, and then those of users.
    phases: Vec<Phase>,
    silenced: Vec<(String, Timestamp)>,
}

impl Alerts {
    /// Memory of an alert.
    #[cfg(test)]
    pub(crate) const PHASE_BYTES: usize = size_of::<Phase>();

    /// Judges every alert by a report.
    pub(crate) fn update(&mut self, own: &[AlertRule], report: &Report) {
        self.phases.resize(AlertRule::table().len() + own.len(), Phase::Quiet);
        for (phase, rule) in self.phases.iter_mut().zip(all(own)) {
            let fired = matches!(phase, Phase::Firing(..));
            *phase = phase.next(rule, report, report.at);
            let fires = matches!(phase, Phase::Firing(..));
            match (fired, fires) {
                (false, true) => {
                    let words = [rule.text, rule.action];
                    traced::alert_fires(report.at, &rule.name, rule.severity.as_str(), words);
                }
                (true, false) => traced::alert_resolved(report.at, &rule.name),
                _ => (),
            }
        }
    }

    /// Forgets the alerts of users, whose thresholds have changed.
    pub(crate) fn forget_own(&mut self) {
        self.phases.truncate(AlertRule::table().len());
        self.silenced.retain(|(name, _)| AlertRule::table().iter().any(|rule| rule.name == *name));
    }

    /// Silences an alert until a time, or no longer.
    pub(crate) fn silence(&mut self, own: &[AlertRule], name: &str, until: Option<Timestamp>) -> Result<()> {
        if !all(own).any(|rule| rule.name == name) {
            let names: Vec<&str> = all(own).map(|rule| rule.name.as_str()).collect();
            return Err(Error::argument(format!("alert is {name:?}, expected one of {}", names.join(", "))));
        }
        self.silenced.retain(|(silenced, _)| silenced != name);
        self.silenced.extend(until.map(|until| (name.to_owned(), until)));
        Ok(())
    }

    /// Returns the alerts that fire, or were resolved within the last day; the worst and newest first.
    pub(crate) fn told(&self, own: &[AlertRule], report: &Report) -> Vec<Alert> {
        let now = report.at;
        let mut told: Vec<Alert> = all(own)
            .zip(&self.phases)
            .filter_map(|(rule, phase)| {
                let (since, until) = match *phase {
                    Phase::Firing(since, _) => (since, None),
                    Phase::Resolved(since, until, _) if until.seconds_apart(now) <= TOLD_SECONDS => {
                        (since, Some(until))
                    }
                    _ => return None,
                };
                let silenced = self.silenced.iter().find(|(name, until)| *name == rule.name && *until > now);
                let escalates = |after| until.is_none() && passed(since, now, after);
                Some(Alert {
                    name: rule.name.clone(),
                    severity: rule.severity,
                    state: if until.is_none() { AlertState::Firing } else { AlertState::Resolved },
                    since,
                    until,
                    seconds: until.unwrap_or(now).elapsed_since(since).unwrap_or(0.0),
                    escalated: rule.escalated_after_seconds.is_some_and(escalates),
                    silenced_until: silenced.map(|(_, until)| *until),
                    condition: rule.condition_text(),
                    values: rule.condition.iter().map(|threshold| report.get(threshold.metric)).collect(),
                    text: rule.text,
                    action: rule.action,
                })
            })
            .collect();
        told.sort_by_key(|alert| {
            (alert.state == AlertState::Resolved, std::cmp::Reverse((alert.severity, alert.since)))
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(60 * minutes)
    }

    fn step(alerts: &mut Alerts, rules: &[AlertRule], minutes: i64, value: Option<f64>) -> Vec<Alert> {
        let report = Report { at: at(minutes), queue_length: value, ..Report::default() };
        alerts.update(rules, &report);
        alerts.told(rules, &report)
    }

    fn rules() -> Vec<AlertRule> {
        let mut rule = AlertRule::parse("queue_length > 10 for 5m").unwrap();
        rule.condition[0].resolves_at = 5.0;
        rule.escalated_after_seconds = Some(1200);
        vec![rule]
    }

    #[test]
    fn fires_after_its_time_resolves_behind_the_other_threshold_and_tells_how_long() {
        let (rules, mut alerts) = (rules(), Alerts::default());
        let mut told = |minutes, value| step(&mut alerts, &rules, minutes, value);
        assert!(told(0, Some(11.0)).is_empty() && told(4, Some(11.0)).is_empty());
        assert!(told(5, Some(10.0)).is_empty(), "it began anew");
        assert!(told(6, Some(20.0)).is_empty());
        let firing = told(11, Some(20.0)).remove(0);
        assert_eq!((firing.state, firing.since, firing.seconds), (AlertState::Firing, at(11), 0.0));
        assert_eq!(told(20, Some(6.0))[0].state, AlertState::Firing, "not behind the other threshold");
        assert_eq!(told(21, Some(4.0))[0].state, AlertState::Firing, "not for long enough");
        assert_eq!(told(24, Some(6.0))[0].state, AlertState::Firing, "and it is back");
        assert!(told(31, Some(6.0))[0].escalated);
        told(32, None);
        let resolved = told(37, None).remove(0);
        assert_eq!(
            (resolved.state, resolved.until, resolved.seconds),
            (AlertState::Resolved, Some(at(37)), 1560.0)
        );
        assert!(!resolved.escalated && resolved.values == [None]);
        assert!(told(37 + 1441, None).is_empty(), "a day later nobody asks");
    }

    #[test]
    fn a_resolved_alert_is_told_although_its_condition_returns_for_less_than_its_time() {
        let (rules, mut alerts) = (rules(), Alerts::default());
        let mut told = |minutes, value| step(&mut alerts, &rules, minutes, Some(value));
        for (minutes, value) in [(0, 11.0), (6, 11.0), (10, 1.0)] {
            told(minutes, value);
        }
        let resolved = (AlertState::Resolved, at(6), Some(at(15)));
        for (minutes, value) in [(15, 1.0), (20, 11.0), (24, 11.0), (25, 1.0), (26, 11.0), (30, 11.0)] {
            let alert = told(minutes, value).remove(0);
            assert_eq!((alert.state, alert.since, alert.until), resolved, "minute {minutes}");
        }
        let again = told(31, 11.0).remove(0);
        assert_eq!((again.state, again.since, again.until), (AlertState::Firing, at(31), None));
    }

    #[test]
    fn a_silence_ends_at_its_time_or_when_it_is_taken_back() {
        let (rules, mut alerts) = (rules(), Alerts::default());
        let name = rules[0].name.clone();
        for minutes in [0, 6] {
            step(&mut alerts, &rules, minutes, Some(11.0));
        }
        alerts.silence(&rules, &name, Some(at(60))).unwrap();
        assert_eq!(step(&mut alerts, &rules, 59, Some(11.0))[0].silenced_until, Some(at(60)));
        assert_eq!(step(&mut alerts, &rules, 60, Some(11.0))[0].silenced_until, None);
        assert_eq!(
            step(&mut alerts, &rules, 50, Some(11.0))[0].silenced_until,
            Some(at(60)),
            "the clock was wrong"
        );
        alerts.silence(&rules, &name, Some(at(90))).unwrap();
        alerts.silence(&rules, &name, None).unwrap();
        assert_eq!(step(&mut alerts, &rules, 61, Some(11.0))[0].silenced_until, None);
        let refused = alerts.silence(&rules, "nonsense", None).unwrap_err().to_string();
        assert!(refused.contains("nonsense") && refused.contains("queue_length > 10"), "{refused}");
    }

    #[test]
    fn a_clock_that_goes_back_neither_fires_nor_resolves_and_later_both_happen() {
        let (rules, mut alerts) = (rules(), Alerts::default());
        step(&mut alerts, &rules, 100, Some(11.0));
        assert!(step(&mut alerts, &rules, 0, Some(11.0)).is_empty());
        assert_eq!(step(&mut alerts, &rules, 5, Some(11.0))[0].since, at(5));
        step(&mut alerts, &rules, 100, Some(1.0));
        assert_eq!(step(&mut alerts, &rules, 50, Some(1.0))[0].state, AlertState::Firing);
        assert_eq!(step(&mut alerts, &rules, 55, Some(1.0))[0].state, AlertState::Resolved);
    }
}
