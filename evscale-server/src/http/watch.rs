//! How pools are doing in the library's own words: alerts, reports, and what was learned.

use super::App;
use super::input::{Input, Scope, Who};
use crate::engine::{Answer, Change};
use crate::problem::{ProblemBody, Result};
use axum::Json;
use axum::extract::State;
use evscale_core::{Alert, Learned, Report, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Returns the alerts of all pools that fire, or were resolved within the last day; pools without any are left out.
#[utoipa::path(get, path = "/alerts", tag = "alerts",
    responses((status = 200, description = "alerts by pool, the worst first", body = BTreeMap<String, Vec<Object>>)))]
pub(super) async fn alerts(
    State(app): State<App>,
    Who(caller): Who,
) -> Result<Json<BTreeMap<String, Vec<Alert>>>> {
    let told = app.engine.read_fleet(move |fleet| {
        let of_pools = fleet.alerts().filter(|(pool, alerts)| caller.may_touch(pool) && !alerts.is_empty());
        of_pools.map(|(pool, alerts)| (pool.to_owned(), alerts)).collect()
    });
    told.await.map(Json)
}

/// Returns the alerts of a pool that fire, or were resolved within the last day, the worst first.
#[utoipa::path(get, path = "/pools/{pool}/alerts", tag = "alerts", params(("pool" = String, Path)),
    responses((status = 200, description = "alerts", body = Vec<Object>),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_alerts(State(app): State<App>, scope: Scope) -> Result<Json<Vec<Alert>>> {
    app.engine.read_pool(&scope.pool, |pool| pool.alerts()).await.map(Json)
}

/// Which alert is to be silent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Silence {
    /// Name of the alert.
    alert: String,
    /// Until when nobody is to be told; null takes the silence back.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Silences an alert of a pool until a time: it goes on to fire and to resolve, and says that nobody is to be told.
#[utoipa::path(put, path = "/pools/{pool}/silence", tag = "alerts", params(("pool" = String, Path)), request_body = Silence,
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn silence(
    State(app): State<App>,
    scope: Scope,
    Input(Silence { alert, until }): Input<Silence>,
) -> Result<Json<Answer>> {
    let until_told = until.map_or_else(|| "none".to_owned(), |until| until.to_string());
    let audit = scope.audit("silence", &format!("{alert} until {until_told}"));
    app.engine.change(&scope.pool, Change::Silence(alert, until), Some(audit)).await.map(Json)
}

/// Returns how a pool is doing: every metric of the library, drift, and the last day in bins.
#[utoipa::path(get, path = "/pools/{pool}/report", tag = "alerts", params(("pool" = String, Path)),
    responses((status = 200, description = "the report", body = Object),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_report(State(app): State<App>, scope: Scope) -> Result<Json<Report>> {
    app.engine.read_pool(&scope.pool, |pool| pool.report()).await.map(Json)
}

/// Returns what a pool has learned: service time, startup time, backlog, error budget, and the rule that leads.
#[utoipa::path(get, path = "/pools/{pool}/learned", tag = "decisions", params(("pool" = String, Path)),
    responses((status = 200, description = "what it has learned", body = Object),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_learned(State(app): State<App>, scope: Scope) -> Result<Json<Learned>> {
    app.engine.read_pool(&scope.pool, |pool| pool.learned()).await.map(Json)
}
