//! Queue model, workloads, traces, a reactive peer and replay. For backtests and training; deterministic from a seed.

mod environment;
mod hpa;
mod queue;
mod replay;
mod season;
mod trace;
mod workload;
mod world;

pub use environment::{Environment, RewardWeights, StepOutcome, Track};
pub use hpa::Hpa;
pub use queue::{IntervalOutcome, PoolSimulator};
pub use replay::{Replay, ReplayRow, ScalingRule, Scores, replay};
pub use workload::Workload;
pub use world::{World, WorldSettings};

/// The generator behind every draw of this module.
pub(crate) type Generator = rand_chacha::ChaCha8Rng;
