//! What a standby answers while another server works on the database.

use crate::problem::Problem;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// Returns the routes of a standby: `/alive`, so that nobody restarts it, and a refusal for everything else.
pub fn standby() -> Router {
    Router::new().route("/alive", get(alive)).fallback(refuse)
}

async fn alive() -> Json<Value> {
    Json(json!({"status": "alive"}))
}

/// A body is not read: the connection ends with the answer.
async fn refuse() -> impl IntoResponse {
    let problem = Problem::unavailable(
        "standby",
        "this server is a standby while another one works on the database; ask that one, whose `/ready` answers 200",
    );
    ([(header::CONNECTION, "close")], problem)
}
