//! JSON files that end with the checksum of everything before it: plain JSON to a reader, and no flipped bit goes unseen.

use super::error::RegistryError;
use super::folder::{read_at_most, sha256};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// What stands between the content and its checksum.
const SEAL: &str = ",\n  \"checksum\": \"";
const END: &str = "\"\n}\n";

/// Returns an object as JSON with its checksum as the last entry.
pub(super) fn sealed<T: Serialize>(object: &T) -> Result<Vec<u8>, RegistryError> {
    let text = serde_json::to_string_pretty(object)
        .map_err(|problem| RegistryError::Refused(format!("cannot be written as JSON: {problem}")))?;
    let body = text
        .strip_suffix("\n}")
        .ok_or_else(|| RegistryError::Refused("an empty object cannot be sealed".to_owned()))?;
    Ok(format!("{body}{SEAL}{}{END}", sha256(body.as_bytes())).into_bytes())
}

/// Reads what [`sealed`] wrote; none if the file is not there.
pub(super) fn unsealed<T: DeserializeOwned>(path: &Path, most: u64) -> Result<Option<T>, RegistryError> {
    let Some(bytes) = read_at_most(path, most)? else { return Ok(None) };
    let damaged = |how: &str| {
        RegistryError::Damaged(format!(
            "`{}` {how}; it is damaged or was edited by hand, put a copy of it back",
            path.display()
        ))
    };
    let text = str::from_utf8(&bytes).map_err(|_| damaged("is no text"))?;
    let (body, rest) = text.rsplit_once(SEAL).ok_or_else(|| damaged("has no checksum at its end"))?;
    let told = rest.strip_suffix(END).ok_or_else(|| damaged("does not end with its checksum"))?;
    let found = sha256(body.as_bytes());
    if told != found {
        return Err(damaged(&format!("has the checksum {found}, expected {told}")));
    }
    let read = serde_json::from_str(&format!("{body}\n}}"));
    read.map(Some).map_err(|problem| damaged(&format!("is not of this format: {problem}")))
}
