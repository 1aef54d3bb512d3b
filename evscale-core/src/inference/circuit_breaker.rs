//! Circuit breaker of a network: a failure takes it out of the decisions, good runs in the shadow bring it back.
//!
//! *Closed*, the network acts. A failure *opens* the breaker: the network does not run for a while, twice as long after
//! every further failure. Then the breaker is *half-open*: the network runs, its answers are checked and not used, and
//! [`SUCCESS_THRESHOLD`] good ones in a row close the breaker. Source: Nygard, *Release It!*, 2nd ed. 2018, chapter 5.

use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Good shadow runs in a row that bring a network back.
const SUCCESS_THRESHOLD: u32 = 10;
/// Records for which an open breaker keeps the network from running: the first time, and at most.
const FIRST_OPEN_RECORDS: u32 = 30;
const MOST_OPEN_RECORDS: u32 = 480;
/// Good runs after which a failure counts as the first one again.
const FORGIVEN_AFTER: u32 = 500;

/// State of a breaker at a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CircuitState {
    /// The network runs, and its answer is used.
    Closed,
    /// The network runs, and its answer is only checked.
    HalfOpen,
    /// The network does not run.
    Open,
}

/// The breaker of one network of one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CircuitBreaker {
    /// Why it is open; none while it is closed.
    cause: Option<String>,
    /// Records until it is half-open.
    open_records: u32,
    next_open_records: u32,
    /// Good runs in a row.
    good: u32,
    /// The cause of the last failure, from the moment the network is back until a decision has told so.
    overcome: Option<String>,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { cause: None, open_records: 0, next_open_records: FIRST_OPEN_RECORDS, good: 0, overcome: None }
    }
}

impl CircuitBreaker {
    /// Whether the network acts.
    pub(crate) fn is_closed(&self) -> bool {
        self.cause.is_none()
    }

    /// Whether the network runs in the shadow.
    pub(crate) fn is_half_open(&self) -> bool {
        !self.is_closed() && self.open_records == 0
    }

    /// Returns the state at the next record; to be called once per record.
    pub(crate) fn next(&mut self) -> CircuitState {
        if self.is_closed() {
            return CircuitState::Closed;
        }
        if self.open_records > 0 {
            self.open_records -= 1;
            return CircuitState::Open;
        }
        CircuitState::HalfOpen
    }

    /// Learns how a run ended; `Ok(None)` is none.
    pub(crate) fn record<T>(&mut self, run: &Result<Option<T>>) {
        match run {
            Ok(None) => {}
            Ok(Some(_)) => self.succeeded(),
            Err(problem) => self.failed(problem.to_string()),
        }
    }

    /// The network answered, and its answer made sense.
    pub(crate) fn succeeded(&mut self) {
        self.good = self.good.saturating_add(1);
        if self.is_closed() {
            if self.good >= FORGIVEN_AFTER {
                self.next_open_records = FIRST_OPEN_RECORDS;
            }
        } else if self.open_records == 0 && self.good >= SUCCESS_THRESHOLD {
            self.overcome = self.cause.take();
            self.good = 0;
        }
    }

    /// The network failed: an error, a panic, an answer that makes no sense, or too slow.
    pub(crate) fn failed(&mut self, cause: String) {
        self.cause = Some(cause);
        self.overcome = None;
        self.good = 0;
        self.open_records = self.next_open_records;
        self.next_open_records = (2 * self.next_open_records).min(MOST_OPEN_RECORDS);
    }

    /// Why the network does not act, and how far it is from coming back.
    pub(crate) fn cause(&self) -> Option<String> {
        let cause = self.cause.as_ref()?;
        Some(if self.open_records > 0 {
            format!("{cause}; not asked for {} records more", self.open_records)
        } else {
            format!("{cause}; {} of {SUCCESS_THRESHOLD} good runs in the shadow since", self.good)
        })
    }

    /// Returns, once, that the network acts again: for the first decision since the breaker closed.
    pub(crate) fn take_recovery(&mut self, network: &str) -> Option<String> {
        let cause = self.overcome.take()?;
        Some(format!(
            "the {network} acts again after {SUCCESS_THRESHOLD} good runs in the shadow, having failed: {cause}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of a network until the breaker closes; `healthy` says whether the run at a record is good.
    fn records_until_closed(breaker: &mut CircuitBreaker, healthy: impl Fn(u32) -> bool) -> u32 {
        for record in 0..100_000 {
            match breaker.next() {
                CircuitState::Closed => return record,
                CircuitState::Open => {}
                CircuitState::HalfOpen if healthy(record) => breaker.succeeded(),
                CircuitState::HalfOpen => breaker.failed("nonsense".to_owned()),
            }
        }
        panic!("never closed: {breaker:?}");
    }

    #[test]
    fn a_failure_opens_it_and_good_runs_in_a_row_close_it() {
        let mut breaker = CircuitBreaker::default();
        assert_eq!(breaker.next(), CircuitState::Closed);
        breaker.succeeded();
        breaker.failed("nonsense".to_owned());
        assert_eq!(breaker.cause().unwrap(), "nonsense; not asked for 30 records more");
        assert_eq!(records_until_closed(&mut breaker, |_| true), FIRST_OPEN_RECORDS + SUCCESS_THRESHOLD);
        assert!(breaker.cause().is_none());
        assert!(breaker.take_recovery("policy network").unwrap().contains("having failed: nonsense"));
        assert!(breaker.take_recovery("policy network").is_none(), "told once");
    }

    #[test]
    fn a_failure_while_half_open_begins_again_and_stays_open_longer_up_to_a_limit() {
        let mut breaker = CircuitBreaker::default();
        breaker.failed("nonsense".to_owned());
        let almost = FIRST_OPEN_RECORDS + SUCCESS_THRESHOLD - 1;
        let needed = records_until_closed(&mut breaker, |record| record != almost);
        assert_eq!(needed, almost + 1 + 2 * FIRST_OPEN_RECORDS + SUCCESS_THRESHOLD);
        for _ in 0..100 {
            breaker.failed("nonsense".to_owned());
        }
        assert_eq!(breaker.open_records, MOST_OPEN_RECORDS);
        records_until_closed(&mut breaker, |_| true);
        (0..FORGIVEN_AFTER).for_each(|_| breaker.succeeded());
        breaker.failed("nonsense".to_owned());
        assert_eq!(breaker.open_records, FIRST_OPEN_RECORDS, "long good conduct counts");
    }
}
