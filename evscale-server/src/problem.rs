//! The one error type of the server: what HTTP answers, what a log line says, and what ends a start.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use evscale_core::ErrorKind;
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// Result of this crate.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A problem with a stable kind and a message that names the thing, the value and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

/// What is answered.
#[derive(Serialize, ToSchema)]
pub struct ProblemBody {
    error: ProblemDetail,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
struct ProblemDetail {
    /// Stable name in snake case.
    kind: String,
    /// What was wrong, and what is expected.
    message: String,
}

impl Problem {
    /// Returns a problem of a kind that HTTP tells with `status`.
    pub fn new(status: StatusCode, kind: &'static str, message: impl fmt::Display) -> Self {
        Self { status, kind, message: message.to_string() }
    }

    /// A setting is refused.
    pub fn config(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_config", message)
    }

    /// A request is malformed.
    pub fn argument(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_argument", message)
    }

    /// There is no such thing.
    pub fn not_found(kind: &'static str, message: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, kind, message)
    }

    /// It cannot be done as things stand.
    pub fn conflict(kind: &'static str, message: impl fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, kind, message)
    }

    /// It cannot be done now, and may be tried again.
    pub fn unavailable(kind: &'static str, message: impl fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message)
    }

    /// The stable kind.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl From<evscale_core::Error> for Problem {
    fn from(error: evscale_core::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::UnknownPool => StatusCode::NOT_FOUND,
            ErrorKind::PoolFailed | ErrorKind::Inference => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.kind().as_str(), error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let detail = ProblemDetail { kind: self.kind.to_owned(), message: self.message };
        let mut response = (self.status, Json(ProblemBody { error: detail })).into_response();
        let headers = response.headers_mut();
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
