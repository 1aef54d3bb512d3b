//! The candidates: how much headroom over the median, and what must always be there.

use serde::{Deserialize, Serialize};

/// What a pool has needed before, as a lower limit of what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Floor {
    /// The highest need of the last weeks.
    Peak,
    /// The highest need at this time of day on the last days.
    SameTime,
    /// The highest need of the last hours.
    Recent,
}

/// Floors there are.
pub(super) const FLOORS: usize = 3;

/// A candidate rule: `need = max(demand_share * (median + headroom * (q95 - median)), share * floor)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Headroom in distances between the median and the 95 % quantile of the demand.
    pub(crate) headroom: f64,
    /// Share of the demand that is planned for; a queue carries the rest.
    pub(crate) demand_share: f64,
    pub(crate) floor: Floor,
    /// Share of the floor that is kept.
    pub(crate) share: f64,
}

/// Headrooms of the candidates, and the share of the demand that each is planned with.
pub(super) const HEADROOMS: [(f64, f64); 10] = [
    (0.0, 0.7),
    (0.0, 0.85),
    (-0.6, 1.0),
    (0.0, 1.0),
    (0.3, 1.0),
    (0.6, 1.0),
    (1.0, 1.0),
    (1.5, 1.0),
    (2.2, 1.0),
    (4.0, 1.0),
];
/// What candidates of every headroom keep.
const KEPT: [(Floor, f64); 3] = [(Floor::Peak, 0.0), (Floor::SameTime, 1.0), (Floor::Recent, 1.0)];
/// What those of some headrooms keep too: the more is kept, the less the headroom matters, and how much is kept the more.
const KEPT_IN_STEPS: [(Floor, f64); 12] = [
    (Floor::Peak, 0.35),
    (Floor::Peak, 0.43),
    (Floor::Peak, 0.5),
    (Floor::Peak, 0.57),
    (Floor::Peak, 0.65),
    (Floor::Peak, 0.73),
    (Floor::Peak, 0.82),
    (Floor::Peak, 0.91),
    (Floor::Peak, 1.0),
    (Floor::Peak, 1.25),
    (Floor::SameTime, 0.7),
    (Floor::Recent, 0.75),
];
/// The headrooms of those, by index.
const HEADROOMS_IN_STEPS: [usize; 3] = [5, 6, 9];
/// Candidates that keep what those of every headroom keep; the others come after them.
const PLAIN: usize = HEADROOMS.len() * KEPT.len();
/// Number of candidates.
pub(super) const CANDIDATES: usize = PLAIN + HEADROOMS_IN_STEPS.len() * KEPT_IN_STEPS.len();
/// Candidate that leads at first: one unit of headroom.
pub(super) const FIRST: usize = 6 * KEPT.len();

/// The candidates of a part of a pool: less, the median, and more, each alone and with what was needed before.
pub(super) const FEW: [usize; 20] =
    [3, 4, 9, 10, 12, 13, 18, 19, 24, 25, 32, 34, 36, 38, 46, 48, 50, 58, 60, 62];

/// Returns a candidate.
pub(super) fn candidate(index: usize) -> Candidate {
    let kept = match index.checked_sub(PLAIN) {
        None => KEPT.get(index % KEPT.len()),
        Some(place) => KEPT_IN_STEPS.get(place % KEPT_IN_STEPS.len()),
    };
    let (floor, share) = kept.copied().unwrap_or((Floor::Peak, 0.0));
    let (headroom, demand_share) = HEADROOMS.get(headroom_of(index)).copied().unwrap_or((1.0, 1.0));
    Candidate { headroom, demand_share, floor, share }
}

/// Index of a candidate's headroom.
pub(super) fn headroom_of(index: usize) -> usize {
    match index.checked_sub(PLAIN) {
        None => index / KEPT.len(),
        Some(place) => HEADROOMS_IN_STEPS.get(place / KEPT_IN_STEPS.len()).copied().unwrap_or(0),
    }
}

impl Candidate {
    /// The lowest need that the rule allows, jobs; `floors` in the order of [`Floor`].
    pub(super) fn floor_jobs(&self, floors: &[f64; FLOORS]) -> f64 {
        self.share * floors.get(self.floor as usize).copied().unwrap_or(0.0)
    }

    /// Returns the share of late events that is assumed before anything is known: less for rules with more headroom.
    pub(super) fn assumed_late_share(&self) -> f64 {
        let kept = if self.floor == Floor::Peak { self.share } else { 0.0 };
        0.02 * (-1.2 * self.headroom + 2.0 * (1.0 - self.demand_share) - 2.0 * kept).exp()
    }

    /// In words, without a full stop.
    pub(crate) fn describe(&self) -> String {
        let floor = match self.floor {
            Floor::Peak => "the highest need of the last weeks",
            Floor::SameTime => "the highest need at this time of the last days",
            Floor::Recent => "the highest need of the last hours",
        };
        let headroom = if self.demand_share < 1.0 {
            format!("{:.0} % of the median", 100.0 * self.demand_share)
        } else if self.headroom == 0.0 {
            "the median".to_owned()
        } else {
            let sign = if self.headroom < 0.0 { '-' } else { '+' };
            format!("median {sign} {} x (95 % quantile - median)", self.headroom.abs())
        };
        if self.share > 0.0 {
            format!("{headroom}, at least {:.0} % of {floor}", 100.0 * self.share)
        } else {
            headroom
        }
    }
}
