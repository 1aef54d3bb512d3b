//! Damaged and hostile files: refused with an error, or harmless; never a panic.

use crate::support::{built, served, start, without_networks};
use evscale_core::bundle::{KEY_BYTES, public_key, sign};
use evscale_core::{
    Autoscaler, Config, ErrorKind, Fleet, Forecaster, HealthStatus, Metrics, ModelBundle, Source,
};
use sha2::{Digest, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};

const MANIFEST: &str = include_str!("../../../models/onnx/manifest.json");
const FORECASTER: &[u8] = include_bytes!("../../../models/onnx/forecaster.onnx");
const POLICY: &[u8] = include_bytes!("../../../models/onnx/policy.onnx");
/// Magic, format version, length of the body, CRC-32 of the body.
const HEADER: usize = 14;

fn config(use_networks: bool) -> Config {
    without_networks(|config| {
        config.interval_seconds = 600;
        config.decision_interval_seconds = 600;
        config.max_jobs = 40;
        config.use_networks = use_networks;
    })
}

/// Of a pool whose snapshot is as large as any.
fn large_config() -> Config {
    let mut config = config(false);
    config.interval_seconds = 10;
    config
}

fn record(step: u32, jobs: u32) -> Metrics {
    let at = start().plus_seconds(600 * i64::from(step));
    let events = 2000.0 + 900.0 * (f64::from(step) / 20.0).sin();
    served(at, events.round(), jobs, 1500.0)
}

/// Feeds records `from..to`, with every recommendation carried out and checked against the bounds.
fn run(scaler: &mut Autoscaler, from: u32, to: u32) -> Vec<String> {
    let mut jobs = 6;
    let mut decisions = Vec::new();
    for step in from..to {
        scaler.observe(&record(step, jobs)).unwrap();
        let decision = scaler.decide();
        assert!((1..=40).contains(&decision.recommended_jobs.unwrap()), "{}", decision.to_json());
        jobs = decision.recommended_jobs.unwrap();
        decisions.push(decision.to_json());
    }
    decisions
}

fn sealed(mut snapshot: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&snapshot[HEADER..]).to_le_bytes();
    snapshot[10..HEADER].copy_from_slice(&checksum);
    snapshot
}

#[test]
fn every_changed_byte_and_every_truncation_of_a_snapshot_is_refused() {
    let bundle = ModelBundle::bundled().unwrap();
    let mut scaler = built(config(false));
    run(&mut scaler, 0, 60);
    let snapshot = scaler.snapshot();
    let refused = |bytes: &[u8]| {
        let problem = Autoscaler::restore(config(false), bundle.clone(), bytes).unwrap_err();
        assert_eq!(problem.kind(), ErrorKind::InvalidSnapshot, "{problem}");
    };
    let mut changed = snapshot.clone();
    for position in 0..snapshot.len() {
        changed[position] ^= 1 << (position % 8);
        refused(&changed);
        changed[position] = snapshot[position];
    }
    let mut large = built(large_config());
    run(&mut large, 0, 60);
    let large = large.snapshot();
    let mut damaged = large.clone();
    for sample in 0..10_000 {
        let position = sample * large.len() / 10_000;
        damaged[position] ^= 1 << (sample % 8);
        let restored = Autoscaler::restore(large_config(), bundle.clone(), &damaged);
        assert_eq!(restored.unwrap_err().kind(), ErrorKind::InvalidSnapshot, "{position}");
        damaged[position] = large[position];
    }
    for length in (0..HEADER).chain((HEADER..snapshot.len()).step_by(97)) {
        refused(&snapshot[..length]);
    }
    assert!(Autoscaler::restore(config(false), bundle.clone(), &changed).is_ok());
}

#[test]
fn a_forged_snapshot_with_a_right_checksum_is_refused_or_harmless() {
    let bundle = ModelBundle::bundled().unwrap();
    let mut scaler = built(config(false));
    run(&mut scaler, 0, 60);
    let snapshot = scaler.snapshot();
    let body = snapshot.len() - HEADER;
    // the numbers before and after the long rings, all of them; the rings, sampled
    let positions = (0..body.min(600)).chain((600..body).step_by(61)).chain(body.saturating_sub(2500)..body);
    let mut restored = 0;
    let mut fatal = Vec::new();
    for position in positions {
        for value in [0xff, 0x80, 0x00] {
            let mut forged = snapshot.clone();
            forged[HEADER + position] = value;
            let Ok(mut scaler) = Autoscaler::restore(config(false), bundle.clone(), &sealed(forged)) else {
                continue;
            };
            restored += 1;
            let lives = catch_unwind(AssertUnwindSafe(|| {
                assert_eq!(scaler.decide().recommended_jobs, None);
                run(&mut scaler, 60, 62);
            }));
            if lives.is_err() {
                fatal.push((position, value));
            }
        }
    }
    assert!(fatal.is_empty(), "body positions and values: {fatal:?}");
    assert!(restored > 0, "the forged values reached the code behind the checksum");
}

#[test]
fn a_decision_that_a_new_configuration_forbids_is_not_repeated() {
    let mut scaler = built(config(false));
    run(&mut scaler, 0, 60);
    let standing = scaler.decide().recommended_jobs.unwrap();
    let mut narrower = config(false);
    narrower.max_jobs = standing - 1;
    let mut restored =
        Autoscaler::restore(narrower, ModelBundle::bundled().unwrap(), &scaler.snapshot()).unwrap();
    assert_eq!(restored.decide().recommended_jobs, None);
    restored.observe(&record(60, standing)).unwrap();
    assert_eq!(restored.decide().recommended_jobs, Some(standing - 1));
}

#[test]
fn a_restored_pool_goes_on_like_an_undisturbed_one() {
    let bundle = ModelBundle::bundled().unwrap();
    let mut one = built(config(true));
    run(&mut one, 0, 40);
    let mut other = Autoscaler::restore(config(true), bundle, &one.snapshot()).unwrap();
    assert_eq!(other.health().status, HealthStatus::Degraded, "no fresh record");
    assert_eq!(run(&mut one, 40, 80), run(&mut other, 40, 80));
}

/// A bundle whose manifest vouches for a changed policy network.
fn forged(policy: &[u8]) -> evscale_core::Result<ModelBundle> {
    let sha256 = |bytes: &[u8]| format!("{:x}", Sha256::digest(bytes));
    let manifest = MANIFEST.replace(&sha256(POLICY), &sha256(policy));
    assert_ne!(manifest, MANIFEST);
    ModelBundle::from_files(manifest.as_bytes(), FORECASTER, policy)
}

#[test]
fn a_policy_network_with_weights_that_are_no_numbers_is_told_and_replaced() {
    let mut told = 0;
    for start in (512..POLICY.len() - 512).step_by(POLICY.len() / 12) {
        let mut policy = POLICY.to_vec();
        // 0xffffffff is NaN on every alignment
        policy[start..start + 512].fill(0xff);
        let Ok(bundle) = forged(&policy) else { continue };
        let mut scaler = Autoscaler::builder(config(true)).bundle(bundle).build().unwrap();
        run(&mut scaler, 0, 40);
        let health = scaler.health();
        if health.causes.iter().any(|cause| cause.starts_with("policy ")) {
            let decision = scaler.decide();
            assert_eq!(health.status, HealthStatus::Degraded);
            assert_ne!(decision.source, Source::PolicyNetwork);
            assert!(decision.fallback_reason.is_some(), "{}", decision.to_json());
            told += 1;
        }
    }
    assert!(told > 0, "no damage reached the weights");
}

#[test]
fn a_policy_file_with_a_changed_byte_and_a_right_checksum_is_refused_or_harmless() {
    let mut loaded = 0;
    for sample in 0..30 {
        let mut policy = POLICY.to_vec();
        let position = sample * policy.len() / 30;
        policy[position] ^= 1 << (sample % 8);
        let Ok(bundle) = forged(&policy) else { continue };
        loaded += 1;
        let mut scaler = Autoscaler::builder(config(true)).bundle(bundle).build().unwrap();
        run(&mut scaler, 0, 3);
    }
    assert!(loaded > 0);
}

#[test]
fn one_bundle_serves_eight_threads_alike() {
    let bundle = ModelBundle::bundled().unwrap();
    let decisions = || {
        let mut scaler = Autoscaler::builder(config(true)).bundle(bundle.clone()).build().unwrap();
        run(&mut scaler, 0, 60)
    };
    let alone = decisions();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(decisions)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), alone);
        }
    });
}

/// A bundle that is not the one compiled into the library, signed with this seed.
fn signed(seed: [u8; KEY_BYTES]) -> ModelBundle {
    signed_manifest(MANIFEST, seed)
}

fn signed_manifest(manifest: &str, seed: [u8; KEY_BYTES]) -> ModelBundle {
    let signature = sign(manifest.as_bytes(), &seed);
    let key = public_key(&seed);
    ModelBundle::from_signed_files(manifest.as_bytes(), FORECASTER, POLICY, &signature, &key).unwrap()
}

fn hex(key: [u8; KEY_BYTES]) -> String {
    key.map(|byte| format!("{byte:02x}")).concat()
}

#[test]
fn a_configured_key_must_have_signed_the_bundle() {
    let seed = [3; KEY_BYTES];
    let mut config = config(true);
    config.bundle_public_key = Some(hex(public_key(&seed)));
    let build = |bundle| Autoscaler::builder(config.clone()).bundle(bundle).build();
    let mut scaler = build(signed(seed)).unwrap();
    run(&mut scaler, 0, 5);
    build(ModelBundle::bundled().unwrap()).unwrap();
    let unsigned = ModelBundle::from_files(MANIFEST.as_bytes(), FORECASTER, POLICY).unwrap();
    for bundle in [unsigned, signed([4; KEY_BYTES])] {
        let problem = build(bundle.clone()).unwrap_err();
        assert_eq!(problem.kind(), ErrorKind::InvalidBundle);
        assert!(problem.to_string().contains("bundle_public_key"), "{problem}");
        let snapshot = scaler.snapshot();
        assert!(Autoscaler::restore(config.clone(), bundle.clone(), &snapshot).is_err());
        let mut fleet = Fleet::new(&bundle);
        assert!(fleet.add("a", config.clone()).is_err());
        assert!(fleet.restore("a", config.clone(), &snapshot).is_err());
    }
    let forecaster = |bundle: &ModelBundle| Forecaster::for_config(&config, start(), Some(bundle));
    forecaster(&signed(seed)).unwrap().observe(5.0).unwrap();
    assert_eq!(forecaster(&signed([4; KEY_BYTES])).unwrap_err().kind(), ErrorKind::InvalidBundle);
    config.bundle_public_key = Some("7".to_owned());
    assert!(Autoscaler::builder(config).build().unwrap_err().to_string().contains("64 lower-case"));
}

#[test]
fn an_older_bundle_is_refused_though_its_signature_is_good() {
    let seed = [3; KEY_BYTES];
    let numbered =
        |serial: u32| signed_manifest(&MANIFEST.replacen('{', &format!("{{\"serial\": {serial}, "), 1), seed);
    let mut config = config(true);
    (config.bundle_public_key, config.bundle_min_serial) = (Some(hex(public_key(&seed))), 8);
    let mut scaler = Autoscaler::builder(config.clone()).bundle(numbered(8)).build().unwrap();
    Autoscaler::builder(config.clone()).bundle(numbered(9)).build().unwrap();
    Autoscaler::builder(config.clone()).build().unwrap();
    for older in [numbered(7), signed(seed)] {
        let refused =
            Autoscaler::builder(config.clone()).bundle(older.clone()).build().unwrap_err().to_string();
        assert!(
            refused.contains(&format!("serial number {}, expected at least 8", older.serial())),
            "{refused}"
        );
        assert!(Forecaster::for_config(&config, start(), Some(&older)).is_err());
        assert!(scaler.challenge(&older).is_err() && scaler.set_bundle(&older, "back").is_err());
    }
    config.bundle_public_key = None;
    assert!(config.check().unwrap_err().to_string().contains("set the key too"));
}

#[test]
fn a_wrong_signature_is_refused_before_anything_is_parsed() {
    let (seed, other) = ([3; KEY_BYTES], [4; KEY_BYTES]);
    let load = |manifest: &[u8], signature: &[u8]| {
        ModelBundle::from_signed_files(manifest, b"", b"", signature, &public_key(&seed))
            .unwrap_err()
            .to_string()
    };
    assert!(load(MANIFEST.as_bytes(), &sign(MANIFEST.as_bytes(), &other)).contains("signature"));
    assert!(load(b"{", &sign(b"{}", &seed)).contains("signature"));
    assert!(load(MANIFEST.as_bytes(), b"").contains("0 bytes, expected 64"));
    assert!(load(MANIFEST.as_bytes(), &sign(MANIFEST.as_bytes(), &seed)).contains("sha256"));
}
