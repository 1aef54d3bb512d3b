//! A field that comes once and never again: what it said is no state of the pool for ever.

use crate::support::{Pool, SERVICE_MS, eager};
use approx::abs_diff_eq;
use evscale_core::{Decision, Metrics, SlaRisk};
use serde_json::{Map, Value, json};

const SETTLED: usize = 200;
/// A day of records without the field.
const DAY: usize = 720;

/// A record with another number in a field.
fn with(record: &Metrics, field: &str, value: Value) -> Metrics {
    let mut object: Map<String, Value> =
        serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap();
    object.insert(field.to_owned(), value);
    serde_json::from_value(Value::Object(object)).unwrap()
}

/// The last decision of a pool whose records have the fields that pools mostly send; one of them is changed.
fn last_decision(change: impl Fn(&mut Metrics)) -> (Decision, Vec<String>) {
    let mut pool = Pool::new(eager(|config| config.service_time_ms = Some(SERVICE_MS)));
    let mut last = None;
    for step in 0..SETTLED + DAY {
        let decision = pool.tick_with((3000 + step * 37 % 101) as f64, |record| {
            if step == SETTLED {
                change(record);
            }
        });
        pool.jobs = decision.recommended_jobs.unwrap();
        last = Some(decision);
    }
    (last.unwrap(), pool.scaler.health().causes)
}

#[test]
fn one_value_of_any_field_is_forgotten_within_a_day() {
    let (usual, _) = last_decision(|_| ());
    let (usual_jobs, kept) =
        (usual.recommended_jobs.unwrap(), ["timestamp", "logged_events_count", "current_job_count"]);
    let mut tried = 0;
    for field in Metrics::FIELDS.iter().filter(|field| !kept.contains(&field.name)) {
        let (low, high) = field.range.unwrap_or((0.0, 1e6));
        // counts as high as the load: more of them are another load
        let most = if field.name.ends_with("_count") { 3000.0 } else { 1e6 };
        let values = [low, high, 60_000.0, 100.0].map(|value| json!(value.clamp(low, high.min(most))));
        for value in values.into_iter().chain([json!(true)]) {
            let set = |record: &mut Metrics| {
                let flag = serde_json::from_value::<Metrics>(json!({"timestamp": "2026-01-05T10:02:00Z",
                    "logged_events_count": 1, "current_job_count": 1, field.name: value}));
                if flag.is_ok() {
                    *record = with(record, field.name, value.clone());
                }
            };
            let (decision, causes) = last_decision(set);
            let tell = || format!("{} = {value}: {}, {causes:?}", field.name, decision.to_json());
            let jobs = f64::from(decision.recommended_jobs.unwrap());
            let usual = f64::from(usual_jobs);
            assert!(
                abs_diff_eq!(jobs, usual, epsilon = 1.0 + 0.1 * usual),
                "{usual} jobs are usual; {}",
                tell()
            );
            assert!(decision.reasoning.sla_risk != SlaRisk::Breach && !decision.emergency, "{}", tell());
            assert!(causes.is_empty(), "{}", tell());
            tried += 1;
        }
    }
    assert!(tried >= 60, "{tried} values of {} fields", Metrics::FIELDS.len());
}
