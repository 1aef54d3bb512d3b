//! Queue model, workloads, traces, published rules, replay and backtest, and the ground on which the policy is trained; deterministic from a seed.

mod backtest;
pub mod baselines;
mod clairvoyant;
mod class_pool;
#[cfg(feature = "training")]
mod environment;
mod history;
mod known_work;
mod money;
mod queue;
mod replay;
mod season;
mod served;
mod simulated_jobs;
mod simulated_load;
mod simulated_pool;
mod trace;
mod waits;
mod workload;

pub use backtest::{Backtest, BacktestRun, BacktestScores, backtest};
pub use class_pool::{CLASS_SUBSTEP_SECONDS, ClassOutcome, ClassSimulator, ClassesOutcome};
#[cfg(feature = "training")]
pub use environment::{Environment, ForecastTrace, RewardWeights, StepOutcome};
pub use history::{History, ServiceTimeSource};
pub use known_work::KnownWork;
pub use queue::{IntervalOutcome, PoolSimulator};
pub use replay::{Replay, ReplayRow, ScalingRule, Scores, replay, replay_while};
pub use served::ClassScores;
pub use simulated_load::{LoadSettings, SimulatedLoad};
pub use simulated_pool::SimulatedPool;
pub use workload::Workload;

/// The generator behind every draw of this module.
pub(crate) type Generator = rand_chacha::ChaCha8Rng;
