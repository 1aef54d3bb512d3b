//! The order of service: which classes are served together, and how long those that are served last may wait for the others.

use crate::config::Config;

/// Classes of one priority, and all that are served before them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Level {
    /// Places of its own classes in the configuration.
    pub(super) classes: Vec<usize>,
    /// Its strictest wait, seconds, and target.
    pub(super) wait_seconds: f64,
    pub(super) target: f64,
    /// Size of an event in those of the smallest class.
    pub(super) size: f64,
}

/// Returns the levels in the order of service.
pub(super) fn levels(config: &Config) -> Vec<Level> {
    let classes = &config.classes;
    let mut priorities: Vec<u32> = classes.iter().map(|class| class.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    let smallest = smallest_seconds(config);
    let level = |priority| {
        let own = || classes.iter().enumerate().filter(move |(_, class)| class.priority == priority);
        let seconds: f64 = own().map(|(_, class)| class.service_time_seconds).sum();
        Level {
            classes: own().map(|(place, _)| place).collect(),
            wait_seconds: own().map(|(_, class)| class.sla_wait_seconds).fold(f64::INFINITY, f64::min),
            target: own().map(|(_, class)| class.sla_target).fold(0.0, f64::max),
            size: seconds / own().count().max(1) as f64 / smallest,
        }
    };
    priorities.into_iter().map(level).collect()
}

/// Returns the size of an event of each class, in those of the smallest.
pub(super) fn sizes(config: &Config) -> Vec<f64> {
    let smallest = smallest_seconds(config);
    config.classes.iter().map(|class| class.service_time_seconds / smallest).collect()
}

/// Returns the names of the classes of a level.
pub(super) fn names(config: &Config, level: &Level) -> String {
    let names = level.classes.iter().filter_map(|place| config.classes.get(*place));
    names.map(|class| class.name.as_str()).collect::<Vec<_>>().join(" and ")
}

/// Returns the service time of the smallest class, seconds.
pub(super) fn smallest_seconds(config: &Config) -> f64 {
    config.smallest_service_seconds().unwrap_or(1.0)
}
