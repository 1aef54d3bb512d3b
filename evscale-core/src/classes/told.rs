//! What is told of the classes: in the report, and in the causes of health.

use super::{Class, Classes};
use crate::config::{Config, ServiceClass};
use crate::indicators::ClassReport;
use crate::quantiles::rounded;

/// Multiple of the allowed share of late events from which on a class is named, and the least share.
const TOLD: (f64, f64) = (4.0, 0.02);

impl Classes {
    /// Returns how each class is doing.
    pub(crate) fn report(&self, config: &Config) -> Vec<ClassReport> {
        let one = |(known, class): (&ServiceClass, &Class)| ClassReport {
            name: known.name.clone(),
            waiting: class.waiting,
            work_share: rounded(class.part),
            late_share_hour: rounded(class.budget.hour_share()),
            error_budget_used_day: rounded(class.budget.burn(1.0 - known.sla_target)),
        };
        config.classes.iter().zip(&self.classes).map(one).collect()
    }

    /// Returns which classes are late; `at_most` says whether the pool has its most jobs.
    pub(crate) fn lateness(&self, config: &Config, at_most: bool) -> Option<String> {
        let told = config.classes.iter().zip(&self.classes).filter_map(|(known, class)| {
            let share = class.budget.hour_share();
            let allowed = 1.0 - known.sla_target;
            (share > (TOLD.0 * allowed).max(TOLD.1)).then(|| {
                format!(
                    "{:.1} % of the events of class {} were late in the last hour, {:.1} % are allowed",
                    100.0 * share,
                    known.name,
                    100.0 * allowed
                )
            })
        });
        let told: Vec<String> = told.collect();
        let reason = if at_most {
            format!("; the pool has its `max_jobs`, {}", config.max_jobs)
        } else {
            String::new()
        };
        (!told.is_empty()).then(|| format!("late: {}{reason}", told.join("; ")))
    }
}
