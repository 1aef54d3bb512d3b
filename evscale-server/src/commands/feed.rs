//! Simulated pools whose records are sent to a server, and whose jobs follow its decisions.

use crate::problem::{Problem, Result};
use clap::Args;
use evscale_core::Timestamp;
use evscale_core::simulate::{LoadSettings, PoolSimulator, SimulatedLoad, Workload};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use ureq::Agent;

/// Simulates pools of jobs and sends their records to a server.
#[derive(Args, Clone)]
pub struct Feed {
    /// Such as `http://127.0.0.1:8080`.
    url: String,
    /// Number of pools.
    #[arg(long, default_value_t = 2)]
    pools: u32,
    /// Days that are sent at once to begin with, so that there is something to see.
    #[arg(long, default_value_t = 3)]
    days: u32,
    /// Milliseconds from one record of a pool to the next after that; each stands for two minutes.
    #[arg(long, default_value_t = 1000)]
    every_ms: u64,
    /// Records after the first days; without end by default.
    #[arg(long)]
    records: Option<u32>,
    /// File with an API key of the role `operate`.
    #[arg(long)]
    key_file: Option<PathBuf>,
}

const NAMES: [&str; 4] = ["orders", "emails", "thumbnails", "reports"];
const INTERVAL_SECONDS: u32 = 120;
/// Most records of one request.
const AT_ONCE: usize = 250;

/// A simulated pool.
struct Simulated {
    name: String,
    load: SimulatedLoad,
    jobs: PoolSimulator,
    next: usize,
    arrivals: Vec<f64>,
}

impl Feed {
    /// A feed of a server that was just started here.
    pub fn of_demo(url: String) -> Self {
        Self { url, pools: 2, days: 3, every_ms: 1000, records: None, key_file: None }
    }

    /// Sends until it is told to end, or all records are sent.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub fn run(self) -> Result<ExitCode> {
        let key = self.key_file.as_deref().map(secret).transpose()?;
        let server = Server { agent: agent(None)?, url: self.url.trim_end_matches('/').to_owned(), key };
        let mut pools = (0..self.pools).map(Simulated::new).collect::<Result<Vec<_>>>()?;
        for pool in &pools {
            let settings = serde_json::json!({
                "interval_seconds": INTERVAL_SECONDS, "min_jobs": 2, "max_jobs": 400, "job_startup_seconds": 120,
            });
            server.put(&format!("/pools/{}", pool.name), &settings)?;
        }
        let first = self.days * 86_400 / INTERVAL_SECONDS;
        for pool in &mut pools {
            // a decision every other record is enough to have learned from the past
            let mut left = first as usize;
            while left > 0 {
                let count = left.min(AT_ONCE);
                let records: Vec<Value> = (0..count).map(|_| pool.record(Some(first))).collect();
                let answer = server.post("/batch", &serde_json::json!({ "records": records }))?;
                if let Some(jobs) =
                    answer.pointer(&format!("/results/{}/decision/recommended_jobs", count - 1))
                {
                    pool.follow(jobs);
                }
                left -= count;
            }
        }
        let mut sent = 0;
        while self.records.is_none_or(|records| sent < records) {
            for pool in &mut pools {
                let record = pool.record(None);
                let answer = server.post("/batch", &serde_json::json!({ "records": [record] }))?;
                if let Some(jobs) = answer.pointer("/results/0/decision/recommended_jobs") {
                    pool.follow(jobs);
                }
            }
            sent += 1;
            std::thread::sleep(Duration::from_millis(self.every_ms));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Simulated {
    fn new(index: u32) -> Result<Self> {
        let name =
            NAMES.get(index as usize).map_or_else(|| format!("pool-{index}"), |name| (*name).to_owned());
        let workload = Workload::two_weeks(u64::from(index) + 11);
        let load = SimulatedLoad::new(&workload, &LoadSettings::default());
        let mut arrivals = Vec::new();
        load.arrivals(0, &mut arrivals);
        let jobs = load.offered_jobs(0).ceil().max(2.0) as u32;
        Ok(Self { name, load, jobs: PoolSimulator::new(jobs, 120.0, 30.0), next: 0, arrivals })
    }

    /// Simulates the next interval; returns its record for a batch. While the past is made up, jobs are what the load needs.
    fn record(&mut self, past: Option<u32>) -> Value {
        let index = self.next % self.load.len();
        if past.is_some() {
            self.jobs.scale_to((self.load.offered_jobs(index) * 1.3).ceil().max(2.0) as u32);
        }
        self.load.arrivals(index, &mut self.arrivals);
        let outcome = self.jobs.run_interval(&self.arrivals, self.load.service_seconds(index));
        let mut record = self.load.record(index, &outcome);
        let rounds = (self.next / self.load.len()) as i64;
        let round = self.load.len() as i64 * i64::from(INTERVAL_SECONDS);
        record.timestamp = record.timestamp.plus_seconds(rounds * round);
        self.next += 1;
        serde_json::json!({ "pool": self.name, "record": record })
    }

    fn follow(&mut self, jobs: &Value) {
        if let Some(jobs) = jobs.as_u64() {
            self.jobs.scale_to(jobs as u32);
        }
    }
}

/// A server that is sent to.
pub(super) struct Server {
    pub(super) agent: Agent,
    pub(super) url: String,
    pub(super) key: Option<String>,
}

impl Server {
    /// Asks for something; returns status and body.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub(super) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, String)> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let failed = |what: &dyn std::fmt::Display| {
            Problem::unavailable("unreachable", format!("{method} {}{path}: {what}", self.url))
        };
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = match body {
            Some(_) => request.header("Content-Type", "application/json").body(text),
            None => request.body(text),
        };
        let answer = self.agent.run(request.map_err(|problem| failed(&problem))?);
        let mut answer = answer.map_err(|problem| failed(&problem))?;
        let body = answer.body_mut().read_to_string().map_err(|problem| failed(&problem))?;
        Ok((answer.status().as_u16(), body))
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.expect("POST", path, body)
    }

    fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.expect("PUT", path, body)
    }

    fn expect(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let (status, text) = self.ask(method, path, Some(body))?;
        if status >= 300 {
            let said: String = text.chars().take(500).collect();
            return Err(Problem::unavailable("refused", format!("{method} {path}: {status} {said}")));
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }
}

/// Returns a client that waits for at most 30 s.
///
/// # Errors
/// The certificates cannot be read.
pub(super) fn agent(ca: Option<&Path>) -> Result<Agent> {
    let mut tls = ureq::tls::TlsConfig::builder();
    if let Some(path) = ca {
        let certificates = crate::actuators::certificates(path).map_err(Problem::config)?;
        tls = tls.root_certs(ureq::tls::RootCerts::new_with_certs(&certificates));
    }
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .tls_config(tls.build());
    Ok(config.build().new_agent())
}

/// Reads a secret of one line.
///
/// # Errors
/// The file cannot be read.
pub(super) fn secret(path: &Path) -> Result<String> {
    Ok(crate::config::read(path)?.trim().to_owned())
}

/// The moment of a record that is `index` intervals after the first of a made-up history.
pub(super) fn moment(index: i64) -> Timestamp {
    Timestamp::EPOCH.plus_seconds(1_767_225_600 + index * i64::from(INTERVAL_SECONDS))
}
