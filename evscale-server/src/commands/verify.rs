//! The check of a deployment: every route is asked, and its answer is looked at.

use super::feed::{Server, agent, moment, secret};
use crate::problem::Result;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// Name of the pool that the check makes and removes.
const POOL: &str = "evscale-verify";

/// What is asked, and the status that is expected.
struct Check {
    method: &'static str,
    path: String,
    body: Option<Value>,
    expected: &'static [u16],
}

/// Asks every route of a server; fails if one answers otherwise than it should.
///
/// # Errors
/// The key or the certificates cannot be read.
pub fn verify(url: &str, key_file: Option<&Path>, ca: Option<&Path>, changes: bool) -> Result<ExitCode> {
    let server = Server {
        agent: agent(ca)?,
        url: url.trim_end_matches('/').to_owned(),
        key: key_file.map(secret).transpose()?,
    };
    let mut checks = reading();
    if changes {
        checks.extend(changing());
    }
    let (mut passed, mut failed) = (0, 0);
    for check in checks {
        let wrong = match server.ask(check.method, &check.path, check.body.as_ref()) {
            Ok((status, _)) if check.expected.contains(&status) => None,
            Ok((status, body)) => Some(format!(
                "{status}, expected {:?}: {}",
                check.expected,
                body.chars().take(200).collect::<String>()
            )),
            Err(problem) => Some(problem.to_string()),
        };
        match wrong {
            None => {
                passed += 1;
                println!("ok      {:6} {}", check.method, check.path);
            }
            Some(wrong) => {
                failed += 1;
                println!("WRONG   {:6} {}: {wrong}", check.method, check.path);
            }
        }
    }
    println!("{passed} routes answer as they should, {failed} do not");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn get(path: &str, expected: &'static [u16]) -> Check {
    Check { method: "GET", path: path.to_owned(), body: None, expected }
}

/// What changes nothing. Short forms conflict where there is not one pool alone, and models where there is no registry.
fn reading() -> Vec<Check> {
    vec![
        get("/alive", &[200]),
        get("/ready", &[200]),
        get("/health", &[200]),
        get("/health/detailed", &[200]),
        get("/metrics", &[200]),
        get("/openapi.json", &[200]),
        get("/docs/", &[200]),
        get("/", &[200]),
        get("/page.js", &[200]),
        get("/page.css", &[200]),
        get("/caller", &[200]),
        get("/pools", &[200]),
        get("/forecast", &[200, 409]),
        get("/forecast?keys=intervals", &[200, 409]),
        get("/scaling_decision", &[200, 409]),
        get("/alerts", &[200]),
        get("/models", &[200, 409]),
        get("/events/socket", &[400]),
        get("/pools/evscale-no-such-pool/forecast", &[404]),
        get("/no-such-route", &[404]),
    ]
}

/// A pool from its creation to its end.
fn changing() -> Vec<Check> {
    let pool = |path: &str| format!("/pools/{POOL}{path}");
    let ask = |method, path: &str, body: Value, expected| Check {
        method,
        path: pool(path),
        body: Some(body),
        expected,
    };
    let bare = |method, path: &str, expected| Check { method, path: pool(path), body: None, expected };
    let record = |index: i64| json!({"timestamp": moment(index), "metrics": {"logged_events_count": 3400, "current_job_count": 12, "average_processing_duration_ms": 400}});
    let because = || json!({"reason": "the deployment is checked"});
    let order = json!({"order": {"fixed": 9}, "until": moment(1000)});
    let batch = json!({"records": [{"pool": POOL, "record": record(3)}]});
    vec![
        bare("DELETE", "", &[204, 404]),
        ask("PUT", "", json!({"max_jobs": 40}), &[201]),
        bare("GET", "/scaling_decision", &[409]),
        ask("POST", "/history", json!({"records": [record(0)]}), &[200]),
        ask("POST", "/update_metrics", record(1), &[200]),
        ask("POST", "/update_metrics", record(2), &[200]),
        ask("POST", "/update_metrics", json!({"timestamp": "x"}), &[400]),
        Check { method: "POST", path: "/batch".to_owned(), body: Some(batch), expected: &[200] },
        bare("GET", "", &[200]),
        bare("GET", "/forecast?keys=intervals", &[200]),
        bare("GET", "/scaling_decision", &[200]),
        bare("GET", "/health", &[200]),
        bare("GET", "/alerts", &[200]),
        bare("GET", "/report", &[200]),
        bare("GET", "/learned", &[200]),
        bare("GET", "/models", &[200]),
        bare("GET", "/events/socket", &[400]),
        bare("GET", "/records?limit=2", &[200]),
        bare("GET", "/decisions?limit=2", &[200]),
        ask("POST", "/outcomes", json!({"timestamp": moment(3), "started": 1, "ready": 1}), &[200]),
        ask(
            "POST",
            "/announcements",
            json!({"start": moment(500), "end": moment(510), "what": {"multiplier": 2}}),
            &[200],
        ),
        bare("GET", "/announcements", &[200]),
        bare("DELETE", "/announcements/1", &[200, 400]),
        ask("PUT", "/due", json!({"now": moment(3), "due": [{"at": moment(500), "events": 1000}]}), &[200]),
        ask("PUT", "/silence", json!({"alert": "sla_violation_risk", "until": moment(100)}), &[200]),
        ask("POST", "/models/challenge", json!({"version": 1}), &[200, 404, 409]),
        ask("POST", "/models/end", because(), &[200]),
        ask("POST", "/models/promote", because(), &[400]),
        ask("POST", "/models/rollback", because(), &[400]),
        ask("PUT", "/models/pin", because(), &[200]),
        ask("PUT", "/pause", json!({"pause": "down"}), &[200]),
        ask("PUT", "/order", order, &[200]),
        bare("DELETE", "/order", &[200]),
        ask("PUT", "", json!({"max_jobs": 50}), &[200]),
        ask("POST", "/execute_scaling", json!({"key": "verify-1"}), &[200]),
        ask("POST", "/execute_scaling", json!({"key": "verify-1"}), &[200]),
        bare("GET", "/executions", &[200]),
        bare("GET", "/executions/verify-1", &[200]),
        Check { method: "GET", path: "/audit?limit=5".to_owned(), body: None, expected: &[200] },
        bare("DELETE", "", &[204]),
        bare("GET", "", &[404]),
    ]
}
