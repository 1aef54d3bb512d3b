//! Who calls, and what they may do: API keys by their hashes, bearer tokens by a JWKS file, roles, pools, rates.

mod keys;
mod rates;
mod tls;
mod tokens;

pub use keys::new_key;
pub use rates::Rates;
pub use tls::Tls;

use crate::config::Security;
use crate::problem::{Problem, Result};
use axum::http::{HeaderMap, StatusCode, header};
use keys::Keys;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokens::Tokens;

/// What a caller may do; each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing.
    None,
    /// Forecasts, decisions, health, metrics.
    Read,
    /// Records and outcomes, too.
    Write,
    /// Pools, settings, orders, pauses, executions, and the audit log, too.
    Operate,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
            Self::Operate => "operate",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::None, Self::Read, Self::Write, Self::Operate].into_iter().find(|role| role.as_str() == name)
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Name of the key, subject of the token, or the address.
    pub name: String,
    pub role: Role,
    /// Pools that may be touched; all if none are named.
    pools: Option<Arc<Vec<String>>>,
    /// Key, token or nothing.
    pub way: &'static str,
}

impl Caller {
    /// Reports whether a pool may be touched. A name that ends in `*` stands for all that begin so.
    pub fn may_touch(&self, pool: &str) -> bool {
        let allows = |name: &String| {
            name.strip_suffix('*').map_or(name == pool, |beginning| pool.starts_with(beginning))
        };
        self.pools.as_ref().is_none_or(|pools| pools.iter().any(allows))
    }

    /// Checks the role.
    ///
    /// # Errors
    /// It is too small; 401 for callers without key and token.
    pub fn check(&self, least: Role) -> Result<()> {
        if self.role >= least {
            return Ok(());
        }
        if self.way == "nothing" {
            let message = "no key and no token, expected `X-API-Key: KEY` or `Authorization: Bearer TOKEN`";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", message));
        }
        let message =
            format!("the role of `{}` is {}, expected {}", self.name, self.role.as_str(), least.as_str());
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", message))
    }

    /// Checks that a pool may be touched.
    ///
    /// # Errors
    /// It may not.
    pub fn check_pool(&self, pool: &str) -> Result<()> {
        if self.may_touch(pool) {
            return Ok(());
        }
        let message = format!("`{}` may not touch pool `{pool}`", self.name);
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", message))
    }
}

/// Keys, tokens and rates, as they are now.
#[derive(Debug)]
pub struct Gate {
    settings: Security,
    anonymous: Role,
    known: RwLock<Known>,
    rates: Rates,
}

#[derive(Debug, Default)]
struct Known {
    keys: Keys,
    tokens: Option<Tokens>,
}

impl Gate {
    /// Reads the files of the settings.
    ///
    /// # Errors
    /// One cannot be read, or nobody but everybody could call.
    pub fn new(settings: &Security, loopback: bool) -> Result<Self> {
        let guarded = settings.keys_file.is_some() || settings.jwks_file.is_some();
        let anonymous = match settings.anonymous_role.as_deref() {
            Some(name) => Role::parse(name).ok_or_else(|| {
                Problem::config(format!(
                    "`security.anonymous_role` is `{name}`, expected `none`, `read`, `write` or `operate`"
                ))
            })?,
            None if loopback && !guarded => Role::Operate,
            None if guarded => Role::None,
            None => {
                return Err(Problem::config(
                    "`listen.address` is no loopback address and nobody is known: set `security.keys_file` or `security.jwks_file`, \
                     or say with `security.anonymous_role` what everybody may do",
                ));
            }
        };
        let gate = Self {
            settings: settings.clone(),
            anonymous,
            known: RwLock::default(),
            rates: Rates::new(settings),
        };
        gate.reload()?;
        Ok(gate)
    }

    /// Reads the files again. What was known stays if one is refused.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn reload(&self) -> Result<()> {
        let keys = match &self.settings.keys_file {
            Some(path) => Keys::read(Path::new(path))?,
            None => Keys::default(),
        };
        let tokens = self.settings.jwks_file.is_some().then(|| Tokens::read(&self.settings)).transpose()?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { keys, tokens };
        Ok(())
    }

    /// Returns who calls. A key or token that is not known is refused, and not taken for none.
    ///
    /// # Errors
    /// The key or the token is not known, or the caller asks too often.
    pub fn admit(&self, headers: &HeaderMap, address: IpAddr) -> Result<Caller> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let bearer = headers.get(header::AUTHORIZATION).map(|value| {
            let text = value.to_str().ok();
            text.and_then(|text| text.split_once(' '))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token.trim())
        });
        let key = headers.get("x-api-key").map(|value| value.to_str().ok());
        let found = match (key, bearer) {
            (Some(key), _) => key.and_then(|key| known.keys.find(key)).ok_or("the key"),
            // keys are taken as bearer tokens, too: many clients can send nothing else
            (None, Some(Some(token))) => {
                let by_token = |token| known.tokens.as_ref().and_then(|tokens| tokens.verify(token));
                known.keys.find(token).or_else(|| by_token(token)).ok_or("the token")
            }
            (None, Some(None)) => Err("`Authorization`"),
            (None, None) => {
                Ok(Caller { name: address.to_string(), role: self.anonymous, pools: None, way: "nothing" })
            }
        };
        drop(known);
        match found {
            Ok(caller) => {
                self.rates.take(&caller.name)?;
                Ok(caller)
            }
            Err(what) => {
                self.rates.take(&address.to_string())?;
                let message = format!("{what} is not known, or is valid no more");
                Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", message))
            }
        }
    }
}

/// Returns random bytes of the operating system.
///
/// # Errors
/// It has none.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|problem| Problem::config(format!("the system has no random bytes: {problem}")))?;
    Ok(bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
