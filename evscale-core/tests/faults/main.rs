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
/// The same of a pool that took counts for totals, and has learned anew since.
const WITHIN_ANEW: f64 = 1.0;

/// Runs a case; returns its records, and what is wrong with how the pool ended.
fn run(case: &Case) -> (u64, Option<String>) {
    let (mut calm, mut hit) = (Host::new(case), Host::new(case));
    let mut steps = 0;
    for step in 0..case.load.len() {
        calm.step(case, step, false);
        hit.step(case, step, case.is_faulty(step));
        steps += 2;
    }
    let judged = case.judged();
    let mean = |host: &Host| host.sized.iter().skip(judged.start).sum::<f64>() / judged.len() as f64;
    let (wanted, found) = (mean(&calm), mean(&hit));
    let waits = hit.wait_seconds(case) > calm.wait_seconds(case) + 10.0 * case.config.sla_wait_seconds + 60.0;
    let within = if case.learns_anew() && found > wanted { WITHIN_ANEW } else { WITHIN };
    let differs = (found - wanted).abs() > within * wanted + ROUNDING_JOBS;
    let wrong = (differs || waits).then(|| {
        format!(
            "{found:.1} jobs where an undisturbed pool has {wanted:.1}, {:.0} s of waiting; {:?}\n  it says: {}\n  undisturbed: {}",
            hit.wait_seconds(case),
            hit.scaler.health().causes,
            hit.said,
            calm.said
        )
    });
    (steps, wrong)
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
    let (mut done, mut failed) = (0, 0);
    for seed in one.or(number("EVSCALE_FAULTS_FIRST_SEED")).unwrap_or(0).. {
        let case = Case::drawn(seed);
        let _named = Named(&case);
        let (taken, wrong) = run(&case);
        if let Some(wrong) = wrong {
            failed += 1;
            eprintln!("{case}: {wrong}");
            if one.is_some() {
                debug(&case);
            }
        }
        if (done + taken) / 1_000_000 > done / 1_000_000 {
            eprintln!("{} records, {failed} cases failed, next seed {}", done + taken, seed + 1);
        }
        done += taken;
        if one.is_some() || done >= steps {
            break;
        }
    }
    assert_eq!(failed, 0, "cases ended otherwise; each line above runs one again");
}

fn debug(case: &Case) {
    let (mut calm, mut hit) = (Host::new(case), Host::new(case));
    for step in 0..case.load.len() {
        calm.step(case, step, false);
        hit.step(case, step, case.is_faulty(step));
    }
    for (name, host) in [("calm", &calm), ("hit", &hit)] {
        let text = format!("{:?}", host.scaler);
        for key in [
            "service_time: ServiceTime",
            "work: Work",
            "startup: Startup",
            "lateness: Lateness",
            "size: Size",
            "last_events:",
            "late_in_shadow",
            "floors: ",
            "leader:",
        ] {
            if let Some(at) = text.find(key) {
                eprintln!("{name} {}", &text[at..(at + 420).min(text.len())]);
            }
        }
    }
    eprintln!("{} fields {:?} service {}", case.config.to_json(), case.fields, case.service_seconds);
}
