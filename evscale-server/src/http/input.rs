//! What handlers take from a request: JSON bodies, queries, and the pool that it is about. What is refused is told as every
//! other problem.

use super::App;
use crate::config::check_name;
use crate::problem::{Problem, Result};
use crate::security::Caller;
use crate::storage::AuditRow;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

/// A JSON body.
pub(super) struct Input<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind =
            kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" {
            let message = format!("`Content-Type` is `{kind}`, expected `application/json`");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        let body = Bytes::from_request(request, app)
            .await
            .map_err(|refused| Problem::argument(refused.body_text()))?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|problem| Problem::argument(format!("the body: {problem}")))
    }
}

/// The parameters behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let query = Query::<T>::from_request_parts(parts, app).await;
        query.map(|Query(asked)| Self(asked)).map_err(|refused| Problem::argument(refused.body_text()))
    }
}

/// The pool that a request is about, and who asks: the one of the path, else the only one there is.
pub(super) struct Scope {
    pub(super) pool: String,
    pub(super) caller: Caller,
}

impl Scope {
    /// Returns the entry of the audit log for what the caller does.
    pub(super) fn audit(&self, action: &str, detail: &str) -> AuditRow {
        AuditRow::new(&self.caller.name, self.caller.role.as_str(), action, &self.pool, detail)
    }
}

impl FromRequestParts<App> for Scope {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let caller = caller(parts)?;
        let named = match RawPathParams::from_request_parts(parts, app).await {
            Ok(parameters) => {
                parameters.iter().find(|(name, _)| *name == "pool").map(|(_, value)| value.to_owned())
            }
            Err(_) => return Err(Problem::argument("the path is not UTF-8")),
        };
        let pool = match named {
            Some(pool) => pool,
            None => app.engine.only_pool()?,
        };
        check_name(&pool)?;
        caller.check_pool(&pool)?;
        Ok(Self { pool, caller })
    }
}

/// Who asks.
pub(super) struct Who(pub(super) Caller);

impl FromRequestParts<App> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        caller(parts).map(Self)
    }
}

fn caller(parts: &Parts) -> Result<Caller> {
    let message = "nobody has asked who calls";
    parts
        .extensions
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message))
}
