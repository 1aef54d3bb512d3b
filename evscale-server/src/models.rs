//! The registry of models that pools can try beside those of the library.

use crate::config::Models as Settings;
use crate::problem::{Problem, Result};
use evscale_core::ModelBundle;
use evscale_files::{BundleFiles, Registry, RegistryError};
use serde::Serialize;
use std::path::PathBuf;
use utoipa::ToSchema;

/// Bytes of a public key.
const KEY_BYTES: usize = 32;

/// The folder of a registry, if one is set; it is read whenever it is asked for, and may still be empty.
#[derive(Clone, Debug)]
pub struct Models {
    root: Option<PathBuf>,
    public_key: Option<[u8; KEY_BYTES]>,
}

/// A version of the registry.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelVersion {
    /// Number of the version.
    version: u32,
    /// When it was made, milliseconds since 1970.
    created_ms: i64,
    /// Version that its training began with; none is the models of the library.
    parent: Option<u32>,
    /// Whether it is the champion of the registry.
    champion: bool,
    /// What its maker tells of it, such as data window and scores.
    #[schema(value_type = Object)]
    details: serde_json::Map<String, serde_json::Value>,
}

impl Models {
    /// Takes the folder of the settings.
    ///
    /// # Errors
    /// There is no such folder, or the key is none.
    pub fn new(settings: &Settings) -> Result<Self> {
        let root = settings.registry.as_ref().map(PathBuf::from);
        if let Some(root) = root.as_ref().filter(|root| !root.is_dir()) {
            let shown = root.display();
            return Err(Problem::config(format!("`models.registry` is `{shown}`, expected a folder")));
        }
        let public_key = settings.public_key.as_deref().map(key).transpose()?;
        Ok(Self { root, public_key })
    }

    /// Returns the versions, oldest first.
    ///
    /// # Errors
    /// There is no registry, or it is damaged.
    pub fn versions(&self) -> Result<Vec<ModelVersion>> {
        let registry = self.registry()?;
        let champion = registry.stages().map_err(|problem| refused(&problem))?.champion;
        let described = |version| {
            let card = registry.card(version).map_err(|problem| refused(&problem))?;
            Ok(ModelVersion {
                version,
                created_ms: card.created_ms,
                parent: card.parent,
                champion: champion == Some(version),
                details: card.details,
            })
        };
        let versions = registry.versions().map_err(|problem| refused(&problem))?;
        versions.into_iter().map(described).collect()
    }

    /// Returns the models of a version.
    ///
    /// # Errors
    /// There is no such version, it is damaged, made for another library, or not signed as the settings ask for.
    pub fn bundle(&self, version: u32) -> Result<ModelBundle> {
        let files = self.registry()?.files(version).map_err(|problem| refused(&problem))?;
        let BundleFiles { manifest, forecaster, policy, signature } = files;
        let bundle = match (&self.public_key, signature) {
            (Some(key), Some(signature)) => {
                ModelBundle::from_signed_files(&manifest, &forecaster, &policy, &signature, key)
            }
            (Some(_), None) => {
                return Err(Problem::conflict(
                    "not_signed",
                    format!("version {version} is not signed, expected a signature by `models.public_key`"),
                ));
            }
            (None, _) => ModelBundle::from_files(&manifest, &forecaster, &policy),
        };
        bundle.map_err(Problem::from)
    }

    /// Returns the models of all versions: pools that are restored go on with those they had. A version that cannot be used is
    /// left out, and told.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn all(&self) -> Result<Vec<ModelBundle>> {
        let Ok(registry) = self.registry() else { return Ok(Vec::new()) };
        let usable = |version| match self.bundle(version) {
            Ok(bundle) => Some(bundle),
            Err(problem) => {
                tracing::error!(version, cause = %problem, "a version of the registry cannot be used");
                None
            }
        };
        let versions = registry.versions().map_err(|problem| refused(&problem))?;
        Ok(versions.into_iter().filter_map(usable).collect())
    }

    fn registry(&self) -> Result<Registry> {
        let root = self.root.as_deref().ok_or_else(|| {
            Problem::conflict(
                "no_registry",
                "there is no registry of models; set `models.registry` to its folder",
            )
        })?;
        Registry::open(root).map_err(|problem| Problem::conflict("no_registry", problem))
    }
}

fn refused(problem: &RegistryError) -> Problem {
    match problem {
        RegistryError::Refused(words) => Problem::not_found("unknown_version", words),
        other => Problem::unavailable("registry_damaged", other),
    }
}

fn key(digits: &str) -> Result<[u8; KEY_BYTES]> {
    let wrong = || {
        Problem::config(format!(
            "`models.public_key` has {} characters, expected 64 hexadecimal digits",
            digits.chars().count()
        ))
    };
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn a_key_has_sixty_four_hexadecimal_digits() {
        assert_eq!(key(&"0f".repeat(32)).unwrap(), [15; 32]);
        for wrong in ["", "0f", &"0g".repeat(32), &"0f".repeat(33), &"é".repeat(32)] {
            assert!(key(wrong).unwrap_err().to_string().contains("64 hexadecimal"), "{wrong}");
        }
    }
}
