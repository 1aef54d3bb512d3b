//! What can be read: forecasts, decisions, histories, health, who calls.

use super::App;
use super::input::{Asked, Scope, Who};
use crate::engine::{Execution, View};
use crate::problem::{Problem, ProblemBody, Result};
use crate::storage::AuditRow;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use evscale_core::{Config, Decision, Forecast, Health, ManualOverride, Metrics, Pause, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// Most rows of one answer.
const MOST_ROWS: i64 = 1000;

/// How the horizons of a forecast are named.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ForecastKeys {
    /// `minutes` (`12`, `48`, …) by default, or `intervals` (`6_intervals`, `24_intervals`, …).
    keys: Option<String>,
}

/// Returns the forecast at the newest record.
#[utoipa::path(get, path = "/forecast", tag = "decisions", params(ForecastKeys),
    responses((status = 200, description = "the forecast", body = ref("#/components/schemas/Forecast")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn forecast(
    State(app): State<App>,
    scope: Scope,
    Asked(asked): Asked<ForecastKeys>,
) -> Result<Response> {
    named(&app.engine.view(&scope.pool)?.forecast, asked.keys.as_deref())
}

/// Returns the forecast of a pool; see `/forecast`.
#[utoipa::path(get, path = "/pools/{pool}/forecast", tag = "decisions", params(("pool" = String, Path), ForecastKeys),
    responses((status = 200, description = "the forecast", body = ref("#/components/schemas/Forecast")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_forecast(
    State(app): State<App>,
    scope: Scope,
    Asked(asked): Asked<ForecastKeys>,
) -> Result<Response> {
    named(&app.engine.view(&scope.pool)?.forecast, asked.keys.as_deref())
}

/// Returns a forecast as the library writes it, or with its horizons by the number of intervals.
fn named(forecast: &Forecast, keys: Option<&str>) -> Result<Response> {
    match keys {
        None | Some("minutes") => Ok(Json(forecast).into_response()),
        Some("intervals") => {
            let mut whole = serde_json::to_value(forecast).unwrap_or_default();
            let mut renamed = Map::new();
            for horizon in &forecast.horizons {
                // of two horizons that end in the same interval the nearer one names it
                let value = || serde_json::to_value(horizon).unwrap_or_default();
                renamed.entry(format!("{}_intervals", horizon.steps)).or_insert_with(value);
            }
            whole["horizons"] = Value::Object(renamed);
            Ok(Json(whole).into_response())
        }
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            Err(Problem::argument(format!("`keys` is `{shown}`, expected `minutes` or `intervals`")))
        }
    }
}

/// Returns the decision that stands.
#[utoipa::path(get, path = "/scaling_decision", tag = "decisions",
    responses((status = 200, description = "the decision", body = ref("#/components/schemas/Decision")),
        (status = 409, description = "no record so far, or many pools", body = ProblemBody)))]
pub(super) async fn scaling_decision(State(app): State<App>, scope: Scope) -> Result<Json<Decision>> {
    decision(&app, &scope)
}

/// Returns the decision that stands for a pool.
#[utoipa::path(get, path = "/pools/{pool}/scaling_decision", tag = "decisions", params(("pool" = String, Path)),
    responses((status = 200, description = "the decision", body = ref("#/components/schemas/Decision")),
        (status = "4XX", description = "no record so far, or no such pool", body = ProblemBody)))]
pub(super) async fn pool_scaling_decision(State(app): State<App>, scope: Scope) -> Result<Json<Decision>> {
    decision(&app, &scope)
}

fn decision(app: &App, scope: &Scope) -> Result<Json<Decision>> {
    let decision = app.engine.view(&scope.pool)?.decision.clone();
    let decision = decision.ok_or_else(|| {
        let message = format!("pool `{}` has no decision before its first record", scope.pool);
        Problem::conflict("no_decision", message)
    })?;
    Ok(Json((*decision).clone()))
}

/// A pool as it is.
#[derive(Serialize, ToSchema)]
pub(super) struct PoolState {
    /// Its name.
    pool: String,
    /// Number of the last change.
    seq: i64,
    /// Settings of the library.
    #[schema(value_type = Object)]
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Config>,
    /// `off`, `all`, `down` or `up`.
    #[schema(value_type = String)]
    pause: Pause,
    /// A person's order, or none.
    #[schema(value_type = Option<Object>)]
    order: Option<ManualOverride>,
    /// Time of the newest record.
    #[schema(value_type = Option<String>)]
    newest: Option<Timestamp>,
    /// The newest record.
    #[schema(value_type = Option<Object>)]
    record: Option<Metrics>,
    /// Jobs that the pool should have.
    recommended_jobs: Option<u32>,
    /// Jobs that it had.
    current_jobs: Option<u32>,
    /// Who acts, and what is wrong.
    #[schema(value_type = Object)]
    health: Health,
    /// Why the pool can do nothing more.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    /// Whether something carries decisions out.
    actuated: bool,
}

impl PoolState {
    fn new(app: &App, name: &str, view: &View, whole: bool) -> Self {
        let decision = view.decision.as_ref();
        Self {
            pool: name.to_owned(),
            seq: view.seq,
            config: whole.then(|| view.about.config.clone()),
            pause: view.about.pause,
            order: view.about.order,
            newest: view.about.newest,
            record: view.record.as_deref().cloned(),
            recommended_jobs: decision.and_then(|decision| decision.recommended_jobs),
            current_jobs: decision.and_then(|decision| decision.current_jobs),
            health: (*view.health).clone(),
            failed: view.failed.clone(),
            actuated: app.actuators.has(name),
        }
    }
}

/// Returns all pools that the caller may touch.
#[utoipa::path(get, path = "/pools", tag = "pools", responses((status = 200, description = "the pools", body = Vec<PoolState>)))]
pub(super) async fn pools(State(app): State<App>, Who(caller): Who) -> Json<Vec<PoolState>> {
    let mut views = app.engine.views();
    views.retain(|(name, _)| caller.may_touch(name));
    Json(views.iter().map(|(name, view)| PoolState::new(&app, name, view, false)).collect())
}

/// Returns a pool with its settings.
#[utoipa::path(get, path = "/pools/{pool}", tag = "pools", params(("pool" = String, Path)),
    responses((status = 200, description = "the pool", body = PoolState), (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool(State(app): State<App>, scope: Scope) -> Result<Json<PoolState>> {
    let view = app.engine.view(&scope.pool)?;
    Ok(Json(PoolState::new(&app, &scope.pool, &view, true)))
}

/// Returns who acts in a pool, and what is known to be wrong.
#[utoipa::path(get, path = "/pools/{pool}/health", tag = "health", params(("pool" = String, Path)),
    responses((status = 200, description = "its health", body = ref("#/components/schemas/Health")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_health(State(app): State<App>, scope: Scope) -> Result<Json<Health>> {
    Ok(Json((*app.engine.view(&scope.pool)?.health).clone()))
}

/// Which rows are returned.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Rows {
    /// Rows with smaller numbers than this; all by default.
    before: Option<i64>,
    /// Most rows, 1 to 1000; 100 by default.
    limit: Option<i64>,
}

impl Rows {
    fn checked(&self) -> Result<(i64, i64)> {
        let limit = self.limit.unwrap_or(100);
        if (1..=MOST_ROWS).contains(&limit) {
            return Ok((self.before.unwrap_or(i64::MAX), limit));
        }
        Err(Problem::argument(format!("`limit` is {limit}, expected 1 to {MOST_ROWS}")))
    }
}

/// A row of a history.
#[derive(Serialize, ToSchema)]
pub(super) struct HistoryRow {
    /// Number of the change in the pool's journal.
    seq: i64,
    /// When it came or was decided, milliseconds since 1970.
    at_ms: i64,
    /// Record or decision.
    #[schema(value_type = Object)]
    body: Box<RawValue>,
}

fn rows(found: Vec<(i64, i64, String)>) -> Result<Json<Vec<HistoryRow>>> {
    let row = |(seq, at_ms, body)| {
        let body = RawValue::from_string(body)
            .map_err(|problem| Problem::unavailable("storage_damaged", format!("entry {seq}: {problem}")))?;
        Ok(HistoryRow { seq, at_ms, body })
    };
    found.into_iter().map(row).collect::<Result<Vec<_>>>().map(Json)
}

/// Returns the newest records of a pool, newest first, as they came: also those that were rejected.
#[utoipa::path(get, path = "/pools/{pool}/records", tag = "records", params(("pool" = String, Path), Rows),
    responses((status = 200, description = "records", body = Vec<HistoryRow>), (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_records(
    State(app): State<App>,
    scope: Scope,
    Asked(asked): Asked<Rows>,
) -> Result<Json<Vec<HistoryRow>>> {
    app.engine.view(&scope.pool)?;
    let (before, limit) = asked.checked()?;
    let found = app.engine.store().newest_entries(&scope.pool, "record", before, limit).await?;
    // entries are written as {"kind": "record", "body": …}
    let body = |text: &str| {
        serde_json::from_str::<Map<String, Value>>(text)
            .ok()
            .and_then(|entry| entry.get("body").map(Value::to_string))
            .unwrap_or_else(|| "null".to_owned())
    };
    rows(found.into_iter().map(|(seq, at_ms, text)| (seq, at_ms, body(&text))).collect())
}

/// Returns the newest decisions of a pool, newest first.
#[utoipa::path(get, path = "/pools/{pool}/decisions", tag = "decisions", params(("pool" = String, Path), Rows),
    responses((status = 200, description = "decisions", body = Vec<HistoryRow>), (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_decisions(
    State(app): State<App>,
    scope: Scope,
    Asked(asked): Asked<Rows>,
) -> Result<Json<Vec<HistoryRow>>> {
    app.engine.view(&scope.pool)?;
    let (before, limit) = asked.checked()?;
    rows(app.engine.store().newest_decisions(&scope.pool, before, limit).await?)
}

/// Returns the newest executions of a pool, newest first.
#[utoipa::path(get, path = "/pools/{pool}/executions", tag = "executions", params(("pool" = String, Path), Rows),
    responses((status = 200, description = "executions", body = Vec<Execution>), (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_executions(
    State(app): State<App>,
    scope: Scope,
    Asked(asked): Asked<Rows>,
) -> Result<Json<Vec<Execution>>> {
    app.engine.view(&scope.pool)?;
    let (_, limit) = asked.checked()?;
    let found = app.engine.store().executions(&scope.pool, limit).await?;
    found.iter().map(Execution::read).collect::<Result<Vec<_>>>().map(Json)
}

/// Returns how an execution ended.
#[utoipa::path(get, path = "/pools/{pool}/executions/{key}", tag = "executions",
    params(("pool" = String, Path), ("key" = String, Path)),
    responses((status = 200, description = "the execution", body = Execution), (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_execution(
    State(app): State<App>,
    scope: Scope,
    Path(path): Path<(String, String)>,
) -> Result<Json<Execution>> {
    let (_, key) = path;
    let found = app.engine.store().execution(&scope.pool, &key).await?;
    let row = found.ok_or_else(|| {
        let shown: String = key.chars().take(200).collect();
        Problem::not_found("unknown_execution", format!("pool `{}` has no execution `{shown}`", scope.pool))
    })?;
    Execution::read(&row).map(Json)
}

/// Who calls.
#[derive(Serialize, ToSchema)]
pub(super) struct CallerState {
    /// Name of the key, subject of the token, or address.
    name: String,
    /// `read`, `write` or `operate`.
    role: String,
}

/// Returns who the server takes the caller for.
#[utoipa::path(get, path = "/caller", tag = "health", responses((status = 200, description = "the caller", body = CallerState)))]
pub(super) async fn caller(Who(caller): Who) -> Json<CallerState> {
    Json(CallerState { name: caller.name, role: caller.role.as_str().to_owned() })
}

/// Returns the newest entries of the audit log, newest first.
#[utoipa::path(get, path = "/audit", tag = "health", params(Rows),
    responses((status = 200, description = "entries", body = Vec<AuditRow>), (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn audit(
    State(app): State<App>,
    Who(caller): Who,
    Asked(asked): Asked<Rows>,
) -> Result<Json<Vec<AuditRow>>> {
    let (before, limit) = asked.checked()?;
    let mut found = app.engine.store().audit(before, limit).await?;
    found.retain(|row| caller.may_touch(&row.pool));
    Ok(Json(found))
}
