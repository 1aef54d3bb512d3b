//! The bundled models with other weights: another bundle that loads, and forecasts a little or much worse.

use evscale_core::ModelBundle;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// Returns the bundled models, the forecaster's weights times `1 + strength * u` with `u` of -1 to 1.
pub fn disturbed(strength: f32, seed: u64) -> ModelBundle {
    let [(_, manifest), (_, forecaster), (_, policy)] = ModelBundle::bundled_files();
    let mut forecaster = forecaster.to_vec();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for (begin, end) in weights(&forecaster) {
        for cell in forecaster[begin..end].chunks_exact_mut(4) {
            let weight = f32::from_le_bytes(cell.try_into().unwrap());
            let changed = weight * (1.0 + strength * random.random_range(-1.0..1.0f32));
            cell.copy_from_slice(&changed.to_le_bytes());
        }
    }
    let mut manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    let digest: String = Sha256::digest(&forecaster).iter().map(|byte| format!("{byte:02x}")).collect();
    manifest["forecaster"]["sha256"] = digest.into();
    manifest["name"] = "disturbed".into();
    manifest["version"] = format!("{strength}-{seed}").into();
    ModelBundle::from_files(manifest.to_string().as_bytes(), &forecaster, policy).unwrap()
}

/// Where the numbers of large tensors are in an ONNX file: `graph` (7) has `initializer`s (5) with `raw_data` (9).
fn weights(file: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (number, begin, end) in fields(file, 0, file.len()) {
        if number == 7 {
            for (number, begin, end) in fields(file, begin, end) {
                if number == 5 {
                    let raw = fields(file, begin, end).into_iter().filter(|field| field.0 == 9);
                    found.extend(raw.map(|(_, begin, end)| (begin, end)).filter(|(b, e)| e - b >= 1024));
                }
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The fields with a length of a protobuf message: number, begin and end.
fn fields(file: &[u8], mut at: usize, end: usize) -> Vec<(u64, usize, usize)> {
    let mut out = Vec::new();
    let varint = |at: &mut usize| {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let byte = file[*at];
            *at += 1;
            value |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return value;
            }
        }
    };
    while at < end {
        let key = varint(&mut at);
        match key & 7 {
            0 => {
                varint(&mut at);
            }
            1 => at += 8,
            2 => {
                let length = varint(&mut at) as usize;
                out.push((key >> 3, at, at + length));
                at += length;
            }
            _ => at += 4,
        }
    }
    out
}
