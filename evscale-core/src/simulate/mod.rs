//! Queue model, workloads, traces, published rules, replay and backtest, and the ground on which the policy is trained; deterministic from a seed.

mod backtest;
mod clairvoyant;
mod environment;
pub mod peers;
mod queue;
mod replay;
mod season;
mod trace;
mod workload;
mod world;

pub use backtest::{Backtest, BacktestRun, BacktestScores, History, backtest};
pub use environment::{Environment, RewardWeights, StepOutcome, Track};
pub use queue::{IntervalOutcome, PoolSimulator};
pub use replay::{Replay, ReplayRow, ScalingRule, Scores, replay, replay_while};
pub use workload::Workload;
pub use world::{World, WorldSettings};

/// The generator behind every draw of this module.
pub(crate) type Generator = rand_chacha::ChaCha8Rng;
