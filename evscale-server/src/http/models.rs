//! Models that a pool tries in the shadow: what there is, who acts, and what an operator does with them.

use super::App;
use super::input::{Input, Scope};
use crate::engine::{Answer, Change};
use crate::models::ModelVersion;
use crate::problem::{Problem, ProblemBody, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use evscale_core::LifecycleStatus;
use serde::Deserialize;
use utoipa::ToSchema;

/// Longest reason, characters.
const LONGEST_REASON: usize = 1000;

/// Returns the versions of the registry, oldest first.
#[utoipa::path(get, path = "/models", tag = "models",
    responses((status = 200, description = "versions", body = Vec<ModelVersion>),
        (status = "4XX", description = "no registry is set", body = ProblemBody)))]
pub(super) async fn models(State(app): State<App>) -> Result<Json<Vec<ModelVersion>>> {
    blocking(move || app.models.versions()).await.map(Json)
}

/// Returns the models of a pool: who acts, who runs in the shadow, how both compare, and what happened; null while the pool has
/// only had the models of the library.
#[utoipa::path(get, path = "/pools/{pool}/models", tag = "models", params(("pool" = String, Path)),
    responses((status = 200, description = "its models", body = Option<Object>),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_models(
    State(app): State<App>,
    scope: Scope,
) -> Result<Json<Option<LifecycleStatus>>> {
    app.engine.read_pool(&scope.pool, |pool| pool.models()).await.map(Json)
}

/// Which models are to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChallengeAsked {
    /// Number of a version of the registry.
    version: u32,
}

/// Tries a version of the registry in the pool's shadow: it sees every record, no decision sees it, and it is promoted once it has
/// proven to be better.
#[utoipa::path(post, path = "/pools/{pool}/models/challenge", tag = "models", params(("pool" = String, Path)),
    request_body = ChallengeAsked,
    responses((status = 200, description = "it is tried", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn challenge(
    State(app): State<App>,
    scope: Scope,
    Input(ChallengeAsked { version }): Input<ChallengeAsked>,
) -> Result<Json<Answer>> {
    app.engine.view(&scope.pool)?;
    let models = app.models.clone();
    let bundle = blocking(move || models.bundle(version)).await?;
    let change = Change::Challenge(bundle.identity());
    app.engine.know(bundle).await?;
    changed(&app, &scope, change, &format!("version {version}")).await
}

/// Why something is done with the models.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    /// 1 to 1000 characters; the history of the models and the audit log have it.
    reason: String,
}

/// Takes the models in the shadow away, a challenger or a predecessor.
#[utoipa::path(post, path = "/pools/{pool}/models/end", tag = "models", params(("pool" = String, Path)), request_body = Because,
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn end_challenge(
    State(app): State<App>,
    scope: Scope,
    Input(Because { reason }): Input<Because>,
) -> Result<Json<Answer>> {
    check(&reason)?;
    changed(&app, &scope, Change::EndChallenge(reason.clone()), &reason).await
}

/// Promotes the challenger without waiting for its proof; the models before it stay in the shadow.
#[utoipa::path(post, path = "/pools/{pool}/models/promote", tag = "models", params(("pool" = String, Path)), request_body = Because,
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "there is no challenger, or the models are pinned", body = ProblemBody)))]
pub(super) async fn promote(
    State(app): State<App>,
    scope: Scope,
    Input(Because { reason }): Input<Because>,
) -> Result<Json<Answer>> {
    check(&reason)?;
    changed(&app, &scope, Change::Promote(reason.clone()), &reason).await
}

/// Brings the models back that acted before.
#[utoipa::path(post, path = "/pools/{pool}/models/rollback", tag = "models", params(("pool" = String, Path)), request_body = Because,
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "there is no predecessor, or the models are pinned", body = ProblemBody)))]
pub(super) async fn roll_back(
    State(app): State<App>,
    scope: Scope,
    Input(Because { reason }): Input<Because>,
) -> Result<Json<Answer>> {
    check(&reason)?;
    changed(&app, &scope, Change::RollBack(reason.clone()), &reason).await
}

/// Why the models are to stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pinned {
    /// 1 to 1000 characters; null allows promotion and rollback again.
    reason: Option<String>,
}

/// Forbids promotion and rollback, by hand or by proof, or allows them again.
#[utoipa::path(put, path = "/pools/{pool}/models/pin", tag = "models", params(("pool" = String, Path)), request_body = Pinned,
    responses((status = 200, description = "the decision after it", body = ref("#/components/schemas/Answer")),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pin(
    State(app): State<App>,
    scope: Scope,
    Input(Pinned { reason }): Input<Pinned>,
) -> Result<Json<Answer>> {
    reason.as_deref().map_or(Ok(()), check)?;
    let told = reason.clone().unwrap_or_else(|| "none".to_owned());
    changed(&app, &scope, Change::PinModels(reason), &told).await
}

async fn changed(app: &App, scope: &Scope, change: Change, detail: &str) -> Result<Json<Answer>> {
    let audit = scope.audit(change.kind(), detail);
    app.engine.change(&scope.pool, change, Some(audit)).await.map(Json)
}

fn check(reason: &str) -> Result<()> {
    let length = reason.chars().count();
    if (1..=LONGEST_REASON).contains(&length) && !reason.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Problem::argument(format!(
        "`reason` has {length} characters, expected 1 to {LONGEST_REASON} without control characters"
    )))
}

/// Reads files off the threads that serve requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|problem| Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", problem)))
}
