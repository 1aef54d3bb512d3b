//! Is it still good? The health of a pool.

mod health;

pub use health::{Health, HealthStatus};
