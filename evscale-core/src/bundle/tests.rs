use super::*;
use crate::ErrorKind;
use crate::features::{HORIZON_MINUTES, POLICY_ACTIONS, QUANTILE_LEVELS};
use crate::inference::{Session, TensorSpec};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const FORECASTER: &[u8] = include_bytes!("../../tests/fixtures/hybrid.onnx");
const POLICY: &[u8] = include_bytes!("../../tests/fixtures/actor.onnx");

fn spec(name: &str, shape: &[usize]) -> TensorSpec {
    TensorSpec { name: name.to_string(), shape: shape.to_vec() }
}

fn expected() -> Expected {
    Expected {
        forecaster: NetworkContract {
            feature_schema: "00f1".to_string(),
            inputs: vec![spec("context", &[5, 4]), spec("calendar", &[4, 2])],
            outputs: vec![spec("quantiles", &[4, 5]), spec("score", &[1])],
        },
        policy: NetworkContract {
            feature_schema: "00f2".to_string(),
            inputs: vec![spec("state", &[6])],
            outputs: vec![spec("logits", &[5])],
        },
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn manifest() -> Value {
    let part = |file: &str, onnx: &[u8], contract: &NetworkContract| {
        json!({
            "file": file,
            "sha256": sha256(onnx),
            "feature_schema": contract.feature_schema,
            "inputs": contract.inputs,
            "outputs": contract.outputs,
        })
    };
    let expected = expected();
    json!({
        "format_version": 1,
        "name": "fixture",
        "version": "2.1",
        "forecaster": part("forecaster.onnx", FORECASTER, &expected.forecaster),
        "policy": part("policy.onnx", POLICY, &expected.policy),
        "horizon_minutes": HORIZON_MINUTES,
        "quantile_levels": QUANTILE_LEVELS,
        "actions": POLICY_ACTIONS,
        "training": {"seed": 1, "notes": {"any": ["thing", null]}},
        "results": {},
    })
}

/// The manifest with the value at `pointer` replaced.
fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut manifest = manifest();
    *manifest.pointer_mut(pointer).unwrap() = value;
    manifest.to_string().into_bytes()
}

fn load(manifest: &[u8], forecaster: &[u8], policy: &[u8]) -> Result<ModelBundle> {
    Parts::read(manifest, forecaster, policy, &expected()).map(ModelBundle::from)
}

#[track_caller]
fn refused(result: Result<ModelBundle>, parts: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidBundle, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "{error} does not name {part}");
    }
}

#[track_caller]
fn refused_manifest(manifest: &[u8], parts: &[&str]) {
    refused(load(manifest, FORECASTER, POLICY), parts);
}

#[test]
fn a_sound_bundle_is_loaded_and_shared() {
    let text = serde_json::to_string_pretty(&manifest()).unwrap();
    let bundle = load(text.as_bytes(), FORECASTER, POLICY).unwrap();
    assert_eq!((bundle.name(), bundle.version(), bundle.manifest_json()), ("fixture", "2.1", text.as_str()));
    assert_eq!(bundle.forecaster().inputs(), expected().forecaster.inputs);
    assert_eq!(bundle.policy().outputs(), expected().policy.outputs);
    let mut logits = [0.0; 5];
    Session::new(bundle.policy()).run(&[&[0.5; 6]], &mut [&mut logits]).unwrap();
    assert!(logits.iter().any(|logit| *logit != 0.0));
    assert!(Arc::ptr_eq(&bundle.0, &bundle.clone().0));
    fn shared<T: Send + Sync>() {}
    shared::<ModelBundle>();
}

#[test]
fn the_bundled_models_load_once() {
    let bundle = ModelBundle::bundled().unwrap();
    assert!(Arc::ptr_eq(&bundle.0, &ModelBundle::bundled().unwrap().0));
    assert_eq!(bundle.manifest_json().as_bytes(), BUNDLED_MANIFEST);
    assert_eq!(bundle.forecaster().inputs(), features::contract().forecaster.inputs);
}

#[test]
fn a_truncated_manifest_is_refused() {
    let text = manifest().to_string();
    for end in 0..text.len() {
        refused_manifest(&text.as_bytes()[..end], &["manifest: "]);
    }
}

#[test]
fn a_large_or_foreign_manifest_is_refused() {
    refused_manifest(&vec![b' '; (1 << 20) + 1], &["1048577 bytes, expected at most 1048576"]);
    refused_manifest(b"[]", &["manifest: "]);
    refused_manifest(&[0xff; 40], &["manifest: "]);
    let mut text = manifest().to_string().into_bytes();
    let name = text.windows(7).position(|window| window == b"fixture").unwrap();
    text[name] = 0xff;
    refused_manifest(&text, &["manifest: "]);
}

#[test]
fn unknown_and_missing_keys_are_refused() {
    for parent in ["", "/forecaster", "/policy", "/forecaster/inputs/0"] {
        let mut extra = manifest();
        let object = extra.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        object.insert("colour".to_string(), json!(1));
        refused_manifest(extra.to_string().as_bytes(), &["unknown field `colour`"]);

        let keys: Vec<String> =
            manifest().pointer(parent).unwrap().as_object().unwrap().keys().cloned().collect();
        for key in keys {
            let mut less = manifest();
            less.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(&key);
            refused_manifest(less.to_string().as_bytes(), &[&format!("missing field `{key}`")]);
        }
    }
}

#[test]
fn another_format_version_is_refused_before_its_keys() {
    let newer = json!({"format_version": 7, "unheard_of": true}).to_string();
    refused_manifest(newer.as_bytes(), &["`format_version` is 7, expected 1"]);
    refused_manifest(&with("/format_version", json!(0)), &["`format_version` is 0, expected 1"]);
    refused_manifest(&with("/format_version", json!("1")), &["manifest: "]);
}

#[test]
fn foreign_features_are_refused_with_both_hashes() {
    let forecaster = with("/forecaster/feature_schema", json!("beef"));
    refused_manifest(&forecaster, &["forecaster.onnx", "\"beef\"", "\"00f1\""]);
    let policy = with("/policy/feature_schema", json!("00f1"));
    refused_manifest(&policy, &["policy.onnx", "\"00f1\"", "\"00f2\""]);
}

#[test]
fn other_horizons_levels_and_actions_are_refused() {
    for (key, value) in [
        ("/horizon_minutes/0", json!(3)),
        ("/horizon_minutes", json!([12, 48])),
        ("/quantile_levels/0", json!(0.0)),
        ("/quantile_levels/1", json!(0.001)),
        ("/quantile_levels", json!([])),
        ("/actions/0", json!(-1.5)),
    ] {
        let name = key.split('/').nth(1).unwrap();
        refused_manifest(&with(key, value), &[&format!("`{name}` is ["), "expected ["]);
    }
}

#[test]
fn names_that_cannot_be_shown_or_leave_the_folder_are_refused() {
    for (key, value) in [
        ("/name", ""),
        ("/version", "1\n2"),
        ("/name", &"x".repeat(101)),
        ("/policy/file", "../policy.onnx"),
        ("/policy/file", "models\\policy.onnx"),
    ] {
        refused_manifest(&with(key, json!(value)), &[key.rsplit('/').next().unwrap()]);
    }
}

#[test]
fn wrong_tensors_are_refused() {
    let shape = with("/forecaster/outputs/0/shape", json!([4, 6]));
    refused_manifest(&shape, &["forecaster.onnx", "outputs", "`quantiles` [4, 6]", "`quantiles` [4, 5]"]);
    let name = with("/policy/inputs/0/name", json!("stage"));
    refused_manifest(&name, &["policy.onnx", "inputs", "`stage` [6]", "`state` [6]"]);

    let mut other = expected();
    other.policy.outputs[0].shape = vec![7];
    let agreed = with("/policy/outputs/0/shape", json!([7]));
    refused(
        Parts::read(&agreed, FORECASTER, POLICY, &other).map(ModelBundle::from),
        &["policy.onnx: output `logits`", "1,5", "[1, 7]"],
    );
}

#[test]
fn tensors_may_be_listed_in_another_order() {
    let mut other = manifest();
    other.pointer_mut("/forecaster/inputs").unwrap().as_array_mut().unwrap().reverse();
    let bundle = load(other.to_string().as_bytes(), FORECASTER, POLICY).unwrap();
    assert_eq!(bundle.forecaster().inputs(), expected().forecaster.inputs);
}

#[test]
fn a_wrong_checksum_is_refused() {
    let other = with("/policy/sha256", json!(sha256(b"")));
    refused_manifest(&other, &["policy.onnx", &sha256(POLICY), &sha256(b"")]);
    for malformed in [String::new(), sha256(POLICY).to_uppercase(), sha256(POLICY)[1..].to_string()] {
        let manifest = with("/policy/sha256", json!(malformed));
        refused_manifest(&manifest, &["policy.onnx", "64 lower-case hexadecimal digits"]);
    }
}

#[test]
fn swapped_and_truncated_files_are_refused() {
    let manifest = manifest().to_string();
    let manifest = manifest.as_bytes();
    refused(load(manifest, POLICY, FORECASTER), &["forecaster.onnx", "sha256"]);
    refused(load(manifest, FORECASTER, b""), &["policy.onnx", "sha256"]);
    refused(load(manifest, &FORECASTER[..FORECASTER.len() / 2], POLICY), &["forecaster.onnx", "sha256"]);
}

#[test]
fn every_changed_byte_of_a_network_is_refused() {
    let manifest = manifest().to_string();
    let manifest = manifest.as_bytes();
    for sample in 0..40_usize {
        let change = |onnx: &[u8]| {
            let mut changed = onnx.to_vec();
            changed[sample * onnx.len() / 40] ^= 1 << (sample % 8);
            changed
        };
        refused(load(manifest, &change(FORECASTER), POLICY), &["forecaster.onnx: `sha256`"]);
        refused(load(manifest, FORECASTER, &change(POLICY)), &["policy.onnx: `sha256`"]);
    }
}

#[test]
fn every_changed_byte_of_a_manifest_is_refused_or_harmless() {
    let manifest = serde_json::to_vec(&manifest()).unwrap();
    let (mut refused, mut harmless) = (0, 0);
    for position in 0..manifest.len() {
        // two of the five, others at the next byte
        let values = [b'0', b'"', b' ', manifest[position] ^ 1, 0xff];
        for value in [values[position % 5], values[(position + 2) % 5]] {
            let mut changed = manifest.clone();
            changed[position] = value;
            if changed == manifest {
                continue;
            }
            match load(&changed, FORECASTER, POLICY) {
                Err(problem) => {
                    assert_eq!(problem.kind(), ErrorKind::InvalidBundle, "{problem}");
                    refused += 1;
                }
                // names, notes and white space
                Ok(_) => harmless += 1,
            }
        }
    }
    println!("{refused} refused, {harmless} harmless");
    assert!(harmless < refused / 4);
}

#[test]
fn changed_bytes_all_over_the_bundled_networks_are_refused() {
    let manifest = Manifest::parse(BUNDLED_MANIFEST).unwrap();
    for (part, onnx) in [(manifest.forecaster, BUNDLED_FORECASTER), (manifest.policy, BUNDLED_POLICY)] {
        part.check_contents(onnx).unwrap();
        let mut changed = onnx.to_vec();
        for sample in 0..1_000 {
            let position = sample * onnx.len() / 1_000;
            changed[position] ^= 1 << (sample % 8);
            part.check_contents(&changed).unwrap_err();
            changed[position] = onnx[position];
        }
    }
}
