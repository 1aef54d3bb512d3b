//! What the core promises, through its public interface: a file per promise. One program has them all, so that the inference library
//! is linked once; `cargo test --release --workspace --test promises schedule` runs those of one file.

#[path = "../support/mod.rs"]
mod support;

mod advice;
mod announced;
mod anomalies;
mod answers;
mod attacks;
mod backfill;
mod blackout;
mod bursts;
mod calendar;
mod clock;
mod contract;
mod effectiveness;
mod execution;
mod fallback_chain;
mod fields;
mod fleets;
mod host;
mod kept_values;
mod lasting_issues;
mod meter;
mod mutations;
mod new_version;
mod quality;
mod reconfigure;
mod schedule;
mod scheduled;
mod settings;
mod times;
mod unknown;
mod untrusted;
mod waits;
