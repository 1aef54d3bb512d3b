//! What is on disk: the journal of every pool, snapshots of its state, decisions, executions, the audit log. SQLite and
//! PostgreSQL take the same statements.

mod alone;
mod rows;

pub use rows::{AuditRow, Batch, DecisionRow, ExecutionRow, JournalRow, PlaceRow, SnapshotRow};

use crate::config::Storage;
use crate::problem::{Problem, Result};
use alone::Alone;
use rows::insert;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, Executor, Row};
use std::str::FromStr;
use std::time::Duration;

/// A database, open for one server at a time.
#[derive(Debug)]
pub struct Store {
    writer: AnyPool,
    reader: AnyPool,
    timeout: Duration,
    /// What this server has written into `owner`.
    token: i64,
    /// Held while the server runs, so that no second one decides on the same pools.
    alone: Alone,
}

/// Commits are on disk, and wait for nobody else who reads.
const SQLITE_SESSION: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 4000;";
/// The session of a server whose machine is gone ends after 11 s, and with it its lock.
const POSTGRES_SESSION: &str =
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;";
const TABLES: [&str; 4] = ["journal", "snapshots", "decisions", "executions"];
/// How often is looked whether another server has taken over.
const OWNER_EVERY: Duration = Duration::from_secs(1);

impl Store {
    /// Opens a database, alone, and brings its tables up to date. A standby waits until nobody else works on it.
    ///
    /// # Errors
    /// It cannot be reached, another server works on it, or its tables are of a newer server.
    pub async fn open(settings: &Storage) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let timeout = Duration::from_secs(settings.timeout_seconds.into());
        let (url, sqlite) = address(&settings.url)?;
        let options = AnyConnectOptions::from_str(&url)
            .map_err(|_| Problem::config("`storage.url` is no URL of SQLite or PostgreSQL"))?;
        let connect = |most| {
            let pool = AnyPoolOptions::new().max_connections(most).acquire_timeout(timeout);
            let prepared = pool.after_connect(move |connection, _| {
                Box::pin(async move {
                    let session = if sqlite { SQLITE_SESSION } else { POSTGRES_SESSION };
                    connection.execute(session).await?;
                    Ok(())
                })
            });
            prepared.connect_lazy_with(options.clone())
        };
        let (writer, reader) = (connect(1), connect(4));
        let alone = match (sqlite, settings.standby) {
            (true, _) => Alone::by_file(&url)?,
            (false, true) => Alone::after_others(&reader).await,
            (false, false) => Alone::by_session(&reader).await?,
        };
        migrations(sqlite)
            .run(&writer)
            .await
            .map_err(|problem| Problem::config(format!("the tables of `storage.url`: {problem}")))?;
        let token = i64::from_le_bytes(crate::security::random()?);
        let own = "INSERT INTO owner (id, token) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET token = excluded.token";
        sqlx::query(own).bind(token).execute(&writer).await.map_err(|problem| unavailable(&problem))?;
        Ok(Self { writer, reader, timeout, token, alone })
    }

    /// Writes a batch, all of it or nothing, and returns once it is on disk.
    ///
    /// # Errors
    /// The database is gone, full or too slow. It may or may not have been written then: see [`Batch::discard`].
    pub async fn write(&self, batch: &Batch) -> Result<()> {
        match tokio::time::timeout(self.timeout, self.write_all(batch)).await {
            Ok(written) => written.map_err(|problem| match problem {
                sqlx::Error::RowNotFound => Problem::unavailable(
                    "storage_taken",
                    "another server has taken over the database; this one writes nothing more, restart it",
                ),
                problem => unavailable(&problem),
            }),
            Err(_) => Err(Problem::unavailable(
                "storage_unavailable",
                format!("the database took longer than {} s", self.timeout.as_secs()),
            )),
        }
    }

    async fn write_all(&self, batch: &Batch) -> sqlx::Result<()> {
        let mut transaction = self.writer.begin().await?;
        let open = &mut *transaction;
        self.check_owner(open).await?;
        for (pool, seq) in &batch.discard {
            for table in TABLES.iter().filter(|table| **table != "executions") {
                let statement = format!("DELETE FROM {table} WHERE pool = $1 AND seq > $2");
                sqlx::query(&statement).bind(pool).bind(seq).execute(&mut *open).await?;
            }
        }
        for pool in &batch.removed {
            for table in TABLES {
                let statement = format!("DELETE FROM {table} WHERE pool = $1");
                sqlx::query(&statement).bind(pool).execute(&mut *open).await?;
            }
        }
        insert(open, &batch.journal).await?;
        insert(open, &batch.decisions).await?;
        insert(open, &batch.snapshots).await?;
        for row in &batch.snapshots {
            // the one before stays, should this one be damaged
            let older = "DELETE FROM snapshots WHERE pool = $1 AND seq < \
                         (SELECT MAX(seq) FROM snapshots WHERE pool = $2 AND seq < $3)";
            sqlx::query(older).bind(&row.pool).bind(&row.pool).bind(row.seq).execute(&mut *open).await?;
        }
        insert(open, &batch.executions).await?;
        insert(open, &batch.audit).await?;
        insert(open, &batch.places).await?;
        transaction.commit().await
    }

    /// Checks within a transaction that no other server has taken over. The lock of a file is held until the process ends; the
    /// session of a lock of PostgreSQL may end before.
    async fn check_owner(&self, open: &mut AnyConnection) -> sqlx::Result<()> {
        if !self.alone.can_be_lost() {
            return Ok(());
        }
        let owned = sqlx::query("UPDATE owner SET token = $1 WHERE id = 1 AND token = $2");
        match owned.bind(self.token).bind(self.token).execute(open).await?.rows_affected() {
            0 => Err(sqlx::Error::RowNotFound),
            _ => Ok(()),
        }
    }

    /// Returns once another server has taken over the database, which may happen where the lock can be lost.
    pub async fn taken_over(&self) {
        while self.alone.can_be_lost() {
            tokio::time::sleep(OWNER_EVERY).await;
            let asked = sqlx::query("SELECT token FROM owner WHERE id = 1").fetch_one(&self.reader).await;
            if asked.and_then(|row| row.try_get::<i64, _>(0)).is_ok_and(|token| token != self.token) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Returns the names of all pools in their order.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn pools(&self) -> Result<Vec<String>> {
        let mut names = Vec::<String>::new();
        loop {
            // from one name to the next, so that the length of the journals does not matter
            let last = names.last().map_or("", String::as_str);
            let next = sqlx::query("SELECT COALESCE(MIN(pool), '') FROM journal WHERE pool > $1").bind(last);
            let row = next.fetch_one(&self.reader).await.map_err(|problem| unavailable(&problem))?;
            match text(&row, 0)? {
                name if name.is_empty() => return Ok(names),
                name => names.push(name),
            }
        }
    }

    /// Returns the snapshots of a pool, newest first.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn snapshots(&self, pool: &str) -> Result<Vec<SnapshotRow>> {
        let statement = "SELECT seq, about, state FROM snapshots WHERE pool = $1 ORDER BY seq DESC";
        let rows = sqlx::query(statement).bind(pool).fetch_all(&self.reader).await;
        rows.map_err(|problem| unavailable(&problem))?
            .iter()
            .map(|row| {
                let state = row.try_get::<Vec<u8>, _>(2).map_err(|problem| unavailable(&problem))?;
                Ok(SnapshotRow { pool: pool.to_owned(), seq: number(row, 0)?, about: text(row, 1)?, state })
            })
            .collect()
    }

    /// Returns up to `most` entries of a pool's journal after `seq`: number and body.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn journal_after(&self, pool: &str, seq: i64, most: i64) -> Result<Vec<(i64, String)>> {
        let statement = "SELECT seq, body FROM journal WHERE pool = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let rows = sqlx::query(statement).bind(pool).bind(seq).bind(most).fetch_all(&self.reader).await;
        rows.map_err(|problem| unavailable(&problem))?
            .iter()
            .map(|row| Ok((number(row, 0)?, text(row, 1)?)))
            .collect()
    }

    /// Returns the newest entries of one kind before `before`, newest first: number, time of receipt and body.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn newest_entries(
        &self,
        pool: &str,
        kind: &str,
        before: i64,
        most: i64,
    ) -> Result<Vec<(i64, i64, String)>> {
        let statement = "SELECT seq, received_ms, body FROM journal WHERE pool = $1 AND kind = $2 AND seq < $3 \
                         ORDER BY seq DESC LIMIT $4";
        let query = sqlx::query(statement).bind(pool).bind(kind).bind(before).bind(most);
        self.triples(query).await
    }

    /// Returns the newest decisions before `before`, newest first: number, moment of the decision and body.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn newest_decisions(
        &self,
        pool: &str,
        before: i64,
        most: i64,
    ) -> Result<Vec<(i64, i64, String)>> {
        let statement = "SELECT seq, decided_ms, body FROM decisions WHERE pool = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
        self.triples(sqlx::query(statement).bind(pool).bind(before).bind(most)).await
    }

    async fn triples<'q>(
        &self,
        query: sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments<'q>>,
    ) -> Result<Vec<(i64, i64, String)>> {
        let rows = query.fetch_all(&self.reader).await.map_err(|problem| unavailable(&problem))?;
        rows.iter().map(|row| Ok((number(row, 0)?, number(row, 1)?, text(row, 2)?))).collect()
    }

    /// Returns where a partition of a topic goes on; none before its first record.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn place(&self, topic: &str, part: i64) -> Result<Option<i64>> {
        let asked =
            sqlx::query("SELECT next FROM places WHERE topic = $1 AND part = $2").bind(topic).bind(part);
        let row = asked.fetch_optional(&self.reader).await.map_err(|problem| unavailable(&problem))?;
        row.map(|row| number(&row, 0)).transpose()
    }

    /// Returns an execution by the caller's key.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn execution(&self, pool: &str, key: &str) -> Result<Option<ExecutionRow>> {
        let statement = "SELECT request_key, accepted_ms, status, body FROM executions WHERE pool = $1 AND request_key = $2";
        let row = sqlx::query(statement).bind(pool).bind(key).fetch_optional(&self.reader).await;
        row.map_err(|problem| unavailable(&problem))?.map(|row| execution(pool, &row)).transpose()
    }

    /// Returns the newest executions of a pool, newest first.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn executions(&self, pool: &str, most: i64) -> Result<Vec<ExecutionRow>> {
        let statement = "SELECT request_key, accepted_ms, status, body FROM executions WHERE pool = $1 \
                         ORDER BY accepted_ms DESC LIMIT $2";
        let rows = sqlx::query(statement).bind(pool).bind(most).fetch_all(&self.reader).await;
        rows.map_err(|problem| unavailable(&problem))?.iter().map(|row| execution(pool, row)).collect()
    }

    /// Returns executions whose end was not heard, of all pools.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn unfinished_executions(&self) -> Result<Vec<ExecutionRow>> {
        let statement =
            "SELECT request_key, accepted_ms, status, body, pool FROM executions WHERE status = 'accepted'";
        let rows = sqlx::query(statement).fetch_all(&self.reader).await;
        rows.map_err(|problem| unavailable(&problem))?
            .iter()
            .map(|row| execution(&text(row, 4)?, row))
            .collect()
    }

    /// Returns the newest entries of the audit log before `before`, newest first.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn audit(&self, before: i64, most: i64) -> Result<Vec<AuditRow>> {
        let statement = "SELECT id, at_ms, caller, role, action, pool, detail FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2";
        let rows = sqlx::query(statement).bind(before).bind(most).fetch_all(&self.reader).await;
        rows.map_err(|problem| unavailable(&problem))?
            .iter()
            .map(|row| {
                Ok(AuditRow {
                    id: number(row, 0)?,
                    at_ms: number(row, 1)?,
                    caller: text(row, 2)?,
                    role: text(row, 3)?,
                    action: text(row, 4)?,
                    pool: text(row, 5)?,
                    detail: text(row, 6)?,
                })
            })
            .collect()
    }

    /// Reports whether the database answers.
    pub async fn answers(&self) -> bool {
        let asked = sqlx::query("SELECT 1").fetch_one(&self.reader);
        matches!(tokio::time::timeout(self.timeout, asked).await, Ok(Ok(_)))
    }

    /// Deletes what is older than the settings keep. What a state is restored from stays: orders, settings, and every record
    /// after the older snapshot.
    ///
    /// # Errors
    /// The database is gone.
    pub async fn forget(&self, settings: &Storage, now_ms: i64) -> Result<u64> {
        let since = |days: u32| now_ms - i64::from(days) * 86_400_000;
        let records = "DELETE FROM journal WHERE pool = $1 AND received_ms < $2 \
                       AND kind IN ('record', 'tick', 'outcome', 'slow') \
                       AND seq <= (SELECT COALESCE(MIN(seq), -1) FROM snapshots WHERE pool = $3)";
        let statements = [
            ("DELETE FROM decisions WHERE written_ms < $1", settings.keep_decisions_days),
            ("DELETE FROM executions WHERE accepted_ms < $1", settings.keep_decisions_days),
            ("DELETE FROM audit WHERE at_ms < $1", settings.keep_audit_days),
        ];
        let mut deleted = 0;
        // pool by pool, so that no record waits long
        for pool in self.pools().await? {
            let query = sqlx::query(records).bind(&pool).bind(since(settings.keep_records_days)).bind(&pool);
            let done = query.execute(&self.writer).await.map_err(|problem| unavailable(&problem))?;
            deleted += done.rows_affected();
        }
        for (statement, days) in statements {
            let done = sqlx::query(statement).bind(since(days)).execute(&self.writer).await;
            deleted += done.map_err(|problem| unavailable(&problem))?.rows_affected();
        }
        Ok(deleted)
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.writer.close().await;
        if !self.alone.can_be_lost() {
            self.reader.close().await;
        }
    }
}

/// The tables, by the version that brought them; a new version is a new file, and a new line here.
fn migrations(sqlite: bool) -> Migrator {
    let files = match sqlite {
        true => [
            ("tables", include_str!("../../migrations/sqlite/0001_tables.sql")),
            ("places", include_str!("../../migrations/sqlite/0002_places.sql")),
        ],
        false => [
            ("tables", include_str!("../../migrations/postgres/0001_tables.sql")),
            ("places", include_str!("../../migrations/postgres/0002_places.sql")),
        ],
    };
    let numbered = (1..).zip(files).map(|(version, (about, statements))| {
        Migration::new(version, about.into(), MigrationType::Simple, statements.into(), false)
    });
    Migrator { migrations: numbered.collect::<Vec<_>>().into(), ..Migrator::DEFAULT }
}

/// Returns the URL as the driver wants it, and whether it is SQLite's.
fn address(url: &str) -> Result<(String, bool)> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path).split('?').next().unwrap_or_default();
        if path.is_empty() || path == ":memory:" {
            return Err(Problem::config("`storage.url` names no file, expected sqlite:PATH"));
        }
        return Ok((format!("sqlite://{path}?mode=rwc"), true));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok((url.to_owned(), false));
    }
    Err(Problem::config(
        "`storage.url` is of an unknown kind, expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
    ))
}

fn execution(pool: &str, row: &sqlx::any::AnyRow) -> Result<ExecutionRow> {
    Ok(ExecutionRow {
        pool: pool.to_owned(),
        key: text(row, 0)?,
        accepted_ms: number(row, 1)?,
        status: text(row, 2)?,
        body: text(row, 3)?,
    })
}

fn number(row: &sqlx::any::AnyRow, column: usize) -> Result<i64> {
    row.try_get(column).map_err(|problem| unavailable(&problem))
}

fn text(row: &sqlx::any::AnyRow, column: usize) -> Result<String> {
    row.try_get(column).map_err(|problem| unavailable(&problem))
}

fn unavailable(problem: &sqlx::Error) -> Problem {
    Problem::unavailable("storage_unavailable", format!("the database: {}", told(problem)))
}

/// What went wrong, without the address, which may hold a password.
fn told(problem: &sqlx::Error) -> String {
    match problem {
        sqlx::Error::Configuration(_) => "its address is refused".to_owned(),
        other => other.to_string(),
    }
}
