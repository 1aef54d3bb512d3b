//! The server as a process: starts, says where it listens, reads files again, ends.

use super::{is_loopback, runtime};
use crate::actuators::Actuators;
use crate::config::{ClockSource, Log, LogFormat, Settings};
use crate::engine::{Change, Engine, now_ms};
use crate::http::{App, Serving, router};
use crate::problem::{Problem, Result};
use crate::security::Gate;
use crate::storage::{AuditRow, Store};
use evscale_core::Timestamp;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How often the clock is looked at for pools whose records stay away.
const CLOCK_EVERY: Duration = Duration::from_secs(1);
/// How often old rows are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// How often files are looked at.
const FILES_EVERY: Duration = Duration::from_secs(10);
/// Longest time that requests have when the server ends.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// It cannot start.
pub fn serve(settings: &Settings) -> Result<ExitCode> {
    log(&settings.log)?;
    runtime()?.block_on(async {
        let (running, engine) = start(settings).await?;
        tracing::info!(address = %running.address, tls = running.tls.is_some(), "listening");
        run_to_end(running, engine).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn log(settings: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(format!("{},sqlx=warn,hyper=warn,h2=warn", settings.level))
        .map_err(|problem| Problem::config(format!("`log.level`: {problem}")))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Text => lines.init(),
    }
    Ok(())
}

/// Opens everything and listens.
///
/// # Errors
/// Something cannot be opened.
pub async fn start(settings: &Settings) -> Result<(Serving, Engine)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let gate = Arc::new(Gate::new(&settings.security, is_loopback(settings)?)?);
    let store = Arc::new(Store::open(&settings.storage).await?);
    let engine = Engine::start(settings, store).await?;
    apply_pools(settings, &engine).await?;
    let settings = Arc::new(settings.clone());
    let actuators = Actuators::new(&settings.actuators);
    tokio::spawn(Arc::clone(&actuators).run(engine.clone()));
    let app = App::new(engine.clone(), Arc::clone(&gate), Arc::clone(&settings), actuators);
    let running = crate::http::serve(&settings, router(app)).await?;
    if let Some(address) = &settings.listen.keda_address {
        let (address, scaler) = crate::keda::serve(address, engine.clone(), settings.limits.streams).await?;
        tracing::info!(%address, "listening for KEDA");
        tokio::spawn(async move {
            if let Err(problem) = scaler.await {
                tracing::error!(cause = %problem, "KEDA's interface ended");
            }
        });
    }
    tokio::spawn(watch_clock(Arc::clone(&settings), engine.clone()));
    tokio::spawn(forget(Arc::clone(&settings), engine.clone()));
    tokio::spawn(watch_files(settings, gate, running.tls.clone()));
    Ok((running, engine))
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

/// Serves until a signal comes, then lets requests end and writes what is left.
async fn run_to_end(running: Serving, engine: Engine) -> Result<()> {
    let no_signal = |problem: std::io::Error| Problem::config(format!("signals: {problem}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let handle = running.handle.clone();
    let mut server = tokio::spawn(running.running);
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
        ended = &mut server => {
            engine.stop().await;
            let cause = match ended {
                Ok(Ok(())) => "without a cause".to_owned(),
                Ok(Err(problem)) => problem.to_string(),
                Err(problem) => problem.to_string(),
            };
            return Err(Problem::config(format!("the HTTP interface ended: {cause}")));
        }
    }
    tracing::info!("ending");
    handle.graceful_shutdown(Some(LAST_REQUESTS));
    let _ = tokio::time::timeout(LAST_REQUESTS + Duration::from_secs(1), server).await;
    engine.stop().await;
    engine.store().close().await;
    tracing::info!("ended");
    Ok(())
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

/// Reads keys, tokens' keys and the certificate again when their files change, or at SIGHUP.
async fn watch_files(
    settings: Arc<Settings>,
    gate: Arc<Gate>,
    tls: Option<axum_server::tls_rustls::RustlsConfig>,
) {
    let changed = |paths: &[&Option<String>]| -> Vec<Option<SystemTime>> {
        let times = paths.iter().map(|path| std::fs::metadata(path.as_deref()?).ok()?.modified().ok());
        times.collect()
    };
    let secrets = [&settings.security.keys_file, &settings.security.jwks_file];
    let certificate = [&settings.listen.tls_certificate, &settings.listen.tls_key];
    let (mut secrets_seen, mut certificate_seen) = (changed(&secrets), changed(&certificate));
    let Ok(mut asked) = signal(SignalKind::hangup()) else { return };
    loop {
        let now = tokio::select! {
            () = tokio::time::sleep(FILES_EVERY) => false,
            _ = asked.recv() => true,
        };
        let (secrets_now, certificate_now) = (changed(&secrets), changed(&certificate));
        if now || secrets_now != secrets_seen {
            match gate.reload() {
                Ok(()) => tracing::info!("keys were read again"),
                Err(problem) => {
                    tracing::error!(cause = %problem, "keys could not be read; those before hold")
                }
            }
        }
        if let (true, Some(tls), Some(chain), Some(key)) =
            (now || certificate_now != certificate_seen, &tls, certificate[0], certificate[1])
        {
            match tls.reload_from_pem_file(chain, key).await {
                Ok(()) => tracing::info!("the certificate was read again"),
                Err(problem) => {
                    tracing::error!(cause = %problem, "the certificate could not be read; the one before holds")
                }
            }
        }
        (secrets_seen, certificate_seen) = (secrets_now, certificate_now);
    }
}
