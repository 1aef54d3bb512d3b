//! What a registry keeps, refuses and finds damaged, and what is left of it when its writer is killed at any moment.
//! EVSCALE_KILLS sets how many times; `make kill-test` takes a thousand.
#![cfg(unix)]

use evscale_files::{BundleFiles, Registry, RegistryError, StepKind};
use serde_json::{Map, json};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A folder of one test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evscale-registry-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn bundle(seed: u8) -> BundleFiles {
    BundleFiles {
        manifest: format!("{{\"name\": \"b\", \"version\": \"{seed}\", \"same\": [1, 2]}}").into_bytes(),
        forecaster: vec![seed; 40_000],
        policy: vec![seed.wrapping_add(1); 5_000],
        signature: seed.is_multiple_of(2).then(|| vec![seed; 64]),
    }
}

fn add(registry: &Registry, seed: u8, parent: Option<u32>) -> u32 {
    registry.add(&bundle(seed), parent, 1_000 + i64::from(seed), Map::new()).unwrap().version
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, RegistryError>, words: &[&str]) {
    let problem = outcome.unwrap_err();
    assert!(matches!(problem, RegistryError::Refused(_)), "{problem:?}");
    for word in words {
        assert!(problem.to_string().contains(word), "{problem} does not say {word}");
    }
}

#[test]
fn a_version_is_what_was_added_and_its_card_tells_where_it_comes_from() {
    let folder = Folder::new("add");
    let registry = Registry::create(&folder.0).unwrap();
    let details = json!({"loss": {"before": 0.123_456_789_012_345_67, "after": 0.1}, "pools": ["a", "b"]});
    let first = registry.add(&bundle(7), None, -5, details.as_object().unwrap().clone()).unwrap();
    let second = add(&registry, 8, Some(first.version));
    let again = Registry::open(&folder.0).unwrap();
    assert_eq!((first.version, second, again.versions().unwrap()), (1, 2, vec![1, 2]));
    assert_eq!(again.files(1).unwrap(), bundle(7));
    assert_eq!(again.files(2).unwrap(), bundle(8));
    let card = again.card(1).unwrap();
    assert_eq!((card.created_ms, card.parent, &card.details["pools"]), (-5, None, &json!(["a", "b"])));
    assert_eq!(again.card(2).unwrap().parent, Some(1));
    let changes = again.difference(1, 2).unwrap();
    assert_eq!(changes.manifest.iter().map(|change| change.entry.as_str()).collect::<Vec<_>>(), ["version"]);
    assert!(
        changes.card.iter().any(|change| change.entry == "details.loss.before" && change.after.is_null())
    );
}

#[test]
fn what_is_no_registry_and_what_is_no_version_are_named() {
    let folder = Folder::new("none");
    refused(Registry::open(&folder.0), &["no registry", "evscale retrain", &folder.0.display().to_string()]);
    fs::create_dir(&folder.0).unwrap();
    fs::write(folder.0.join("notes.txt"), "mine").unwrap();
    refused(Registry::create(&folder.0), &["notes.txt", "empty folder"]);
    fs::remove_file(folder.0.join("notes.txt")).unwrap();
    let registry = Registry::create(&folder.0).unwrap();
    refused(registry.card(3), &["no version 3", "none yet"]);
    add(&registry, 1, None);
    refused(registry.promote(3, 0, "r"), &["no version 3", "newest first: 1"]);
    refused(registry.add(&bundle(2), Some(9), 0, Map::new()), &["no version 9"]);
    refused(registry.verify(Some(9)), &["no version 9"]);
    let huge = json!({"text": "x".repeat(2 << 20)});
    refused(registry.add(&bundle(2), None, 0, huge.as_object().unwrap().clone()), &["card", "shorten"]);
    assert_eq!(registry.versions().unwrap(), [1]);
}

#[test]
fn rollbacks_go_back_one_champion_at_a_time_to_the_bundled_models() {
    let folder = Folder::new("stages");
    let registry = Registry::create(&folder.0).unwrap();
    refused(registry.roll_back(0, "r"), &["bundled models", "promote"]);
    for seed in 1..=3 {
        add(&registry, seed, None);
    }
    for version in [1, 3, 2] {
        assert_eq!(registry.promote(version, 10, "better").unwrap().champion, Some(version));
    }
    refused(registry.promote(2, 10, "r"), &["version 2", "already"]);
    assert_eq!(registry.roll_back(11, "worse").unwrap().champion, Some(3));
    assert_eq!(registry.roll_back(12, "worse").unwrap().champion, Some(1));
    assert_eq!(registry.promote(2, 13, "again").unwrap().champion, Some(2));
    assert_eq!(registry.roll_back(14, "worse").unwrap().champion, Some(1));
    assert_eq!(registry.roll_back(15, "worse").unwrap().champion, None);
    let steps = registry.stages().unwrap().history;
    assert_eq!(steps.len(), 8);
    let last = steps.last().unwrap();
    assert_eq!((last.kind, last.from, last.to, last.at_ms), (StepKind::RolledBack, Some(1), None, 15));
    refused(registry.promote(1, 0, " "), &["`reason`", "1 to 1000"]);
}

#[test]
fn a_pin_forbids_promotion_and_rollback_and_says_why() {
    let folder = Folder::new("pin");
    let registry = Registry::create(&folder.0).unwrap();
    for seed in 1..=2 {
        add(&registry, seed, None);
    }
    registry.promote(1, 1, "first").unwrap();
    registry.pin(2, "the sale of the year").unwrap();
    let before = registry.stages().unwrap();
    refused(registry.promote(2, 3, "r"), &["version 1", "the sale of the year", "promoted", "unpin"]);
    refused(registry.roll_back(3, "r"), &["the sale of the year", "rolled back", "unpin"]);
    refused(registry.pin(3, "r"), &["pinned"]);
    assert_eq!(registry.stages().unwrap(), before);
    registry.unpin(4, "over").unwrap();
    refused(registry.unpin(4, "r"), &["not pinned"]);
    assert_eq!(registry.promote(2, 5, "now").unwrap().champion, Some(2));
}

#[test]
fn prune_keeps_what_may_still_be_needed() {
    let folder = Folder::new("prune");
    let registry = Registry::create(&folder.0).unwrap();
    add(&registry, 1, None);
    for seed in 2..=9 {
        add(&registry, seed, Some(u32::from(seed) - 1));
    }
    for version in [2, 3, 5] {
        registry.promote(version, 0, "r").unwrap();
    }
    fs::create_dir(folder.0.join("versions/0010")).unwrap();
    fs::write(folder.0.join("versions/0010/manifest.json"), "half").unwrap();
    fs::write(folder.0.join(".stages.json.0123456789abcdef.tmp"), "half").unwrap();
    fs::write(folder.0.join("versions/notes"), "a person's").unwrap();
    assert_eq!(registry.versions().unwrap(), (1..=9).collect::<Vec<_>>());
    assert!(registry.verify(None).unwrap().iter().any(|found| found.version == 10 && found.unfinished));
    refused(registry.prune(0), &["`keep` is 0", "at least 1"]);
    assert_eq!(registry.prune(2).unwrap(), [1, 2, 6, 7]);
    assert_eq!(registry.versions().unwrap(), [3, 4, 5, 8, 9]);
    assert!(registry.verify(None).unwrap().iter().all(|found| found.problem.is_none()));
    assert_eq!(registry.roll_back(1, "r").unwrap().champion, Some(3));
    assert_eq!(registry.roll_back(1, "r").unwrap().champion, None, "version 2 is gone");
    let mut names: Vec<_> =
        fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["lock", "stages.json", "versions"]);
    assert!(folder.0.join("versions/notes").exists());
    assert_eq!(add(&registry, 10, None), 10);
}

/// Flips a bit in files of the registry, and expects each to be seen and nothing to be promoted.
#[test]
fn every_flipped_bit_is_found() {
    let folder = Folder::new("damage");
    let registry = Registry::create(&folder.0).unwrap();
    for seed in 1..=2 {
        add(&registry, seed, None);
    }
    registry.promote(1, 0, "r").unwrap();
    let files = [
        "versions/0002/manifest.json",
        "versions/0002/forecaster.onnx",
        "versions/0002/policy.onnx",
        "versions/0002/manifest.sig",
    ];
    for name in files {
        let path = folder.0.join(name);
        let sound = fs::read(&path).unwrap();
        for place in [0, sound.len() / 2, sound.len() - 1] {
            damage(&path, &sound, place);
            let problem = registry.promote(2, 0, "r").unwrap_err();
            assert!(matches!(problem, RegistryError::Damaged(_)), "{problem:?}");
            assert!(problem.to_string().contains(&path.display().to_string()), "{problem}");
        }
        fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        assert!(registry.verify(Some(2)).unwrap()[0].problem.as_ref().unwrap().contains(name));
        fs::remove_file(&path).unwrap();
        assert!(registry.verify(Some(2)).unwrap()[0].problem.as_ref().unwrap().contains("is missing"));
        fs::write(&path, &sound).unwrap();
    }
    for (name, read) in [("versions/0002/card.json", 0), ("stages.json", 1)] {
        let path = folder.0.join(name);
        let sound = fs::read(&path).unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&sound).is_ok(), "{name} is plain JSON");
        for place in 0..sound.len() {
            damage(&path, &sound, place);
            let outcome = if read == 0 { registry.card(2).map(drop) } else { registry.stages().map(drop) };
            assert!(matches!(outcome, Err(RegistryError::Damaged(_))), "byte {place} of {name}: {outcome:?}");
        }
        fs::write(&path, &sound).unwrap();
    }
    assert_eq!(registry.stages().unwrap().champion, Some(1));
    assert_eq!(registry.promote(2, 0, "r").unwrap().champion, Some(2));
}

fn damage(path: &Path, sound: &[u8], place: usize) {
    let mut bytes = sound.to_vec();
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn writers_at_once_get_different_numbers_and_lose_no_step() {
    let folder = Folder::new("writers");
    let registry = Registry::create(&folder.0).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4u8 {
            let registry = &registry;
            scope.spawn(move || {
                for round in 0..8u8 {
                    let version = add(registry, writer * 8 + round, None);
                    assert_eq!(registry.files(version).unwrap(), bundle(writer * 8 + round));
                    registry.promote(version, 0, "r").unwrap();
                }
            });
        }
    });
    assert_eq!(registry.versions().unwrap(), (1..=32).collect::<Vec<_>>());
    assert_eq!(registry.stages().unwrap().history.len(), 32);
}

#[test]
fn a_kill_at_any_moment_loses_nothing_and_leaves_nothing_half() {
    let kills: u32 = std::env::var("EVSCALE_KILLS").map_or(40, |text| text.parse().unwrap());
    let folder = Folder::new("kill");
    let registry = Registry::create(&folder.0).unwrap();
    let (mut told, mut random, mut highest) = (Told::default(), 5u64, 0);
    for kill in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let lines = killed_after(&folder.0, Duration::from_micros((random >> 33) % 60_000));
        lines.lines().for_each(|line| told.line(line));
        let stages = registry.stages().unwrap();
        let champion = stages.champion.unwrap_or(0);
        let expected = [told.champion, told.intended.unwrap_or(told.champion)];
        assert!(
            expected.contains(&champion),
            "kill {kill}: champion is {champion}, expected one of {expected:?}"
        );
        let versions = registry.versions().unwrap();
        assert!(
            told.added == 0 || versions.contains(&told.added),
            "kill {kill}: version {} is lost",
            told.added
        );
        assert!(
            champion == 0 || versions.contains(&champion),
            "kill {kill}: the champion {champion} is lost"
        );
        for found in registry.verify(None).unwrap() {
            assert!(found.problem.is_none() || found.unfinished, "kill {kill}: {found:?}");
        }
        (told.champion, told.intended) = (champion, None);
        highest = told.added;
    }
    assert!(highest > kills / 4, "the process hardly came to write: {highest} versions in {kills} kills");
    println!("{kills} kills, {highest} versions, {} steps", registry.stages().unwrap().history.len());
}

/// What the child said that it had done, and what it was about to do. The bundled models are champion 0.
#[derive(Default)]
struct Told {
    added: u32,
    champion: u32,
    intended: Option<u32>,
}

impl Told {
    fn line(&mut self, line: &str) {
        let number = |text: &str| text.trim().parse().ok();
        if let Some(version) = line.strip_prefix("added ").and_then(number) {
            self.added = version;
        } else if let Some(version) = line.strip_prefix("to be ").and_then(number) {
            self.intended = Some(version);
        } else if let Some(version) = line.strip_prefix("is ").and_then(number) {
            (self.champion, self.intended) = (version, None);
        }
    }
}

fn killed_after(root: &Path, moment: Duration) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writes_for_ever", "--ignored", "--nocapture", "--test-threads=1"])
        .env("EVSCALE_REGISTRY", root)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(moment);
    child.kill().unwrap();
    let mut lines = String::new();
    child.stdout.take().unwrap().read_to_string(&mut lines).unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "the process ended by itself: {lines}");
    lines
}

#[test]
#[ignore = "the child of the test of kills"]
fn writes_for_ever() {
    let Some(root) = std::env::var_os("EVSCALE_REGISTRY") else { return };
    let registry = Registry::open(Path::new(&root)).unwrap();
    println!();
    for round in 0.. {
        let version = add(&registry, (round % 200) as u8, None);
        println!("added {version}");
        println!("to be {version}");
        registry.promote(version, 0, "newer").unwrap();
        println!("is {version}");
        if round % 2 == 1 {
            let earlier = registry.stages().unwrap().earlier.last().copied().unwrap_or(0);
            println!("to be {earlier}");
            registry.roll_back(0, "worse").unwrap();
            println!("is {earlier}");
        }
        if round % 3 == 0 {
            registry.prune(3).unwrap();
        }
    }
}
