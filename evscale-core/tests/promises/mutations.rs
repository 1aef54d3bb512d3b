//! Random mutations of everything that is parsed: refused or harmless, never a panic.

use crate::support::{built, served, start, without_networks};
use evscale_core::{Autoscaler, Config, Decision, Metrics, ModelBundle, ScalingOutcome, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ROUNDS: usize = 30_000;
const MANIFEST: &str = include_str!("../../../models/onnx/manifest.json");
const SNAPSHOT: &[u8] = include_bytes!("../fixtures/snapshot.bin");
/// Pieces that parsers stumble over.
const PIECES: [&[u8]; 14] = [
    b"null",
    b"NaN",
    b"1e999",
    b"-0",
    b"18446744073709551616",
    b"\"",
    b"{",
    b"[[[[[[[[",
    b"}",
    b",",
    b"\\u0000",
    b"\xff",
    b"9999-99-99T99:99:99Z",
    b"",
];

/// A text with one to four changes: a byte, a piece put in, a part left out or repeated.
fn mutated(random: &mut ChaCha8Rng, original: &[u8]) -> Vec<u8> {
    let mut out = original.to_vec();
    for _ in 0..random.random_range(1..5) {
        if out.is_empty() {
            return out;
        }
        let at = random.random_range(0..out.len());
        let end = (at + random.random_range(0..40)).min(out.len());
        match random.random_range(0..4) {
            0 => out[at] = random.random(),
            1 => {
                let piece = PIECES[random.random_range(0..PIECES.len())];
                out.splice(at..at, piece.iter().copied());
            }
            2 => {
                out.drain(at..end);
            }
            _ => {
                let part = out[at..end].to_vec();
                out.splice(at..at, part);
            }
        }
    }
    out
}

/// How many of the mutations were taken.
fn taken(seed: u64, original: &[u8], mut parse: impl FnMut(&[u8]) -> bool) -> usize {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..ROUNDS).filter(|_| parse(&mutated(&mut random, original))).count()
}

fn record() -> Metrics {
    let mut record = served(Timestamp::EPOCH.plus_seconds(86_400), 3400.0, 12, 400.0);
    (record.processed_events_count, record.queued_events_count) = (Some(3390.0), Some(10.0));
    record.is_deploy_in_progress = Some(false);
    record
}

#[test]
fn configurations() {
    let text = Config::default().to_json();
    let count = taken(1, text.as_bytes(), |bytes| {
        let Ok(config) = Config::from_json(&String::from_utf8_lossy(bytes)) else { return false };
        let mut config = config;
        config.use_networks = false;
        let mut scaler = built(config.clone());
        scaler.observe(&record()).unwrap();
        let jobs = scaler.decide().recommended_jobs.unwrap();
        assert!((config.min_jobs..=config.max_jobs).contains(&jobs), "{}", config.to_json());
        true
    });
    assert!((1..ROUNDS).contains(&count), "{count}");
}

#[test]
fn records_and_outcomes() {
    let mut scaler = built(without_networks(|_| ()));
    let text = serde_json::to_vec(&record()).unwrap();
    let count = taken(2, &text, |bytes| {
        let Ok(record) = serde_json::from_slice::<Metrics>(bytes) else { return false };
        scaler.observe(&record).unwrap();
        assert!((1..=100).contains(&scaler.decide_at(record.timestamp).recommended_jobs.unwrap()));
        true
    });
    assert!((1..ROUNDS).contains(&count), "{count}");
    let mut outcome = ScalingOutcome::new(Timestamp::EPOCH);
    (outcome.refused, outcome.startup_seconds) = (3, Some(120.0));
    let text = serde_json::to_vec(&outcome).unwrap();
    let count = taken(3, &text, |bytes| {
        let Ok(outcome) = serde_json::from_slice::<ScalingOutcome>(bytes) else { return false };
        scaler.acknowledge(&outcome);
        assert!((1..=100).contains(&scaler.decide().recommended_jobs.unwrap()));
        true
    });
    assert!((1..ROUNDS).contains(&count), "{count}");
}

#[test]
fn decisions_read_back() {
    let mut scaler = built(without_networks(|_| ()));
    scaler.observe(&record()).unwrap();
    let text = scaler.decide().to_json();
    let count = taken(4, text.as_bytes(), |bytes| serde_json::from_slice::<Decision>(bytes).is_ok());
    assert!((1..ROUNDS).contains(&count), "{count}");
}

#[test]
fn manifests() {
    // the networks are empty, so that nothing is loaded: a manifest that is taken ends at their checksums
    let count = taken(5, MANIFEST.as_bytes(), |bytes| {
        ModelBundle::from_files(bytes, b"", b"").unwrap_err().to_string().contains("`sha256` is")
    });
    assert!((1..ROUNDS).contains(&count), "{count}");
}

#[test]
fn snapshots_behind_a_right_checksum() {
    const HEADER: usize = 14;
    let config = without_networks(|config| {
        (config.interval_seconds, config.decision_interval_seconds) = (3600, 3600);
    });
    let bundle = ModelBundle::bundled().unwrap();
    let count = taken(6, &SNAPSHOT[HEADER..], |body| {
        let mut snapshot = SNAPSHOT[..6].to_vec();
        snapshot.extend((body.len() as u32).to_le_bytes());
        snapshot.extend(crc32fast::hash(body).to_le_bytes());
        snapshot.extend(body);
        let Ok(mut scaler) = Autoscaler::restore(config.clone(), bundle.clone(), &snapshot) else {
            return false;
        };
        assert_eq!(scaler.decide().recommended_jobs, None);
        let mut next = record();
        // a clock that is changed may be far from the record: three that agree are believed
        for hours in [200, 201, 202] {
            next.timestamp = start().plus_seconds(hours * 3600);
            scaler.observe(&next).unwrap();
        }
        assert!((1..=100).contains(&scaler.decide().recommended_jobs.unwrap()));
        let (mut other, decided) = (config.clone(), scaler.decide().decided_at);
        (other.interval_seconds, other.sla_wait_seconds) = (1800, 7.0);
        scaler.reconfigure(other).unwrap();
        for seconds in [-400 * 86_400, -3600, 0, 3600, 400 * 86_400] {
            next.timestamp = decided.plus_seconds(seconds);
            scaler.observe(&next).unwrap();
            let decision = scaler.decide_at(next.timestamp.plus_seconds(seconds));
            let jobs = decision.recommended_jobs.unwrap();
            assert!((1..=100).contains(&jobs), "{}", scaler.health().to_json());
        }
        true
    });
    assert!((1..ROUNDS).contains(&count), "{count}");
}
