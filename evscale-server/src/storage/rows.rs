//! What is written: rows of the tables, and the batch of one transaction.

use serde::Serialize;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection};
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

type AnyQuery<'q> = Query<'q, Any, AnyArguments<'q>>;

/// A row that is inserted together with others of its kind.
pub(super) trait Inserted {
    /// Table and columns.
    const INTO: &'static str;
    /// Number of the columns.
    const COLUMNS: usize;
    /// What becomes of a row that is there already.
    const CONFLICT: &'static str = "";
    /// Most rows of one statement, each with a key of its own.
    const AT_ONCE: usize = 500;

    /// Binds the values of the columns in their order.
    fn bind<'q>(&'q self, query: AnyQuery<'q>) -> AnyQuery<'q>;
}

/// Inserts rows with as few statements as there can be: each is a way to the database and back.
pub(super) async fn insert<T: Inserted>(open: &mut AnyConnection, rows: &[T]) -> sqlx::Result<()> {
    for rows in rows.chunks(T::AT_ONCE) {
        let values = places(rows.len(), T::COLUMNS);
        let statement = format!("INSERT INTO {} VALUES {values} {}", T::INTO, T::CONFLICT);
        let query = rows.iter().fold(sqlx::query(&statement), |query, row| row.bind(query));
        query.execute(&mut *open).await?;
    }
    Ok(())
}

/// Returns `($1, $2), ($3, $4)` for two rows of two columns.
fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> =
            (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

impl Inserted for JournalRow {
    const INTO: &'static str = "journal (pool, seq, received_ms, kind, body)";
    const COLUMNS: usize = 5;

    fn bind<'q>(&'q self, query: AnyQuery<'q>) -> AnyQuery<'q> {
        query.bind(&self.pool).bind(self.seq).bind(self.received_ms).bind(self.kind).bind(&self.body)
    }
}

impl Inserted for DecisionRow {
    const INTO: &'static str = "decisions (pool, seq, decided_ms, written_ms, body)";
    const COLUMNS: usize = 5;
    const CONFLICT: &'static str = "ON CONFLICT (pool, seq) DO NOTHING";

    fn bind<'q>(&'q self, query: AnyQuery<'q>) -> AnyQuery<'q> {
        query.bind(&self.pool).bind(self.seq).bind(self.decided_ms).bind(self.written_ms).bind(&self.body)
    }
}

impl Inserted for SnapshotRow {
    const INTO: &'static str = "snapshots (pool, seq, about, state)";
    const COLUMNS: usize = 4;
    const CONFLICT: &'static str = "ON CONFLICT (pool, seq) DO NOTHING";

    fn bind<'q>(&'q self, query: AnyQuery<'q>) -> AnyQuery<'q> {
        query.bind(&self.pool).bind(self.seq).bind(&self.about).bind(self.state.as_slice())
    }
}

impl Inserted for ExecutionRow {
    const INTO: &'static str = "executions (pool, request_key, accepted_ms, status, body)";
    const COLUMNS: usize = 5;
    const CONFLICT: &'static str =
        "ON CONFLICT (pool, request_key) DO UPDATE SET status = excluded.status, body = excluded.body";
    /// One that is accepted and ends within a turn is there twice.
    const AT_ONCE: usize = 1;

    fn bind<'q>(&'q self, query: AnyQuery<'q>) -> AnyQuery<'q> {
        query.bind(&self.pool).bind(&self.key).bind(self.accepted_ms).bind(&self.status).bind(&self.body)
    }
}

impl Inserted for PlaceRow {
    const INTO: &'static str = "places (topic, part, next)";
    const COLUMNS: usize = 3;
    const CONFLICT: &'static str = "ON CONFLICT (topic, part) DO UPDATE SET next = excluded.next";
    /// Several records of a partition may be in one transaction.
    const AT_ONCE: usize = 1;

    fn bind<'q>(&'q self, query: AnyQuery<'q>) -> AnyQuery<'q> {
        query.bind(&self.topic).bind(self.part).bind(self.next)
    }
}

impl Inserted for AuditRow {
    const INTO: &'static str = "audit (id, at_ms, caller, role, action, pool, detail)";
    const COLUMNS: usize = 7;
    const CONFLICT: &'static str = "ON CONFLICT (id) DO NOTHING";

    fn bind<'q>(&'q self, query: AnyQuery<'q>) -> AnyQuery<'q> {
        let query = query.bind(self.id).bind(self.at_ms).bind(&self.caller).bind(&self.role);
        query.bind(&self.action).bind(&self.pool).bind(&self.detail)
    }
}

/// Where a partition of a topic goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceRow {
    pub topic: String,
    pub part: i64,
    pub next: i64,
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
    pub places: Vec<PlaceRow>,
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
            && self.places.is_empty()
            && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn places_are_numbered_from_row_to_row() {
        assert_eq!(places(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(places(1, 1), "($1)");
    }
}
