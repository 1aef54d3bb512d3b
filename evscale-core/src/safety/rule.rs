//! The rules by name, with what each does in words: the one list that trails, reports and bindings read.

use crate::error::{Error, Result};
use crate::names::unknown;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Declares the rules: variant, name in trails and JSON, and what the rule does.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal, $words:literal;)*) => {
        /// A safety rule that changed a proposal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $words] #[serde(rename = $name)] $rule,)*
        }

        impl Rule {
            /// Every rule, in the order in which they apply.
            pub const ALL: &[Self] = &[$(Self::$rule,)*];

            /// Returns the name in trails and JSON, in snake case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)*
                }
            }

            /// Returns what the rule does, in words without a full stop.
            pub fn describe(self) -> &'static str {
                match self {
                    $(Self::$rule => $words,)*
                }
            }
        }
    };
}

rules! {
    Tolerance = "tolerance", "leaves a small change undone";
    JobNumbers = "job_numbers", "goes up to a number of jobs that exists";
    StabilizationWindow = "stabilization_window", "holds a scale-down at the highest proposal of the window";
    ForecastFloor = "forecast_floor", "keeps what the upper forecast quantile needs";
    MemoryFloor = "memory_floor", "keeps the jobs that have the memory for the load";
    SpareJobs = "spare_jobs", "keeps jobs idle above the need";
    ChangePrice = "change_price", "leaves a step down undone that saves less than it costs";
    MaxStepUp = "max_step_up", "limits one step up";
    MaxStepDown = "max_step_down", "limits one step down";
    FlapDamping = "flap_damping", "stops shrinking after too many changes of direction";
    CooldownUp = "cooldown_up", "waits after a change before it grows";
    CooldownDown = "cooldown_down", "waits after a change before it shrinks";
    Announced = "announced", "has ready what is announced for the time until a job asked for next would be";
    Effectiveness = "effectiveness", "stops growing while more jobs bring no more throughput";
    DownstreamLimit = "downstream_limit", "asks for no more jobs than the events per second that are allowed downstream keep busy";
    CapacityLimit = "capacity_limit", "asks for no more than the host could get, for a while";
    FirstRecords = "first_records", "keeps a new pool from shrinking, and from growing beyond what its records show";
    DataQuality = "data_quality", "keeps the pool from shrinking on data that cannot be trusted";
    StaleRecords = "stale_records", "holds a pool without fresh records, or raises it to the fail-safe number";
    ScheduledMaximum = "scheduled_maximum", "keeps below the most jobs that the schedule allows";
    MaintenanceWindow = "maintenance_window", "leaves the pool alone during maintenance";
    ManualFixed = "manual_fixed", "carries out a number that a person ordered";
    ManualCap = "manual_cap", "keeps below a cap that a person ordered";
    ManualFloor = "manual_floor", "keeps above a floor that a person ordered";
    Pause = "pause", "leaves changes undone that are switched off";
    JobHourBudget = "job_hour_budget", "keeps within the job-hours of the day";
    SharedBudget = "shared_budget", "gives way to other pools under the budget that they share";
    Bounds = "bounds", "keeps between the fewest and the most jobs";
}

impl FromStr for Rule {
    type Err = Error;

    /// Reads the name.
    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().copied().find(|rule| rule.as_str() == text);
        found.ok_or_else(|| unknown("rule", text, Self::ALL.iter().map(|rule| rule.as_str())))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json_and_every_rule_has_its_own() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_string(rule).unwrap(), format!("\"{rule}\""));
            assert_eq!(Rule::ALL.iter().filter(|other| other.as_str() == rule.as_str()).count(), 1);
            assert!(!rule.describe().is_empty() && !rule.describe().ends_with('.'));
        }
    }
}
