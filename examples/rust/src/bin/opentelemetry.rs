//! What happens to a pool as OpenTelemetry spans and events: every decision, every alert. The exporter here keeps them in the process and
//! prints them at the end; `opentelemetry-otlp` has one that sends them to a collector.

use evscale_core::{Autoscaler, Config, Metrics, Timestamp};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use std::error::Error;
use std::sync::{Arc, Mutex};
use tracing_subscriber::layer::SubscriberExt;

/// A collector within the process.
#[derive(Clone, Debug, Default)]
struct Collector(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if let Ok(mut spans) = self.0.lock() {
            spans.extend(batch);
        }
        Ok(())
    }
}

/// Runs a pool for two hours, and then half an hour without records.
fn run() -> Result<(), evscale_core::Error> {
    let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
    let mut config = Config::default();
    config.use_networks = false;
    let mut scaler = Autoscaler::builder(config).build()?;
    for step in 1..=60 {
        let mut record = Metrics::new(start.plus_seconds(120 * step), 3400.0, 12.0);
        record.average_processing_duration_ms = Some(400.0);
        scaler.observe(&record)?;
        scaler.decide();
    }
    scaler.decide_at(start.plus_seconds(120 * 60 + 1800));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let collector = Collector::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(collector.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("evscale"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), run)?;
    provider.shutdown()?;
    let spans = collector.0.lock().map_err(|_| "the collector failed")?;
    for span in spans.iter() {
        for event in span.events.iter() {
            let told: Vec<String> =
                event.attributes.iter().map(|one| format!("{}={}", one.key, one.value)).collect();
            println!("{}: {} {}", span.name, event.name, told.join(" "));
        }
    }
    println!("{} spans", spans.len());
    Ok(())
}
