//! The HTTP interface: its routes by role, and what every request passes through.

mod changes;
mod documents;
mod input;
mod metrics;
mod models;
mod observability;
mod page;
mod passage;
mod reading;
mod serving;
mod sockets;
mod standby;
mod streams;
mod watch;

pub use documents::document;
pub use metrics::Metrics;
pub use serving::{Serving, listen, serve};
pub use standby::standby;

use crate::actuators::Actuators;
use crate::config::Settings;
use crate::engine::Engine;
use crate::models::Models;
use crate::security::{Gate, Role};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What every handler can reach.
#[derive(Clone, Debug)]
pub struct App {
    pub engine: Engine,
    pub gate: Arc<Gate>,
    pub settings: Arc<Settings>,
    pub actuators: Arc<Actuators>,
    pub metrics: Arc<Metrics>,
    pub models: Models,
    pub started: Instant,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl App {
    pub fn new(
        engine: Engine,
        gate: Arc<Gate>,
        settings: Arc<Settings>,
        actuators: Arc<Actuators>,
        models: Models,
    ) -> Self {
        Self {
            metrics: Arc::new(Metrics::new(engine.clone())),
            requests: Arc::new(Semaphore::new(settings.limits.concurrent_requests)),
            streams: Arc::new(Semaphore::new(settings.limits.streams)),
            started: Instant::now(),
            engine,
            gate,
            settings,
            actuators,
            models,
        }
    }
}

/// The routes, with the role that each asks for; the documentation is made from the same lines.
pub(crate) fn documented() -> [(Role, OpenApiRouter<App>); 4] {
    let open = OpenApiRouter::new()
        .routes(routes!(observability::health))
        .routes(routes!(observability::ready))
        .routes(routes!(observability::alive));
    let read = OpenApiRouter::new()
        .routes(routes!(reading::forecast))
        .routes(routes!(reading::scaling_decision))
        .routes(routes!(reading::pools))
        .routes(routes!(reading::pool))
        .routes(routes!(reading::pool_forecast))
        .routes(routes!(reading::pool_scaling_decision))
        .routes(routes!(reading::pool_health))
        .routes(routes!(reading::pool_announcements))
        .routes(routes!(reading::pool_records))
        .routes(routes!(reading::pool_decisions))
        .routes(routes!(reading::pool_executions))
        .routes(routes!(reading::pool_execution))
        .routes(routes!(reading::caller))
        .routes(routes!(watch::alerts))
        .routes(routes!(watch::pool_alerts))
        .routes(routes!(watch::pool_report))
        .routes(routes!(watch::pool_learned))
        .routes(routes!(models::models))
        .routes(routes!(models::pool_models))
        .routes(routes!(streams::events))
        .routes(routes!(streams::pool_events))
        .routes(routes!(sockets::socket))
        .routes(routes!(sockets::pool_socket))
        .routes(routes!(observability::detailed_health))
        .routes(routes!(observability::metrics));
    let write = OpenApiRouter::new()
        .routes(routes!(changes::update_metrics))
        .routes(routes!(changes::outcomes))
        .routes(routes!(changes::batch))
        .routes(routes!(changes::pool_update_metrics))
        .routes(routes!(changes::pool_outcomes))
        .routes(routes!(changes::pool_history))
        .routes(routes!(changes::announce))
        .routes(routes!(changes::cancel_announcement))
        .routes(routes!(changes::put_due));
    let operate = OpenApiRouter::new()
        .routes(routes!(changes::execute_scaling))
        .routes(routes!(changes::pool_execute_scaling))
        .routes(routes!(changes::put_pool, changes::delete_pool))
        .routes(routes!(changes::put_order, changes::delete_order))
        .routes(routes!(changes::put_pause))
        .routes(routes!(watch::silence))
        .routes(routes!(models::challenge))
        .routes(routes!(models::end_challenge))
        .routes(routes!(models::promote))
        .routes(routes!(models::roll_back))
        .routes(routes!(models::pin))
        .routes(routes!(reading::audit));
    [(Role::None, open), (Role::Read, read), (Role::Write, write), (Role::Operate, operate)]
}

/// Returns the whole interface.
pub fn router(app: App) -> Router {
    let mut all = Router::new();
    for (role, routes) in documented() {
        let (routes, _) = routes.split_for_parts();
        // the gate is inside of the routes, so that what is not there is told without asking who calls
        let routes = match role {
            Role::None => routes,
            role => routes.route_layer(from_fn_with_state((app.clone(), role), passage::gate)),
        };
        all = all.merge(routes);
    }
    all.merge(page::routes())
        .merge(documents::routes())
        .fallback(passage::nothing_here)
        .method_not_allowed_fallback(passage::other_method)
        // the gate has limited the body already
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), passage::in_time))
        .layer(from_fn(passage::guarded_headers))
        .layer(from_fn_with_state(app.clone(), passage::observed))
        .with_state(app)
}
