//! What was measured: the metrics record and the bounded history of arrivals.

mod history;
mod record;
mod ring;

pub use history::History;
pub(crate) use record::LARGEST_COUNT;
pub use record::{Field, FieldMut, Metrics, MetricsBuilder};
