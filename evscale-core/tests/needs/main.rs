//! What a pool needs to say of itself: in each of these worlds, a pool that does not say it is late or dear.

#[path = "../support/mod.rs"]
mod support;

mod backtests;
mod classes;
mod downstream;
mod due;
mod events_per_job;
mod job_numbers;
mod prices;
mod spare;
mod world;
