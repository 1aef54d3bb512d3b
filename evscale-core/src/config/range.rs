//! A value within its range, or a refusal that names the setting, the value and the range.

use crate::error::{Error, Result};
use std::fmt::{self, Display};

/// A value that has a range; none has none.
pub(super) trait Ranged<T> {
    fn given(&self) -> Option<&T>;
}

impl Ranged<u32> for u32 {
    fn given(&self) -> Option<&u32> {
        Some(self)
    }
}

impl Ranged<f64> for f64 {
    fn given(&self) -> Option<&f64> {
        Some(self)
    }
}

impl<T> Ranged<T> for Option<T> {
    fn given(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// The end of a range: a number, or the value of another setting.
pub(super) struct Bound<T> {
    pub(super) setting: Option<&'static str>,
    pub(super) value: T,
}

impl<T: Display> Display for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.setting {
            Some(setting) => write!(f, "{} (`{setting}`)", self.value),
            None => self.value.fmt(f),
        }
    }
}

/// # Errors
/// The value of the setting is below `low` or above `high`.
pub(super) fn within<T: PartialOrd + Display>(
    setting: &str,
    value: &impl Ranged<T>,
    low: Bound<T>,
    high: Bound<T>,
) -> Result<()> {
    match value.given() {
        Some(value) if !(&low.value..=&high.value).contains(&value) => {
            Err(Error::config(format!("`{setting}` is {value}, expected {low} to {high}")))
        }
        _ => Ok(()),
    }
}
