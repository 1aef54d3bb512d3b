//! The one thread that owns the pools. What changes a pool is on disk first, then made, then answered; what is read comes
//! from views that are published after every change, and waits for nobody.

mod change;
mod execution;
mod recovery;
mod view;
mod worker;

pub use change::{Change, Changed, PoolRecord, metrics_of};
pub use execution::{Execution, ExecutionStatus};
pub use view::View;

use crate::config::Settings;
use crate::problem::{Problem, Result};
use crate::storage::{AuditRow, PlaceRow, Store};
use evscale_core::{Decision, Fleet, ModelBundle, PoolMut, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{broadcast, mpsc, oneshot};

/// Events that a slow listener may fall behind; then it misses some, and is told.
const EVENTS_KEPT: usize = 4096;

/// What is asked of the thread.
pub(crate) enum Request {
    /// To make a change.
    Change {
        pool: String,
        change: Change,
        audit: Option<AuditRow>,
        place: Option<PlaceRow>,
        answer: oneshot::Sender<Result<Answer>>,
    },
    /// To note that what is before a place needs not be looked at again.
    Pass(PlaceRow),
    /// To drop a pool and everything that is kept of it.
    Remove { pool: String, audit: AuditRow, answer: oneshot::Sender<Result<()>> },
    /// To accept the standing decision for being carried out, once per key.
    Execute { ask: ExecuteAsk, audit: AuditRow, answer: oneshot::Sender<Result<(Execution, bool)>> },
    /// To note how an execution ended.
    Finish { execution: Execution, noted: oneshot::Sender<()> },
    /// To read what no view has.
    Read(Box<dyn FnOnce(&mut Fleet) + Send>),
    /// To know models that pools may try from now on.
    Know(ModelBundle),
    /// To write an entry of the audit log.
    Audit(AuditRow),
    /// To decide for pools whose records stay away.
    Clock(Timestamp),
    /// To write what is left, and end.
    Stop(oneshot::Sender<()>),
}

/// Which decision is to be carried out.
#[derive(Clone, Debug)]
pub struct ExecuteAsk {
    pub pool: String,
    /// The caller's: what was accepted under a key is not accepted again.
    pub key: String,
    /// The decision that the caller has seen; any by default.
    pub decided_at: Option<Timestamp>,
    pub caller: String,
    /// Something will carry it out.
    pub actuated: bool,
}

/// A change that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// Name of the pool.
    pub pool: String,
    /// Number of the change in the pool's journal.
    pub seq: i64,
    /// What became of it.
    #[serde(flatten)]
    pub changed: Changed,
}

/// What listeners are told.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Name of the pool.
    pub pool: String,
    /// Kind of the change.
    pub kind: &'static str,
    /// Number of the change.
    pub seq: i64,
    /// The decision, if it is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Arc<Decision>>,
}

/// How the thread is doing.
#[derive(Debug, Default)]
pub struct Status {
    /// Records that were acknowledged.
    pub records: AtomicU64,
    /// Records among them that the library rejected.
    pub rejected: AtomicU64,
    /// Transactions.
    pub writes: AtomicU64,
    /// Transactions that failed.
    pub failed_writes: AtomicU64,
    /// Time spent in transactions, microseconds.
    pub write_micros: AtomicU64,
    /// Time spent in the library, microseconds.
    pub decide_micros: AtomicU64,
    /// Pools and entries that the last start found, and its time in milliseconds.
    pub recovered: Mutex<(usize, usize, u64)>,
    stopped: AtomicBool,
    storage: Mutex<Option<String>>,
}

impl Status {
    /// Returns why nothing can be written; none while it can.
    pub fn storage_problem(&self) -> Option<String> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_storage_problem(&self, problem: Option<String>) {
        let mut held = self.storage.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*held, &problem) {
            (None, Some(problem)) => {
                tracing::error!(cause = %problem, "nothing can be written; records are refused");
            }
            (Some(_), None) => tracing::info!("the database is back"),
            _ => (),
        }
        *held = problem;
    }
}

/// Views by the name of the pool.
pub(crate) type Views = RwLock<BTreeMap<String, Arc<View>>>;

/// The way to the thread. Clones share it.
#[derive(Clone, Debug)]
pub struct Engine {
    requests: mpsc::Sender<Request>,
    views: Arc<Views>,
    events: broadcast::Sender<Event>,
    status: Arc<Status>,
    store: Arc<Store>,
    most_pools: usize,
}

impl Engine {
    /// Goes on with what is on disk, where pools may have had other models than the usual ones, then starts the thread.
    ///
    /// # Errors
    /// The database is gone, or a pool cannot be restored.
    pub async fn start(settings: &Settings, store: Arc<Store>, models: Vec<ModelBundle>) -> Result<Self> {
        let (requests, receiver) = mpsc::channel(settings.limits.waiting_changes);
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let views = Arc::new(Views::default());
        let status = Arc::new(Status::default());
        let engine = Self {
            requests,
            views: Arc::clone(&views),
            events: events.clone(),
            status: Arc::clone(&status),
            store: Arc::clone(&store),
            most_pools: settings.limits.pools,
        };
        let handle = tokio::runtime::Handle::current();
        let snapshot_every = settings.storage.snapshot_every_records;
        let (ready, started) = oneshot::channel();
        let thread = std::thread::Builder::new().name("pools".to_owned());
        let run = move || {
            let worker =
                worker::Worker::recover(store, handle, views, events, status, snapshot_every, &models);
            match worker {
                Ok(worker) => {
                    let _ = ready.send(Ok(()));
                    worker.run(receiver);
                }
                Err(problem) => {
                    let _ = ready.send(Err(problem));
                }
            }
        };
        thread
            .spawn(run)
            .map_err(|problem| Problem::config(format!("no thread for the pools: {problem}")))?;
        started.await.map_err(|_| Problem::config("the thread of the pools ended while it started"))??;
        Ok(engine)
    }

    /// Makes a change and returns once it is on disk and made.
    ///
    /// # Errors
    /// There is no such pool, the library refuses the change, too many changes wait, or nothing can be written.
    pub async fn change(&self, pool: &str, change: Change, audit: Option<AuditRow>) -> Result<Answer> {
        if matches!(change, Change::Create(_)) {
            let pools = self.read_views().len();
            if pools >= self.most_pools {
                return Err(Problem::conflict(
                    "too_many_pools",
                    format!(
                        "there are {pools} pools, expected fewer than `limits.pools`, which is {}",
                        self.most_pools
                    ),
                ));
            }
        }
        let pool = pool.to_owned();
        self.ask(|answer| Request::Change { pool, change, audit, place: None, answer }).await
    }

    /// Makes a change that came from a topic; where that goes on is on disk with it.
    ///
    /// # Errors
    /// As for [`change`](Self::change).
    pub async fn change_at(&self, pool: &str, change: Change, place: PlaceRow) -> Result<Answer> {
        let pool = pool.to_owned();
        self.ask(|answer| Request::Change { pool, change, audit: None, place: Some(place), answer }).await
    }

    /// Notes that what is before a place in a topic needs not be looked at again.
    ///
    /// # Errors
    /// The server is stopping.
    pub async fn pass(&self, place: PlaceRow) -> Result<()> {
        self.requests.send(Request::Pass(place)).await.map_err(|_| gone())
    }

    /// Drops a pool and everything that is kept of it.
    ///
    /// # Errors
    /// As for [`change`](Self::change).
    pub async fn remove(&self, pool: &str, audit: AuditRow) -> Result<()> {
        self.ask(|answer| Request::Remove { pool: pool.to_owned(), audit, answer }).await
    }

    /// Accepts the standing decision for being carried out; says whether the key was new.
    ///
    /// # Errors
    /// As for [`change`](Self::change); the pool has no decision, or a newer one than the caller has seen.
    pub async fn execute(&self, ask: ExecuteAsk, audit: AuditRow) -> Result<(Execution, bool)> {
        self.ask(|answer| Request::Execute { ask, audit, answer }).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Result<T>>) -> Request) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        self.requests.try_send(request(answer)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                Problem::unavailable("overloaded", "too many changes wait for the disk; try again")
            }
            mpsc::error::TrySendError::Closed(_) => gone(),
        })?;
        answered.await.map_err(|_| gone())?
    }

    /// Makes models known, so that pools can try them.
    ///
    /// # Errors
    /// The server is stopping.
    pub async fn know(&self, bundle: ModelBundle) -> Result<()> {
        self.requests.send(Request::Know(bundle)).await.map_err(|_| gone())
    }

    /// Reads of a pool what its view does not have, between the changes of others.
    ///
    /// # Errors
    /// There is none of this name, it failed, or too many changes wait.
    pub async fn read_pool<T: Send + 'static>(
        &self,
        pool: &str,
        read: impl FnOnce(&PoolMut<'_>) -> T + Send + 'static,
    ) -> Result<T> {
        self.view(pool)?;
        let name = pool.to_owned();
        let found = self.read_fleet(move |fleet| fleet.with_pool(&name, |pool| read(pool))).await?;
        Ok(found?)
    }

    /// Reads of all pools what their views do not have, between the changes of others.
    ///
    /// # Errors
    /// Too many changes wait.
    pub async fn read_fleet<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Fleet) -> T + Send + 'static,
    ) -> Result<T> {
        self.ask(|answer| Request::Read(Box::new(move |fleet| drop(answer.send(Ok(read(fleet))))))).await
    }

    /// Notes how an execution ended; while nothing can be written, it is noted later.
    pub async fn finish(&self, execution: Execution) {
        let (noted, done) = oneshot::channel();
        if self.requests.send(Request::Finish { execution, noted }).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Writes an entry of the audit log, unless too many changes wait.
    pub fn audit(&self, row: AuditRow) {
        let _ = self.requests.try_send(Request::Audit(row));
    }

    /// Decides for pools whose records stay away.
    pub fn clock(&self, now: Timestamp) {
        let _ = self.requests.try_send(Request::Clock(now));
    }

    /// Writes what is left, and ends the thread.
    pub async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        if self.requests.send(Request::Stop(done)).await.is_ok() {
            let _ = tokio::time::timeout(Duration::from_secs(20), ended).await;
        }
    }

    /// Returns a pool as it is.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn view(&self, pool: &str) -> Result<Arc<View>> {
        self.read_views().get(pool).cloned().ok_or_else(|| unknown_pool(pool))
    }

    /// Returns all pools as they are, in the order of their names.
    pub fn views(&self) -> Vec<(String, Arc<View>)> {
        self.read_views().iter().map(|(name, view)| (name.clone(), Arc::clone(view))).collect()
    }

    /// Returns the name of the only pool.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn only_pool(&self) -> Result<String> {
        let views = self.read_views();
        let mut names = views.keys();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name.clone()),
            (None, _) => {
                Err(Problem::conflict("no_pool", "there is no pool; create one with PUT /pools/{pool}"))
            }
            _ => Err(Problem::conflict(
                "many_pools",
                format!("there are {} pools; name one with /pools/{{pool}}/…", views.len()),
            )),
        }
    }

    fn read_views(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<View>>> {
        self.views.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to what happens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// How the thread is doing.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What is on disk.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Changes that wait.
    pub fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Reports whether the thread works.
    pub fn alive(&self) -> bool {
        !self.requests.is_closed() && !self.status.stopped.load(Ordering::Relaxed)
    }
}

/// Milliseconds since 1970 by the server's clock.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn gone() -> Problem {
    Problem::unavailable("stopping", "the server is stopping")
}

fn unknown_pool(pool: &str) -> Problem {
    let shown: String = pool.chars().take(100).collect();
    Problem::not_found("unknown_pool", format!("there is no pool `{shown}`; GET /pools lists them"))
}
