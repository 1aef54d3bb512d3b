//! The thread that owns the pools: gathers what waits, writes it in one transaction, then makes it, then answers.

use super::change::{Change, Changed};
use super::execution::{Execution, ExecutionStatus};
use super::view::{About, View};
use super::{Answer, Event, ExecuteAsk, Request, Status, Views, now_ms, unknown_pool};
use crate::problem::{Problem, Result};
use crate::storage::{Batch, DecisionRow, JournalRow, SnapshotRow, Store};
use evscale_core::{Decision, Fleet, Mode, Timestamp, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot};

/// Most requests in one transaction.
const MOST_REQUESTS: usize = 256;
/// Most snapshots in one transaction.
const MOST_SNAPSHOTS: usize = 16;
/// Longest time that decisions wait for the next transaction.
const LINGER: Duration = Duration::from_millis(50);

/// A pool as the thread knows it.
pub(super) struct Pool {
    pub(super) seq: i64,
    pub(super) about: About,
    /// Records since the last snapshot.
    pub(super) records: u32,
    /// The decision that stands.
    pub(super) decision: Option<Arc<Decision>>,
    /// The last moment that was decided for without a record.
    ticked: Option<Timestamp>,
}

impl Pool {
    /// Of a pool whose first `seq` entries are in its state. Pools of other names take snapshots at other records.
    pub(super) fn new(name: &str, seq: i64, about: About, snapshot_every: u32) -> Self {
        let offset = name.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        Self { seq, about, records: offset % snapshot_every, decision: None, ticked: None }
    }
}

/// A change whose entry is in the batch.
struct Pending {
    pool: String,
    seq: i64,
    change: Change,
    answer: Option<oneshot::Sender<Result<Answer>>>,
}

/// Who waits for an execution, and for whether its key was new.
type AcceptedSender = oneshot::Sender<Result<(Execution, bool)>>;

/// What waits for the transaction to end.
#[derive(Default)]
struct Turn {
    changes: Vec<Pending>,
    removals: Vec<(String, oneshot::Sender<Result<()>>)>,
    executions: Vec<(Execution, AcceptedSender)>,
    noted: Vec<oneshot::Sender<()>>,
    stop: Option<oneshot::Sender<()>>,
}

pub(super) struct Worker {
    pub(super) fleet: Fleet,
    pub(super) pools: BTreeMap<String, Pool>,
    pub(super) store: Arc<Store>,
    pub(super) handle: Handle,
    pub(super) views: Arc<Views>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) status: Arc<Status>,
    pub(super) snapshot_every: u32,
    /// Decisions, snapshots and ends of executions, which follow from what is on disk: they go along with the next transaction.
    pub(super) later: Batch,
    /// Pools with entries of a transaction whose end was not heard.
    pub(super) unconfirmed: BTreeSet<String>,
    /// Calls that took longer than the pool allows, ms: entries of the next turn.
    pub(super) slow: Vec<(String, f64)>,
}

/// What a snapshot keeps beside the library's state.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Kept {
    pub(super) about: About,
    pub(super) decision: Option<Decision>,
}

impl Worker {
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            let first = if self.later.is_empty() {
                requests.blocking_recv()
            } else {
                let waited = async { tokio::time::timeout(LINGER, requests.recv()).await };
                match self.handle.block_on(waited) {
                    Ok(first) => first,
                    Err(_) => {
                        // what could not be written waits for the next turn
                        let _ = self.write(Batch::default());
                        continue;
                    }
                }
            };
            let Some(first) = first else { break };
            let mut asked = vec![first];
            while asked.len() < MOST_REQUESTS
                && let Ok(next) = requests.try_recv()
            {
                asked.push(next);
            }
            if let Some(done) = self.turn(asked) {
                let _ = self.write(Batch::default());
                self.status.stopped.store(true, Ordering::Relaxed);
                let _ = done.send(());
                break;
            }
        }
        self.status.stopped.store(true, Ordering::Relaxed);
    }

    /// Serves what was asked for; returns who waits for the end, if somebody does.
    fn turn(&mut self, asked: Vec<Request>) -> Option<oneshot::Sender<()>> {
        let (mut batch, mut turn) = (Batch::default(), Turn::default());
        for (pool, ms) in std::mem::take(&mut self.slow) {
            self.enter(pool, Change::Slow(ms), None, &mut batch, &mut turn);
        }
        for request in asked {
            self.prepare(request, &mut batch, &mut turn);
        }
        if !(batch.is_empty() && turn.noted.is_empty())
            && let Err(problem) = self.write(batch)
        {
            self.refuse(turn.changes, &problem);
            turn.removals.into_iter().for_each(|(_, answer)| drop(answer.send(Err(problem.clone()))));
            turn.executions.into_iter().for_each(|(_, answer)| drop(answer.send(Err(problem.clone()))));
            return turn.stop;
        }
        for pending in turn.changes {
            let began = Instant::now();
            let made = self.make(&pending.pool, pending.seq, &pending.change);
            self.note_latency(&pending, began.elapsed());
            if let Some(answer) = pending.answer {
                let pool = pending.pool;
                let _ = answer.send(made.map(|changed| Answer { pool, seq: pending.seq, changed }));
            }
        }
        for (pool, answer) in turn.removals {
            self.fleet.remove(&pool);
            self.pools.remove(&pool);
            self.views.write().unwrap_or_else(PoisonError::into_inner).remove(&pool);
            let _ = answer.send(Ok(()));
        }
        for (execution, answer) in turn.executions {
            let _ = answer.send(Ok((execution, true)));
        }
        for noted in turn.noted {
            let _ = noted.send(());
        }
        turn.stop
    }

    /// Puts what a request needs on disk into the batch, or answers it.
    fn prepare(&mut self, request: Request, batch: &mut Batch, turn: &mut Turn) {
        match request {
            Request::Change { pool, change, audit, place, answer } => {
                match self.acceptable(&pool, &change, batch) {
                    Ok(()) => {
                        batch.audit.extend(audit);
                        batch.places.extend(place);
                        self.enter(pool, change, Some(answer), batch, turn);
                    }
                    Err(problem) => drop(answer.send(Err(problem))),
                }
            }
            Request::Pass(place) => self.later.places.push(place),
            Request::Remove { pool, audit, answer } => {
                // after everything else of this turn would be too late for what came before: alone
                if self.pools.contains_key(&pool) && !turn.changes.iter().any(|change| change.pool == pool) {
                    batch.audit.push(audit);
                    batch.removed.push(pool.clone());
                    self.later.decisions.retain(|row| row.pool != pool);
                    self.later.snapshots.retain(|row| row.pool != pool);
                    self.later.executions.retain(|row| row.pool != pool);
                    turn.removals.push((pool, answer));
                } else if self.pools.contains_key(&pool) {
                    let message = format!("pool `{pool}` is changing; try again");
                    let _ = answer.send(Err(Problem::unavailable("overloaded", message)));
                } else {
                    let _ = answer.send(Err(unknown_pool(&pool)));
                }
            }
            Request::Execute { ask, audit, answer } => match self.accept(&ask, turn) {
                Ok((execution, false)) => drop(answer.send(Ok((execution, false)))),
                Ok((execution, true)) => {
                    batch.audit.push(audit);
                    batch.executions.push(execution.row());
                    turn.executions.push((execution, answer));
                }
                Err(problem) => drop(answer.send(Err(problem))),
            },
            Request::Finish { execution, noted } => {
                self.later.executions.push(execution.row());
                turn.noted.push(noted);
            }
            Request::Read(read) => read(&mut self.fleet),
            Request::Know(bundle) => self.fleet.know(&bundle),
            Request::Audit(row) => self.later.audit.push(row),
            Request::Clock(now) => {
                for pool in self.silent(now) {
                    self.enter(pool, Change::Tick(now), None, batch, turn);
                }
            }
            Request::Stop(done) => turn.stop = Some(done),
        }
    }

    fn acceptable(&self, pool: &str, change: &Change, batch: &Batch) -> Result<()> {
        let known = self.pools.contains_key(pool) && !batch.removed.iter().any(|removed| removed == pool);
        match change {
            Change::Create(_) if known => {
                Err(Problem::conflict("pool_exists", format!("there is a pool `{pool}` already")))
            }
            Change::Create(_) if batch.removed.iter().any(|removed| removed == pool) => {
                Err(Problem::unavailable("overloaded", format!("pool `{pool}` is being removed; try again")))
            }
            Change::Create(_) => Ok(()),
            _ if known => Ok(()),
            _ => Err(unknown_pool(pool)),
        }
    }

    fn enter(
        &mut self,
        pool: String,
        change: Change,
        answer: Option<oneshot::Sender<Result<Answer>>>,
        batch: &mut Batch,
        turn: &mut Turn,
    ) {
        if let Change::Create(config) = &change {
            let about = About::new((**config).clone());
            self.pools.insert(pool.clone(), Pool::new(&pool, 0, about, self.snapshot_every));
        }
        let Some(known) = self.pools.get_mut(&pool) else { return };
        known.seq += 1;
        batch.journal.push(JournalRow {
            pool: pool.clone(),
            seq: known.seq,
            received_ms: now_ms(),
            kind: change.kind(),
            body: serde_json::to_string(&change).unwrap_or_default(),
        });
        turn.changes.push(Pending { seq: known.seq, pool, change, answer });
    }

    /// Takes back entries that may not be on disk.
    fn refuse(&mut self, changes: Vec<Pending>, problem: &Problem) {
        for pending in changes.into_iter().rev() {
            self.unconfirmed.insert(pending.pool.clone());
            if let Some(pool) = self.pools.get_mut(&pending.pool) {
                pool.seq = pool.seq.min(pending.seq - 1);
                if pool.seq == 0 {
                    self.pools.remove(&pending.pool);
                }
            }
            if let Some(answer) = pending.answer {
                let _ = answer.send(Err(problem.clone()));
            }
        }
    }

    /// Writes a batch with what waits for the next one.
    fn write(&mut self, mut batch: Batch) -> Result<()> {
        let later = std::mem::take(&mut self.later);
        batch.decisions.extend(later.decisions.iter().cloned());
        batch.snapshots.extend(later.snapshots.iter().cloned());
        batch.executions.extend(later.executions.iter().cloned());
        batch.audit.extend(later.audit.iter().cloned());
        // those of the batch are later in their topics
        batch.places = later.places.iter().cloned().chain(batch.places).collect();
        // entries of this batch are above these numbers: they are written after the others are gone
        batch.discard = self
            .unconfirmed
            .iter()
            .map(|name| {
                let entered =
                    batch.journal.iter().filter(|row| row.pool == *name).map(|row| row.seq - 1).min();
                let known = self.pools.get(name).map_or(0, |pool| pool.seq);
                (name.clone(), entered.unwrap_or(known))
            })
            .collect();
        let began = Instant::now();
        let written = self.handle.block_on(self.store.write(&batch));
        self.status.writes.fetch_add(1, Ordering::Relaxed);
        self.status.write_micros.fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
        match written {
            Ok(()) => {
                self.unconfirmed.clear();
                self.status.set_storage_problem(None);
                Ok(())
            }
            Err(problem) => {
                self.status.failed_writes.fetch_add(1, Ordering::Relaxed);
                self.later = later;
                self.status.set_storage_problem(Some(problem.to_string()));
                // what cannot be written is tried again, but not in a busy loop
                std::thread::sleep(Duration::from_millis(50));
                Err(problem)
            }
        }
    }

    fn note_latency(&mut self, pending: &Pending, took: Duration) {
        let ms = 1000.0 * took.as_secs_f64();
        let asked = matches!(pending.change, Change::Record(_) | Change::Tick(_));
        let budget = self.pools.get(&pending.pool).map(|pool| pool.about.config.latency_budget_ms);
        if asked && budget.is_some_and(|budget| ms > budget) {
            self.slow.push((pending.pool.clone(), ms));
        }
    }

    /// Makes a change that is on disk.
    pub(super) fn make(&mut self, name: &str, seq: i64, change: &Change) -> Result<Changed> {
        let began = Instant::now();
        if let Change::Create(config) = change
            && let Err(problem) = self.fleet.add(name, (**config).clone())
        {
            self.pools.remove(name);
            self.unconfirmed.insert(name.to_owned());
            return Err(problem.into());
        }
        let pool = self.pools.get_mut(name).ok_or_else(|| unknown_pool(name))?;
        let before = self.views.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let record = matches!(change, Change::Record(_));
        let seen = pool.about.newest.is_some();
        // a state is kept before a record that is used: one that is restored waits for such a record
        let due = record
            && seen
            && pool.records >= self.snapshot_every
            && self.later.snapshots.len() < MOST_SNAPSHOTS;
        let kept = due.then(|| {
            let decision = pool.decision.as_deref().cloned();
            serde_json::to_string(&Kept { about: pool.about.clone(), decision }).unwrap_or_default()
        });
        let about = &mut pool.about;
        let made = self.fleet.with_pool(name, |scaler| {
            let state = due.then(|| scaler.snapshot());
            let changed = change.apply(scaler, seen);
            if let Ok(changed) = &changed {
                about.note(change, changed);
            }
            let shown = changed.as_ref().map_or_else(|_| Changed::default(), Changed::clone);
            (state, View::after(before.as_deref(), seq, about, change, &shown, scaler), changed)
        });
        let (state, mut view, changed) = match made {
            Ok(made) => made,
            Err(problem) => {
                if let Some(before) = before {
                    let failed = View { failed: Some(problem.to_string()), seq, ..(*before).clone() };
                    self.publish(name, failed);
                }
                return Err(problem.into());
            }
        };
        if record {
            pool.records += 1;
            self.status.records.fetch_add(1, Ordering::Relaxed);
        }
        let used = changed.as_ref().is_ok_and(|changed| {
            changed.observation.as_ref().is_some_and(|seen| seen.verdict != Verdict::Rejected)
        });
        if record && !used {
            self.status.rejected.fetch_add(1, Ordering::Relaxed);
        }
        if let (true, Some(state), Some(about)) = (used, state, kept) {
            pool.records = 0;
            self.later.snapshots.push(SnapshotRow { pool: name.to_owned(), seq: seq - 1, about, state });
        }
        let new = match (&view.decision, &pool.decision) {
            (Some(now), Some(before)) if now == before || now.to_json() == before.to_json() => {
                view.decision = Some(Arc::clone(before));
                None
            }
            (now, _) => now.clone(),
        };
        if let Some(decision) = &new {
            pool.decision = Some(Arc::clone(decision));
            self.later.decisions.push(DecisionRow {
                pool: name.to_owned(),
                seq,
                decided_ms: decision.decided_at.as_millis(),
                written_ms: now_ms(),
                body: decision.to_json(),
            });
        }
        if let Change::Tick(now) = change {
            pool.ticked = Some(*now);
        }
        self.publish(name, view);
        self.status.decide_micros.fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
        let _ = self.events.send(Event { pool: name.to_owned(), kind: change.kind(), seq, decision: new });
        Ok(changed?)
    }

    fn publish(&self, name: &str, view: View) {
        let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
        views.insert(name.to_owned(), Arc::new(view));
    }

    /// Returns the pools that should have had a record by `now`, once per interval, also after a clock that was ahead.
    fn silent(&self, now: Timestamp) -> Vec<String> {
        let waits = |pool: &Pool| {
            let interval = f64::from(pool.about.config.interval_seconds);
            pool.about.newest.is_some_and(|newest| now.seconds_since(newest) > 1.5 * interval)
                && pool.ticked.is_none_or(|ticked| now.seconds_apart(ticked) >= interval)
        };
        self.pools.iter().filter(|(_, pool)| waits(pool)).map(|(name, _)| name.clone()).collect()
    }

    /// Returns the execution of a key, and whether it is new.
    fn accept(&self, ask: &ExecuteAsk, turn: &Turn) -> Result<(Execution, bool)> {
        let pool = self.pools.get(&ask.pool).ok_or_else(|| unknown_pool(&ask.pool))?;
        let same = |execution: &Execution| execution.pool == ask.pool && execution.key == ask.key;
        if let Some((execution, _)) = turn.executions.iter().find(|(execution, _)| same(execution)) {
            return Ok((execution.clone(), false));
        }
        if let Some(row) =
            self.later.executions.iter().rev().find(|row| row.pool == ask.pool && row.key == ask.key)
        {
            return Ok((Execution::read(row)?, false));
        }
        if let Some(row) = self.handle.block_on(self.store.execution(&ask.pool, &ask.key))? {
            return Ok((Execution::read(&row)?, false));
        }
        let decision = pool.decision.as_ref().ok_or_else(|| {
            Problem::conflict(
                "no_decision",
                format!("pool `{}` has no decision before its first record", ask.pool),
            )
        })?;
        if let Some(seen) = ask.decided_at.filter(|seen| *seen != decision.decided_at) {
            return Err(Problem::conflict(
                "other_decision",
                format!(
                    "`decided_at` is {seen}, expected {}, the moment of the decision that stands",
                    decision.decided_at
                ),
            ));
        }
        let mut execution = Execution::new(&ask.pool, &ask.key, decision, now_ms(), ask.caller.clone())?;
        let advice = pool.about.config.mode == Mode::Advise;
        if advice || !ask.actuated {
            let told = if advice {
                "the pool's `mode` is advise: nothing is carried out here"
            } else {
                "no actuator is set: the decision is for the caller to carry out"
            };
            execution = execution.ended(ExecutionStatus::Advised, told.to_owned());
        }
        Ok((execution, true))
    }
}
