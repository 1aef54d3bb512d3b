//! Classes of events: unlike kinds that one pool works off, each with its own size, SLA and place in the order of service.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Share of events that should meet an SLA, where nothing else is said.
pub(super) const USUAL_TARGET: f64 = 0.995;
/// Numbers of classes.
const COUNT: (usize, usize) = (2, 8);
/// Longest name, bytes.
pub(crate) const LONGEST_CLASS_NAME: usize = 64;
/// Ranges of the numbers of a class.
const SERVICE_TIME_SECONDS: (f64, f64) = (1e-6, 86_400.0);
const SLA_WAIT_SECONDS: (f64, f64) = (0.001, 86_400.0);
const SLA_TARGET: (f64, f64) = (0.5, 0.99999);

/// A class of events.
///
/// ```
/// use evscale_core::Config;
/// let config = Config::from_json(r#"{"classes": [
///     {"name": "alerts", "service_time_seconds": 0.2, "sla_wait_seconds": 5},
///     {"name": "exports", "service_time_seconds": 40, "sla_wait_seconds": 3600, "sla_target": 0.95, "priority": 1}
/// ]}"#)?;
/// assert_eq!((config.classes[0].priority, config.classes[0].sla_target), (0, 0.995));
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceClass {
    /// Its name, and key in `classes` of a record: up to 64 bytes, without control characters.
    pub name: String,
    /// Time that a job works on one event, seconds, 0.000001 to 86,400. The ratios between classes count; what the records say of all
    /// of them together corrects them.
    pub service_time_seconds: f64,
    /// Longest wait in the queue that meets the SLA of the class, seconds, 0.001 to 86,400.
    pub sla_wait_seconds: f64,
    /// Share of its events that should meet it, 0.5 to 0.99999.
    #[serde(default = "usual_target")]
    pub sla_target: f64,
    /// Place in the order of service: jobs take events of a lower number first. Classes of the same number are served in the order in
    /// which their events came.
    #[serde(default)]
    pub priority: u32,
}

fn usual_target() -> f64 {
    USUAL_TARGET
}

impl ServiceClass {
    /// Returns a class that is served first, with the default target.
    pub fn new(name: impl Into<String>, service_time_seconds: f64, sla_wait_seconds: f64) -> Self {
        Self {
            name: name.into(),
            service_time_seconds,
            sla_wait_seconds,
            sla_target: usual_target(),
            priority: 0,
        }
    }

    /// Checks the name and the numbers.
    ///
    /// # Errors
    /// Says what cannot be, after the number of the class.
    fn check(&self) -> std::result::Result<(), String> {
        if self.name.is_empty()
            || self.name.len() > LONGEST_CLASS_NAME
            || self.name.chars().any(char::is_control)
        {
            let shown = crate::text::readable(&self.name, LONGEST_CLASS_NAME);
            return Err(format!(
                "has the name \"{shown}\", expected 1 to {LONGEST_CLASS_NAME} bytes without control characters"
            ));
        }
        let numbers = [
            ("service_time_seconds", self.service_time_seconds, SERVICE_TIME_SECONDS),
            ("sla_wait_seconds", self.sla_wait_seconds, SLA_WAIT_SECONDS),
            ("sla_target", self.sla_target, SLA_TARGET),
        ];
        match numbers.iter().find(|(_, value, (low, high))| !(low..=high).contains(&value)) {
            Some((name, value, (low, high))) => {
                Err(format!("has `{name}` {value}, expected {low} to {high}"))
            }
            None => Ok(()),
        }
    }
}

/// Checks the classes of a pool.
///
/// # Errors
/// There are too few or too many, one cannot be, or two have the same name.
pub(super) fn check(classes: &[ServiceClass]) -> Result<()> {
    let count = classes.len();
    if !(COUNT.0..=COUNT.1).contains(&count) {
        return Err(Error::config(format!(
            "`classes` has {count} entries, expected {} to {}, or none for a pool of one kind of events",
            COUNT.0, COUNT.1
        )));
    }
    for (number, class) in classes.iter().enumerate() {
        let refused =
            |problem| Error::config(format!("`classes` has an entry {} that {problem}", number + 1));
        class.check().map_err(refused)?;
        if classes.iter().take(number).any(|other| other.name == class.name) {
            return Err(refused(format!("has the name \"{}\" of another one", class.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_cannot_be_is_refused_with_what_to_change() {
        let class = |more: &str| {
            format!(r#"{{"name": "mail", "service_time_seconds": 1, "sla_wait_seconds": 30{more}}}"#)
        };
        let other = r#"{"name": "other", "service_time_seconds": 1, "sla_wait_seconds": 30}"#;
        for (json, told) in [
            (format!("[{other}]"), "`classes` has 1 entries, expected 2 to 8, or none"),
            (format!("[{other}, {other}]"), "an entry 2 that has the name \"other\" of another one"),
            (format!(r#"[{other}, {}]"#, class(r#", "sla_target": 1"#)), "entry 2 that has `sla_target` 1, expected 0.5"),
            (r#"[{"name": "", "service_time_seconds": 1, "sla_wait_seconds": 1}, {"name": "a", "service_time_seconds": 1, "sla_wait_seconds": 1}]"#.into(), "the name \"\""),
            (format!(r#"[{other}, {}], "sla_wait_seconds": 5"#, class("")), "`sla_wait_seconds` is set beside `classes`"),
            (format!(r#"[{other}, {}], "service_time_ms": 5"#, class("")), "leave `service_time_ms` out"),
            (format!(r#"[{other}, {}], "most_events_per_second": 5"#, class("")), "not like one of another"),
        ] {
            let problem = Config::from_json(&format!(r#"{{"classes": {json}}}"#)).unwrap_err().to_string();
            assert!(problem.contains(told), "{problem}");
        }
        Config::from_json(&format!(r#"{{"classes": [{other}, {}]}}"#, class(r#", "priority": 3"#))).unwrap();
    }
}
