//! What was measured: the metrics record and the bounded history of arrivals.

mod class_counts;
mod history;
mod record;
mod ring;

pub use class_counts::ClassCounts;
pub use history::History;
pub(crate) use record::LARGEST_COUNT;
pub use record::{Field, FieldMut, Metrics};
