//! The settings of the server: one TOML file, then the environment. Name, meaning and default of each are the same lines;
//! documentation and overrides read them from here.

use crate::actuators::ActuatorSettings;
use crate::problem::{Problem, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A setting as it is documented.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// Table of the file.
    pub section: &'static str,
    /// Key in that table.
    pub name: &'static str,
    /// Meaning and unit.
    pub description: String,
    /// Default, as in TOML; empty where there is none.
    pub default: String,
}

impl Setting {
    /// Returns the name of the environment variable that overrides the setting; with `_FILE` behind it, of the one that names a
    /// file which holds the value.
    pub fn variable(&self) -> String {
        format!("EVSCALE_{}_{}", self.section, self.name).to_uppercase()
    }
}

/// Declares the tables of the file: documentation, type and default of every setting.
macro_rules! sections {
    ($($(#[doc = $about:literal])+ $section:ident: $table:ident {
        $($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr;)*
    })*) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $table { $($(#[doc = $doc])+ pub $name: $kind,)* }

            impl Default for $table {
                fn default() -> Self { Self { $($name: $default,)* } }
            }
        )*

        /// Everything that the server is told.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $($(#[doc = $about])+ pub $section: $table,)*
            /// Pools by name, each with settings of the library.
            pub pools: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
            /// What carries decisions out, by pool.
            pub actuators: BTreeMap<String, ActuatorSettings>,
        }

        impl Settings {
            /// Returns every setting as it is documented, in the order of the file.
            pub fn documented() -> Vec<Setting> {
                let mut all = Vec::new();
                $({
                    let usual = $table::default();
                    $(all.push(Setting {
                        section: stringify!($section),
                        name: stringify!($name),
                        description: [$($doc.trim()),+].join(" "),
                        default: written(&usual.$name),
                    });)*
                })*
                all
            }

            /// Returns every table with what it is about.
            pub fn tables() -> Vec<(&'static str, String)> {
                vec![$((stringify!($section), [$($about.trim()),+].join(" "))),*]
            }
        }
    };
}

sections! {
    /// Where the server listens.
    listen: Listen {
        /// Address and port of the HTTP interface. Other addresses than loopback ask for keys or tokens.
        address: String = "127.0.0.1:8080".to_owned();
        /// Address and port of KEDA's external scaler (gRPC); off by default.
        keda_address: Option<String> = None;
        /// PEM file of the certificate chain; plain HTTP without it. Read again when the file changes.
        tls_certificate: Option<String> = None;
        /// PEM file of the certificate's private key.
        tls_key: Option<String> = None;
        /// PEM file of the authorities by which the certificates of HTTP callers must be signed (mutual TLS), beside keys and
        /// tokens; no certificate is asked for without it. Read again when the file changes.
        client_ca: Option<String> = None;
        /// Whether KEDA's interface takes TLS alone, with the same certificate.
        keda_tls: bool = false;
        /// PEM file of the authorities by which KEDA's certificate (`tlsClientCert`) must be signed; none is asked for without it.
        keda_client_ca: Option<String> = None;
    }
    /// Where records, decisions and states are kept.
    storage: Storage {
        /// `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE`.
        url: String = "sqlite:evscale.db".to_owned();
        /// Records of a pool between two snapshots of its state: fewer make a start after a crash faster, and write more.
        snapshot_every_records: u32 = 20;
        /// Records older than this are deleted, days by the server's clock.
        keep_records_days: u32 = 30;
        /// Decisions and executions older than this are deleted, days.
        keep_decisions_days: u32 = 90;
        /// Entries of the audit log older than this are deleted, days.
        keep_audit_days: u32 = 365;
        /// Longest time for one write, seconds; then the records in it are refused.
        timeout_seconds: u32 = 5;
        /// Whether to wait while another server works on the database, and to take over when it ends (PostgreSQL alone). Meanwhile
        /// everything but `/alive` is answered with 503. Without it such a start is refused.
        standby: bool = false;
    }
    /// Who may do what.
    security: Security {
        /// TOML file with the API keys, as `evscale-server key` writes them; only hashes are in it.
        keys_file: Option<String> = None;
        /// JWKS file (RFC 7517) with the public keys that bearer tokens are signed by.
        jwks_file: Option<String> = None;
        /// `iss` that a token must have; required with `jwks_file`.
        jwt_issuer: Option<String> = None;
        /// `aud` that a token must have; required with `jwks_file`.
        jwt_audience: Option<String> = None;
        /// Claim that names the role: `read`, `write` or `operate`, or a list with one of them.
        jwt_role_claim: String = "role".to_owned();
        /// Role of callers without key and token: `none`, `read`, `write` or `operate`. On loopback without keys and tokens it
        /// is `operate`, elsewhere `none`, unless it is set.
        anonymous_role: Option<String> = None;
        /// Requests per second of one key, token subject or address.
        requests_per_second: u32 = 200;
        /// Requests that may come at once.
        burst: u32 = 400;
    }
    /// What one caller can ask for.
    limits: Limits {
        /// Longest body of a request, bytes.
        body_bytes: usize = 1024 * 1024;
        /// Longest time for the head of a request, and for a connection without one, seconds.
        header_seconds: u32 = 30;
        /// Longest time for a request as a whole, seconds; streams of events aside.
        request_seconds: u32 = 15;
        /// Requests that are worked on at once; more are refused with 503.
        concurrent_requests: usize = 1024;
        /// Connections that are open at once; more are closed.
        connections: usize = 4096;
        /// Changes that wait for the disk at once; more are refused with 503.
        waiting_changes: usize = 4096;
        /// Streams of events that are open at once.
        streams: usize = 64;
        /// Most pools.
        pools: usize = 10_000;
    }
    /// Which models pools can try beside those of the library.
    models: Models {
        /// Folder of the registry whose versions can be tried, as `evscale retrain` writes them. A version that is tried or acts must
        /// stay there.
        registry: Option<String> = None;
        /// Public key (Ed25519, 64 hexadecimal digits) by which signatures of the versions are verified.
        public_key: Option<String> = None;
    }
    /// Records from Kafka, and decisions to it. Off by default.
    kafka: Kafka {
        /// Addresses of brokers to begin with, `HOST:PORT`, with commas between them. Connections are not encrypted.
        brokers: Option<String> = None;
        /// Topic of records, each `{"pool": …, "record": …}`; all of its partitions are taken, each record once.
        records_topic: Option<String> = None;
        /// Topic to which every new decision is told, under the name of its pool.
        decisions_topic: Option<String> = None;
    }
    /// What time it is.
    clock: Clock {
        /// `wall`: pools whose records stay away are decided for by the server's clock. `records`: time is what the records say,
        /// for replays and simulations.
        source: ClockSource = ClockSource::Wall;
    }
    /// What is logged.
    log: Log {
        /// `error`, `warn`, `info`, `debug`, or directives of `tracing_subscriber::EnvFilter`.
        level: String = "info".to_owned();
        /// `json` or `text`.
        format: LogFormat = LogFormat::Json;
    }
}

/// Whose clock is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// The server's.
    Wall,
    /// The records'.
    Records,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

impl Settings {
    /// Reads the file, if any, and the environment.
    ///
    /// # Errors
    /// The file cannot be read, has an unknown key or a wrong type, or a value makes no sense.
    pub fn load(file: Option<&Path>, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut table = match file {
            Some(path) => read(path)?.parse::<toml::Table>().map_err(|problem| {
                Problem::config(format!("`{}`: {}", path.display(), first_lines(&problem.to_string())))
            })?,
            None => toml::Table::new(),
        };
        for setting in Self::documented() {
            if let Some(value) = overridden(&setting, environment)? {
                let section = table
                    .entry(setting.section)
                    .or_insert_with(|| toml::Value::Table(toml::Table::new()))
                    .as_table_mut()
                    .ok_or_else(|| Problem::config(format!("`{}` is no table", setting.section)))?;
                section.insert(setting.name.to_owned(), value);
            }
        }
        let settings: Self = toml::Value::Table(table)
            .try_into()
            .map_err(|problem| Problem::config(first_lines(&problem.to_string())))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        let whole = [
            ("storage.snapshot_every_records", u64::from(self.storage.snapshot_every_records), 1, 10_000),
            ("storage.keep_records_days", self.storage.keep_records_days.into(), 1, 36_500),
            ("storage.keep_decisions_days", self.storage.keep_decisions_days.into(), 1, 36_500),
            ("storage.keep_audit_days", self.storage.keep_audit_days.into(), 1, 36_500),
            ("storage.timeout_seconds", self.storage.timeout_seconds.into(), 1, 300),
            ("security.requests_per_second", self.security.requests_per_second.into(), 1, 1_000_000),
            ("security.burst", self.security.burst.into(), 1, 1_000_000),
            ("limits.body_bytes", self.limits.body_bytes as u64, 1024, 64 * 1024 * 1024),
            ("limits.header_seconds", self.limits.header_seconds.into(), 1, 300),
            ("limits.request_seconds", self.limits.request_seconds.into(), 1, 300),
            ("limits.concurrent_requests", self.limits.concurrent_requests as u64, 1, 1_000_000),
            ("limits.connections", self.limits.connections as u64, 1, 1_000_000),
            ("limits.waiting_changes", self.limits.waiting_changes as u64, 1, 1_000_000),
            ("limits.streams", self.limits.streams as u64, 0, 100_000),
            ("limits.pools", self.limits.pools as u64, 1, 1_000_000),
        ];
        for (name, value, low, high) in whole {
            if !(low..=high).contains(&value) {
                return Err(Problem::config(format!("`{name}` is {value}, expected {low} to {high}")));
            }
        }
        self.listen.check()?;
        self.kafka.check()?;
        if self.storage.standby && self.storage.url.starts_with("sqlite:") {
            return Err(Problem::config(
                "`storage.standby` is true with SQLite, expected a `storage.url` of PostgreSQL, which two servers can reach",
            ));
        }
        let security = &self.security;
        if security.jwks_file.is_some() && (security.jwt_issuer.is_none() || security.jwt_audience.is_none())
        {
            return Err(Problem::config(
                "`security.jwks_file` is set without `jwt_issuer` and `jwt_audience`, expected both: a token for somebody else would do",
            ));
        }
        for (name, _) in self.pool_configs()? {
            check_name(&name)?;
        }
        for (pool, actuator) in &self.actuators {
            check_name(pool)?;
            actuator.check(pool)?;
        }
        Ok(())
    }

    /// Returns the pools of the file with the library's configuration of each.
    ///
    /// # Errors
    /// The library refuses one.
    pub fn pool_configs(&self) -> Result<Vec<(String, evscale_core::Config)>> {
        self.pools
            .iter()
            .map(|(name, settings)| {
                let text = serde_json::Value::Object(settings.clone()).to_string();
                let config = evscale_core::Config::from_json(&text)
                    .map_err(|problem| Problem::config(format!("`pools.{name}`: {problem}")))?;
                Ok((name.clone(), config))
            })
            .collect()
    }
}

impl Listen {
    /// Checks that what TLS needs is there.
    fn check(&self) -> Result<()> {
        let certified = self.tls_certificate.is_some();
        let wrong = if certified != self.tls_key.is_some() {
            "one of `listen.tls_certificate` and `listen.tls_key` is set, expected both or none"
        } else if self.client_ca.is_some() && !certified {
            "`listen.client_ca` is set without `listen.tls_certificate`, expected both: only TLS has certificates"
        } else if self.keda_tls && !certified {
            "`listen.keda_tls` is true without `listen.tls_certificate`, expected the certificate that is shown to KEDA"
        } else if self.keda_client_ca.is_some() && !self.keda_tls {
            "`listen.keda_client_ca` is set without `listen.keda_tls`, expected both: only TLS has certificates"
        } else {
            return Ok(());
        };
        Err(Problem::config(wrong))
    }
}

impl Kafka {
    /// Checks that brokers and topics are named together.
    fn check(&self) -> Result<()> {
        let topics = self.records_topic.is_some() || self.decisions_topic.is_some();
        match (self.brokers.is_some(), topics) {
            (true, false) => Err(Problem::config(
                "`kafka.brokers` is set without a topic, expected `kafka.records_topic` or `kafka.decisions_topic`",
            )),
            (false, true) => Err(Problem::config(
                "a topic of Kafka is set without `kafka.brokers`, expected the address of a broker",
            )),
            _ => Ok(()),
        }
    }
}

/// Checks the name of a pool: 1 to 100 letters, digits, `.`, `_`, `-`.
///
/// # Errors
/// It is another one.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=100).contains(&name.len()) && name.chars().all(plain) && name.chars().any(|c| c != '.') {
        return Ok(());
    }
    let shown: String = name.chars().take(40).collect();
    Err(Problem::argument(format!(
        "the pool's name is {shown:?}, expected 1 to 100 letters, digits, `.`, `_` or `-`"
    )))
}

/// Reads a file of settings, keys or certificates.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|problem| Problem::config(format!("`{}` cannot be read: {problem}", path.display())))
}

/// Returns the value of the environment for a setting. A text needs no quotes.
fn overridden(
    setting: &Setting,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<toml::Value>> {
    let variable = setting.variable();
    let text = match (environment(&variable), environment(&format!("{variable}_FILE"))) {
        (Some(text), _) => text,
        (None, Some(path)) => read(Path::new(&path))?.trim_end().to_owned(),
        (None, None) => return Ok(None),
    };
    let number = text.parse::<i64>().map(toml::Value::Integer).ok();
    let flag = text.parse::<bool>().map(toml::Value::Boolean).ok();
    Ok(Some(number.or(flag).unwrap_or(toml::Value::String(text))))
}

/// Writes a default as TOML does.
fn written<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Null) | Err(_) => String::new(),
        Ok(value) => value.to_string(),
    }
}

/// The parser's message without the picture of the file below it, which may show secrets.
fn first_lines(text: &str) -> String {
    let telling = |line: &&str| !line.contains('|') && !line.trim().is_empty();
    text.lines().filter(telling).collect::<Vec<_>>().join(": ")
}

/// Returns the page that documents the settings, in Markdown.
pub fn page() -> String {
    let mut out = String::from(
        "# Settings of evscale-server\n\nOne TOML file, given with `--config`, then the environment: each setting has a variable, and \
         with `_FILE` behind it one that names a file\nwhich holds the value, for secrets. `evscale-server check --config FILE` says \
         what would be refused. Written by `evscale-server settings`.\n",
    );
    for (section, about) in Settings::tables() {
        out += &format!(
            "\n## `[{section}]`\n{about}\n\n| key | default | variable | meaning |\n|---|---|---|---|\n"
        );
        for setting in Settings::documented().iter().filter(|setting| setting.section == section) {
            let default = match setting.default.as_str() {
                "" => "none".to_owned(),
                text => format!("`{text}`"),
            };
            out += &format!(
                "| `{}` | {default} | `{}` | {} |\n",
                setting.name,
                setting.variable(),
                setting.description
            );
        }
    }
    out += "\n## `[pools.NAME]`\nA pool, with the settings of the library ([settings](settings.md)). A pool that is created by the \
            interface needs no table; a table wins over\nwhat was set by the interface before.\n";
    out += "\n## `[actuators.NAME]`\nWhat carries out the decisions for the pool NAME; nothing does by default.\n\n| key | default | meaning |\n|---|---|---|\n";
    for (name, default, meaning) in crate::actuators::DOCUMENTED {
        out += &format!("| `{name}` | {default} | {meaning} |\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Settings> {
        let folder = std::env::temp_dir().join(format!("evscale-config-{:?}", std::thread::current().id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("evscale.toml");
        std::fs::write(&path, text).unwrap();
        let found = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::load(Some(&path), &found)
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let text = "[listen]\naddress = \"127.0.0.1:1\"\n[storage]\nkeep_records_days = 7\n";
        let settings = load(text, &[("EVSCALE_LISTEN_ADDRESS", "127.0.0.1:2")]).unwrap();
        assert_eq!(settings.listen.address, "127.0.0.1:2");
        assert_eq!(settings.storage.keep_records_days, 7);
        assert_eq!(settings.limits, Limits::default());
    }

    #[test]
    fn a_secret_comes_from_a_file_and_is_not_in_a_refusal() {
        let path = std::env::temp_dir().join(format!("evscale-secret-{}", std::process::id()));
        std::fs::write(&path, "postgres://u:hunter2@h/d\n").unwrap();
        let settings = load("", &[("EVSCALE_STORAGE_URL_FILE", path.to_str().unwrap())]).unwrap();
        assert_eq!(settings.storage.url, "postgres://u:hunter2@h/d");
        let told = load("[storage]\nurl = \"postgres://u:hunter2@h/d\n", &[]).unwrap_err().to_string();
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn refusals_name_the_key_and_what_is_expected() {
        let refused = |text: &str, parts: &[&str]| {
            let told = load(text, &[]).unwrap_err().to_string();
            parts.iter().for_each(|part| assert!(told.contains(part), "{text}: {told}"));
        };
        refused("[listen]\nadress = \"x\"", &["adress", "address"]);
        refused("[limits]\nbody_bytes = 1", &["limits.body_bytes", "1024"]);
        refused("[listen]\ntls_key = \"k\"", &["tls_certificate"]);
        refused("[listen]\nclient_ca = \"c\"", &["client_ca", "tls_certificate"]);
        refused("[listen]\nkeda_tls = true", &["keda_tls", "tls_certificate"]);
        refused("[listen]\nkeda_client_ca = \"c\"", &["keda_client_ca", "keda_tls"]);
        refused("[kafka]\nbrokers = \"h:9092\"", &["kafka.records_topic"]);
        refused("[kafka]\nrecords_topic = \"t\"", &["kafka.brokers"]);
        refused("[storage]\nstandby = true", &["standby", "PostgreSQL"]);
        refused("[security]\njwks_file = \"k\"", &["jwt_audience"]);
        refused("[pools.a]\nmax_job = 3", &["pools.a", "max_job"]);
        refused("[pools.\"a b\"]\nmax_jobs = 3", &["a b"]);
        refused("[clock]\nsource = \"moon\"", &["moon"]);
    }

    #[test]
    fn the_page_in_the_repository_is_the_one_written_from_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/server-settings.md");
        assert_eq!(read(&path).unwrap(), page(), "run `evscale-server settings > docs/server-settings.md`");
    }
}
