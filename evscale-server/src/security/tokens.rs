//! Bearer tokens (JWT, RFC 7519), verified with the public keys of a JWKS file.

use super::{Caller, Role};
use crate::config::{Security, read};
use crate::problem::{Problem, Result};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

/// Seconds by which two clocks may differ.
const LEEWAY_SECONDS: u64 = 30;

/// What tokens are verified with.
pub(super) struct Tokens {
    /// Key, its id, and the algorithms that it can be used with.
    keys: Vec<(Option<String>, Vec<Algorithm>, DecodingKey)>,
    issuer: String,
    audience: String,
    role_claim: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({} keys)", self.keys.len())
    }
}

impl Tokens {
    pub(super) fn read(settings: &Security) -> Result<Self> {
        let path = settings.jwks_file.clone().unwrap_or_default();
        let refused = |what: &str| Problem::config(format!("`{path}`: {what}"));
        let set: JwkSet = serde_json::from_str(&read(Path::new(&path))?)
            .map_err(|problem| refused(&format!("no JWKS: {problem}")))?;
        let mut keys = Vec::new();
        for key in &set.keys {
            let algorithms = algorithms(key);
            if algorithms.is_empty() {
                continue;
            }
            let decoding = DecodingKey::from_jwk(key).map_err(|problem| refused(&problem.to_string()))?;
            keys.push((key.common.key_id.clone(), algorithms, decoding));
        }
        if keys.is_empty() {
            return Err(refused("no public key in it that signs (RSA, EC P-256 or P-384, Ed25519)"));
        }
        Ok(Self {
            keys,
            issuer: settings.jwt_issuer.clone().unwrap_or_default(),
            audience: settings.jwt_audience.clone().unwrap_or_default(),
            role_claim: settings.jwt_role_claim.clone(),
        })
    }

    /// Returns who has signed in; none if the token is not valid, or of a role that is not known.
    pub(super) fn verify(&self, token: &str) -> Option<Caller> {
        let header = decode_header(token).ok()?;
        let fits = |id: &Option<String>| header.kid.is_none() || *id == header.kid;
        let candidates =
            self.keys.iter().filter(|(id, algorithms, _)| fits(id) && algorithms.contains(&header.alg));
        let claims = candidates.filter_map(|(_, _, key)| self.claims(token, header.alg, key)).next()?;
        let subject = claims.get("sub")?.as_str()?.to_owned();
        let pools = match claims.get("pools") {
            None => None,
            Some(Value::Array(names)) => {
                Some(names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?)
            }
            Some(_) => return None,
        };
        Some(Caller {
            name: format!("token:{subject}"),
            role: role(claims.get(&self.role_claim)?)?,
            pools: pools.map(Arc::new),
            way: "token",
        })
    }

    fn claims(&self, token: &str, algorithm: Algorithm, key: &DecodingKey) -> Option<Map<String, Value>> {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        decode::<Map<String, Value>>(token, key, &validation).ok().map(|data| data.claims)
    }
}

/// The algorithms of a public key. Shared secrets are none: who can verify with one can sign.
fn algorithms(key: &Jwk) -> Vec<Algorithm> {
    use jsonwebtoken::jwk::EllipticCurve;
    match &key.algorithm {
        AlgorithmParameters::RSA(_) => vec![
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
        AlgorithmParameters::OctetKey(_) => Vec::new(),
    }
}

/// The largest role that a claim names.
fn role(claim: &Value) -> Option<Role> {
    match claim {
        Value::String(name) => Role::parse(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter_map(Role::parse).max(),
        _ => None,
    }
}
