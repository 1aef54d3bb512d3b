//! What a standby answers while another server works on the database.

use crate::problem::Problem;
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

async fn refuse() -> Problem {
    Problem::unavailable(
        "standby",
        "this server is a standby while another one works on the database; ask that one, whose `/ready` answers 200",
    )
}
