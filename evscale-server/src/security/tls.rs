//! TLS of the listening ports: the server's certificate, and the authorities by which callers' certificates must be signed.

use crate::config::Listen;
use crate::problem::{Problem, Result};
use axum_server::tls_rustls::RustlsConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use std::sync::Arc;
use std::time::SystemTime;

/// What is spoken inside of TLS.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files that the TLS of a port is made from.
#[derive(Clone, Debug)]
struct Files {
    certificate: String,
    key: String,
    client_ca: Option<String>,
}

/// The TLS of a port, made again when its files change.
#[derive(Clone, Debug)]
pub struct Tls {
    files: Files,
    config: RustlsConfig,
}

impl Tls {
    /// Returns the TLS of the HTTP interface; none without a certificate.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of_http(listen: &Listen) -> Result<Option<Self>> {
        Files::new(listen, listen.client_ca.as_ref()).map(Self::new).transpose()
    }

    /// Returns the TLS of KEDA's interface; none unless it is asked for.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of_keda(listen: &Listen) -> Result<Option<Self>> {
        let files = Files::new(listen, listen.keda_client_ca.as_ref());
        files.filter(|_| listen.keda_tls).map(Self::new).transpose()
    }

    fn new(files: Files) -> Result<Self> {
        let config = RustlsConfig::from_config(Arc::new(files.read()?));
        Ok(Self { files, config })
    }

    /// Returns what a port accepts connections with.
    pub fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Reads the files again. What was read before holds if one is refused.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn reload(&self) -> Result<()> {
        self.config.reload_from_config(Arc::new(self.files.read()?));
        Ok(())
    }

    /// Returns when each of the files changed last; none for one that is not there.
    pub fn changed(&self) -> Vec<Option<SystemTime>> {
        let Files { certificate, key, client_ca } = &self.files;
        let paths = [Some(certificate), Some(key), client_ca.as_ref()];
        paths.into_iter().map(|path| std::fs::metadata(path?).ok()?.modified().ok()).collect()
    }
}

impl Files {
    fn new(listen: &Listen, client_ca: Option<&String>) -> Option<Self> {
        let (certificate, key) = (listen.tls_certificate.clone()?, listen.tls_key.clone()?);
        Some(Self { certificate, key, client_ca: client_ca.cloned() })
    }

    fn read(&self) -> Result<ServerConfig> {
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|problem| refused(&self.key, problem))?;
        let builder = match &self.client_ca {
            Some(path) => builder()?.with_client_cert_verifier(signed_by(path)?),
            None => builder()?.with_no_client_auth(),
        };
        let made = builder.with_single_cert(chain, key);
        let mut config = made.map_err(|problem| refused(&self.certificate, problem))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(config)
    }
}

fn builder() -> Result<ConfigBuilder<ServerConfig, WantsVerifier>> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder
        .with_safe_default_protocol_versions()
        .map_err(|problem| Problem::config(format!("TLS: {problem}")))
}

/// Returns what verifies that a certificate is signed by one of the authorities in a file.
fn signed_by(path: &str) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(path)? {
        authorities.add(certificate).map_err(|problem| refused(path, problem))?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider).build();
    verifier.map_err(|problem| refused(path, problem))
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read.map_err(|problem| refused(path, problem))? {
        found if found.is_empty() => Err(refused(path, "it has no certificate")),
        found => Ok(found),
    }
}

fn refused(path: &str, problem: impl std::fmt::Display) -> Problem {
    Problem::config(format!("`{path}`, a file of the TLS settings: {problem}"))
}
