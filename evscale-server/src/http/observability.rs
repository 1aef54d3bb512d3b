//! How the server is doing: for load balancers, orchestrators, people and Prometheus.

use super::App;
use super::input::Who;
use crate::problem::{Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use evscale_core::{Health, HealthStatus};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use utoipa::ToSchema;

/// A summary in one word.
#[derive(Serialize, ToSchema)]
pub(super) struct Summary {
    /// `healthy`, `degraded`, `holding` or `unavailable`.
    status: String,
}

/// Returns the worst of all pools in one word; 503 if nothing can be written.
#[utoipa::path(get, path = "/health", tag = "health",
    responses((status = 200, description = "it works", body = Summary), (status = 503, description = "it does not", body = Summary)))]
pub(super) async fn health(State(app): State<App>) -> (StatusCode, Json<Summary>) {
    let status = status(&app);
    let code = if status == "unavailable" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(Summary { status: status.to_owned() }))
}

fn status(app: &App) -> &'static str {
    if !app.engine.alive() || app.engine.status().storage_problem().is_some() {
        return "unavailable";
    }
    let mut worst = "healthy";
    for (_, view) in app.engine.views() {
        match view.health.status {
            _ if view.failed.is_some() => return "degraded",
            HealthStatus::Degraded => return "degraded",
            HealthStatus::Holding => worst = "holding",
            HealthStatus::Healthy => (),
        }
    }
    worst
}

/// Returns 200 once records are taken.
#[utoipa::path(get, path = "/ready", tag = "health",
    responses((status = 200, description = "records are taken", body = Summary), (status = 503, description = "they are not", body = crate::problem::ProblemBody)))]
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Summary>> {
    if !app.engine.alive() {
        return Err(Problem::unavailable("stopping", "the server is stopping"));
    }
    match app.engine.status().storage_problem() {
        Some(cause) if !app.engine.store().answers().await => {
            Err(Problem::unavailable("storage_unavailable", cause))
        }
        // it answers again: the next record tells
        _ => Ok(Json(Summary { status: "ready".to_owned() })),
    }
}

/// Returns 200 while the process is worth keeping.
#[utoipa::path(get, path = "/alive", tag = "health",
    responses((status = 200, description = "it lives", body = Summary), (status = 503, description = "restart it", body = crate::problem::ProblemBody)))]
pub(super) async fn alive(State(app): State<App>) -> Result<Json<Summary>> {
    if app.engine.alive() {
        return Ok(Json(Summary { status: "alive".to_owned() }));
    }
    Err(Problem::unavailable("stopped", "the thread of the pools has ended; restart the server"))
}

/// How the server and all pools are doing.
#[derive(Serialize, ToSchema)]
pub(super) struct Detailed {
    /// `healthy`, `degraded`, `holding` or `unavailable`.
    status: String,
    /// Version of the server.
    version: String,
    /// Seconds since the start.
    uptime_seconds: f64,
    /// How what is on disk is doing.
    storage: StorageState,
    /// Changes that wait for the disk.
    waiting_changes: usize,
    /// Health by pool.
    #[schema(value_type = Object)]
    pools: BTreeMap<String, Health>,
    /// Pools that can do nothing more, and why.
    failed: BTreeMap<String, String>,
}

/// How what is on disk is doing.
#[derive(Serialize, ToSchema)]
struct StorageState {
    /// Why nothing can be written; none while it can.
    problem: Option<String>,
    /// Transactions since the start.
    writes: u64,
    /// Those that failed.
    failed_writes: u64,
    /// Mean time of one, ms.
    mean_write_ms: f64,
    /// Pools that the start found.
    recovered_pools: usize,
    /// Entries of the journal that it went through.
    recovered_entries: usize,
    /// Time that it took, ms.
    recovery_ms: u64,
}

/// Returns every known cause, by pool.
#[utoipa::path(get, path = "/health/detailed", tag = "health",
    responses((status = 200, description = "everything that is known", body = Detailed)))]
pub(super) async fn detailed_health(State(app): State<App>, Who(caller): Who) -> Json<Detailed> {
    let mut views = app.engine.views();
    views.retain(|(name, _)| caller.may_touch(name));
    let state = app.engine.status();
    let writes = state.writes.load(Ordering::Relaxed);
    let (pools, entries, took) = *state.recovered.lock().unwrap_or_else(PoisonError::into_inner);
    let micros = state.write_micros.load(Ordering::Relaxed) as f64;
    Json(Detailed {
        status: status(&app).to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: app.started.elapsed().as_secs_f64(),
        storage: StorageState {
            problem: state.storage_problem(),
            writes,
            failed_writes: state.failed_writes.load(Ordering::Relaxed),
            mean_write_ms: micros / 1000.0 / writes.max(1) as f64,
            recovered_pools: pools,
            recovered_entries: entries,
            recovery_ms: took,
        },
        waiting_changes: app.engine.waiting(),
        failed: views.iter().filter_map(|(name, view)| Some((name.clone(), view.failed.clone()?))).collect(),
        pools: views.iter().map(|(name, view)| (name.clone(), (*view.health).clone())).collect(),
    })
}

/// Returns the metrics of the server and of all pools, as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "OpenMetrics text", content_type = "application/openmetrics-text", body = String)))]
pub(super) async fn metrics(State(app): State<App>) -> ([(header::HeaderName, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.text())
}
