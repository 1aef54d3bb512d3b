//! What was measured: the metrics record and the bounded history of arrivals.

mod class_counts;
mod course;
mod history;
mod record;
mod ring;

pub use class_counts::ClassCounts;
pub(crate) use class_counts::LARGEST_COUNT;
pub(crate) use course::Course;
pub use history::History;
pub use record::{Field, FieldMut, Metrics, MetricsBuilder};
