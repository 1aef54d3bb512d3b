//! What the library documents of itself: settings, record fields and safety rules, as JSON.

use crate::boundary::{copy_text, enter};
use crate::error::*;
use evscale_core::{AlertRule, Config, Metrics, Report, Rule};
use serde::Serialize;
use std::ffi::c_char;

/// A safety rule as it is documented.
#[derive(Serialize)]
struct Described {
    name: &'static str,
    description: &'static str,
}

/// The settings of a configuration, as a JSON list of name, description, default, and range: the smallest and the largest
/// value, each a number or the name of the setting that bounds it, or null. Any thread may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_settings_json(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    list(&Config::settings(), buffer, capacity, needed, error)
}

/// The fields of a metrics record, as a JSON list of name, description, range (the smallest and the largest number that
/// makes sense, or null) and required. `timestamp` is that of evscale_observe_json. Any thread may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fields_json(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    list(Metrics::FIELDS, buffer, capacity, needed, error)
}

/// The safety rules in the order in which they apply, as a JSON list of name (as in the trail of a decision) and
/// description. Any thread may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_rules_json(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    let described = |rule: &Rule| Described { name: rule.as_str(), description: rule.describe() };
    let rules: Vec<Described> = Rule::ALL.iter().map(described).collect();
    list(&rules, buffer, capacity, needed, error)
}

/// The metrics of a report, as a JSON list of name, unit, description, and adds_up: whether those of several pools do. Any
/// thread may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_metrics_json(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    list(Report::METRICS, buffer, capacity, needed, error)
}

/// The alerts of the library, as a JSON list of name, severity, condition (a list of metric, side, fires_at and resolves_at),
/// for_seconds, resolved_after_seconds, escalated_after_seconds, action and text. Any thread may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_alert_rules_json(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    list(AlertRule::table(), buffer, capacity, needed, error)
}

/// Copies a list out.
fn list<T: Serialize>(
    entries: &[T],
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let text = serde_json::to_string(entries)
            .map_err(|problem| Failure::new(EVSCALE_INVALID_ARGUMENT, problem.to_string()))?;
        copy_text(text, buffer, capacity, needed)
    })
}
