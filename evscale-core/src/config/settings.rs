//! The settings: name, meaning, type, default and range of each are the same lines. Documentation, checks and bindings read
//! them from here.

use super::classes::USUAL_TARGET;
use super::range::{Bound, within};
use super::{Mode, Pause, ScheduleEntry, ServiceClass, StaleAction};
use crate::error::Result;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A setting as it is documented.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// Name of the field, and key in JSON.
    pub name: &'static str,
    /// Meaning and unit.
    pub description: String,
    /// Default, as in JSON; `null` where there is none.
    pub default: serde_json::Value,
    /// Smallest and largest value: a number, or the name of the setting that bounds it.
    #[serde(serialize_with = "serialize_ends")]
    pub range: Option<(&'static str, &'static str)>,
}

/// A setting that has another value than before.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SettingChange {
    /// Name of the field, and key in JSON.
    pub name: &'static str,
    /// Value before, as in JSON.
    pub before: serde_json::Value,
    /// Value now, as in JSON.
    pub after: serde_json::Value,
}

impl fmt::Display for SettingChange {
    /// Writes the name and both values; of lists the name alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |value: &serde_json::Value| match value {
            serde_json::Value::Null => "not set".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => {
                number.as_f64().map_or_else(String::new, |value| value.to_string())
            }
            other => other.to_string(),
        };
        match &self.after {
            serde_json::Value::Array(_) => write!(f, "`{}` has changed", self.name),
            after => write!(f, "`{}` is {}, was {}", self.name, told(after), told(&self.before)),
        }
    }
}

/// Writes the ends of a range as JSON numbers, and as texts where they name a setting.
fn serialize_ends<S: Serializer>(
    range: &Option<(&'static str, &'static str)>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    let end = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::from(text));
    range.map(|(low, high)| [end(low), end(high)]).serialize(serializer)
}

/// A bound: a number, or another setting.
macro_rules! bound {
    ($config:ident, $setting:ident) => {
        Bound { setting: Some(stringify!($setting)), value: $config.$setting }
    };
    ($config:ident, $number:literal) => {
        Bound { setting: None, value: $number }
    };
}

/// Declares how the builder takes a setting: texts and lists as whatever becomes one, and what may be missing without `Some`.
macro_rules! setter {
    ($(#[doc = $doc:literal])+ $name:ident: String) => {
        setter! { @ $(#[doc = $doc])+ $name: impl Into<String> => $name.into() }
    };
    ($(#[doc = $doc:literal])+ $name:ident: Option<String>) => {
        setter! { @ $(#[doc = $doc])+ $name: impl Into<String> => Some($name.into()) }
    };
    ($(#[doc = $doc:literal])+ $name:ident: Option<$inner:ident>) => {
        setter! { @ $(#[doc = $doc])+ $name: $inner => Some($name) }
    };
    ($(#[doc = $doc:literal])+ $name:ident: Vec<String>) => {
        setter! { @ $(#[doc = $doc])+
            $name: impl IntoIterator<Item: Into<String>> => $name.into_iter().map(Into::into).collect() }
    };
    ($(#[doc = $doc:literal])+ $name:ident: Vec<$inner:ident>) => {
        setter! { @ $(#[doc = $doc])+ $name: impl IntoIterator<Item = $inner> => $name.into_iter().collect() }
    };
    ($(#[doc = $doc:literal])+ $name:ident: $kind:ident) => {
        setter! { @ $(#[doc = $doc])+ $name: $kind => $name }
    };
    (@ $(#[doc = $doc:literal])+ $name:ident: $given:ty => $kept:expr) => {
        $(#[doc = $doc])+
        pub fn $name(mut self, $name: $given) -> Self {
            self.0.$name = $kept;
            self
        }
    };
}

/// Declares the settings: documentation, type, default, and range where there is one.
macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $kind:ident $(<$inner:ident>)? = $default:expr $(, $low:tt to $high:tt)?;
    )*) => {
        /// Settings of one pool. Unknown keys, impossible combinations and values out of range are refused.
        ///
        /// Start from [`Config::builder`], [`Config::default`] or [`Config::from_json`]; fields can be set directly, they are
        /// checked when the autoscaler is built.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Config {
            $(
                $(#[doc = $doc])+
                $(
                    #[doc = ""]
                    #[doc = concat!("Range: ", stringify!($low), " to ", stringify!($high), ".")]
                )?
                pub $name: $kind $(<$inner>)?,
            )*
        }

        /// Builds a [`Config`], setting by setting, from the defaults.
        ///
        /// ```
        /// use evscale_core::{Config, Pause};
        /// let config = Config::builder().min_jobs(5).service_time_ms(400.0).pause(Pause::Down).build()?;
        /// assert_eq!((config.min_jobs, config.service_time_ms), (5, Some(400.0)));
        /// let refused = Config::builder().sla_target(1.5).build().unwrap_err();
        /// assert_eq!(refused.to_string(), "`sla_target` is 1.5, expected 0.5 to 0.99999");
        /// # Ok::<(), evscale_core::Error>(())
        /// ```
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct ConfigBuilder(Config);

        impl ConfigBuilder {
            $(setter! { $(#[doc = $doc])+ $name: $kind $(<$inner>)? })*

            /// Checks the settings, each and together.
            ///
            /// # Errors
            /// A value is out of its range, or values contradict each other.
            pub fn build(self) -> Result<Config> {
                self.0.check()?;
                Ok(self.0)
            }
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Config {
            /// Returns a builder, in which every setting has its default.
            pub fn builder() -> ConfigBuilder {
                ConfigBuilder::default()
            }

            /// Returns every setting as it is documented, in the order of the fields.
            pub fn settings() -> Vec<Setting> {
                let usual = Self::default();
                vec![$(Setting {
                    name: stringify!($name),
                    description: [$($doc.trim()),+].join(" "),
                    default: serde_json::to_value(&usual.$name).unwrap_or_default(),
                    range: [$((stringify!($low), stringify!($high)))?].first().copied(),
                },)*]
            }

            /// Returns the settings that `other` has with another value.
            pub fn changes_to(&self, other: &Self) -> Vec<SettingChange> {
                let mut changes = Vec::new();
                $(if self.$name != other.$name {
                    changes.push(SettingChange {
                        name: stringify!($name),
                        before: serde_json::to_value(&self.$name).unwrap_or_default(),
                        after: serde_json::to_value(&other.$name).unwrap_or_default(),
                    });
                })*
                changes
            }

            /// Checks every value against its range, first those between numbers.
            pub(super) fn check_ranges(&self) -> Result<()> {
                let mut related = Ok(());
                $($(
                    let (low, high) = (bound!(self, $low), bound!(self, $high));
                    let numbers = low.setting.is_none() && high.setting.is_none();
                    let found = within(stringify!($name), &self.$name, low, high);
                    if numbers {
                        found?;
                    } else {
                        related = related.and(found);
                    }
                )?)*
                related
            }
        }
    };
}

settings! {
    /// Time between two metrics records, seconds.
    interval_seconds: u32 = 120, 10 to 3600;
    /// Time between two decisions, seconds. Emergencies do not wait for it.
    decision_interval_seconds: u32 = 360, interval_seconds to 86400;
    /// Fewest jobs.
    min_jobs: u32 = 1, 0 to max_jobs;
    /// Most jobs.
    max_jobs: u32 = 100, 1 to 1000000;
    /// Jobs come in multiples of this number, as four on every machine do.
    job_step: u32 = 1, 1 to max_jobs;
    /// The only numbers of jobs that there are, such as the divisors of a number of partitions; increasing, at most 1000. Every
    /// number by default.
    job_counts: Vec<u32> = Vec::new();
    /// Time from the request of a job until it takes events, seconds.
    job_startup_seconds: u32 = 180, 0 to 10800;
    /// Longest wait in the queue that meets the SLA, seconds.
    sla_wait_seconds: f64 = 30.0, 0.001 to 86400.0;
    /// Share of events that should meet the SLA. Stricter than 0.995 costs much more: what must never
    /// happen cannot be learned from a week, so the pool keeps a reserve near its highest load.
    sla_target: f64 = USUAL_TARGET, 0.5 to 0.99999;
    /// Utilization that jobs can be planned with.
    target_utilization: f64 = 0.95, 0.1 to 1.0;
    /// Events that a job can work on at the same time: threads, connections, or the messages of a batch. With more than 1, durations
    /// are those of an event from its begin to its end.
    events_per_job: u32 = 1, 1 to 100000;
    /// Jobs that are kept idle above what the load is expected to need.
    spare_jobs: u32 = 0, 0 to max_jobs;
    /// Most events per second that what the jobs call can take, all jobs together: no more jobs are asked for than that keeps busy.
    most_events_per_second: Option<f64> = None, 1e-6 to 1e12;
    /// Kinds of events that are unlike each other: `name`, `service_time_seconds`, `sla_wait_seconds`, `sla_target` and `priority` (a
    /// lower number is served first) of each; 2 to 8, and then the SLA and the service time of the pool are theirs. None by default.
    classes: Vec<ServiceClass> = Vec::new();
    /// Mean time a job works on one event, ms, for pools whose records do not report it.
    service_time_ms: Option<f64> = None, 1e-6 to 1e9;
    /// IANA time zone of the pool's users.
    time_zone: String = "UTC".to_owned();
    /// Dates that behave like a Sunday, such as `2026-12-25`; at most 1000.
    holidays: Vec<String> = Vec::new();
    /// Times that come again and again with other bounds or another load: `cron` (minute, hour, day of the month, month, weekday, in
    /// `time_zone`), `seconds`, and `min_jobs`, `max_jobs`, `multiplier` or `job_hour_price`; at most 100.
    schedule: Vec<ScheduleEntry> = Vec::new();
    /// Dead band: changes up to this share of the pool are not made.
    tolerance: f64 = 0.05, 0.0 to 0.5;
    /// Scale-down goes to the highest proposal of this window, seconds. A step down to less
    /// than two thirds of the pool looks back on less of it, in proportion, but on one decision at least.
    scale_down_stabilization_seconds: u32 = 2400, 0 to 86400;
    /// Most jobs added by one decision, as a percentage of the pool; the larger of the two limits holds.
    max_step_up_percent: f64 = 100.0, 1.0 to 10000.0;
    /// Most jobs added by one decision, absolute.
    max_step_up_jobs: u32 = 4, 1 to 1000000;
    /// Most jobs removed by one decision, as a percentage of the pool; the larger of the two limits holds.
    max_step_down_percent: f64 = 50.0, 1.0 to 100.0;
    /// Most jobs removed by one decision, absolute.
    max_step_down_jobs: u32 = 2, 1 to 1000000;
    /// Time after a change in which the pool does not grow, seconds.
    cooldown_up_seconds: u32 = 0, 0 to 86400;
    /// Time after a change in which the pool does not shrink, seconds.
    cooldown_down_seconds: u32 = 300, 0 to 86400;
    /// Window in which reversals of direction are counted, seconds.
    flap_window_seconds: u32 = 7200, 60 to 604800;
    /// Reversals in the window from which on the pool does not shrink.
    max_reversals: u32 = 6, 1 to 1000;
    /// Upper quantile that must fit into a smaller pool.
    scale_down_quantile: f64 = 0.9, 0.5 to 0.995;
    /// Most job-hours per day of the pool's time zone; none by default.
    job_hours_per_day: Option<f64> = None, 0.1 to 1e9;
    /// A newest record older than this is stale, seconds. Three intervals by default.
    stale_after_seconds: Option<u32> = None, interval_seconds to 86400;
    /// What stale records lead to in the end: `hold` or `fail_safe`.
    stale_action: StaleAction = StaleAction::FailSafe;
    /// Age of the newest record from which `stale_action` applies, seconds.
    stale_fail_safe_seconds: u32 = 1800, 0 to 604800;
    /// Job count to fail safe to after `stale_fail_safe_seconds` without metrics; the highest need of the last weeks by
    /// default.
    fail_safe_jobs: Option<u32> = None, min_jobs to max_jobs;
    /// Quantile of the forecast that the pool must be able to serve within a startup time, else it is an emergency.
    emergency_quantile: f64 = 0.8, 0.5 to 0.995;
    /// How far that quantile may exceed the pool's capacity, as a share of it.
    emergency_tolerance: f64 = 0.0, 0.0 to 10.0;
    /// Whether an emergency may raise the pool during a maintenance window.
    emergency_in_maintenance: bool = true;
    /// Which changes are switched off from the start: `off`, `all`, `down` or `up`.
    pause: Pause = Pause::Off;
    /// Whether decisions are carried out: `act`, or `advise` beside a pool that is scaled otherwise, whose report then says what the
    /// advice would have brought.
    mode: Mode = Mode::Act;
    /// Whether jobs that are busy may be told to leave at once, after their event; else only idle ones.
    drain_busy_jobs: bool = false;
    /// Price of a job for an hour, in the currency of your reports, at times for which the schedule names no other; none by
    /// default, and then no cost is told.
    job_hour_price: Option<f64> = None, 0.0 to 1e9;
    /// Price of an event that waits longer than `sla_wait_seconds`, in the same currency. Where it is set, money decides between late
    /// events and jobs, and `sla_target` does not; none by default.
    late_event_price: Option<f64> = None, 0.0 to 1e9;
    /// Price of a change of the number of jobs, in the same currency; none by default.
    change_price: Option<f64> = None, 0.0 to 1e9;
    /// Price of a change against the direction of the one before, beside that; none by default.
    reversal_price: Option<f64> = None, 0.0 to 1e9;
    /// Cost that a day (UTC) should not exceed, in the same currency; none by default. Alerts tell of it, and nothing else does.
    cost_per_day: Option<f64> = None, 0.0 to 1e15;
    /// How much a late event counts against one of another pool, beside its price, where the pools of a fleet share a budget that is
    /// not enough for all.
    priority: f64 = 1.0, 0.001 to 1000.0;
    /// Alerts of your own, beside those of the library: a metric of the report, `>` or `<`, a number, and as far as wished `for` a
    /// time and `critical`, such as `queue_length > 500 for 10m critical`; at most 16.
    alerts: Vec<String> = Vec::new();
    /// Latency budget per call, ms. A reported call above it opens the circuit breakers of the networks that ran in it.
    latency_budget_ms: f64 = 1000.0, 1.0 to 60000.0;
    /// Ed25519 key, 64 lower-case hexadecimal digits: other bundles than the one compiled into the library must be signed
    /// by it; none by default.
    bundle_public_key: Option<String> = None;
    /// Least `serial` in the manifest of a bundle that `bundle_public_key` has signed, so that nobody can bring an older one back: raise it
    /// with every roll-out. 0 by default, which is every bundle.
    bundle_min_serial: u32 = 0, 0 to 1000000000;
    /// Whether the networks act; without them the statistical experts and the analytic rule do.
    use_networks: bool = true;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use serde_json::{Value, json};

    /// The number that a bound stands for in the default configuration.
    fn value_of(bound: &str) -> f64 {
        bound.parse().unwrap_or_else(|_| {
            let named = Config::settings().into_iter().find(|setting| setting.name == bound).unwrap();
            named.default.as_f64().unwrap()
        })
    }

    fn refused(name: &str, value: &Value) -> Option<String> {
        let text = json!({ name: value }).to_string();
        Config::from_json(&text).err().map(|problem| {
            assert_eq!(problem.kind(), ErrorKind::InvalidConfig, "{problem}");
            problem.to_string()
        })
    }

    #[test]
    fn every_range_holds_at_its_ends_and_is_named_beyond_them() {
        for setting in Config::settings() {
            let Some((low, high)) = setting.range else { continue };
            let (low, high) = (value_of(low), value_of(high));
            let whole = matches!(setting.default, Value::Number(ref number) if number.is_u64())
                || ["stale_after_seconds", "fail_safe_jobs"].contains(&setting.name);
            let as_json = |value: f64| if whole { json!(value as i64) } else { json!(value) };
            let step = if whole { 1.0 } else { 0.01 * low.max(0.01) };
            for inside in [low, high] {
                let message = refused(setting.name, &as_json(inside)).unwrap_or_default();
                let by_range =
                    message.contains(&format!("`{}` is", setting.name)) && message.contains(" to ");
                assert!(!by_range, "{} = {inside}: {message}", setting.name);
            }
            for outside in [low - step, 1.01 * high + step] {
                let message = refused(setting.name, &as_json(outside)).unwrap_or_default();
                assert!(message.contains("expected"), "{} = {outside}: {message:?}", setting.name);
                let negative_whole = whole && outside < 0.0;
                assert!(
                    negative_whole || message.contains(&format!("`{}` is", setting.name)),
                    "{} = {outside}: {message}",
                    setting.name
                );
            }
        }
    }

    #[test]
    fn every_setting_says_what_it_is() {
        let settings = Config::settings();
        assert!(settings.iter().all(|setting| setting.description.ends_with('.')));
        let names: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
        let json: serde_json::Map<String, Value> =
            serde_json::from_str(&Config::default().to_json()).unwrap();
        assert_eq!(json.len(), names.len());
        assert!(names.iter().all(|name| json.contains_key(*name)));
    }
}
