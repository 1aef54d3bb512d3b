//! What the binary can be asked for.

mod demo;
mod feed;
mod serve;
mod verify;

use crate::config::Settings;
use crate::models::Models;
use crate::problem::{Problem, Result};
use crate::security::{Gate, Role, Tls, new_key};
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Forecasts the arrivals of pools of jobs, and decides how many jobs each should have, and why.
#[derive(Parser)]
#[command(version)]
pub struct Commands {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until it is told to end.
    Serve {
        /// TOML file of settings.
        #[arg(long, env = "EVSCALE_CONFIG")]
        config: Option<PathBuf>,
        /// Checks the settings and the files that they name, and ends.
        #[arg(long)]
        check: bool,
    },
    /// Checks the settings and the files that they name.
    Check {
        /// TOML file of settings.
        #[arg(long, env = "EVSCALE_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Makes an API key; the key goes to standard error, the entry for the file of keys to standard output.
    Key {
        /// Who will have it.
        name: String,
        #[arg(value_enum)]
        role: RoleName,
        /// Pools that it is for; all by default.
        #[arg(long)]
        pool: Vec<String>,
    },
    /// Writes the page that documents the settings.
    Settings,
    /// Writes the description of the interface (OpenAPI).
    Openapi,
    /// Checks a deployment: asks every route, and says what is wrong.
    Verify {
        /// Such as `https://evscale.example.org`.
        url: String,
        /// File with an API key or token.
        #[arg(long)]
        key_file: Option<PathBuf>,
        /// PEM file with the certificates that are trusted.
        #[arg(long)]
        ca: Option<PathBuf>,
        /// Also creates a pool of its own, `verify`, sends records, orders and executions, and removes it. Asks for `operate`.
        #[arg(long)]
        changes: bool,
    },
    /// Simulates pools of jobs and sends their records to a server: a workload to look at.
    Feed(feed::Feed),
    /// Serves on loopback with a database of its own, feeds two simulated pools, and says where to look.
    Demo {
        /// Port of the HTTP interface.
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Read,
    Write,
    Operate,
}

impl Commands {
    /// Does what is asked for.
    ///
    /// # Errors
    /// It cannot be done.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Serve { config, check: false } => serve::serve(&load(config)?),
            Command::Serve { config, check: true } | Command::Check { config } => check(&load(config)?),
            Command::Key { name, role, pool } => key(&name, role, pool),
            Command::Settings => {
                print!("{}", crate::config::page());
                Ok(ExitCode::SUCCESS)
            }
            Command::Openapi => {
                println!("{:#}", crate::http::document());
                Ok(ExitCode::SUCCESS)
            }
            Command::Verify { url, key_file, ca, changes } => {
                verify::verify(&url, key_file.as_deref(), ca.as_deref(), changes)
            }
            Command::Feed(feed) => feed.run(),
            Command::Demo { port } => demo::demo(port),
        }
    }
}

fn load(config: Option<PathBuf>) -> Result<Settings> {
    Settings::load(config.as_deref(), &|name| std::env::var(name).ok())
}

fn check(settings: &Settings) -> Result<ExitCode> {
    Gate::new(&settings.security, is_loopback(settings)?)?;
    Tls::of_http(&settings.listen)?;
    Tls::of_keda(&settings.listen)?;
    Models::new(&settings.models)?.all()?;
    println!("the settings are fine: {} pools", settings.pools.len());
    Ok(ExitCode::SUCCESS)
}

/// Reports whether nobody but this machine can call.
///
/// # Errors
/// The address is none.
fn is_loopback(settings: &Settings) -> Result<bool> {
    use std::net::ToSocketAddrs;
    let address = &settings.listen.address;
    let mut found = address
        .to_socket_addrs()
        .map_err(|problem| Problem::config(format!("`listen.address` is `{address}`: {problem}")))?;
    Ok(found.all(|address| address.ip().is_loopback()))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|problem| Problem::config(format!("no threads: {problem}")))
}

fn key(name: &str, role: RoleName, pools: Vec<String>) -> Result<ExitCode> {
    let role = match role {
        RoleName::Read => Role::Read,
        RoleName::Write => Role::Write,
        RoleName::Operate => Role::Operate,
    };
    let (key, entry) = new_key(name, role, (!pools.is_empty()).then_some(pools))?;
    let entry = toml::to_string(&entry).map_err(Problem::config)?;
    eprintln!("{key}");
    println!("[[keys]]\n{entry}");
    Ok(ExitCode::SUCCESS)
}
