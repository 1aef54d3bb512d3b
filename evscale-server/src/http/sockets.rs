//! The same changes over WebSocket (RFC 6455), for clients that do not read server-sent events. What they send is not looked at.

use super::App;
use super::input::{Scope, Who};
use super::streams::{SIGN_OF_LIFE_EVERY, Told, listen};
use crate::problem::{Problem, ProblemBody, Result};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures_util::stream::{Stream, StreamExt};
use serde_json::json;
use std::pin::pin;

/// Longest message that is read, bytes.
const LONGEST: usize = 1024;

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Opens a WebSocket on which every change of all pools that the caller may touch is a JSON text, as in `/events`; `{"kind":
/// "lagged", "missed": 3}` tells a listener that is too slow.
#[utoipa::path(get, path = "/events/socket", tag = "events",
    responses((status = 101, description = "a WebSocket"), (status = "4XX", description = "no handshake of a WebSocket, or one from another site", body = ProblemBody)))]
pub(super) async fn socket(
    State(app): State<App>,
    Who(caller): Who,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response> {
    let upgrade = checked(upgrade, &headers)?;
    let changes = listen(&app, caller, None)?;
    Ok(upgrade.on_upgrade(|socket| tell(socket, changes)))
}

/// Opens a WebSocket on which every change of a pool is a JSON text; see `/events/socket`.
#[utoipa::path(get, path = "/pools/{pool}/events/socket", tag = "events", params(("pool" = String, Path)),
    responses((status = 101, description = "a WebSocket"), (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_socket(
    State(app): State<App>,
    scope: Scope,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response> {
    app.engine.view(&scope.pool)?;
    let upgrade = checked(upgrade, &headers)?;
    let changes = listen(&app, scope.caller, Some(scope.pool))?;
    Ok(upgrade.on_upgrade(|socket| tell(socket, changes)))
}

/// Refuses what is no handshake, and handshakes of pages from elsewhere, which browsers do not refuse themselves.
fn checked(upgrade: Upgrade, headers: &HeaderMap) -> Result<WebSocketUpgrade> {
    let upgrade = upgrade.map_err(|refused| Problem::argument(refused.body_text()))?;
    if !is_of_this_site(headers) {
        let message = "`Origin` is of another site, expected the one in `Host`";
        return Err(Problem::new(StatusCode::FORBIDDEN, "foreign_origin", message));
    }
    Ok(upgrade.max_message_size(LONGEST))
}

fn is_of_this_site(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_none_or(|origin| {
        let site = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        site.is_some_and(|(_, site)| Some(site) == host)
    })
}

/// Tells what changes until the listener leaves, or answers no sign of life.
async fn tell(mut socket: WebSocket, changes: impl Stream<Item = Told>) {
    let mut changes = pin!(changes);
    let mut signs = tokio::time::interval(SIGN_OF_LIFE_EVERY);
    let mut heard = true;
    loop {
        let message = tokio::select! {
            told = changes.next() => match told {
                Some(told) => Message::text(written(&told)),
                None => return,
            },
            _ = signs.tick() => match std::mem::take(&mut heard) {
                true => Message::Ping(Vec::new().into()),
                false => return,
            },
            received = socket.recv() => match received {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(_)) => {
                    heard = true;
                    continue;
                }
            },
        };
        let sent = tokio::time::timeout(SIGN_OF_LIFE_EVERY, socket.send(message)).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

fn written(told: &Told) -> String {
    match told {
        Told::Changed(event) => serde_json::to_string(event).unwrap_or_default(),
        Told::Lagged(missed) => json!({"kind": "lagged", "missed": missed}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_of_this_site;
    use axum::http::{HeaderMap, HeaderValue, header};

    fn from(origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("scaler.example:8080"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        is_of_this_site(&headers)
    }

    #[test]
    fn a_page_from_elsewhere_is_told_from_a_page_of_the_server_and_from_a_program() {
        assert!(
            from(None)
                && from(Some("http://scaler.example:8080"))
                && from(Some("https://scaler.example:8080"))
        );
        for foreign in ["https://evil.example", "http://scaler.example", "null", "scaler.example:8080"] {
            assert!(!from(Some(foreign)), "{foreign}");
        }
    }
}
