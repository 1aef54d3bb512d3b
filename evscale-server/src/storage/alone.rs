//! One server at a time: a lock that ends with the process, so that no second one decides on the same pools.

use super::told;
use crate::problem::{Problem, Result};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, Row};
use std::fs::File;
use std::time::Duration;

/// Says that a server works on the database: any number that nobody else uses.
const ADVISORY_LOCK: i64 = 0x65_7673_6361_6c65;
/// The session of a server that was killed ends a moment after it.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How often the lock is asked for.
const LOCK_EVERY: Duration = Duration::from_millis(200);

/// The lock, held while it lives.
#[derive(Debug)]
pub(super) enum Alone {
    File { _file: File },
    Session { _connection: tokio::sync::Mutex<PoolConnection<Any>> },
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
        let connection = pool.acquire().await.map_err(refused)?;
        match tokio::time::timeout(LOCK_PATIENCE, locked(connection)).await {
            Ok(lock) => lock.map_err(refused),
            Err(_) => Err(Problem::config(
                "`storage.url`: another server works on this database; `storage.standby` waits for its end",
            )),
        }
    }

    /// The same once every other server has let go, however long that takes; a database that is gone is waited for, too.
    pub(super) async fn after_others(pool: &AnyPool) -> Self {
        loop {
            let lock = match pool.acquire().await {
                Ok(connection) => locked(connection).await,
                Err(problem) => Err(problem),
            };
            match lock {
                Ok(lock) => return lock,
                Err(problem) => tracing::warn!(cause = told(&problem), "the standby has lost the database"),
            }
            tokio::time::sleep(LOCK_EVERY).await;
        }
    }

    /// Reports whether the lock can be lost while the process goes on.
    pub(super) fn can_be_lost(&self) -> bool {
        matches!(self, Self::Session { .. })
    }
}

/// Asks for the advisory lock until it is granted.
async fn locked(mut connection: PoolConnection<Any>) -> sqlx::Result<Alone> {
    let statement = "SELECT CASE WHEN pg_try_advisory_lock($1) THEN 1 ELSE 0 END";
    loop {
        let row = sqlx::query(statement).bind(ADVISORY_LOCK).fetch_one(&mut *connection).await?;
        if row.try_get::<i32, _>(0)? == 1 {
            return Ok(Alone::Session { _connection: tokio::sync::Mutex::new(connection) });
        }
        tokio::time::sleep(LOCK_EVERY).await;
    }
}
