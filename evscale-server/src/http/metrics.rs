//! The server's metrics, and the library's of every pool, as Prometheus reads them.

use crate::engine::{Engine, View};
use evscale_core::{HealthStatus, openmetrics};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Ends of the buckets of a request's time, seconds.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 1.0, 5.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refusal {
    kind: &'static str,
}

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    engine: Engine,
    requests: Family<RequestLabels, Counter>,
    times: Family<RouteLabels, Histogram>,
    refusals: Family<Refusal, Counter>,
}

impl Metrics {
    pub fn new(engine: Engine) -> Self {
        let mut registry = Registry::with_prefix("evscale");
        let requests = Family::<RequestLabels, Counter>::default();
        let times = Family::<RouteLabels, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let refusals = Family::<Refusal, Counter>::default();
        registry.register("http_requests", "Requests", requests.clone());
        registry.register("http_request_seconds", "Time of a request", times.clone());
        registry.register("http_refusals", "Callers that were refused", refusals.clone());
        registry.register_collector(Box::new(Pools(engine.clone())));
        Self { registry, engine, requests, times, refusals }
    }

    pub(super) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let method = match method {
            known @ ("GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS") => known,
            _ => "other",
        };
        let (method, route) = (method.to_owned(), route.to_owned());
        let labels = RequestLabels { method: method.clone(), route: route.clone(), status };
        self.requests.get_or_create(&labels).inc();
        self.times.get_or_create(&RouteLabels { method, route }).observe(took.as_secs_f64());
    }

    pub(super) fn refused(&self, kind: &'static str) {
        self.refusals.get_or_create(&Refusal { kind }).inc();
    }

    /// Returns the text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode_registry(&mut text, &self.registry).is_err() {
            text.clear();
        }
        let views = self.engine.views().into_iter();
        text + &openmetrics(views.map(|(pool, view)| (pool, Arc::clone(&view.sample))))
    }
}

/// Labels of a pool.
struct OfPool<'a>(&'a str);

impl EncodeLabelSet for OfPool<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        [("pool", self.0)].as_slice().encode(encoder)
    }
}

/// Values that are read when they are asked for.
#[derive(Debug)]
struct Pools(Engine);

/// A gauge of every pool: name, meaning, and value where there is one.
type PoolGauge = (&'static str, &'static str, fn(&View) -> Option<f64>);

const GAUGES: [PoolGauge; 8] = [
    ("pool_current_jobs", "Jobs that it had at the decision", |view| {
        view.decision.as_ref()?.current_jobs.map(f64::from)
    }),
    ("pool_proposed_jobs", "Jobs that were proposed before the safety rules", |view| {
        view.decision.as_ref()?.proposed_jobs.map(f64::from)
    }),
    ("pool_decision_confidence_ratio", "How far the decision can be trusted", |view| {
        view.decision.as_ref().map(|decision| decision.confidence)
    }),
    ("pool_emergency", "Whether the decision is an emergency's", |view| {
        view.decision.as_ref().map(|decision| f64::from(u8::from(decision.emergency)))
    }),
    ("pool_arrivals", "Events of the newest interval", |view| {
        view.record.as_ref().map(|record| record.logged_events_count).filter(|count| count.is_finite())
    }),
    ("pool_anomaly_ratio", "How unusual the newest records are", |view| {
        view.record.as_ref().map(|_| view.forecast.anomaly_score)
    }),
    ("pool_newest_record_timestamp_seconds", "Time of the newest record", |view| {
        view.about.newest.map(|newest| newest.as_millis() as f64 / 1000.0)
    }),
    ("pool_health", "0 healthy, 1 degraded, 2 holding, 3 failed", |view| {
        Some(match view.health.status {
            _ if view.failed.is_some() => 3.0,
            HealthStatus::Healthy => 0.0,
            HealthStatus::Degraded => 1.0,
            HealthStatus::Holding => 2.0,
        })
    }),
];

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let views = self.0.views();
        for (name, meaning, value) in GAUGES {
            let mut family = encoder.encode_descriptor(name, meaning, None, MetricType::Gauge)?;
            for (pool, value) in views.iter().filter_map(|(pool, view)| Some((pool, value(view)?))) {
                ConstGauge::new(value).encode(family.encode_family(&OfPool(pool))?)?;
            }
        }
        self.forecasts(&mut encoder, &views)?;
        let status = self.0.status();
        let count = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed);
        let counters = [
            ("records", "Records that were acknowledged", count(&status.records)),
            ("rejected_records", "Records among them that the library rejected", count(&status.rejected)),
            ("storage_writes", "Transactions", count(&status.writes)),
            ("storage_failed_writes", "Transactions that failed", count(&status.failed_writes)),
        ];
        for (name, meaning, value) in counters {
            let metric = encoder.encode_descriptor(name, meaning, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let seconds = |micros: u64| micros as f64 / 1e6;
        let times = [
            ("storage_write_seconds", "Time spent in transactions", seconds(count(&status.write_micros))),
            ("decide_seconds", "Time spent in the library", seconds(count(&status.decide_micros))),
        ];
        for (name, meaning, value) in times {
            let metric = encoder.encode_descriptor(name, meaning, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let gauges = [
            ("pools", "Pools", views.len() as f64),
            ("waiting_changes", "Changes that wait for the disk", self.0.waiting() as f64),
            (
                "storage_up",
                "Whether records can be written",
                f64::from(u8::from(status.storage_problem().is_none())),
            ),
        ];
        for (name, meaning, value) in gauges {
            let metric = encoder.encode_descriptor(name, meaning, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)?;
        }
        Ok(())
    }
}

/// Labels of a horizon's quantile.
struct OfQuantile<'a> {
    pool: &'a str,
    minutes: u32,
    level: &'static str,
}

impl EncodeLabelSet for OfQuantile<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        let minutes = self.minutes.to_string();
        let labels = [("pool", self.pool), ("minutes", minutes.as_str()), ("level", self.level)];
        labels.as_slice().encode(encoder)
    }
}

impl Pools {
    fn forecasts(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        views: &[(String, Arc<View>)],
    ) -> Result<(), fmt::Error> {
        let meaning = "Quantiles of the events that one interval is expected to have";
        let mut family: MetricEncoder<'_> =
            encoder.encode_descriptor("pool_forecast_events", meaning, None, MetricType::Gauge)?;
        for (pool, view) in views.iter().filter(|(_, view)| view.record.is_some()) {
            for horizon in
                view.forecast.horizons.iter().filter(|horizon| [12, 48, 180].contains(&horizon.minutes))
            {
                for (level, share) in [("0.1", 0.1), ("0.5", 0.5), ("0.9", 0.9)] {
                    let labels = OfQuantile { pool, minutes: horizon.minutes, level };
                    ConstGauge::new(horizon.quantile(share)).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
