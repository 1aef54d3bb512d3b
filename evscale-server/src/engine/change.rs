//! What changes a pool: the entries of its journal.

use crate::problem::{Problem, Result};
use evscale_core::{
    Announcement, Config, Decision, DueEvents, ManualOverride, Metrics, Observation, Pause, PoolMut,
    ScalingOutcome, SettingChange, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;
use utoipa::ToSchema;

/// An entry of the journal. The same entries in the same order give the same state, bit for bit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum Change {
    /// The pool begins.
    Create(Box<Config>),
    /// The record of one interval, and the decision after it.
    Record(Box<Metrics>),
    /// Records from long ago.
    Backfill(Vec<Metrics>),
    /// What the host really did.
    Outcome(ScalingOutcome),
    /// Changes are switched off or on again.
    Pause(Pause),
    /// A person's order, or none.
    Order(Option<ManualOverride>),
    /// An event that is to come.
    Announce(Announcement),
    /// One that is not, by its number.
    CancelAnnouncement(u32),
    /// The events that fall due, as far as that is known at a time; what was said of later times is replaced.
    Due(Timestamp, Vec<DueEvents>),
    /// Nobody is to be told of an alert, by its name, until a time; none takes that back.
    Silence(String, Option<Timestamp>),
    /// Models are tried in the shadow, by the identity of their bundle.
    Challenge(String),
    /// The models in the shadow go, for a reason.
    EndChallenge(String),
    /// The challenger is promoted without waiting for its proof, for a reason.
    Promote(String),
    /// The predecessor comes back, for a reason.
    RollBack(String),
    /// Promotion and rollback are forbidden for a reason; none allows them again.
    PinModels(Option<String>),
    /// Other settings.
    Configure(Box<Config>),
    /// A decision at a time without a record.
    Tick(Timestamp),
    /// The call before took this long, ms.
    Slow(f64),
}

/// A record of some pool.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PoolRecord {
    /// Name of the pool.
    pub pool: String,
    /// Its record.
    #[schema(value_type = Object)]
    pub record: Map<String, Value>,
}

/// Reads a record, also one whose fields are in `metrics` beside the `timestamp`.
///
/// # Errors
/// It is none.
pub fn metrics_of(mut body: Map<String, Value>) -> Result<Metrics> {
    if let Some(Value::Object(nested)) = body.get_mut("metrics") {
        let nested = std::mem::take(nested);
        body.remove("metrics");
        for (name, value) in nested {
            if body.insert(name.clone(), value).is_some() {
                return Err(Problem::argument(format!(
                    "`{name}` is in the record and in its `metrics`, expected once"
                )));
            }
        }
    }
    serde_json::from_value(Value::Object(body))
        .map_err(|problem| Problem::argument(format!("metrics record: {problem}")))
}

/// What became of a change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Changed {
    /// Of a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observation: Option<Observation>,
    /// Of records from long ago: those that were taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<usize>,
    /// Number by which an announcement is cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announcement: Option<u32>,
    /// Settings that differ from those before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<SettingChange>>,
    /// The decision that stands now; none before the first record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

impl Change {
    /// Returns the kind's name, as in the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Record(_) => "record",
            Self::Backfill(_) => "backfill",
            Self::Outcome(_) => "outcome",
            Self::Pause(_) => "pause",
            Self::Order(_) => "order",
            Self::Announce(_) => "announce",
            Self::CancelAnnouncement(_) => "cancel_announcement",
            Self::Due(..) => "due",
            Self::Silence(..) => "silence",
            Self::Challenge(_) => "challenge",
            Self::EndChallenge(_) => "end_challenge",
            Self::Promote(_) => "promote",
            Self::RollBack(_) => "roll_back",
            Self::PinModels(_) => "pin_models",
            Self::Configure(_) => "configure",
            Self::Tick(_) => "tick",
            Self::Slow(_) => "slow",
        }
    }

    /// Makes the change. `seen` says whether the pool has had a record, before which there is nothing to decide.
    pub(super) fn apply(&self, pool: &mut PoolMut<'_>, seen: bool) -> evscale_core::Result<Changed> {
        let mut changed = Changed::default();
        match self {
            Self::Create(_) => return Ok(changed),
            Self::Record(record) => {
                changed.observation = Some(pool.observe(record)?);
                changed.decision = Some(pool.decide());
                return Ok(changed);
            }
            Self::Backfill(records) => {
                let mut taken = 0;
                for record in records {
                    taken += usize::from(pool.backfill(record)?.reason.is_none());
                }
                changed.taken = Some(taken);
                return Ok(changed);
            }
            Self::Slow(ms) => {
                pool.report_latency(Duration::from_secs_f64(ms.max(0.0) / 1000.0));
                return Ok(changed);
            }
            Self::Outcome(outcome) => {
                pool.acknowledge(outcome);
                return Ok(changed);
            }
            Self::Tick(now) => {
                changed.decision = Some(pool.decide_at(*now));
                return Ok(changed);
            }
            Self::Pause(pause) => pool.set_pause(*pause),
            Self::Order(order) => pool.set_override(*order)?,
            Self::Announce(announcement) => changed.announcement = Some(pool.announce(*announcement)?),
            Self::CancelAnnouncement(id) => pool.cancel_announcement(*id)?,
            Self::Due(now, due) => pool.set_due(*now, due)?,
            Self::Silence(alert, until) => pool.silence(alert, *until)?,
            Self::Challenge(identity) => pool.challenge(identity)?,
            Self::EndChallenge(reason) => {
                pool.end_challenge(reason);
            }
            Self::Promote(reason) => pool.promote(reason)?,
            Self::RollBack(reason) => pool.roll_back(reason)?,
            Self::PinModels(reason) => pool.pin_models(reason.as_deref()),
            Self::Configure(config) => changed.changes = Some(pool.reconfigure((**config).clone())?),
        }
        changed.decision = seen.then(|| pool.decide());
        Ok(changed)
    }
}
