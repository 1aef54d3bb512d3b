//! API keys: random texts of 256 bits, of which the file has hashes alone.

use super::{Caller, Role, hexadecimal, random};
use crate::config::read;
use crate::problem::{Problem, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

const BEGINNING: &str = "evs_";

/// A key as it is in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Who has it; shown in logs.
    pub name: String,
    /// SHA-256 of the key, hexadecimal. The key has 256 random bits, so that a slow hash would add nothing.
    pub sha256: String,
    /// What its holder may do.
    pub role: Role,
    /// Pools that its holder may touch; all by default. `team-*` stands for all that begin so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    keys: Vec<Key>,
}

/// All keys, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<String, Caller>);

impl Keys {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let refused = |what: &str| Problem::config(format!("`{}`: {what}", path.display()));
        let file: File = toml::from_str(&read(path)?).map_err(|problem| refused(problem.message()))?;
        let mut keys = HashMap::new();
        for key in file.keys {
            let hash = key.sha256.to_ascii_lowercase();
            if hash.len() != 64 || !hash.chars().all(|c| c.is_ascii_hexdigit()) {
                return Err(refused(&format!(
                    "`sha256` of `{}` is no hash of 64 hexadecimal digits; `evscale-server key` writes one",
                    key.name
                )));
            }
            let caller =
                Caller { name: key.name.clone(), role: key.role, pools: key.pools.map(Arc::new), way: "key" };
            if keys.insert(hash, caller).is_some() {
                return Err(refused(&format!("the key of `{}` is there twice", key.name)));
            }
        }
        Ok(Self(keys))
    }

    /// Returns whose key it is. What is compared are hashes, so that the time that it takes tells nothing.
    pub(super) fn find(&self, key: &str) -> Option<Caller> {
        if !key.starts_with(BEGINNING) {
            return None;
        }
        self.0.get(&hash(key)).cloned()
    }
}

fn hash(key: &str) -> String {
    hexadecimal(&Sha256::digest(key.as_bytes()))
}

/// Returns a new key, and the entry of the file for it.
///
/// # Errors
/// The system has no random bytes.
pub fn new_key(name: &str, role: Role, pools: Option<Vec<String>>) -> Result<(String, Key)> {
    let key = format!("{BEGINNING}{}", hexadecimal(&random::<32>()?));
    let entry = Key { name: name.to_owned(), sha256: hash(&key), role, pools };
    Ok((key, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_hash_and_no_other_is() {
        let (key, entry) = new_key("feeder", Role::Write, Some(vec!["team-*".to_owned()])).unwrap();
        let path = std::env::temp_dir().join(format!("evscale-keys-{}", std::process::id()));
        let text = format!("[[keys]]\n{}", toml::to_string(&entry).unwrap());
        assert!(!text.contains(&key));
        std::fs::write(&path, text).unwrap();
        let keys = Keys::read(&path).unwrap();
        let caller = keys.find(&key).unwrap();
        assert!(caller.role == Role::Write && caller.may_touch("team-a") && !caller.may_touch("other"));
        assert!(keys.find(&format!("{key}0")).is_none() && keys.find("").is_none());
        assert!(keys.find(&entry.sha256).is_none(), "the hash is no key");
    }
}
