//! The server as a process: starts, says where it listens, reads files again, ends.

use super::{is_loopback, runtime};
use crate::actuators::Actuators;
use crate::config::{ClockSource, Log, LogFormat, Settings};
use crate::engine::{Change, Engine, now_ms};
use crate::http::{self, App, Serving, router};
use crate::models::Models;
use crate::problem::{Problem, Result};
use crate::security::{Gate, Tls};
use crate::storage::{AuditRow, Store};
use axum_server::Handle;
use evscale_core::Timestamp;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;

/// How often the clock is looked at for pools whose records stay away.
const CLOCK_EVERY: Duration = Duration::from_secs(1);
/// How often old rows are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// How often files are looked at.
const FILES_EVERY: Duration = Duration::from_secs(10);
/// Longest time that requests have when the server ends.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// Longest time that a standby takes to end what it answers.
const LAST_REFUSALS: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// It cannot start.
pub fn serve(settings: &Settings) -> Result<ExitCode> {
    log(&settings.log)?;
    runtime()?.block_on(async {
        let mut ends = Ends::new()?;
        let running = tokio::select! {
            running = start(settings) => running?,
            () = ends.asked() => return Ok(ExitCode::SUCCESS),
        };
        running.until(ends).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The signals that ask for the end.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|problem| Problem::config(format!("signals: {problem}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

fn log(settings: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(format!("{},sqlx=warn,hyper=warn,h2=warn,rskafka=warn", settings.level))
        .map_err(|problem| Problem::config(format!("`log.level`: {problem}")))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Text => lines.init(),
    }
    Ok(())
}

/// A server at work.
struct Running {
    http: Serving,
    engine: Engine,
}

/// Opens everything and listens.
///
/// # Errors
/// Something cannot be opened.
async fn start(settings: &Settings) -> Result<Running> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listen = &settings.listen;
    let gate = Arc::new(Gate::new(&settings.security, is_loopback(settings)?)?);
    let (tls, keda_tls) = (Tls::of_http(listen)?, Tls::of_keda(listen)?);
    let models = Models::new(&settings.models)?;
    let settings = Arc::new(settings.clone());
    let ports = [tls.clone(), keda_tls.clone()].into_iter().flatten().collect();
    tokio::spawn(watch_files(Arc::clone(&settings), Arc::clone(&gate), ports));
    let standby = settings.storage.standby.then(|| Standby::new(&settings, tls.as_ref())).transpose()?;
    let store = Arc::new(Store::open(&settings.storage).await?);
    let engine = Engine::start(&settings, store, models.all()?).await?;
    apply_pools(&settings, &engine).await?;
    let actuators = Actuators::new(&settings.actuators);
    tokio::spawn(Arc::clone(&actuators).run(engine.clone()));
    serve_keda(&settings, keda_tls.as_ref(), &engine)?;
    let app = App::new(engine.clone(), gate, Arc::clone(&settings), actuators, models);
    let listener = match standby {
        Some(standby) => standby.end().await,
        None => http::listen("listen.address", &listen.address)?,
    };
    tracing::info!(address = %shown(&listener), tls = tls.is_some(), "listening");
    let http = http::serve(listener, tls.as_ref(), &settings.limits, router(app))?;
    tokio::spawn(crate::kafka::run(settings.kafka.clone(), engine.clone()));
    tokio::spawn(watch_clock(Arc::clone(&settings), engine.clone()));
    tokio::spawn(forget(settings, engine.clone()));
    Ok(Running { http, engine })
}

/// Listens for KEDA, if an address is set.
fn serve_keda(settings: &Settings, tls: Option<&Tls>, engine: &Engine) -> Result<()> {
    let Some(address) = &settings.listen.keda_address else { return Ok(()) };
    let listener = http::listen("listen.keda_address", address)?;
    tracing::info!(address = %shown(&listener), tls = tls.is_some(), "listening for KEDA");
    let router = crate::keda::router(engine.clone(), settings.limits.streams);
    tokio::spawn(http::serve(listener, tls, &settings.limits, router)?.running);
    Ok(())
}

fn shown(listener: &TcpListener) -> String {
    listener.local_addr().map_or_else(|problem| problem.to_string(), |address| address.to_string())
}

/// What answers on the address of a server that waits until no other one works on the database.
struct Standby {
    listener: TcpListener,
    handle: Handle<SocketAddr>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Standby {
    fn new(settings: &Settings, tls: Option<&Tls>) -> Result<Self> {
        let address = &settings.listen.address;
        let listener = http::listen("listen.address", address)?;
        let again = listener
            .try_clone()
            .map_err(|problem| Problem::config(format!("`listen.address` is `{address}`: {problem}")))?;
        let Serving { handle, running } = http::serve(again, tls, &settings.limits, http::standby())?;
        tracing::info!(address = %shown(&listener), "waiting as a standby while another server works on the database");
        Ok(Self { listener, handle, server: tokio::spawn(running) })
    }

    /// Ends, and returns the open address, on which nobody is refused meanwhile.
    async fn end(self) -> TcpListener {
        tracing::info!("the standby takes over");
        self.handle.graceful_shutdown(Some(LAST_REFUSALS));
        let _ = self.server.await;
        self.listener
    }
}

/// Creates and configures the pools of the file.
async fn apply_pools(settings: &Settings, engine: &Engine) -> Result<()> {
    for (name, config) in settings.pool_configs()? {
        let config = Box::new(config);
        let (action, change) = match engine.view(&name) {
            Ok(view) if view.about.config == *config => continue,
            Ok(_) => ("configure", Change::Configure(config)),
            Err(_) => ("create", Change::Create(config)),
        };
        let audit = AuditRow::new("settings", "operate", action, &name, "from the file of settings");
        engine.change(&name, change, Some(audit)).await?;
        tracing::info!(pool = name, action, "pool of the settings");
    }
    Ok(())
}

impl Running {
    /// Serves until a signal comes, then lets requests end and writes what is left.
    async fn until(self, mut ends: Ends) -> Result<()> {
        let mut server = tokio::spawn(self.http.running);
        let ended = tokio::select! {
            () = ends.asked() => Ok(()),
            () = self.engine.store().taken_over() => Err("another server has taken over the database".to_owned()),
            ended = &mut server => Err(format!("the HTTP interface ended: {}", cause(ended))),
        };
        tracing::info!("ending");
        self.http.handle.graceful_shutdown(Some(LAST_REQUESTS));
        if !server.is_finished() {
            let _ = tokio::time::timeout(LAST_REQUESTS + Duration::from_secs(1), server).await;
        }
        self.engine.stop().await;
        self.engine.store().close().await;
        tracing::info!("ended");
        ended.map_err(Problem::config)
    }
}

fn cause(ended: Result<std::io::Result<()>, tokio::task::JoinError>) -> String {
    match ended {
        Ok(Ok(())) => "without a cause".to_owned(),
        Ok(Err(problem)) => problem.to_string(),
        Err(problem) => problem.to_string(),
    }
}

async fn watch_clock(settings: Arc<Settings>, engine: Engine) {
    if settings.clock.source == ClockSource::Records {
        return;
    }
    let mut every = tokio::time::interval(CLOCK_EVERY);
    loop {
        every.tick().await;
        if let Ok(now) = Timestamp::from_millis(now_ms()) {
            engine.clock(now);
        }
    }
}

async fn forget(settings: Arc<Settings>, engine: Engine) {
    let mut every = tokio::time::interval(FORGET_EVERY);
    loop {
        every.tick().await;
        match engine.store().forget(&settings.storage, now_ms()).await {
            Ok(0) => (),
            Ok(rows) => tracing::info!(rows, "old rows were deleted"),
            Err(problem) => tracing::warn!(cause = %problem, "old rows could not be deleted"),
        }
    }
}

/// Reads keys, tokens' keys and certificates again when their files change, or at SIGHUP.
async fn watch_files(settings: Arc<Settings>, gate: Arc<Gate>, ports: Vec<Tls>) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    let secrets = || modified([&settings.security.keys_file, &settings.security.jwks_file]);
    let certificates = || ports.iter().map(Tls::changed).collect::<Vec<_>>();
    let (mut secrets_seen, mut certificates_seen) = (secrets(), certificates());
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(FILES_EVERY) => false,
            _ = hangups.recv() => true,
        };
        let (secrets_now, certificates_now) = (secrets(), certificates());
        if asked || secrets_now != secrets_seen {
            told("keys", gate.reload());
        }
        if asked || certificates_now != certificates_seen {
            ports.iter().for_each(|port| told("certificate", port.reload()));
        }
        (secrets_seen, certificates_seen) = (secrets_now, certificates_now);
    }
}

/// Returns when each of the files changed last; none for one that is not there.
fn modified<const N: usize>(paths: [&Option<String>; N]) -> [Option<SystemTime>; N] {
    paths.map(|path| std::fs::metadata(path.as_deref()?).ok()?.modified().ok())
}

/// Logs what became of files that were read again.
fn told(what: &str, reloaded: Result<()>) {
    match reloaded {
        Ok(()) => tracing::info!("{what}: read again"),
        Err(problem) => {
            tracing::error!(cause = %problem, "{what}: cannot be read again; what was read before holds")
        }
    }
}
