//! What changes a pool: records, outcomes, orders, pauses, settings, executions.

use super::App;
use super::input::{Input, Scope, Who};
use crate::engine::{Answer, Change, ExecuteAsk, Execution, ExecutionStatus, PoolRecord, metrics_of};
use crate::problem::{Problem, ProblemBody, Result};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use evscale_core::{Announcement, Config, DueEvents, ManualOverride, Pause, ScalingOutcome, Timestamp};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Most records of one batch.
const MOST_RECORDS: usize = 1000;
/// Most records of one history.
const LONGEST_HISTORY: usize = 20_000;
/// Longest key of an execution, characters.
const LONGEST_KEY: usize = 200;

/// Takes the record of one interval, and returns the observation and the decision that stands after it. The record is on disk
/// before it is answered.
#[utoipa::path(post, path = "/update_metrics", tag = "records",
    request_body(content = ref("#/components/schemas/MetricsRecord")),
    responses((status = 200, description = "observation and decision", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody), (status = 503, description = "try again", body = ProblemBody)))]
pub(super) async fn update_metrics(
    State(app): State<App>,
    scope: Scope,
    Input(body): Input<Map<String, Value>>,
) -> Result<Json<Answer>> {
    record(&app, &scope, body).await
}

/// Takes the record of one interval of a pool; see `/update_metrics`.
#[utoipa::path(post, path = "/pools/{pool}/update_metrics", tag = "records", params(("pool" = String, Path)),
    request_body(content = ref("#/components/schemas/MetricsRecord")),
    responses((status = 200, description = "observation and decision", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody), (status = 503, description = "try again", body = ProblemBody)))]
pub(super) async fn pool_update_metrics(
    State(app): State<App>,
    scope: Scope,
    Input(body): Input<Map<String, Value>>,
) -> Result<Json<Answer>> {
    record(&app, &scope, body).await
}

async fn record(app: &App, scope: &Scope, body: Map<String, Value>) -> Result<Json<Answer>> {
    let change = Change::Record(Box::new(metrics_of(body)?));
    app.engine.change(&scope.pool, change, None).await.map(Json)
}

/// Records of many pools.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    records: Vec<PoolRecord>,
}

/// What became of the records of a batch.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchAnswer {
    /// One per record, in their order: as for a single one, or `error`.
    #[schema(value_type = Vec<Object>)]
    results: Vec<Value>,
}

/// Takes records of many pools. One that is refused does not disturb the others.
#[utoipa::path(post, path = "/batch", tag = "records", request_body = Batch,
    responses((status = 200, description = "one result per record", body = BatchAnswer),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn batch(
    State(app): State<App>,
    Who(caller): Who,
    Input(batch): Input<Batch>,
) -> Result<Json<BatchAnswer>> {
    check_count(batch.records.len(), MOST_RECORDS)?;
    let one = async |item: PoolRecord| {
        caller.check_pool(&item.pool)?;
        let change = Change::Record(Box::new(metrics_of(item.record)?));
        app.engine.change(&item.pool, change, None).await
    };
    let results = join_all(batch.records.into_iter().map(one)).await;
    let told = |result: Result<Answer>| match result {
        Ok(answer) => serde_json::to_value(answer).unwrap_or_default(),
        Err(problem) => json!({"error": {"kind": problem.kind(), "message": problem.to_string()}}),
    };
    Ok(Json(BatchAnswer { results: results.into_iter().map(told).collect() }))
}

fn check_count(count: usize, most: usize) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    Err(Problem::argument(format!("there are {count} records, expected at most {most}")))
}

/// Records from long ago.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    #[schema(value_type = Vec<Object>)]
    records: Vec<Map<String, Value>>,
}

/// Takes records from long ago, oldest first, into the history alone.
#[utoipa::path(post, path = "/pools/{pool}/history", tag = "records", params(("pool" = String, Path)), request_body = History,
    responses((status = 200, description = "how many were taken", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_history(
    State(app): State<App>,
    scope: Scope,
    Input(history): Input<History>,
) -> Result<Json<Answer>> {
    check_count(history.records.len(), LONGEST_HISTORY)?;
    let records = history.records.into_iter().map(metrics_of).collect::<Result<Vec<_>>>()?;
    let audit = scope.audit("history", &format!("{} records", records.len()));
    app.engine.change(&scope.pool, Change::Backfill(records), Some(audit)).await.map(Json)
}

/// Takes what the host really did: jobs started, ready, refused, drained.
#[utoipa::path(post, path = "/outcomes", tag = "records", request_body(content = ref("#/components/schemas/ScalingOutcome")),
    responses((status = 200, description = "taken", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn outcomes(
    State(app): State<App>,
    scope: Scope,
    Input(outcome): Input<ScalingOutcome>,
) -> Result<Json<Answer>> {
    app.engine.change(&scope.pool, Change::Outcome(outcome), None).await.map(Json)
}

/// Takes what the host of a pool really did; see `/outcomes`.
#[utoipa::path(post, path = "/pools/{pool}/outcomes", tag = "records", params(("pool" = String, Path)),
    request_body(content = ref("#/components/schemas/ScalingOutcome")),
    responses((status = 200, description = "taken", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_outcomes(
    State(app): State<App>,
    scope: Scope,
    Input(outcome): Input<ScalingOutcome>,
) -> Result<Json<Answer>> {
    app.engine.change(&scope.pool, Change::Outcome(outcome), None).await.map(Json)
}

/// Creates a pool, or gives it other settings. What it has learned stays.
#[utoipa::path(put, path = "/pools/{pool}", tag = "pools", params(("pool" = String, Path)),
    request_body(content = ref("#/components/schemas/PoolSettings")),
    responses((status = 200, description = "the settings that differ", body = ref("#/components/schemas/Answer")),
        (status = 201, description = "created", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn put_pool(
    State(app): State<App>,
    scope: Scope,
    Input(body): Input<Map<String, Value>>,
) -> Result<(StatusCode, Json<Answer>)> {
    let text = Value::Object(body).to_string();
    let config = Box::new(Config::from_json(&text)?);
    let audit = |action| Some(scope.audit(action, &text));
    let known = app.engine.view(&scope.pool).is_ok();
    if known {
        let answer = app.engine.change(&scope.pool, Change::Configure(config), audit("configure")).await?;
        return Ok((StatusCode::OK, Json(answer)));
    }
    let answer = app.engine.change(&scope.pool, Change::Create(config), audit("create")).await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Removes a pool, and everything that is kept of it.
#[utoipa::path(delete, path = "/pools/{pool}", tag = "pools", params(("pool" = String, Path)),
    responses((status = 204, description = "gone"), (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn delete_pool(State(app): State<App>, scope: Scope) -> Result<StatusCode> {
    let audit = scope.audit("remove", "");
    app.engine.remove(&scope.pool, audit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Orders a number of jobs, a cap or a floor until a time: `{"order": {"fixed": 20}, "until": "…", "from": "…"}`.
#[utoipa::path(put, path = "/pools/{pool}/order", tag = "orders", params(("pool" = String, Path)),
    request_body(content = ref("#/components/schemas/ManualOrder")),
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn put_order(
    State(app): State<App>,
    scope: Scope,
    Input(order): Input<ManualOverride>,
) -> Result<Json<Answer>> {
    let audit = scope.audit("order", &order.to_string());
    app.engine.change(&scope.pool, Change::Order(Some(order)), Some(audit)).await.map(Json)
}

/// Takes the order back.
#[utoipa::path(delete, path = "/pools/{pool}/order", tag = "orders", params(("pool" = String, Path)),
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn delete_order(State(app): State<App>, scope: Scope) -> Result<Json<Answer>> {
    let audit = scope.audit("order", "none");
    app.engine.change(&scope.pool, Change::Order(None), Some(audit)).await.map(Json)
}

/// Announces an event before the records show it: `{"start": "…", "end": "…", "what": {"multiplier": 3}}`, or `events`, or `min_jobs`.
#[utoipa::path(post, path = "/pools/{pool}/announcements", tag = "announcements", params(("pool" = String, Path)),
    request_body(content = ref("#/components/schemas/Announcement")),
    responses((status = 200, description = "its number, and the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn announce(
    State(app): State<App>,
    scope: Scope,
    Input(announcement): Input<Announcement>,
) -> Result<Json<Answer>> {
    let audit = scope.audit("announce", &announcement.to_string());
    app.engine.change(&scope.pool, Change::Announce(announcement), Some(audit)).await.map(Json)
}

/// Takes an announcement back.
#[utoipa::path(delete, path = "/pools/{pool}/announcements/{id}", tag = "announcements",
    params(("pool" = String, Path), ("id" = u32, Path)),
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn cancel_announcement(
    State(app): State<App>,
    scope: Scope,
    Path(path): Path<(String, String)>,
) -> Result<Json<Answer>> {
    let (_, id) = path;
    let number: u32 = id.parse().map_err(|_| {
        let shown: String = id.chars().take(40).collect();
        Problem::argument(format!("the announcement's number is `{shown}`, expected a whole number"))
    })?;
    let audit = scope.audit("cancel_announcement", &id);
    app.engine.change(&scope.pool, Change::CancelAnnouncement(number), Some(audit)).await.map(Json)
}

/// What falls due, as it is known at a time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Due {
    now: Timestamp,
    due: Vec<DueEvents>,
}

/// Says how many events fall due when, as far as that is known `now`: what was said of later times is replaced, and an empty list takes it
/// back.
#[utoipa::path(put, path = "/pools/{pool}/due", tag = "announcements", params(("pool" = String, Path)),
    request_body(content = ref("#/components/schemas/Due")),
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn put_due(
    State(app): State<App>,
    scope: Scope,
    Input(Due { now, due }): Input<Due>,
) -> Result<Json<Answer>> {
    app.engine.change(&scope.pool, Change::Due(now, due), None).await.map(Json)
}

/// Which changes are to be off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseAsked {
    /// `off`, `all`, `down` or `up`.
    #[schema(value_type = String)]
    pause: Pause,
}

/// Switches changes off or on again.
#[utoipa::path(put, path = "/pools/{pool}/pause", tag = "orders", params(("pool" = String, Path)), request_body = PauseAsked,
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn put_pause(
    State(app): State<App>,
    scope: Scope,
    Input(PauseAsked { pause }): Input<PauseAsked>,
) -> Result<Json<Answer>> {
    let audit = scope.audit("pause", &serde_json::to_string(&pause).unwrap_or_default());
    app.engine.change(&scope.pool, Change::Pause(pause), Some(audit)).await.map(Json)
}

/// Which decision is to be carried out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExecuteScaling {
    /// The caller's key, 1 to 200 characters: asked again under the same key, nothing is carried out twice.
    key: String,
    /// `decided_at` of the decision that the caller has seen; refused if another one stands by now. Any by default.
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Timestamp>,
}

/// Carries the standing decision out, once per key, and returns how it ended.
#[utoipa::path(post, path = "/execute_scaling", tag = "executions", request_body = ExecuteScaling,
    responses((status = 200, description = "carried out, or accepted before", body = Execution),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn execute_scaling(
    State(app): State<App>,
    scope: Scope,
    Input(asked): Input<ExecuteScaling>,
) -> Result<Json<Execution>> {
    execute(app, scope, asked).await
}

/// Carries the standing decision of a pool out; see `/execute_scaling`.
#[utoipa::path(post, path = "/pools/{pool}/execute_scaling", tag = "executions", params(("pool" = String, Path)),
    request_body = ExecuteScaling,
    responses((status = 200, description = "carried out, or accepted before", body = Execution),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_execute_scaling(
    State(app): State<App>,
    scope: Scope,
    Input(asked): Input<ExecuteScaling>,
) -> Result<Json<Execution>> {
    execute(app, scope, asked).await
}

async fn execute(app: App, scope: Scope, asked: ExecuteScaling) -> Result<Json<Execution>> {
    let length = asked.key.chars().count();
    if !(1..=LONGEST_KEY).contains(&length) || asked.key.chars().any(char::is_control) {
        return Err(Problem::argument(format!(
            "`key` has {length} characters, expected 1 to {LONGEST_KEY} without control characters"
        )));
    }
    let audit = scope.audit("execute", &asked.key);
    let ask = ExecuteAsk {
        pool: scope.pool.clone(),
        key: asked.key,
        decided_at: asked.decided_at,
        caller: scope.caller.name,
        actuated: app.actuators.has(&scope.pool),
    };
    let (execution, new) = app.engine.execute(ask, audit).await?;
    if !new || execution.status != ExecutionStatus::Accepted {
        return Ok(Json(execution));
    }
    // on its own, so that a caller who hangs up does not end it halfway
    let accepted = execution.clone();
    let carried = tokio::spawn(async move { app.actuators.carry_out(&app.engine, execution).await });
    Ok(Json(carried.await.unwrap_or(accepted)))
}
