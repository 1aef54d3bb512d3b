//! What was measured: the metrics record and the bounded history of arrivals.

mod history;
mod record;
mod ring;

pub use history::History;
pub use record::Metrics;
