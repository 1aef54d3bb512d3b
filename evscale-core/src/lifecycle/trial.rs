//! The two questions: has a challenger proven to be better, and has a champion become worse than the one before it?

use super::blocks::{Block, Blocks, Compared, LatePrice, difference};
use super::evidence::{Detector, Evidence};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Evidence by chance once in so many trials. Two tests can promote, so that a challenger that is no better is promoted in at most 1
/// of 1,000.
const PROOF: f64 = 2000.0;
/// The same for one that is given up.
const WORSE: f64 = 200.0;
/// What a challenger may lose in one respect while it gains in the other: what is proven, and what is seen.
const MARGIN: f64 = 1.05;
const SEEN_MARGIN: f64 = 1.01;
/// Late events more that are seen, as a share of all.
const SEEN_LATE_SHARE: f64 = 0.0002;
/// Hours of a block of a trial. Models err for hours on end, so that a shorter block is no evidence of its own.
const TRIAL_HOURS: u32 = 12;
/// Share by which one counts as better in a block at most, so that a few extraordinary blocks decide nothing.
const MOST_BETTER: f64 = 0.1;
/// Blocks that must be seen before a promotion; those with late events among them, as few say nothing of how many there will be, or
/// so many without; and after which a trial without proof is given up.
const LEAST_BLOCKS: u32 = 4;
const LEAST_LATE_BLOCKS: u32 = 8;
const MOSTLY_PUNCTUAL_BLOCKS: u32 = 56;
const MOST_BLOCKS: u32 = 120;
/// Hours between two false alarms of each of two detectors, by which a champion is never rolled back more often than once a
/// year on average for nothing, and what it may be worse.
const ALARM_HOURS: f64 = 2.0 * 365.0 * 24.0;
const TOLERATED: f64 = 1.1;
const GUARD_HOURS: u32 = 1;

/// What a trial has come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Finding {
    /// It has proven to be better.
    Better(String),
    /// It is given up.
    GivenUp(String),
}

/// The trial of a challenger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(super) blocks: Blocks,
    loss: Tests,
    cost: Tests,
}

/// The tests of one respect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tests {
    better: Evidence,
    /// It is less than [`MARGIN`] worse.
    kept: Evidence,
    worse: Evidence,
}

impl Tests {
    fn learn(&mut self, [champion, other]: [f64; 2]) {
        self.better.learn(difference(champion, other, MOST_BETTER));
        self.kept.learn(difference(MARGIN * champion, other, MOST_BETTER));
        self.worse.learn(difference(other, champion, MOST_BETTER));
    }
}

impl Trial {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self { blocks: Blocks::new(at, TRIAL_HOURS), loss: Tests::default(), cost: Tests::default() }
    }

    /// Takes an interval; returns a finding at the end of a block that brings one.
    pub(crate) fn add(&mut self, at: Timestamp, interval: &Compared, price: LatePrice) -> Option<Finding> {
        let Block { loss, cost } = self.blocks.add(at, interval, price)?;
        self.loss.learn(loss);
        self.cost.learn(cost);
        if self.blocks.count < LEAST_BLOCKS {
            return None;
        }
        if self.is_better() {
            return Some(Finding::Better(self.describe()));
        }
        for (tests, what) in
            [(&self.loss, "its forecasts are worse"), (&self.cost, "its decisions cost more")]
        {
            if tests.worse.reaches(WORSE) {
                return Some(Finding::GivenUp(format!("{what}: {}", self.describe())));
            }
        }
        (self.blocks.count >= MOST_BLOCKS).then(|| Finding::GivenUp(format!("no proof: {}", self.describe())))
    }

    /// Better in one respect and kept in the other: by the tests, and as it was seen.
    fn is_better(&self) -> bool {
        let Blocks { sums, cost, .. } = &self.blocks;
        let seen = |[champion, other]: [f64; 2], margin: f64| other <= margin * champion;
        let by_loss = self.loss.better.reaches(PROOF)
            && self.cost.kept.reaches(PROOF)
            && seen(sums.loss, 1.0)
            && seen(*cost, SEEN_MARGIN);
        let by_cost = self.cost.better.reaches(PROOF)
            && self.loss.kept.reaches(PROOF)
            && seen(*cost, 1.0)
            && seen(sums.loss, SEEN_MARGIN);
        let allowed = ((SEEN_MARGIN - 1.0) * sums.late[0]).max(SEEN_LATE_SHARE * sums.events);
        let known =
            self.blocks.late_blocks >= LEAST_LATE_BLOCKS || self.blocks.count >= MOSTLY_PUNCTUAL_BLOCKS;
        (by_loss || by_cost) && known && self.blocks.late_more() <= allowed
    }

    /// Returns what was seen so far, in words.
    pub(crate) fn describe(&self) -> String {
        let Blocks { sums, cost, .. } = &self.blocks;
        format!(
            "{} of the quantile loss, {} of the cost and {} late events in place of {} in {} hours",
            percent(sums.loss),
            percent(*cost),
            sums.late[1].round(),
            sums.late[0].round(),
            self.blocks.hours()
        )
    }

    /// Returns how far the evidence is on its way to the proof, 0 to 1: of the better one of both respects.
    pub(super) fn progress(&self) -> f64 {
        let way = |evidence: &Evidence| (evidence.ln() / PROOF.ln()).clamp(0.0, 1.0);
        way(&self.loss.better).min(way(&self.cost.kept)).max(way(&self.cost.better).min(way(&self.loss.kept)))
    }
}

/// The watch over a champion by the one before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Guard {
    pub(super) blocks: Blocks,
    loss: Detector,
    cost: Detector,
}

impl Guard {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self { blocks: Blocks::new(at, GUARD_HOURS), loss: Detector::default(), cost: Detector::default() }
    }

    /// Takes an interval; returns why the champion has to go, at the end of an hour that shows it.
    pub(crate) fn add(&mut self, at: Timestamp, interval: &Compared, price: LatePrice) -> Option<String> {
        let Block { loss, cost } = self.blocks.add(at, interval, price)?;
        for (detector, [champion, before]) in [(&mut self.loss, loss), (&mut self.cost, cost)] {
            detector.learn(difference(champion, TOLERATED * before, 1.0));
        }
        let hours = self.blocks.hours();
        let share = |[champion, before]: [f64; 2]| percent([before, champion]);
        if self.loss.alarms(ALARM_HOURS) {
            let last = share(loss);
            return Some(format!(
                "its forecasts have become worse: {last} of the quantile loss of the one before in the last of {hours} hours"
            ));
        }
        self.cost.alarms(ALARM_HOURS).then(|| {
            let last = share(cost);
            format!("its decisions have come to cost more: {last} of what those of the one before cost in the last of {hours} hours")
        })
    }
}

fn percent([first, second]: [f64; 2]) -> String {
    if first > 0.0 { format!("{:.1} %", 100.0 * second / first) } else { "an unknown share".to_owned() }
}
