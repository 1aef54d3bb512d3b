//! One server at a time: a lock that ends with the process, so that no second one decides on the same pools.

use super::told;
use crate::problem::{Problem, Result};
use sqlx::{AnyPool, Row};
use std::fs::File;
use std::time::{Duration, Instant};

/// Says that a server works on the database: any number that nobody else uses.
const ADVISORY_LOCK: i64 = 0x65_7673_6361_6c65;
/// The session of a server that was killed ends a moment after it.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// The lock, held while it lives.
#[derive(Debug)]
pub(super) enum Alone {
    File { _file: File },
    Session { _connection: tokio::sync::Mutex<sqlx::pool::PoolConnection<sqlx::Any>> },
}

impl Alone {
    /// Locks the file beside an SQLite database.
    pub(super) fn by_file(url: &str) -> Result<Self> {
        let path = url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc");
        let lock = format!("{path}.lock");
        let refused = |what: &str| Problem::config(format!("`{lock}`: {what}"));
        let file = File::create(&lock).map_err(|problem| refused(&problem.to_string()))?;
        file.try_lock().map_err(|_| refused("another server works on this database"))?;
        Ok(Self::File { _file: file })
    }

    /// Holds an advisory lock in a session of PostgreSQL.
    pub(super) async fn by_session(pool: &AnyPool) -> Result<Self> {
        let refused = |problem: sqlx::Error| Problem::config(format!("`storage.url`: {}", told(&problem)));
        let mut connection = pool.acquire().await.map_err(refused)?;
        let statement = "SELECT CASE WHEN pg_try_advisory_lock($1) THEN 1 ELSE 0 END";
        let began = Instant::now();
        loop {
            let row = sqlx::query(statement).bind(ADVISORY_LOCK).fetch_one(&mut *connection).await;
            if let Ok(1) = row.map_err(refused)?.try_get::<i32, _>(0) {
                return Ok(Self::Session { _connection: tokio::sync::Mutex::new(connection) });
            }
            if began.elapsed() > LOCK_PATIENCE {
                return Err(Problem::config("`storage.url`: another server works on this database"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Reports whether the lock is none of the database's own, so that its readers can be waited for.
    pub(super) fn ends_with_readers(&self) -> bool {
        matches!(self, Self::File { .. })
    }
}
