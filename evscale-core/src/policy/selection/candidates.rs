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

/// Headroom of the candidate that leads at first, by index.
const FIRST_HEADROOM: usize = 6;
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
/// Headrooms by index, and what the candidates of each of them keep.
type Group = (&'static [usize], &'static [(Floor, f64)]);

/// All candidates: the more is kept, the less the headroom matters, and how much is kept the more.
const GROUPS: [Group; 5] = [
    // for pools that may let a queue stand
    (&[0, 1], &[(Floor::Peak, 0.0), (Floor::SameTime, 1.0), (Floor::Peak, 0.35), (Floor::Peak, 0.65)]),
    (&[2], &[(Floor::Peak, 0.0), (Floor::SameTime, 1.0)]),
    (&[3, 4, 5, 6, 7, 8, 9], &[(Floor::Peak, 0.0), (Floor::SameTime, 1.0), (Floor::Recent, 1.0)]),
    (&[4, 5, 6, 7, 8, 9], &[(Floor::Peak, 1.0), (Floor::Peak, 1.25)]),
    (
        &[4, 7, 9],
        &[
            (Floor::Peak, 0.35),
            (Floor::Peak, 0.43),
            (Floor::Peak, 0.5),
            (Floor::Peak, 0.57),
            (Floor::Peak, 0.65),
            (Floor::Peak, 0.73),
            (Floor::Peak, 0.82),
            (Floor::Peak, 0.91),
            (Floor::Recent, 0.75),
        ],
    ),
];
/// Number of candidates.
pub(super) const CANDIDATES: usize = 2 * 4 + 2 + 7 * 3 + 6 * 2 + 3 * 9;
/// Candidate that leads at first: one unit of headroom, and nothing is kept.
pub(super) const FIRST: usize = 19;

/// The candidates of a part of a pool: less, the median, and more, each alone and with what was needed before.
pub(super) const FEW: [usize; 20] =
    [4, 5, 10, 11, 13, 14, 19, 20, 25, 26, 31, 33, 35, 39, 45, 47, 49, 56, 58, 65];

/// Returns the index of a candidate's headroom, and what it keeps.
fn parts(mut index: usize) -> Option<(usize, (Floor, f64))> {
    for (headrooms, kept) in GROUPS {
        if let Some(headroom) = headrooms.get(index / kept.len()) {
            return Some((*headroom, *kept.get(index % kept.len())?));
        }
        index -= headrooms.len() * kept.len();
    }
    None
}

/// Returns a candidate.
pub(super) fn candidate(index: usize) -> Candidate {
    let (headroom, (floor, share)) = parts(index).unwrap_or((FIRST_HEADROOM, (Floor::Peak, 0.0)));
    let (headroom, demand_share) = HEADROOMS.get(headroom).copied().unwrap_or((1.0, 1.0));
    Candidate { headroom, demand_share, floor, share }
}

/// Index of a candidate's headroom.
pub(super) fn headroom_of(index: usize) -> usize {
    parts(index).map_or(FIRST_HEADROOM, |(headroom, _)| headroom)
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
