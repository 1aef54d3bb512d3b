//! An HTTP hook that carries a decision out.

use super::ActuatorSettings;
use crate::engine::Execution;
use std::path::Path;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

pub(super) fn post(settings: &ActuatorSettings, execution: &Execution) -> Result<String, String> {
    let url = settings.url.as_deref().unwrap_or_default();
    let body = serde_json::to_string(execution).map_err(|problem| problem.to_string())?;
    let mut request = agent(settings)?.post(url).content_type("application/json");
    request = request.header("Idempotency-Key", &execution.key);
    if let Some(token) = token(settings.token_file.as_deref())? {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    ended(request.send(body))
}

/// Returns a client with the trust and the patience of the settings.
pub(super) fn agent(settings: &ActuatorSettings) -> Result<Agent, String> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = &settings.ca_file {
        tls = tls.root_certs(RootCerts::new_with_certs(&certificates(Path::new(path))?));
    }
    let config = Agent::config_builder()
        .timeout_global(Some(settings.timeout()))
        .http_status_as_error(false)
        .max_redirects(0)
        .tls_config(tls.build());
    Ok(config.build().new_agent())
}

/// Reads the certificates of a PEM file.
pub fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem =
        std::fs::read(path).map_err(|problem| format!("`{}` cannot be read: {problem}", path.display()))?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let found: Vec<_> = parse_pem(&pem).filter_map(certificate).collect();
    if found.is_empty() { Err(format!("`{}` has no certificate", path.display())) } else { Ok(found) }
}

pub(super) fn token(path: Option<&str>) -> Result<Option<String>, String> {
    let read = |path: &str| {
        std::fs::read_to_string(path).map_err(|problem| format!("`{path}` cannot be read: {problem}"))
    };
    Ok(path.map(read).transpose()?.map(|token| token.trim().to_owned()))
}

/// What an answer means: everything below 300 is done.
pub(super) fn ended(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<String, String> {
    let mut answer = answer.map_err(|problem| problem.to_string())?;
    let status = answer.status();
    if status.is_success() {
        return Ok(format!("answered {status}"));
    }
    let said = answer.body_mut().with_config().limit(1000).read_to_string().unwrap_or_default();
    Err(format!("answered {status}: {}", said.chars().take(300).collect::<String>()))
}
