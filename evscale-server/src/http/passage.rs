//! What every request passes through: who calls, how many at once, how long, what is logged, and which headers go out.

use super::App;
use crate::problem::{Problem, Result};
use crate::security::{Caller, Role};
use crate::storage::AuditRow;
use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http_body_util::LengthLimitError;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// What a page of the server may load: what the server has, and nothing else.
const CONTENT: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Lets callers pass who have the role, with the whole body and word of who they are. A body that is not read ends the
/// connection, and the answer says so.
pub(super) async fn gate(State((app, least)): State<(App, Role)>, request: Request, next: Next) -> Response {
    match enter(&app, least, request).await {
        Ok((request, caller)) => {
            let mut response = next.run(request).await;
            response.extensions_mut().insert(caller);
            response
        }
        Err((problem, unread)) => {
            let mut response = problem.into_response();
            if unread {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

/// Returns the request and who calls, or what is refused and whether a body was left.
async fn enter(app: &App, least: Role, request: Request) -> Result<(Request, Caller), (Problem, bool)> {
    let unread = !request.body().is_end_stream();
    let caller = admitted(app, least, &request).map_err(|problem| (problem, unread))?;
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(caller.clone());
    let most = app.settings.limits.body_bytes;
    let body = axum::body::to_bytes(body, most).await.map_err(|problem| {
        let large = problem.into_inner().is::<LengthLimitError>();
        let problem = match large {
            true => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                format!("the body is longer than {most} bytes, `limits.body_bytes`"),
            ),
            false => Problem::argument("the body ended early"),
        };
        (problem, true)
    })?;
    Ok((Request::from_parts(parts, Body::from(body)), caller))
}

fn admitted(app: &App, least: Role, request: &Request) -> Result<Caller> {
    let address = address(request);
    let caller = app.gate.admit(request.headers(), address);
    caller.and_then(|caller| caller.check(least).map(|()| caller)).inspect_err(|problem| {
        app.metrics.refused(problem.kind());
        if problem.kind() == "forbidden" {
            let asked = format!("{} {}", request.method(), request.uri().path());
            app.engine.audit(AuditRow::new(&address.to_string(), "none", "refused", "", &asked));
        }
    })
}

fn address(request: &Request) -> IpAddr {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connected.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |connected| connected.0.ip())
}

/// Refuses what is too much at once, and ends what takes too long.
pub(super) async fn in_time(State(app): State<App>, request: Request, next: Next) -> Result<Response> {
    let Ok(_permit) = app.requests.try_acquire() else {
        return Err(Problem::unavailable("overloaded", "too many requests are worked on; try again"));
    };
    let seconds = app.settings.limits.request_seconds;
    match tokio::time::timeout(Duration::from_secs(seconds.into()), next.run(request)).await {
        Ok(response) => Ok(response),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            format!("the request took longer than {seconds} s"),
        )),
    }
}

/// Measures and logs; a handler that panics is answered with 500, and the server goes on.
pub(super) async fn observed(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let path: String = request.uri().path().chars().take(200).collect();
    let address = address(&request);
    let response = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(%method, path, "a handler panicked");
        let message = "the server failed inside; its log says where";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message).into_response()
    });
    let (status, took) = (response.status(), began.elapsed());
    app.metrics.request(method.as_str(), &route, status.as_u16(), took);
    let caller = response.extensions().get::<Caller>();
    let (caller, role) = caller.map_or(("", ""), |caller| (caller.name.as_str(), caller.role.as_str()));
    let took_ms = took.as_secs_f64() * 1000.0;
    if status.is_server_error() {
        tracing::warn!(%method, path, status = status.as_u16(), took_ms, caller, role, %address, "request");
    } else {
        tracing::debug!(%method, path, status = status.as_u16(), took_ms, caller, role, %address, "request");
    }
    response
}

/// Sets the headers that browsers heed.
pub(super) async fn guarded_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What is not there.
pub(super) async fn nothing_here() -> Problem {
    Problem::not_found("unknown_route", "there is no such route; GET /openapi.json lists all")
}

/// What cannot be done there.
pub(super) async fn other_method() -> Problem {
    let message = "the route has other methods; GET /openapi.json lists all";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
