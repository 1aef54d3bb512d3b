//! KEDA's external scaler: what a pool should have, as a metric of which one job is one. `scalerMetadata` of the trigger has the
//! `pool`.

#[allow(clippy::all, clippy::pedantic, missing_docs, rustdoc::all)]
#[rustfmt::skip]
mod external_scaler;

use crate::engine::{Engine, View};
use crate::problem::Problem;
use axum::Router;
use axum::http::StatusCode;
use evscale_core::Mode;
use external_scaler::external_scaler_server::{ExternalScaler, ExternalScalerServer};
use external_scaler::{
    GetMetricSpecResponse, GetMetricsRequest, GetMetricsResponse, IsActiveResponse, MetricSpec, MetricValue,
    ScaledObjectRef,
};
use futures_util::stream::{Stream, StreamExt, once};
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::wrappers::BroadcastStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// Longest request, bytes.
const LONGEST: usize = 64 * 1024;

/// Returns the routes of KEDA's interface.
pub fn router(engine: Engine, streams: usize) -> Router {
    let scaler = Scaler { engine, streams: Arc::new(Semaphore::new(streams)) };
    let service = ExternalScalerServer::new(scaler).max_decoding_message_size(LONGEST);
    Routes::new(service).into_axum_router()
}

struct Scaler {
    engine: Engine,
    streams: Arc<Semaphore>,
}

impl Scaler {
    /// Returns the name of a trigger's pool, and the jobs that it should have.
    fn jobs(&self, asked: Option<&ScaledObjectRef>) -> Result<(String, u32), Status> {
        let pool = pool(asked)?;
        let view = self.engine.view(&pool).map_err(|problem| status(&problem))?;
        if advises(&view) {
            return Err(Status::failed_precondition(format!(
                "pool `{pool}` has `mode` advise: it tells what it would do and scales nothing; set it to act"
            )));
        }
        match recommended(&view) {
            Some(jobs) => Ok((pool, jobs)),
            // an error, and not 0: KEDA keeps the workload as it is, or takes its `fallback`
            None => Err(Status::unavailable(format!("pool `{pool}` has no recommendation so far"))),
        }
    }
}

/// Returns the jobs that a workload should have; none while nothing is known, or the pool only advises.
fn recommended(view: &View) -> Option<u32> {
    view.decision.as_ref().filter(|_| !advises(view))?.recommended_jobs
}

fn advises(view: &View) -> bool {
    view.about.config.mode == Mode::Advise
}

fn pool(asked: Option<&ScaledObjectRef>) -> Result<String, Status> {
    let named = asked.and_then(|asked| asked.scaler_metadata.get("pool"));
    named
        .cloned()
        .ok_or_else(|| Status::invalid_argument("the trigger's `metadata` has no `pool`, expected its name"))
}

fn status(problem: &Problem) -> Status {
    match problem.status() {
        StatusCode::NOT_FOUND => Status::not_found(problem.to_string()),
        _ => Status::unavailable(problem.to_string()),
    }
}

fn metric(pool: &str) -> String {
    format!("evscale-{pool}")
}

#[tonic::async_trait]
impl ExternalScaler for Scaler {
    async fn is_active(
        &self,
        request: Request<ScaledObjectRef>,
    ) -> Result<Response<IsActiveResponse>, Status> {
        let (_, jobs) = self.jobs(Some(request.get_ref()))?;
        Ok(Response::new(IsActiveResponse { result: jobs > 0 }))
    }

    type StreamIsActiveStream = Pin<Box<dyn Stream<Item = Result<IsActiveResponse, Status>> + Send>>;

    async fn stream_is_active(
        &self,
        request: Request<ScaledObjectRef>,
    ) -> Result<Response<Self::StreamIsActiveStream>, Status> {
        let permit: OwnedSemaphorePermit = Arc::clone(&self.streams)
            .try_acquire_owned()
            .map_err(|_| Status::resource_exhausted("too many streams, `limits.streams`"))?;
        let pool = pool(Some(request.get_ref()))?;
        let events = BroadcastStream::new(self.engine.listen());
        let view = self.engine.view(&pool).map_err(|problem| status(&problem))?;
        let mut told = recommended(&view).map(|jobs| jobs > 0);
        let first = told.map(|result| Ok(IsActiveResponse { result }));
        let engine = self.engine.clone();
        let later = events.filter_map(move |_| {
            let _open = &permit;
            let now = engine.view(&pool).ok().and_then(|view| recommended(&view)).map(|jobs| jobs > 0);
            let new = now.filter(|_| now != told);
            told = now.or(told);
            ready(new.map(|result| Ok(IsActiveResponse { result })))
        });
        let stream = once(ready(first)).filter_map(ready).chain(later);
        Ok(Response::new(Box::pin(stream)))
    }

    async fn get_metric_spec(
        &self,
        request: Request<ScaledObjectRef>,
    ) -> Result<Response<GetMetricSpecResponse>, Status> {
        let pool = pool(Some(request.get_ref()))?;
        let spec = MetricSpec { metric_name: metric(&pool), target_size: 1, target_size_float: 1.0 };
        Ok(Response::new(GetMetricSpecResponse { metric_specs: vec![spec] }))
    }

    async fn get_metrics(
        &self,
        request: Request<GetMetricsRequest>,
    ) -> Result<Response<GetMetricsResponse>, Status> {
        let (pool, jobs) = self.jobs(request.get_ref().scaled_object_ref.as_ref())?;
        let value = MetricValue {
            metric_name: metric(&pool),
            metric_value: jobs.into(),
            metric_value_float: jobs.into(),
        };
        Ok(Response::new(GetMetricsResponse { metric_values: vec![value] }))
    }
}
