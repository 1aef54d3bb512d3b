//! What the library decides in some thirty configurations, as a digest per hundred decisions: golden vectors are one
//! configuration, and a change of the code that means to change no decision must change none of these either.
//!
//! `fixtures/characterisation.txt` has a line per configuration and digest: those of the *values* (numbers, sources,
//! verdicts) and those of the *texts* (names of rules, reasons, explanations) apart, so that a change of words is seen to
//! change words alone.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

mod cases;
mod host;

use cases::cases;
use host::Digests;
use std::fmt::Write;

const EXPECTED: &str = include_str!("../fixtures/characterisation.txt");

/// Name, and the digests of values and of texts, of every configuration.
fn characterised() -> String {
    let cases = cases();
    let digests: Vec<Digests> = std::thread::scope(|scope| {
        let running: Vec<_> = cases.iter().map(|case| scope.spawn(|| host::run(case))).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let mut lines = String::new();
    for (case, digests) in cases.iter().zip(digests) {
        for (what, of) in [("values", &digests.values), ("texts", &digests.texts)] {
            let words: Vec<String> = of.iter().map(|digest| format!("{digest:08x}")).collect();
            writeln!(lines, "{} {what} {}", case.name, words.join(" ")).unwrap();
        }
    }
    lines
}

#[test]
#[ignore = "writes the fixture: what the code decides today becomes what is expected"]
fn write() {
    std::fs::write("tests/fixtures/characterisation.txt", characterised()).unwrap();
}

#[test]
fn decisions_are_those_that_are_written_down() {
    let found = characterised();
    let changed: Vec<String> = found
        .lines()
        .zip(EXPECTED.lines())
        .filter(|(now, then)| now != then)
        .map(|(now, then)| {
            let hundred = now.split(' ').zip(then.split(' ')).position(|(a, b)| a != b).unwrap_or(0);
            let name: Vec<&str> = now.split(' ').take(2).collect();
            format!("{}: first in the {}. hundred decisions", name.join(" "), hundred.saturating_sub(1))
        })
        .collect();
    assert!(changed.is_empty(), "decisions changed:\n{}", changed.join("\n"));
    assert_eq!(found.lines().count(), EXPECTED.lines().count(), "configurations came or went");
}
