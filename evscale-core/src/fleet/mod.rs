//! Many pools by key: shared networks, any order of records, as many threads as the host allows.

mod budget;
mod demand;
mod division;
mod open_tick;
mod pool;
mod rollout;
mod shelf;

pub use budget::{BudgetStatus, SharedBudget};
pub use demand::{BudgetClaim, BudgetDemand};
pub use open_tick::OpenTick;
pub use pool::PoolMut;

use crate::autoscaler::{Autoscaler, Begun, Ingested, Observation};
use crate::bundle::{BATCH, ModelBundle};
use crate::config::Config;
use crate::decision::Decision;
use crate::error::{Error, ErrorKind, Result};
use crate::features::ForecasterInput;
use crate::forecaster::Quantiles;
use crate::indicators::{Alert, Report};
use crate::metrics::Metrics;
use crate::safety::Share;
use budget::Account;
use pool::Pool;
use shelf::Shelf;
use std::collections::BTreeMap;

/// Pools whose forecasts are made together.
const GROUP: usize = 8 * BATCH;
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
/// Decisions equal those of single [`Autoscaler`]s bit for bit, whatever the number of threads. Forecasts of many pools are
/// made in batches of 16, which takes a third off their time. A pool that fails does not disturb another.
///
/// ```
/// use evscale_core::{Config, Fleet, Metrics, ModelBundle};
/// let mut fleet = Fleet::new(&ModelBundle::bundled()?);
/// fleet.add("eu-west", Config::default())?;
/// let mut record = Metrics::new("2026-01-05T10:02:00Z".parse()?, 3400.0, 12.0);
/// record.average_processing_duration_ms = Some(400.0);
/// for tick in fleet.tick(vec![("eu-west".to_owned(), record)]) {
///     let tick = tick?;
///     println!("{}: {:?} jobs", tick.key, tick.decision.recommended_jobs);
/// }
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Fleet {
    /// Boxed, because the nodes of a tree are half empty.
    pools: BTreeMap<String, Box<Pool>>,
    /// Networks of each thread; one set at least.
    shelves: Vec<Shelf>,
    /// The usual bundle first; those that are tried or rolled out.
    bundles: Vec<ModelBundle>,
    /// What the pools share; none without a budget.
    account: Option<Account>,
}

/// A pool with its records of a tick, and what became of them.
struct PoolTurn<'a> {
    key: &'a str,
    pool: &'a mut Pool,
    records: Vec<Metrics>,
    observations: Vec<Observation>,
    /// The last record, between the halves of its observation.
    ingested: Option<Ingested>,
    /// The forecasting network's answer to it, from a batch.
    answer: Option<Result<Quantiles>>,
    /// The decision between its halves, where the pools share a budget.
    begun: Option<Begun>,
    share: Option<Share>,
    outcome: Option<Result<PoolTick>>,
}

impl Fleet {
    /// A fleet without pools that works on the caller's thread alone.
    pub fn new(bundle: &ModelBundle) -> Self {
        let bundles = vec![bundle.clone()];
        Self { pools: BTreeMap::new(), shelves: vec![Shelf::new(&bundles)], bundles, account: None }
    }

    /// Sets the number of threads that a tick may use, the caller's included; 1 by default.
    ///
    /// # Errors
    /// Not 1 to 1024.
    pub fn set_threads(&mut self, threads: usize) -> Result<()> {
        if !(1..=MOST_THREADS).contains(&threads) {
            return Err(Error::argument(format!("`threads` is {threads}, expected 1 to {MOST_THREADS}")));
        }
        self.shelves.resize_with(threads, || Shelf::new(&self.bundles));
        Ok(())
    }

    /// Takes in a bundle that snapshots may need, beside the usual one: pools that are restored go on with it where they had it.
    pub fn know(&mut self, bundle: &ModelBundle) {
        self.shelves.iter_mut().for_each(|shelf| shelf.add(bundle));
        if !self.bundles.iter().any(|there| there.digest() == bundle.digest()) {
            self.bundles.push(bundle.clone());
        }
    }

    /// Refuses a configuration that the usual bundle is not signed for.
    fn check_signer(&self, config: &Config) -> Result<()> {
        self.bundles.iter().take(1).try_for_each(|bundle| bundle.check_signer(config))
    }

    /// Adds a pool.
    ///
    /// # Errors
    /// The key is taken, or the configuration is refused.
    pub fn add(&mut self, key: &str, config: Config) -> Result<()> {
        self.check_signer(&config)?;
        let scaler = Autoscaler::from_parts(config, None, None)?;
        self.insert(key, scaler)
    }

    /// Adds a pool without history that begins with what pools like it have learned: their startup and service time (the middle
    /// one), the weights and widths of their forecasts, and the rule that leads in most of them; and, once an hour of its own records
    /// tells its level, the course of their load at that level and half a day of what the candidates cost in them. Counts,
    /// accounts, orders, announcements and alarms stay theirs. Its own records correct all of it, and its next decisions tell it.
    ///
    /// What is configured wins: a service time, or a startup time other than theirs. Pools with less than a day of records teach
    /// service and startup times alone.
    ///
    /// ```
    /// use evscale_core::{Config, Fleet, Metrics, ModelBundle};
    /// let mut fleet = Fleet::new(&ModelBundle::bundled()?);
    /// fleet.add("eu-west", Config::default())?;
    /// let mut record = Metrics::new("2026-01-05T10:02:00Z".parse()?, 3400.0, 12.0);
    /// record.average_processing_duration_ms = Some(400.0);
    /// fleet.tick(vec![("eu-west".to_owned(), record)]);
    /// fleet.add_like("eu-north", Config::default(), &["eu-west"])?;
    /// let learned = fleet.with_pool("eu-north", |pool| pool.learned())?;
    /// assert_eq!(learned.service_time_ms, Some(400.0));
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The key is taken, the configuration is refused, `like` is empty, or a pool of it is unknown or failed inside.
    pub fn add_like(&mut self, key: &str, config: Config, like: &[&str]) -> Result<()> {
        self.check_signer(&config)?;
        if like.is_empty() {
            return Err(Error::argument("`like` has 0 keys, expected at least 1; `add` begins without any"));
        }
        let mut others = Vec::with_capacity(like.len());
        for key in like {
            let pool = self.pools.get(*key).ok_or_else(|| unknown_pool(key))?;
            let failed =
                || Error::new(ErrorKind::PoolFailed, format!("pool `{key}` of `like` failed inside before"));
            others.push((*key, pool.scaler().ok_or_else(failed)?));
        }
        let scaler = Autoscaler::like(config, None, &others)?;
        self.insert(key, scaler)
    }

    /// Adds a pool that goes on from a snapshot of [`Fleet::snapshot`] or [`Autoscaler::snapshot`].
    ///
    /// # Errors
    /// The key is taken, configuration or snapshot are refused, or the models that act in the snapshot are not signed as the
    /// configuration asks for.
    pub fn restore(&mut self, key: &str, config: Config, snapshot: &[u8]) -> Result<()> {
        self.check_signer(&config)?;
        let scaler = Autoscaler::restore_with(config, None, snapshot)?;
        self.insert(key, scaler)?;
        let followed = self.with_pool(key, |pool| {
            pool.scaler.check_signers(pool.scaler.config())?;
            pool.scaler.follow_restored_models();
            Ok(())
        });
        followed.flatten().inspect_err(|_| {
            self.pools.remove(key);
        })
    }

    fn insert(&mut self, key: &str, scaler: Autoscaler) -> Result<()> {
        if self.pools.contains_key(key) {
            return Err(Error::argument(format!("pool `{key}` is in the fleet already")));
        }
        let pool = Box::new(Pool::new(scaler));
        if let Some(account) = &mut self.account {
            account.moved(0, account.units_of(&pool));
        }
        self.pools.insert(key.to_owned(), pool);
        Ok(())
    }

    /// Removes a pool; says whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let removed = self.pools.remove(key);
        if let (Some(account), Some(pool)) = (&mut self.account, &removed) {
            account.moved(account.units_of(pool), 0);
        }
        removed.is_some()
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
        self.pools.get(key)?.scaler().map(Autoscaler::snapshot)
    }

    /// The states of all pools, with their keys.
    pub fn snapshots(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.scalers().map(|(key, scaler)| (key, scaler.snapshot()))
    }

    /// Returns how each pool is doing, with its key, in their order; a pool that failed is left out.
    pub fn reports(&self) -> impl Iterator<Item = (&str, Report)> {
        self.scalers().map(|(key, scaler)| (key, scaler.report()))
    }

    /// Returns the metrics that add up, summed over the pools that know them, by name.
    pub fn sums(&self) -> BTreeMap<&'static str, f64> {
        let mut sums = BTreeMap::new();
        for (_, report) in self.reports() {
            for metric in Report::METRICS.iter().filter(|metric| metric.adds_up) {
                if let Some(value) = report.get(metric.name) {
                    *sums.entry(metric.name).or_default() += value;
                }
            }
        }
        sums
    }

    /// Returns the alerts of every pool that has some, with its key, in their order.
    pub fn alerts(&self) -> impl Iterator<Item = (&str, Vec<Alert>)> {
        let told = self.scalers().map(|(key, scaler)| (key, scaler.alerts()));
        told.filter(|(_, alerts)| !alerts.is_empty())
    }

    /// Returns reports and alerts of all pools as OpenMetrics text, as Prometheus reads it, with the label `pool`.
    #[cfg(feature = "prometheus")]
    pub fn openmetrics(&self) -> String {
        crate::openmetrics(self.scalers().map(|(key, scaler)| (key.to_owned(), scaler.sample().into())))
    }

    fn scalers(&self) -> impl Iterator<Item = (&str, &Autoscaler)> {
        self.pools.iter().filter_map(|(key, pool)| Some((key.as_str(), pool.scaler()?)))
    }

    /// Works on one pool with the networks of the fleet: a record, a decision at a later time, orders, health.
    ///
    /// # Errors
    /// There is no such pool, or it failed inside, now or before.
    pub fn with_pool<T>(&mut self, key: &str, work: impl FnOnce(&mut PoolMut<'_>) -> T) -> Result<T> {
        let pool = self.pools.get_mut(key).ok_or_else(|| unknown_pool(key))?;
        let before = self.account.map(|account| {
            pool.set_share(Some(account.rest(pool)));
            account.units_of(pool)
        });
        let answer = match self.shelves.first_mut() {
            Some(shelf) => pool.run_for_host(key, shelf, &self.bundles, work),
            None => pool.run_for_host(key, &mut Shelf::new(&[]), &self.bundles, work),
        };
        if let (Some(account), Some(before)) = (&mut self.account, before) {
            pool.set_share(None);
            account.moved(before, account.units_of(pool));
        }
        answer
    }

    /// Takes records of any pools in any order (those of one pool in theirs), and decides for each of these pools.
    /// Answers in the order of the keys; first, one error per record of an unknown pool.
    pub fn tick(&mut self, records: Vec<(String, Metrics)>) -> Vec<Result<PoolTick>> {
        let (mut turns, mut out) = turns_of(&mut self.pools, records);
        let together = self.account.is_some();
        on_threads(&mut self.shelves, &mut turns, |shelf, turns| shelf.run(turns, together));
        if let Some(account) = &mut self.account {
            let budget = account.budget;
            let mut demand = budget.demand(account.held(), &turns);
            if !demand.is_met_by(budget) {
                on_threads(&mut self.shelves, &mut turns, |shelf, turns| {
                    turns.iter_mut().for_each(|turn| turn.begin_early(shelf));
                });
                demand = budget.demand(account.held(), &turns);
                let cuts = budget.divide(demand, budget.claims(&turns));
                for turn in &mut turns {
                    turn.share = cuts.get(turn.key).map(|most| budget.share(*most));
                }
            }
            account.follow(demand.total());
            on_threads(&mut self.shelves, &mut turns, |shelf, turns| {
                turns.iter_mut().for_each(|turn| turn.end(shelf));
            });
        }
        out.extend(turns.into_iter().filter_map(|turn| turn.outcome));
        if let Some(account) = &mut self.account {
            account.close(self.pools.values().map(AsRef::as_ref));
        }
        out
    }
}

/// Returns the turns of the pools that have records, and an error per record of an unknown pool.
fn turns_of(
    pools: &mut BTreeMap<String, Box<Pool>>,
    records: Vec<(String, Metrics)>,
) -> (Vec<PoolTurn<'_>>, Vec<Result<PoolTick>>) {
    let mut by_key: BTreeMap<String, Vec<Metrics>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for (key, record) in records {
        if pools.contains_key(&key) {
            by_key.entry(key).or_default().push(record);
        } else {
            unknown.push(Err(unknown_pool(&key)));
        }
    }
    let turns =
        pools.iter_mut().filter_map(|(key, pool)| Some(PoolTurn::new(key, pool, by_key.remove(key)?)));
    (turns.collect(), unknown)
}

/// Works on all turns with the networks of each thread.
fn on_threads(
    shelves: &mut [Shelf],
    turns: &mut [PoolTurn<'_>],
    work: impl Fn(&mut Shelf, &mut [PoolTurn<'_>]) + Sync,
) {
    let (share, work) = (turns.len().div_ceil(shelves.len()).max(1), &work);
    match shelves {
        [shelf] => work(shelf, turns),
        threads => std::thread::scope(|scope| {
            for (chunk, shelf) in turns.chunks_mut(share).zip(threads) {
                scope.spawn(move || work(shelf, chunk));
            }
        }),
    }
}

impl Shelf {
    /// Takes the records of turns, and decides; where the pools decide `together`, half of that.
    fn run(&mut self, turns: &mut [PoolTurn<'_>], together: bool) {
        for group in turns.chunks_mut(GROUP) {
            group.iter_mut().for_each(|turn| turn.ingest(self));
            self.forecast_group(group);
            group.iter_mut().for_each(|turn| turn.complete(self, together));
        }
    }

    /// Asks the network in whole batches. Turns that are left over, and those of a batch that fails, ask on their own when
    /// they are finished.
    fn forecast_group(&mut self, group: &mut [PoolTurn<'_>]) {
        let mut waiting: BTreeMap<u64, Vec<&mut PoolTurn<'_>>> = BTreeMap::new();
        for turn in group.iter_mut().filter(|turn| turn.waits()) {
            let champion = turn.pool.scaler().and_then(|scaler| self.champion_of(scaler));
            waiting.entry(champion.unwrap_or_default()).or_default().push(turn);
        }
        for (digest, mut turns) in waiting {
            for turns in turns.chunks_exact_mut(BATCH) {
                let rows: Vec<&ForecasterInput> =
                    turns.iter().filter_map(|turn| Some(&turn.ingested.as_ref()?.input)).collect();
                let answers = self.forecast(digest, &rows).into_iter().flatten();
                for (turn, answer) in turns.iter_mut().zip(answers) {
                    turn.answer = Some(answer);
                }
            }
        }
    }
}

impl<'a> PoolTurn<'a> {
    fn new(key: &'a str, pool: &'a mut Pool, records: Vec<Metrics>) -> Self {
        Self {
            key,
            pool,
            records,
            observations: Vec::new(),
            ingested: None,
            answer: None,
            begun: None,
            share: None,
            outcome: None,
        }
    }

    /// All records but the last, and the first half of that one.
    fn ingest(&mut self, shelf: &mut Shelf) {
        let Some((last, earlier)) = self.records.split_last() else { return };
        let work = |scaler: &mut Autoscaler| {
            let earlier = earlier.iter().map(|record| scaler.observe(record)).collect::<Result<Vec<_>>>()?;
            Ok((earlier, scaler.ingest(last)))
        };
        match self.pool.run(self.key, shelf, work).flatten() {
            Ok((earlier, last)) => {
                self.observations = earlier;
                match last {
                    Ok(ingested) => self.ingested = Some(ingested),
                    Err(rejected) => self.observations.push(rejected),
                }
            }
            Err(problem) => self.outcome = Some(Err(problem)),
        }
    }

    /// Whether the forecasting network is to be asked.
    fn waits(&self) -> bool {
        self.ingested.is_some() && self.pool.uses_networks()
    }

    /// The second half of the last record, and the decision; where the pools decide `together`, the first half of that.
    fn complete(&mut self, shelf: &mut Shelf, together: bool) {
        if self.outcome.is_some() {
            return;
        }
        let (ingested, answer) = (self.ingested.take(), self.answer.take());
        let observations = &mut self.observations;
        let completed = self.pool.run(self.key, shelf, |scaler| {
            observations.extend(ingested.map(|ingested| scaler.complete(ingested, answer)));
            if together { Err(scaler.begin_decision(false)) } else { Ok(scaler.decide()) }
        });
        match completed {
            Ok(Ok(decision)) => self.tell(Ok(decision)),
            Ok(Err(begun)) => self.begun = Some(begun),
            Err(problem) => self.tell(Err(problem)),
        }
    }

    /// Begins a decision that is not due, so that the pool can give to others or get what they give.
    fn begin_early(&mut self, shelf: &mut Shelf) {
        if !matches!(self.begun, Some(Begun::Standing(_))) {
            return;
        }
        match self.pool.run(self.key, shelf, |scaler| scaler.begin_decision(true)) {
            Ok(begun) => self.begun = Some(begun),
            Err(problem) => {
                self.begun = None;
                self.tell(Err(problem));
            }
        }
    }

    /// The second half of the decision.
    fn end(&mut self, shelf: &mut Shelf) {
        let Some(begun) = self.begun.take() else { return };
        let share = self.share.take();
        let decision = self.pool.run(self.key, shelf, |scaler| scaler.end_decision(begun, share));
        self.tell(decision);
    }

    fn tell(&mut self, decision: Result<Decision>) {
        let observations = std::mem::take(&mut self.observations);
        self.outcome =
            Some(decision.map(|decision| PoolTick { key: self.key.to_owned(), observations, decision }));
    }
}

fn unknown_pool(key: &str) -> Error {
    Error::new(ErrorKind::UnknownPool, format!("the fleet has no pool `{key}`"))
}

#[cfg(test)]
mod tests;
