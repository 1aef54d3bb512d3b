//! What is told of the models of a pool.

use crate::names::named;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What happened to a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LifecycleEventKind {
    /// It began to run in the shadow.
    Challenged,
    /// It no longer runs in the shadow.
    Ended,
    /// It became the champion after a trial.
    Promoted,
    /// It became the champion again, because the one after it was worse.
    RolledBack,
    /// It became the champion without a trial.
    Replaced,
    /// Promotion and rollback were forbidden.
    Pinned,
    /// They were allowed again.
    Unpinned,
}

named! {
    LifecycleEventKind, "event":
    Challenged = "challenged",
    Ended = "ended",
    Promoted = "promoted",
    RolledBack = "rolled_back",
    Replaced = "replaced",
    Pinned = "pinned",
    Unpinned = "unpinned",
}

/// Something that happened to the models of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LifecycleEvent {
    /// Time of the newest record.
    pub at: Timestamp,
    /// What happened.
    pub kind: LifecycleEventKind,
    /// Name and version of the bundle.
    pub model: String,
    /// Why.
    pub reason: String,
}

impl LifecycleEvent {
    /// Returns it in a sentence without a full stop.
    pub(crate) fn in_words(&self) -> String {
        let Self { kind, model, reason, .. } = self;
        match kind {
            LifecycleEventKind::Challenged => format!("{model} runs in the shadow: {reason}"),
            LifecycleEventKind::Ended => format!("{model} no longer runs in the shadow: {reason}"),
            LifecycleEventKind::Promoted => format!("{model} was promoted: {reason}"),
            LifecycleEventKind::RolledBack => format!("rolled back to {model}: {reason}"),
            LifecycleEventKind::Replaced => format!("{model} took over: {reason}"),
            LifecycleEventKind::Pinned => format!("{model} was pinned: {reason}"),
            LifecycleEventKind::Unpinned => format!("{model} is no longer pinned: {reason}"),
        }
    }
}

/// Both bundles on the same load, since both run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComparisonStatus {
    /// Since when.
    pub since: Timestamp,
    /// Hours that are compared.
    pub hours: u32,
    /// Quantile loss of the second one over the champion's; none before an hour is over.
    pub loss_ratio: Option<f64>,
    /// Job-hours of its shadow pool and its late events at their price over the champion's.
    pub cost_ratio: Option<f64>,
    /// Late events of both shadow pools, the champion's first, as a share of all.
    pub late_shares: Option<[f64; 2]>,
    /// How far the evidence is on its way to a promotion, 0 to 1, on a logarithmic scale; none for a predecessor.
    pub proof: Option<f64>,
}

/// The models of a pool: who acts, who runs beside it, and what happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LifecycleStatus {
    /// Name and version of the bundle that acts.
    pub champion: String,
    /// That of the bundle that may be promoted.
    pub challenger: Option<String>,
    /// That of the bundle that a rollback brings back.
    pub predecessor: Option<String>,
    /// Champion and second one on the same load; none while only the champion runs.
    pub comparison: Option<ComparisonStatus>,
    /// Why nothing may be promoted or rolled back; none if it may.
    pub pinned: Option<String>,
    /// The last 16 events, oldest first.
    pub events: Vec<LifecycleEvent>,
}

impl LifecycleStatus {
    /// The status as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
