//! The way back after a start: the newest state that can be read, and every entry after it.

use super::change::Change;
use super::view::About;
use super::worker::{Kept, Pool, Worker};
use super::{Event, Status, Views};
use crate::problem::{Problem, Result};
use crate::storage::{Batch, Store};
use evscale_core::{Fleet, ModelBundle};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::broadcast;

/// Entries that are read at once.
const PAGE: i64 = 500;

impl Worker {
    pub(super) fn recover(
        store: Arc<Store>,
        handle: Handle,
        views: Arc<Views>,
        events: broadcast::Sender<Event>,
        status: Arc<Status>,
        snapshot_every: u32,
        models: &[ModelBundle],
    ) -> Result<Self> {
        let began = Instant::now();
        let mut fleet = Fleet::new(&ModelBundle::bundled()?);
        models.iter().for_each(|bundle| fleet.know(bundle));
        let mut worker = Self {
            fleet,
            pools: BTreeMap::new(),
            store,
            handle,
            views,
            events,
            status,
            snapshot_every,
            later: Batch::default(),
            unconfirmed: BTreeSet::new(),
            slow: Vec::new(),
        };
        let mut entries = 0;
        for name in worker.handle.block_on(worker.store.pools())? {
            entries += worker.recover_pool(&name)?;
        }
        worker.slow.clear();
        worker.status.records.store(0, Ordering::Relaxed);
        worker.status.rejected.store(0, Ordering::Relaxed);
        let took = began.elapsed().as_millis() as u64;
        *worker.status.recovered.lock().unwrap_or_else(PoisonError::into_inner) =
            (worker.pools.len(), entries, took);
        tracing::info!(pools = worker.pools.len(), entries, took_ms = took, "recovered");
        Ok(worker)
    }

    fn recover_pool(&mut self, name: &str) -> Result<usize> {
        let mut seq = 0;
        for row in self.handle.block_on(self.store.snapshots(name))? {
            let kept: Result<Kept, _> = serde_json::from_str(&row.about);
            let restored = kept.map_err(|problem| problem.to_string()).and_then(|kept| {
                let restored = self.fleet.restore(name, kept.about.config.clone(), &row.state);
                restored.map(|()| kept).map_err(|problem| problem.to_string())
            });
            match restored {
                Ok(kept) => {
                    let mut pool = Pool::new(name, row.seq, kept.about, self.snapshot_every);
                    (pool.records, pool.decision) = (0, kept.decision.map(Arc::new));
                    self.pools.insert(name.to_owned(), pool);
                    seq = row.seq;
                    break;
                }
                Err(cause) => {
                    tracing::warn!(
                        pool = name,
                        seq = row.seq,
                        cause,
                        "a snapshot is of no use; an older one or the journal is"
                    );
                }
            }
        }
        let mut entries = 0;
        loop {
            let page = self.handle.block_on(self.store.journal_after(name, seq, PAGE))?;
            if page.is_empty() {
                break;
            }
            for (number, body) in page {
                seq = number;
                entries += 1;
                self.replay(name, number, &body)?;
            }
        }
        Ok(entries)
    }

    fn replay(&mut self, name: &str, seq: i64, body: &str) -> Result<()> {
        let change: Change = serde_json::from_str(body).map_err(|problem| {
            Problem::config(format!("entry {seq} of pool `{name}` cannot be read: {problem}"))
        })?;
        if let Change::Create(config) = &change {
            let about = About::new((**config).clone());
            self.pools.insert(name.to_owned(), Pool::new(name, 0, about, self.snapshot_every));
        }
        if let Some(pool) = self.pools.get_mut(name) {
            pool.seq = seq;
        }
        match self.make(name, seq, &change) {
            Ok(_) => Ok(()),
            Err(problem) if problem.status().is_client_error() && self.pools.contains_key(name) => {
                // it was refused when it came, too, unless the models have gone since
                if matches!(change, Change::Challenge(_)) {
                    tracing::warn!(pool = name, seq, cause = %problem, "models that the pool tried are not known any more");
                }
                Ok(())
            }
            Err(problem) => {
                tracing::error!(pool = name, seq, cause = %problem, "the pool fails on an entry of its journal");
                Ok(())
            }
        }
    }
}
