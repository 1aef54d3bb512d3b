//! The snapshot of the one format that is read: it restores with what was learned, and anything else is refused.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

mod support;

use evscale_core::{Action, Autoscaler, Config, Metrics, ModelBundle};
use support::{built, served, start, without_networks};

const SNAPSHOT: &[u8] = include_bytes!("fixtures/snapshot.bin");
const FORMAT_VERSION: u16 = 1;
const RECORDS: u32 = 200;
/// Magic, format version, length of the body, CRC-32 of the body.
const HEADER: usize = 14;

fn config() -> Config {
    without_networks(|config| {
        config.interval_seconds = 3600;
        config.decision_interval_seconds = 3600;
        config.max_jobs = 40;
    })
}

fn record(step: u32, jobs: u32) -> Metrics {
    let phase = std::f64::consts::TAU * f64::from(step) / 24.0;
    let events = (20_000.0 + 12_000.0 * phase.sin()).round();
    served(start().plus_seconds(3600 * i64::from(step)), events, jobs, 1500.0)
}

fn pool() -> Autoscaler {
    let mut scaler = built(config());
    for step in 0..RECORDS {
        scaler.observe(&record(step, 16)).unwrap();
        scaler.decide();
    }
    scaler
}

#[test]
#[ignore = "writes the fixture: the format of today becomes what must be read"]
fn write() {
    std::fs::write("tests/fixtures/snapshot.bin", pool().snapshot()).unwrap();
}

#[test]
fn the_kept_snapshot_is_what_is_written_today() {
    assert!(pool().snapshot() == SNAPSHOT, "the layout changed: see `write`");
}

#[test]
fn a_kept_snapshot_restores_with_what_it_learned_and_holds_at_first() {
    let mut scaler = Autoscaler::restore(config(), ModelBundle::bundled().unwrap(), SNAPSHOT).unwrap();
    assert_eq!(scaler.forecast(), pool().forecast());
    let held = scaler.decide();
    assert_eq!((held.action, held.recommended_jobs), (Action::Hold, None));
    scaler.observe(&record(RECORDS, 16)).unwrap();
    assert!((1..=40).contains(&scaler.decide().recommended_jobs.unwrap()));
}

#[test]
fn other_versions_are_refused_by_name() {
    for version in [0, 2, 3, u16::MAX] {
        let mut snapshot = SNAPSHOT.to_vec();
        snapshot[4..6].copy_from_slice(&version.to_le_bytes());
        let refused = Autoscaler::restore(config(), ModelBundle::bundled().unwrap(), &snapshot);
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains(&format!("format version {version}, expected {FORMAT_VERSION}")),
            "{message}"
        );
    }
}

/// Truncated and rewritten bodies behind a right checksum.
#[test]
fn a_damaged_body_is_refused_or_harmless() {
    let body = SNAPSHOT.len() - HEADER;
    for position in (0..body).step_by(7) {
        for cut in [false, true] {
            let mut snapshot = SNAPSHOT.to_vec();
            if cut {
                snapshot.truncate(HEADER + position)
            } else {
                snapshot[HEADER + position] ^= 0xa5
            }
            let length = (snapshot.len() - HEADER) as u32;
            let checksum = crc32fast::hash(&snapshot[HEADER..]);
            snapshot[6..10].copy_from_slice(&length.to_le_bytes());
            snapshot[10..HEADER].copy_from_slice(&checksum.to_le_bytes());
            let restored = Autoscaler::restore(config(), ModelBundle::bundled().unwrap(), &snapshot);
            let Ok(mut scaler) = restored else { continue };
            assert!(!cut, "{position} bytes are no state");
            scaler.observe(&record(RECORDS, 16)).unwrap();
            assert!((1..=40).contains(&scaler.decide().recommended_jobs.unwrap()), "{position}");
        }
    }
}
