//! What was measured: the metrics record and the bounded history of arrivals.

mod class_counts;
mod history;
mod record;
mod ring;

pub use class_counts::ClassCounts;
pub(crate) use class_counts::LARGEST_COUNT;
pub use history::History;
pub use record::{Field, FieldMut, Metrics, MetricsBuilder};
