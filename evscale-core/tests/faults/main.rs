//! Pools whose metrics and host fail for hours and days, in every way that was seen, and then no longer. Invariants hold in
//! every step, and some time after the faults have ended the pool is what an undisturbed one is.
//!
//! Each case is drawn from a seed. `EVSCALE_FAULTS_STEPS` sets the number of records, `EVSCALE_FAULTS_SEED` runs one case.

#![expect(clippy::disallowed_methods, reason = "the number of steps is told by the environment")]

mod case;
mod faults;
mod host;

use case::Case;
use host::Host;

const DEFAULT_STEPS: u64 = 60_000;
/// Share by which a pool may differ from an undisturbed one, and what a job more or less is worth beside it.
const WITHIN: f64 = 0.2;
const ROUNDING_JOBS: f64 = 2.0;
/// Cases that may end further away, and how far. Two things are learned in days and not in hours: which rule acts, from a week
/// of its shadow pool, and how far forecasts err, from some hundred errors. Faults of days that the pool cannot know to be
/// faults, as configurations that were really tried, or records that came with gaps and much too late, teach both of them
/// something else, which keeps more jobs for longer than the two hours after which everything else is forgotten.
const FURTHER_SHARE: f64 = 0.025;
const FURTHER: f64 = 0.7;

/// How a case ended.
struct End {
    records: u64,
    /// Distance from an undisturbed pool, as a share of it beyond rounding.
    apart: f64,
    waits: bool,
    words: String,
}

fn run(case: &Case) -> End {
    let (mut calm, mut hit) = (Host::new(case), Host::new(case));
    for step in 0..case.load.len() {
        calm.step(case, step, false);
        hit.step(case, step, case.is_faulty(step));
    }
    let judged = case.judged();
    let mean = |host: &Host| host.sized.iter().skip(judged.start).sum::<f64>() / judged.len() as f64;
    let (wanted, found) = (mean(&calm), mean(&hit));
    let wait = hit.wait_seconds(case);
    End {
        records: 2 * case.load.len() as u64,
        apart: ((found - wanted).abs() - ROUNDING_JOBS).max(0.0) / wanted.max(1.0),
        waits: wait > calm.wait_seconds(case) + 10.0 * case.config.sla_wait_seconds + 60.0,
        words: format!(
            "{found:.1} jobs where an undisturbed pool has {wanted:.1}, {wait:.0} s of waiting; {:?}\n  it says: {}\n  undisturbed: {}",
            hit.scaler.health().causes,
            hit.said,
            calm.said
        ),
    }
}

/// Tells how a case is run again, if it panics.
struct Named<'a>(&'a Case);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

#[test]
fn after_the_faults_a_pool_is_what_an_undisturbed_one_is() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let one = number("EVSCALE_FAULTS_SEED");
    let steps = number("EVSCALE_FAULTS_STEPS").unwrap_or(DEFAULT_STEPS);
    let (mut done, mut cases, mut further, mut failed) = (0, 0u32, 0u32, 0u32);
    for seed in one.or(number("EVSCALE_FAULTS_FIRST_SEED")).unwrap_or(0).. {
        let case = Case::drawn(seed);
        let _named = Named(&case);
        let end = run(&case);
        cases += 1;
        further += u32::from(end.apart > WITHIN);
        failed += u32::from(end.apart > FURTHER || end.waits);
        if end.apart > WITHIN || end.waits {
            eprintln!("{case}: {}", end.words);
        }
        let before = done;
        done += end.records;
        if done / 1_000_000 > before / 1_000_000 {
            eprintln!(
                "{done} records, {cases} cases, {further} further than {WITHIN}, {failed} failed; next seed {}",
                seed + 1
            );
        }
        if one.is_some() || done >= steps {
            break;
        }
    }
    assert_eq!(failed, 0, "of {cases} cases; a line above runs each of them again");
    let most = FURTHER_SHARE * f64::from(cases) + 1.0;
    assert!(f64::from(further) <= most, "{further} of {cases} pools are not what undisturbed ones are");
}
