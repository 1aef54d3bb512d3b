//! What carries decisions out: an HTTP hook, a command, or Kubernetes. None by default: then decisions are advice.

mod command;
mod hook;
pub use hook::certificates;
mod kubernetes;

use crate::engine::{Engine, Execution, ExecutionStatus};
use crate::problem::{Problem, Result};
use crate::storage::AuditRow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The settings of an actuator: key, default and meaning.
pub const DOCUMENTED: &[(&str, &str, &str)] = &[
    ("kind", "required", "`http`, `command` or `kubernetes`."),
    (
        "automatic",
        "`false`",
        "Whether every new decision that changes the pool is carried out; else only what `POST /execute_scaling` asks for.",
    ),
    ("timeout_seconds", "`10`", "Longest time for one attempt, seconds."),
    (
        "url",
        "none",
        "Of `http`: where the execution is posted as JSON, with its key in `Idempotency-Key`. Of `kubernetes`: the API server; that of \
         the cluster that the server runs in by default.",
    ),
    ("token_file", "none", "Of `http` and `kubernetes`: file with a bearer token; read for every attempt."),
    ("ca_file", "none", "Of `http` and `kubernetes`: PEM file with the certificates that are trusted."),
    (
        "command",
        "none",
        "Of `command`: program and arguments; `{jobs}`, `{current_jobs}`, `{pool}` and `{key}` are filled in. No shell is involved.",
    ),
    ("namespace", "none", "Of `kubernetes`: where the workload is."),
    (
        "resource",
        "`deployments`",
        "Of `kubernetes`: `deployments`, `statefulsets` or `replicasets` of `apps/v1`.",
    ),
    ("name", "none", "Of `kubernetes`: the workload, whose `scale` subresource is patched."),
];

/// Settings of an actuator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActuatorSettings {
    kind: Kind,
    #[serde(default)]
    automatic: bool,
    #[serde(default = "ten")]
    timeout_seconds: u32,
    url: Option<String>,
    token_file: Option<String>,
    ca_file: Option<String>,
    command: Option<Vec<String>>,
    namespace: Option<String>,
    resource: Option<String>,
    name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Http,
    Command,
    Kubernetes,
}

fn ten() -> u32 {
    10
}

impl ActuatorSettings {
    /// Checks that what the kind needs is there.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self, pool: &str) -> Result<()> {
        let missing = |key: &str| {
            Problem::config(format!("`actuators.{pool}.{key}` is not set, expected as the kind needs it"))
        };
        match self.kind {
            Kind::Http if self.url.is_none() => Err(missing("url")),
            Kind::Command if self.command.as_ref().is_none_or(Vec::is_empty) => Err(missing("command")),
            Kind::Kubernetes if self.namespace.is_none() => Err(missing("namespace")),
            Kind::Kubernetes if self.name.is_none() => Err(missing("name")),
            _ if !(1..=300).contains(&self.timeout_seconds) => Err(Problem::config(format!(
                "`actuators.{pool}.timeout_seconds` is {}, expected 1 to 300",
                self.timeout_seconds
            ))),
            _ => Ok(()),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }
}

/// All actuators, by pool. Of one pool, one attempt is made at a time.
#[derive(Debug)]
pub struct Actuators(BTreeMap<String, (ActuatorSettings, Mutex<()>)>);

impl Actuators {
    pub fn new(settings: &BTreeMap<String, ActuatorSettings>) -> Arc<Self> {
        let with_turn = |(pool, settings): (&String, &ActuatorSettings)| {
            (pool.clone(), (settings.clone(), Mutex::new(())))
        };
        Arc::new(Self(settings.iter().map(with_turn).collect()))
    }

    /// Reports whether something carries decisions out for a pool.
    pub fn has(&self, pool: &str) -> bool {
        self.0.contains_key(pool)
    }

    /// Carries an accepted execution out, and notes how it ended.
    pub async fn carry_out(&self, engine: &Engine, execution: Execution) -> Execution {
        let Some((settings, turn)) = self.0.get(&execution.pool) else { return execution };
        let ended = {
            let _turn = turn.lock().await;
            match attempt(settings, &execution).await {
                Ok(detail) => execution.ended(ExecutionStatus::Done, detail),
                Err(cause) => execution.ended(ExecutionStatus::Failed, cause),
            }
        };
        tracing::info!(pool = %ended.pool, key = %ended.key, jobs = ended.jobs, status = ended.status.as_str(), detail = %ended.detail, "carried out");
        engine.finish(ended.clone()).await;
        ended
    }

    /// Carries out what an earlier run of the server had accepted, then every new decision of the pools that ask for it.
    pub async fn run(self: Arc<Self>, engine: Engine) {
        let mut events = engine.listen();
        for row in engine.store().unfinished_executions().await.unwrap_or_default() {
            let Ok(execution) = Execution::read(&row) else { continue };
            if self.has(&execution.pool) {
                self.carry_out(&engine, execution).await;
            } else {
                let told = "the server stopped before it was carried out, and has no actuator now";
                engine.finish(execution.ended(ExecutionStatus::Failed, told.to_owned())).await;
            }
        }
        loop {
            let event = match events.recv().await {
                Ok(event) => event,
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => continue,
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            };
            let automatic = self.0.get(&event.pool).is_some_and(|(settings, _)| settings.automatic);
            let Some(decision) = event
                .decision
                .filter(|decision| automatic && decision.change.is_some_and(|change| change != 0))
            else {
                continue;
            };
            let ask = crate::engine::ExecuteAsk {
                pool: event.pool.clone(),
                key: format!("automatic-{}", event.seq),
                decided_at: Some(decision.decided_at),
                caller: "actuator".to_owned(),
                actuated: true,
            };
            let audit = AuditRow::new("actuator", "operate", "execute", &event.pool, &ask.key);
            if let Ok((execution, true)) = engine.execute(ask, audit).await
                && execution.status == ExecutionStatus::Accepted
            {
                let (actuators, engine) = (Arc::clone(&self), engine.clone());
                tokio::spawn(async move { actuators.carry_out(&engine, execution).await });
            }
        }
    }
}

async fn attempt(settings: &ActuatorSettings, execution: &Execution) -> Result<String, String> {
    let made = async {
        match settings.kind {
            Kind::Command => command::run(settings, execution).await,
            Kind::Http => blocking(settings, execution, hook::post).await,
            Kind::Kubernetes => blocking(settings, execution, kubernetes::scale).await,
        }
    };
    match tokio::time::timeout(settings.timeout() + Duration::from_secs(1), made).await {
        Ok(ended) => ended,
        Err(_) => Err(format!("it took longer than {} s", settings.timeout_seconds)),
    }
}

async fn blocking(
    settings: &ActuatorSettings,
    execution: &Execution,
    work: fn(&ActuatorSettings, &Execution) -> Result<String, String>,
) -> Result<String, String> {
    let (settings, execution) = (settings.clone(), execution.clone());
    let joined = tokio::task::spawn_blocking(move || work(&settings, &execution)).await;
    joined.unwrap_or_else(|problem| Err(problem.to_string()))
}
