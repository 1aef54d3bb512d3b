//! What the classes of events need, in the order of service: the pool needs the highest of it.

use super::need::Need;
use super::whole_jobs;

/// What the classes of a priority and all that are served before them need.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LevelNeed {
    /// Names of the classes of the priority.
    pub(crate) names: String,
    pub(crate) need: Need,
}

/// What the classes of a pool need; nothing in a pool without any.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Levels {
    /// All but those that are served last, whose need is that of the pool.
    pub(crate) before: Vec<LevelNeed>,
    /// Names of those that are served last.
    pub(crate) last: String,
}

impl Levels {
    /// Raises the need of a pool to that of each level.
    pub(super) fn raise(&self, need: Need) -> Need {
        self.before.iter().fold(need, |need, level| need.raised(&level.need))
    }

    /// Returns which class decides on the need, and which ones wait where the pool cannot have what all need at the median; `all` is the
    /// need of the pool without that of the levels.
    pub(super) fn in_words(&self, all: &Need, most: u32) -> Option<String> {
        if self.last.is_empty() {
            return None;
        }
        let before = self.before.iter().map(|level| (level.names.as_str(), &level.need));
        let needs: Vec<(&str, &Need)> = before.chain([(self.last.as_str(), all)]).collect();
        let highest = |a: &&(&str, &Need), b: &&(&str, &Need)| a.1.analytic.total_cmp(&b.1.analytic);
        let (binding, need) = needs.iter().rev().max_by(highest)?;
        let mut told = format!("Class {binding} decides with {:.1} jobs", need.analytic);
        if let Some(first) = needs.iter().position(|(_, need)| whole_jobs(need.near[0]) > most) {
            let waiting: Vec<&str> = needs.iter().skip(first).map(|(names, _)| *names).collect();
            told.push_str(&format!(
                "; `max_jobs` is not enough for all, what waits is {}",
                waiting.join(" and ")
            ));
        }
        Some(told)
    }
}
