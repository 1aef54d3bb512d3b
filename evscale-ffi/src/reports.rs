//! What an autoscaler knows: explanations, forecasts, health, state.

use crate::autoscaler::{Pool, evscale_autoscaler, with_pool};
use crate::boundary::{Outcome, copy_out, copy_text, enter, null, required_mut, required_text, slice};
use crate::error::*;
use evscale_core::{Alert, Decision, Forecast, HORIZON_MINUTES, Observation, Report, Timestamp};
use std::ffi::c_char;

/// Most horizons, and most levels, of one call.
const MOST_ASKED: usize = 1024;

/// What became of the last record, as JSON: verdict, repairs, reason, and what may be done on it. EVSCALE_NOTHING_YET before the
/// first one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_observation_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    report(autoscaler, buffer, capacity, needed, error, |pool| {
        pool.seen.as_ref().map(Observation::to_json).ok_or_else(|| nothing("record"))
    })
}

/// The last decision with everything that led to it, as JSON. EVSCALE_NOTHING_YET before the first one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_decision_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    report(autoscaler, buffer, capacity, needed, error, |pool| {
        pool.last.as_ref().map(Decision::to_json).ok_or_else(|| nothing("decision"))
    })
}

/// The last decision in a sentence, as of `explanation` in evscale_decision_json. EVSCALE_NOTHING_YET before the first one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_explanation(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    report(autoscaler, buffer, capacity, needed, error, |pool| {
        pool.last.as_ref().map(|last| last.explanation.clone()).ok_or_else(|| nothing("decision"))
    })
}

/// The forecast at the newest record, as JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecast_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    report(autoscaler, buffer, capacity, needed, error, |pool| Ok(pool.scaler.forecast().to_json()))
}

/// Quantiles of the forecast at the newest record, events per interval. `minutes` are `minutes_count` leads, each of 2, 4,
/// 6, 8, 12, 18, 24, 36, 48, 72, 120 or 180; `levels` are `levels_count` numbers from 0 to 1, such as 0.5 for the median;
/// values between the known levels are interpolated, 0.005 and 0.995 are the outermost. `values` has room for
/// `minutes_count * levels_count` numbers (at most 1,024 of each) and gets a row per lead. A refused call writes nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecast_quantiles(
    autoscaler: *mut evscale_autoscaler,
    minutes: *const u32,
    minutes_count: usize,
    levels: *const f64,
    levels_count: usize,
    values: *mut f64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        write_quantiles((minutes, minutes_count), (levels, levels_count), values, || {
            with_pool(autoscaler, |pool| Ok(pool.scaler.forecast()))
        })
    })
}

/// Writes the quantiles of a forecast, a row per lead.
pub(crate) fn write_quantiles(
    (minutes, minutes_count): (*const u32, usize),
    (levels, levels_count): (*const f64, usize),
    values: *mut f64,
    forecast: impl FnOnce() -> Result<Forecast, Failure>,
) -> Outcome {
    let minutes = slice(minutes, minutes_count, MOST_ASKED, "minutes")?;
    let levels = slice(levels, levels_count, MOST_ASKED, "levels")?;
    if values.is_null() {
        return Err(null("values"));
    }
    let found = quantiles(&forecast()?, minutes, levels)?;
    // SAFETY: the caller hands room for a row of levels per lead.
    unsafe { std::ptr::copy_nonoverlapping(found.as_ptr(), values, found.len()) };
    Ok(())
}

fn quantiles(forecast: &Forecast, minutes: &[u32], levels: &[f64]) -> Result<Vec<f64>, Failure> {
    if let Some(level) = levels.iter().find(|level| !(0.0..=1.0).contains(*level)) {
        let message = format!("`levels` has {level}, expected 0 to 1");
        return Err(Failure::new(EVSCALE_INVALID_ARGUMENT, message));
    }
    let mut found = Vec::with_capacity(minutes.len() * levels.len());
    for lead in minutes {
        let horizon = forecast.horizon(*lead).ok_or_else(|| {
            let message = format!("`minutes` has {lead}, expected one of {HORIZON_MINUTES:?}");
            Failure::new(EVSCALE_INVALID_ARGUMENT, message)
        })?;
        found.extend(levels.iter().map(|level| horizon.quantile(*level)));
    }
    Ok(found)
}

/// Who acts and what is known to be wrong, as JSON: status (healthy, degraded, holding), source,
/// data_quality, allowed_actions, causes, and what is announced of the time to come.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_health_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    report(autoscaler, buffer, capacity, needed, error, |pool| Ok(pool.scaler.health().to_json()))
}

/// What the pool has learned and counts on at its newest record, as JSON: newest_record, jobs, starting_jobs, waiting_events,
/// service_time_ms, job_startup_seconds, error_budget_burn, the rule that leads in shadow evaluation, and policy_leads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_learned_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    report(autoscaler, buffer, capacity, needed, error, |pool| Ok(pool.scaler.learned().to_json()))
}

/// How the pool is doing, as JSON: every metric of the model, the data, the service, the pool and the cost by its name (null where
/// it is not known), `coverage_80` by horizon, `circuit_breakers`, `drift` with its onset, `retraining_recommended` with the reason,
/// and the last `day` in 144 bins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_report_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    report(autoscaler, buffer, capacity, needed, error, |pool| Ok(pool.scaler.report().to_json()))
}

/// A number of the report by its name, such as "accuracy"; NAN where it is not known. The names are those of evscale_metrics_json.
/// Fails with EVSCALE_INVALID_ARGUMENT if there is no such metric.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_report_metric(
    autoscaler: *mut evscale_autoscaler,
    name: *const c_char,
    value: *mut f64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (name, value) = (metric_of(name)?, required_mut(value, "value")?);
        let report = with_pool(autoscaler, |pool| Ok(pool.scaler.report()))?;
        *value = report.get(name).unwrap_or(f64::NAN);
        Ok(())
    })
}

/// A metric by its name.
pub(crate) fn metric_of(name: *const c_char) -> Result<&'static str, Failure> {
    let name = required_text(name, "name")?;
    let metric = Report::METRICS.iter().find(|metric| metric.name == name).ok_or_else(|| {
        let message = format!("`name` is {name:?}, expected a metric of evscale_metrics_json");
        Failure::new(EVSCALE_INVALID_ARGUMENT, message)
    })?;
    Ok(metric.name)
}

/// The alerts that fire, or were resolved within the last day, as a JSON array, the worst and newest first: name, severity,
/// state (firing, resolved), since, until, seconds, escalated, silenced_until, condition, values, text and action.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_alerts_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    report(autoscaler, buffer, capacity, needed, error, |pool| Ok(Alert::all_to_json(&pool.scaler.alerts())))
}

/// Report and alerts as OpenMetrics text, as Prometheus scrapes it, with the label `pool` (any text). Its content type is
/// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_openmetrics(
    autoscaler: *mut evscale_autoscaler,
    pool: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let name = required_text(pool, "pool")?;
        let text = with_pool(autoscaler, |pool| Ok(pool.scaler.openmetrics(name)))?;
        copy_text(text, buffer, capacity, needed)
    })
}

/// Silences an alert by its name until a time (milliseconds since 1970): it goes on to fire and resolve, and says that nobody is
/// to be told. A time that is over takes a silence back. Fails with EVSCALE_INVALID_ARGUMENT if there is no such alert.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_silence(
    autoscaler: *mut evscale_autoscaler,
    alert: *const c_char,
    until_ms: i64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let name = required_text(alert, "alert")?;
        let until = Timestamp::from_millis(until_ms)?;
        with_pool(autoscaler, |pool| Ok(pool.scaler.silence(name, Some(until))?))
    })
}

/// The whole state of the pool, without configuration and models; about 25 KiB for records every 2 minutes.
/// evscale_restore goes on from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_snapshot(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut u8,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let state = with_pool(autoscaler, |pool| Ok(pool.scaler.snapshot()))?;
        copy_out(&state, buffer, capacity, needed)
    })
}

/// Copies a text about a pool out.
fn report(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
    about: impl FnOnce(&mut Pool) -> Result<String, Failure>,
) -> i32 {
    enter(error, || copy_text(with_pool(autoscaler, about)?, buffer, capacity, needed))
}

pub(crate) fn nothing(what: &str) -> Failure {
    Failure::new(EVSCALE_NOTHING_YET, format!("there is no {what} yet"))
}
