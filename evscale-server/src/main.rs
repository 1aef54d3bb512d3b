//! evscale as a service: one binary around the library. It holds no logic of deciding.
#![forbid(unsafe_code)]

mod actuators;
mod commands;
mod config;
mod engine;
mod http;
mod kafka;
mod keda;
mod models;
mod problem;
mod security;
mod storage;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let told = commands::Commands::parse().run();
    match told {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("evscale-server: {problem}");
            ExitCode::FAILURE
        }
    }
}
