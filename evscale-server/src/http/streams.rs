//! Server-sent events (WHATWG HTML, section 9.2): every change as it happens.

use super::App;
use super::input::{Scope, Who};
use crate::engine::Event;
use crate::problem::{Problem, ProblemBody, Result};
use crate::security::Caller;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{self, KeepAlive};
use futures_util::stream::{Stream, StreamExt};
use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Time between two signs of life to a listener of whom nothing is heard.
pub(super) const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// Returns the changes of all pools that the caller may touch, as they happen: `event` is the kind, `data` has the decision if it
/// is a new one. `lagged` says how many were missed by a listener that is too slow.
#[utoipa::path(get, path = "/events", tag = "events",
    responses((status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = "5XX", description = "too many streams", body = ProblemBody)))]
pub(super) async fn events(
    State(app): State<App>,
    Who(caller): Who,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>> {
    listen(&app, caller, None).map(sent)
}

/// Returns the changes of a pool as they happen; see `/events`.
#[utoipa::path(get, path = "/pools/{pool}/events", tag = "events", params(("pool" = String, Path)),
    responses((status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "refused", body = ProblemBody)))]
pub(super) async fn pool_events(
    State(app): State<App>,
    scope: Scope,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>> {
    app.engine.view(&scope.pool)?;
    listen(&app, scope.caller, Some(scope.pool)).map(sent)
}

/// What a listener is told.
pub(super) enum Told {
    /// Something changed.
    Changed(Event),
    /// So many changes were missed.
    Lagged(u64),
}

/// Returns what a caller may hear, of one pool or of all. It counts as a stream while it lives.
///
/// # Errors
/// There are too many streams.
pub(super) fn listen(
    app: &App,
    caller: Caller,
    pool: Option<String>,
) -> Result<impl Stream<Item = Told> + use<>> {
    let permit = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        let most = app.settings.limits.streams;
        Problem::unavailable("overloaded", format!("there are {most} streams already, `limits.streams`"))
    })?;
    let wanted = move |event: &Event| {
        pool.as_ref().is_none_or(|pool| *pool == event.pool) && caller.may_touch(&event.pool)
    };
    Ok(BroadcastStream::new(app.engine.listen()).filter_map(move |event| {
        let _open = &permit;
        ready(match event {
            Ok(event) => wanted(&event).then_some(Told::Changed(event)),
            Err(BroadcastStreamRecvError::Lagged(missed)) => Some(Told::Lagged(missed)),
        })
    }))
}

fn sent(
    changes: impl Stream<Item = Told> + Send + 'static,
) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let events = changes.map(|told| {
        Ok(match told {
            Told::Changed(event) => {
                let data = serde_json::to_string(&event).unwrap_or_default();
                sse::Event::default().event(event.kind).data(data)
            }
            Told::Lagged(missed) => sse::Event::default().event("lagged").data(missed.to_string()),
        })
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE_EVERY))
}
