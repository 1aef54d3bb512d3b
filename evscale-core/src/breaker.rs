//! Circuit breaker of a network: a failure takes it out of the decisions, good runs in the shadow bring it back.
//!
//! *Closed*, the network acts. A failure opens the breaker: the network is not asked for a while, twice as long after
//! every further failure. Then it is asked in the shadow, its answers are checked and not used; [`PROOF_RUNS`] good ones in
//! a row close the breaker. Source: Nygard, *Release It!*, 2nd ed. 2018, chapter 5.

use serde::{Deserialize, Serialize};

/// Good shadow runs in a row that bring a network back.
const PROOF_RUNS: u32 = 10;
/// Records for which a network that failed is not asked: the first time, and at most.
const FIRST_REST: u32 = 30;
const LONGEST_REST: u32 = 480;
/// Good runs after which a failure counts as the first one again.
const FORGIVEN_RUNS: u32 = 500;

/// What may be done with the network at a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Ask it and use its answer.
    Act,
    /// Ask it and do not use its answer.
    Shadow,
    /// Leave it alone.
    Rest,
}

/// The breaker of one network of one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Breaker {
    /// Why it is open; none while it is closed.
    cause: Option<String>,
    /// Records until the next shadow run.
    rest: u32,
    next_rest: u32,
    /// Good runs in a row.
    good: u32,
    /// The cause of the last failure, from the moment the network is back until a decision has told so.
    overcome: Option<String>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { cause: None, rest: 0, next_rest: FIRST_REST, good: 0, overcome: None }
    }
}

impl Breaker {
    /// Whether the network acts.
    pub(crate) fn is_closed(&self) -> bool {
        self.cause.is_none()
    }

    /// What may be done at the next record; to be asked once per record.
    pub(crate) fn turn(&mut self) -> Turn {
        if self.is_closed() {
            return Turn::Act;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return Turn::Rest;
        }
        Turn::Shadow
    }

    /// The network answered, and its answer made sense.
    pub(crate) fn succeeded(&mut self) {
        self.good = self.good.saturating_add(1);
        if self.is_closed() {
            if self.good >= FORGIVEN_RUNS {
                self.next_rest = FIRST_REST;
            }
        } else if self.rest == 0 && self.good >= PROOF_RUNS {
            self.overcome = self.cause.take();
            self.good = 0;
        }
    }

    /// The network failed: an error, a panic, an answer that makes no sense, or too slow.
    pub(crate) fn failed(&mut self, cause: String) {
        self.cause = Some(cause);
        self.overcome = None;
        self.good = 0;
        self.rest = self.next_rest;
        self.next_rest = (2 * self.next_rest).min(LONGEST_REST);
    }

    /// Why the network does not act, and how far it is from coming back.
    pub(crate) fn cause(&self) -> Option<String> {
        let cause = self.cause.as_ref()?;
        Some(if self.rest > 0 {
            format!("{cause}; not asked for {} records more", self.rest)
        } else {
            format!("{cause}; {} of {PROOF_RUNS} good runs in the shadow since", self.good)
        })
    }

    /// That the network acts again, once, for the first decision since.
    pub(crate) fn take_recovery(&mut self, network: &str) -> Option<String> {
        let cause = self.overcome.take()?;
        Some(format!(
            "the {network} acts again after {PROOF_RUNS} good runs in the shadow, having failed: {cause}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of a network until the breaker closes; `healthy` says whether the run at a record is good.
    fn records_until_closed(breaker: &mut Breaker, healthy: impl Fn(u32) -> bool) -> u32 {
        for record in 0..100_000 {
            match breaker.turn() {
                Turn::Act => return record,
                Turn::Rest => {}
                Turn::Shadow if healthy(record) => breaker.succeeded(),
                Turn::Shadow => breaker.failed("nonsense".to_owned()),
            }
        }
        panic!("never closed: {breaker:?}");
    }

    #[test]
    fn a_failure_opens_it_and_good_runs_in_a_row_close_it() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.turn(), Turn::Act);
        breaker.succeeded();
        breaker.failed("nonsense".to_owned());
        assert_eq!(breaker.cause().unwrap(), "nonsense; not asked for 30 records more");
        assert_eq!(records_until_closed(&mut breaker, |_| true), FIRST_REST + PROOF_RUNS);
        assert!(breaker.cause().is_none());
        assert!(breaker.take_recovery("policy network").unwrap().contains("having failed: nonsense"));
        assert!(breaker.take_recovery("policy network").is_none(), "told once");
    }

    #[test]
    fn a_failed_proof_begins_again_and_rests_longer_up_to_a_limit() {
        let mut breaker = Breaker::default();
        breaker.failed("nonsense".to_owned());
        let almost = FIRST_REST + PROOF_RUNS - 1;
        let needed = records_until_closed(&mut breaker, |record| record != almost);
        assert_eq!(needed, almost + 1 + 2 * FIRST_REST + PROOF_RUNS);
        for _ in 0..100 {
            breaker.failed("nonsense".to_owned());
        }
        assert_eq!(breaker.rest, LONGEST_REST);
        records_until_closed(&mut breaker, |_| true);
        (0..FORGIVEN_RUNS).for_each(|_| breaker.succeeded());
        breaker.failed("nonsense".to_owned());
        assert_eq!(breaker.rest, FIRST_REST, "long good conduct counts");
    }
}
