//! A decision that is carried out.

use crate::problem::{Problem, Result};
use crate::storage::ExecutionRow;
use evscale_core::{Decision, Drain, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// On disk, and being carried out.
    Accepted,
    /// Nothing carries it out here: it is for the caller to do.
    Advised,
    /// Carried out.
    Done,
    /// It could not be carried out; `detail` says why.
    Failed,
}

impl ExecutionStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Advised => "advised",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A decision that was accepted under a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Execution {
    /// The caller's key.
    pub key: String,
    /// Name of the pool.
    pub pool: String,
    /// How far it is.
    pub status: ExecutionStatus,
    /// Jobs that the pool is to have.
    pub jobs: u32,
    /// Jobs that it had; none where nobody knows.
    pub current_jobs: Option<u32>,
    /// Whether jobs that leave should finish their event first.
    pub graceful: bool,
    /// How jobs should leave; none unless the pool shrinks.
    #[schema(value_type = Option<Object>)]
    pub drain: Option<Drain>,
    /// The decision that is carried out.
    #[schema(value_type = String, format = DateTime)]
    pub decided_at: Timestamp,
    /// When it was accepted, milliseconds since 1970.
    pub accepted_ms: i64,
    /// Who asked for it.
    pub caller: String,
    /// What became of it.
    pub detail: String,
}

impl Execution {
    /// Returns the execution of a decision.
    ///
    /// # Errors
    /// It recommends no number.
    pub(super) fn new(
        pool: &str,
        key: &str,
        decision: &Decision,
        accepted_ms: i64,
        caller: String,
    ) -> Result<Self> {
        let jobs = decision.recommended_jobs.ok_or_else(|| {
            let message =
                format!("the decision of pool `{pool}` recommends no number: {}", decision.explanation);
            Problem::conflict("no_recommendation", message)
        })?;
        Ok(Self {
            key: key.to_owned(),
            pool: pool.to_owned(),
            status: ExecutionStatus::Accepted,
            jobs,
            current_jobs: decision.current_jobs,
            graceful: decision.graceful,
            drain: decision.drain.clone(),
            decided_at: decision.decided_at,
            accepted_ms,
            caller,
            detail: String::new(),
        })
    }

    /// Returns the execution with its end.
    #[must_use]
    pub fn ended(mut self, status: ExecutionStatus, detail: String) -> Self {
        (self.status, self.detail) = (status, detail);
        self
    }

    pub(super) fn row(&self) -> ExecutionRow {
        ExecutionRow {
            pool: self.pool.clone(),
            key: self.key.clone(),
            accepted_ms: self.accepted_ms,
            status: self.status.as_str().to_owned(),
            body: serde_json::to_string(self).unwrap_or_default(),
        }
    }

    /// Reads one as it was written.
    ///
    /// # Errors
    /// It is damaged.
    pub fn read(row: &ExecutionRow) -> Result<Self> {
        serde_json::from_str(&row.body).map_err(|problem| {
            Problem::unavailable("storage_damaged", format!("the execution `{}`: {problem}", row.key))
        })
    }
}
