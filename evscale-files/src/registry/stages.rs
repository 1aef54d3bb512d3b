//! Which version is the champion, and how that came about.

use super::card::FORMAT;
use super::error::RegistryError;
use serde::{Deserialize, Serialize};

/// Most steps that are remembered; the oldest go first.
const MOST_STEPS: usize = 10_000;

/// What was done to the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A version became the champion.
    Promoted,
    /// The champion before came back.
    RolledBack,
    /// Promotion and rollback were forbidden.
    Pinned,
    /// And allowed again.
    Unpinned,
}

/// A step of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was done.
    pub kind: StepKind,
    /// Champion before; none is the bundled models.
    pub from: Option<u32>,
    /// Champion after.
    pub to: Option<u32>,
    /// When, epoch milliseconds.
    pub at_ms: i64,
    /// Why, in the caller's words.
    pub reason: String,
}

/// A ban on promotion and rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Since when, epoch milliseconds.
    pub at_ms: i64,
    /// Why, in the caller's words.
    pub reason: String,
}

/// The stages of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages {
    /// Version of this format.
    pub format_version: u32,
    /// Version that acts; none is the bundled models.
    pub champion: Option<u32>,
    /// Champions that rollbacks return to, the next one last; after them the bundled models.
    pub earlier: Vec<u32>,
    /// Set while neither promotion nor rollback is allowed.
    pub pinned: Option<Pin>,
    /// Steps, the newest last.
    pub history: Vec<Step>,
}

impl Default for Stages {
    fn default() -> Self {
        Self {
            format_version: FORMAT,
            champion: None,
            earlier: Vec::new(),
            pinned: None,
            history: Vec::new(),
        }
    }
}

impl Stages {
    pub(super) fn checked(self) -> Result<Self, RegistryError> {
        if self.format_version == FORMAT {
            return Ok(self);
        }
        let found = self.format_version;
        let message = format!("stages.json: `format_version` is {found}, expected {FORMAT}; update evscale");
        Err(RegistryError::Damaged(message))
    }

    pub(super) fn promote(&mut self, version: u32, at_ms: i64, reason: &str) -> Result<(), RegistryError> {
        self.refuse_if_pinned("promoted")?;
        if self.champion == Some(version) {
            return Err(RegistryError::Refused(format!(
                "version {version} is the champion already; nothing was changed"
            )));
        }
        self.earlier.extend(self.champion);
        self.note(StepKind::Promoted, Some(version), at_ms, reason);
        Ok(())
    }

    pub(super) fn roll_back(&mut self, at_ms: i64, reason: &str) -> Result<(), RegistryError> {
        self.refuse_if_pinned("rolled back")?;
        if self.champion.is_none() {
            return Err(RegistryError::Refused(
                "the champion is the bundled models, there is nothing to roll back to; promote a version first".to_owned(),
            ));
        }
        let to = self.earlier.pop();
        self.note(StepKind::RolledBack, to, at_ms, reason);
        Ok(())
    }

    pub(super) fn pin(&mut self, at_ms: i64, reason: &str) -> Result<(), RegistryError> {
        self.refuse_if_pinned("pinned again")?;
        self.note(StepKind::Pinned, self.champion, at_ms, reason);
        self.pinned = Some(Pin { at_ms, reason: reason.to_owned() });
        Ok(())
    }

    pub(super) fn unpin(&mut self, at_ms: i64, reason: &str) -> Result<(), RegistryError> {
        if self.pinned.take().is_none() {
            return Err(RegistryError::Refused("the champion is not pinned; nothing was changed".to_owned()));
        }
        self.note(StepKind::Unpinned, self.champion, at_ms, reason);
        Ok(())
    }

    fn refuse_if_pinned(&self, what: &str) -> Result<(), RegistryError> {
        let Some(pin) = &self.pinned else { return Ok(()) };
        let champion =
            self.champion.map_or("the bundled models".to_owned(), |version| format!("version {version}"));
        let reason = &pin.reason;
        Err(RegistryError::Refused(format!(
            "the champion, {champion}, is pinned ({reason}), so nothing can be {what}; unpin it first"
        )))
    }

    fn note(&mut self, kind: StepKind, to: Option<u32>, at_ms: i64, reason: &str) {
        self.history.push(Step { kind, from: self.champion, to, at_ms, reason: reason.to_owned() });
        let surplus = self.history.len().saturating_sub(MOST_STEPS);
        self.history.drain(..surplus);
        self.champion = to;
    }
}
