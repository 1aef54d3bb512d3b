//! What a host should hear of although it may not look at the answers: warnings of the logger `evscale`.

use crate::observation::Observation;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rejected records in a row. The first, second, fourth, eighth and so on are told.
#[derive(Default)]
pub struct Rejections(AtomicU32);

impl Rejections {
    /// Follows the records of one call, each with the name of its pool.
    pub fn follow<'a>(
        &self,
        py: Python<'_>,
        seen: impl Iterator<Item = (Option<&'a str>, &'a Observation)>,
    ) -> PyResult<()> {
        for (pool, one) in seen {
            let Some(reason) = one.rejected() else {
                self.0.store(0, Ordering::Relaxed);
                continue;
            };
            let before = self.0.fetch_add(1, Ordering::Relaxed);
            let count = before.saturating_add(1);
            if count.is_power_of_two() {
                warn(py, pool, reason, count)?;
            }
        }
        Ok(())
    }
}

fn warn(py: Python<'_>, pool: Option<&str>, reason: &str, count: u32) -> PyResult<()> {
    let logger = py.import("logging")?.call_method1("getLogger", ("evscale",))?;
    let whose = pool.map_or_else(String::new, |pool| format!("pool `{pool}`: "));
    logger.call_method1("warning", ("%srecord rejected: %s (%d in a row)", whose, reason, count))?;
    Ok(())
}
