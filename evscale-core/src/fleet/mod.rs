//! Many pools by key: shared networks, any order of records, as many threads as the host allows.

use crate::autoscaler::{Autoscaler, Networks, Observation};
use crate::bundle::ModelBundle;
use crate::config::Config;
use crate::decision::Decision;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::Metrics;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Most threads of a fleet.
const MOST_THREADS: usize = 1024;

/// What became of a pool's records in a tick.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PoolTick {
    /// Key of the pool.
    pub key: String,
    /// One observation per record, in their order.
    pub observations: Vec<Observation>,
    /// The decision after the last of them.
    pub decision: Decision,
}

/// Autoscalers of many pools that share the networks of one bundle.
///
/// Decisions equal those of single [`Autoscaler`]s bit for bit, whatever the number of threads. A pool that fails
/// does not disturb another.
///
/// ```
/// use evscale_core::{Config, Fleet, Metrics, ModelBundle};
/// let mut fleet = Fleet::new(&ModelBundle::bundled()?);
/// fleet.add("eu-west", Config::default())?;
/// let mut record = Metrics::new("2026-01-05T10:02:00Z".parse()?, 3400.0, 12.0);
/// record.average_processing_duration_ms = Some(400.0);
/// for tick in fleet.tick(vec![("eu-west".to_owned(), record)]) {
///     let tick = tick?;
///     println!("{}: {} jobs", tick.key, tick.decision.recommended_jobs);
/// }
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Fleet {
    /// Boxed, because the nodes of a tree are half empty.
    pools: BTreeMap<String, Box<Pool>>,
    /// Sessions of each thread; one set at least.
    sessions: Vec<Option<Networks>>,
    bundle: ModelBundle,
}

#[derive(Debug)]
struct Pool {
    scaler: Autoscaler,
    /// The library failed inside for this pool: its state cannot be trusted.
    failed: bool,
}

/// A pool with its records of a tick, and what became of them.
struct Turn<'a> {
    key: &'a str,
    pool: &'a mut Pool,
    records: Vec<Metrics>,
    outcome: Option<Result<PoolTick>>,
}

impl Fleet {
    /// A fleet without pools that works on the caller's thread alone.
    pub fn new(bundle: &ModelBundle) -> Self {
        Self { pools: BTreeMap::new(), sessions: vec![Some(Networks::new(bundle))], bundle: bundle.clone() }
    }

    /// Sets the number of threads that a tick may use, the caller's included; 1 by default.
    ///
    /// # Errors
    /// Not 1 to 1024.
    pub fn set_threads(&mut self, threads: usize) -> Result<()> {
        if !(1..=MOST_THREADS).contains(&threads) {
            return Err(Error::argument(format!("`threads` is {threads}, expected 1 to {MOST_THREADS}")));
        }
        self.sessions.resize_with(threads, || Some(Networks::new(&self.bundle)));
        Ok(())
    }

    /// Adds a pool.
    ///
    /// # Errors
    /// The key is taken, or the configuration is refused.
    pub fn add(&mut self, key: &str, config: Config) -> Result<()> {
        self.bundle.check_signer(&config)?;
        let scaler = Autoscaler::from_parts(config, None, None)?;
        self.insert(key, scaler)
    }

    /// Adds a pool that goes on from a snapshot of [`Fleet::snapshot`] or [`Autoscaler::snapshot`].
    ///
    /// # Errors
    /// The key is taken, or configuration or snapshot are refused.
    pub fn restore(&mut self, key: &str, config: Config, snapshot: &[u8]) -> Result<()> {
        self.bundle.check_signer(&config)?;
        let scaler = Autoscaler::restore_with(config, None, snapshot)?;
        self.insert(key, scaler)
    }

    fn insert(&mut self, key: &str, scaler: Autoscaler) -> Result<()> {
        if self.pools.contains_key(key) {
            return Err(Error::argument(format!("pool `{key}` is in the fleet already")));
        }
        self.pools.insert(key.to_owned(), Box::new(Pool { scaler, failed: false }));
        Ok(())
    }

    /// Removes a pool; says whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        self.pools.remove(key).is_some()
    }

    /// Number of pools.
    pub fn len(&self) -> usize {
        self.pools.len()
    }

    /// No pool at all.
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }

    /// Whether a pool is there.
    pub fn contains(&self, key: &str) -> bool {
        self.pools.contains_key(key)
    }

    /// Keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.pools.keys().map(String::as_str)
    }

    /// The whole state of a pool; none if it is not there or failed.
    pub fn snapshot(&self, key: &str) -> Option<Vec<u8>> {
        self.pools.get(key).filter(|pool| !pool.failed).map(|pool| pool.scaler.snapshot())
    }

    /// The states of all pools, with their keys.
    pub fn snapshots(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.pools
            .iter()
            .filter(|(_, pool)| !pool.failed)
            .map(|(key, pool)| (key.as_str(), pool.scaler.snapshot()))
    }

    /// Works on one pool with the networks of the fleet: a record, a decision at a later time, orders, health.
    ///
    /// # Errors
    /// There is no such pool, or it failed inside, now or before.
    pub fn with_pool<T>(&mut self, key: &str, work: impl FnOnce(&mut Autoscaler) -> T) -> Result<T> {
        let pool = self.pools.get_mut(key).ok_or_else(|| unknown_pool(key))?;
        match self.sessions.first_mut() {
            Some(sessions) => pool.run(key, sessions, work),
            None => pool.run(key, &mut None, work),
        }
    }

    /// Takes records of any pools in any order (those of one pool in theirs), and decides for each of these pools.
    /// Answers in the order of the keys; first, one error per record of an unknown pool.
    pub fn tick(&mut self, records: Vec<(String, Metrics)>) -> Vec<Result<PoolTick>> {
        let mut by_key: BTreeMap<String, Vec<Metrics>> = BTreeMap::new();
        let mut out = Vec::new();
        for (key, record) in records {
            if self.pools.contains_key(&key) {
                by_key.entry(key).or_default().push(record);
            } else {
                out.push(Err(unknown_pool(&key)));
            }
        }
        let mut turns: Vec<Turn<'_>> = self
            .pools
            .iter_mut()
            .filter_map(|(key, pool)| {
                let records = by_key.remove(key)?;
                Some(Turn { key, pool, records, outcome: None })
            })
            .collect();
        let share = turns.len().div_ceil(self.sessions.len()).max(1);
        match self.sessions.as_mut_slice() {
            [sessions] => turns.iter_mut().for_each(|turn| turn.run(sessions)),
            threads => std::thread::scope(|scope| {
                for (chunk, sessions) in turns.chunks_mut(share).zip(threads) {
                    scope.spawn(move || chunk.iter_mut().for_each(|turn| turn.run(sessions)));
                }
            }),
        }
        out.extend(turns.into_iter().filter_map(|turn| turn.outcome));
        out
    }
}

impl Turn<'_> {
    fn run(&mut self, sessions: &mut Option<Networks>) {
        let (key, records) = (self.key, &self.records);
        let answer = self.pool.run(key, sessions, |scaler| {
            let observations = records.iter().map(|record| scaler.observe(record)).collect::<Result<_>>()?;
            Ok(PoolTick { key: key.to_owned(), observations, decision: scaler.decide() })
        });
        self.outcome = Some(answer.flatten());
    }
}

impl Pool {
    /// Works on the pool with lent networks. A panic ends with this pool.
    fn run<T>(
        &mut self,
        key: &str,
        sessions: &mut Option<Networks>,
        work: impl FnOnce(&mut Autoscaler) -> T,
    ) -> Result<T> {
        if self.failed {
            let message = format!("pool `{key}` failed inside before: remove it and restore a snapshot");
            return Err(Error::new(ErrorKind::PoolFailed, message));
        }
        let scaler = &mut self.scaler;
        scaler.exchange_networks(sessions);
        let answer = catch_unwind(AssertUnwindSafe(|| work(scaler)));
        self.scaler.exchange_networks(sessions);
        answer.map_err(|_| {
            self.failed = true;
            Error::new(ErrorKind::PoolFailed, format!("pool `{key}` failed inside; the other pools go on"))
        })
    }
}

fn unknown_pool(key: &str) -> Error {
    Error::new(ErrorKind::UnknownPool, format!("the fleet has no pool `{key}`"))
}

#[cfg(test)]
mod tests;
