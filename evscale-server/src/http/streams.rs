//! Server-sent events (WHATWG HTML, section 9.2): every change as it happens.

use super::App;
use super::input::{Scope, Who};
use crate::problem::{Problem, ProblemBody, Result};
use crate::security::Caller;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{Stream, StreamExt};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Returns the changes of all pools that the caller may touch, as they happen: `event` is the kind, `data` has the decision if it
/// is a new one. `lagged` says how many were missed by a listener that is too slow.
#[utoipa::path(get, path = "/events", tag = "events",
    responses((status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = "5XX", description = "too many streams", body = ProblemBody)))]
pub(super) async fn events(
    State(app): State<App>,
    Who(caller): Who,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    stream(&app, caller, None)
}

/// Returns the changes of a pool as they happen; see `/events`.
#[utoipa::path(get, path = "/pools/{pool}/events", tag = "events", params(("pool" = String, Path)),
    responses((status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_events(
    State(app): State<App>,
    scope: Scope,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    app.engine.view(&scope.pool)?;
    stream(&app, scope.caller, Some(scope.pool))
}

fn stream(
    app: &App,
    caller: Caller,
    pool: Option<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>> {
    let permit = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        let most = app.settings.limits.streams;
        Problem::unavailable("overloaded", format!("there are {most} streams already, `limits.streams`"))
    })?;
    let told = move |event: Result<crate::engine::Event, BroadcastStreamRecvError>| {
        let _open = &permit;
        let event = match event {
            Ok(event) => {
                let wanted =
                    pool.as_ref().is_none_or(|pool| *pool == event.pool) && caller.may_touch(&event.pool);
                wanted.then(|| {
                    Event::default().event(event.kind).data(serde_json::to_string(&event).unwrap_or_default())
                })
            }
            Err(BroadcastStreamRecvError::Lagged(missed)) => {
                Some(Event::default().event("lagged").data(missed.to_string()))
            }
        };
        std::future::ready(event.map(Ok))
    };
    let events = BroadcastStream::new(app.engine.listen()).filter_map(told);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}
