//! What is written: rows of the tables, and the batch of one transaction.

use serde::Serialize;
use std::sync::atomic::{AtomicI64, Ordering};
use utoipa::ToSchema;

/// A row of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRow {
    pub pool: String,
    pub seq: i64,
    pub received_ms: i64,
    pub kind: &'static str,
    pub body: String,
}

/// A decision, by the journal entry that led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    pub pool: String,
    pub seq: i64,
    pub decided_ms: i64,
    pub written_ms: i64,
    pub body: String,
}

/// A state after the journal entry `seq`.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotRow {
    pub pool: String,
    pub seq: i64,
    pub about: String,
    pub state: Vec<u8>,
}

/// A decision that is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionRow {
    pub pool: String,
    pub key: String,
    pub accepted_ms: i64,
    pub status: String,
    pub body: String,
}

/// Who did what.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuditRow {
    /// Grows with time.
    pub id: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Name of the key, subject of the token, or address.
    pub caller: String,
    /// Role at that time.
    pub role: String,
    /// What was asked for.
    pub action: String,
    /// Pool, or empty.
    pub pool: String,
    /// What it was about.
    pub detail: String,
}

impl AuditRow {
    /// Returns an entry of now.
    pub fn new(caller: &str, role: &str, action: &str, pool: &str, detail: &str) -> Self {
        static LAST: AtomicI64 = AtomicI64::new(0);
        let at_ms = crate::engine::now_ms();
        // a number of its own for each of a thousand entries in the same millisecond
        let later = |last: i64| Some((last + 1).max(at_ms * 1000));
        let id = LAST
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, later)
            .map_or(0, |last| later(last).unwrap_or(last));
        let owned = |text: &str| text.chars().take(1000).collect();
        Self {
            id,
            at_ms,
            caller: owned(caller),
            role: owned(role),
            action: owned(action),
            pool: owned(pool),
            detail: owned(detail),
        }
    }
}

/// Everything that one transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Entries above these numbers were written by a transaction whose end was not heard: nobody was told of them.
    pub discard: Vec<(String, i64)>,
    pub journal: Vec<JournalRow>,
    pub decisions: Vec<DecisionRow>,
    pub snapshots: Vec<SnapshotRow>,
    pub executions: Vec<ExecutionRow>,
    pub audit: Vec<AuditRow>,
    /// Pools that are gone.
    pub removed: Vec<String>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.journal.is_empty()
            && self.decisions.is_empty()
            && self.snapshots.is_empty()
            && self.executions.is_empty()
            && self.audit.is_empty()
            && self.removed.is_empty()
    }
}
