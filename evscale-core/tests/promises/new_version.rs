//! A new version of the jobs takes another time per event: the pool believes it, whatever the factor.

use crate::support::{built, start, without_networks};
use evscale_core::simulate::PoolSimulator;
use evscale_core::{Metrics, Verdict};

const EVENTS: f64 = 3000.0;
const PER_DAY: i64 = 720;

/// Jobs and repaired records of each day of a pool whose jobs take `factor` times as long from the second day on.
fn days(factor: f64, durations_alone: bool) -> (Vec<(f64, usize)>, f64) {
    let mut scaler = built(without_networks(|config| config.max_jobs = 1000));
    let mut simulated = PoolSimulator::new(3, 180.0, 30.0);
    let (mut days, mut waiting) = (Vec::new(), 0.0);
    for day in 0..4 {
        let (mut jobs, mut repaired) = (0.0, 0);
        for step in 0..PER_DAY {
            let service_seconds = if day == 0 { 0.010 } else { 0.010 * factor };
            let out = simulated.run_interval(&[EVENTS / 12.0; 12], service_seconds);
            let at = start().plus_seconds(120 * (PER_DAY * day + step + 1));
            let mut record = Metrics::new(at, out.arrived, f64::from(out.jobs));
            record.average_processing_duration_ms = Some(1000.0 * service_seconds);
            if !durations_alone {
                record.processed_events_count = Some(out.processed);
                record.queued_events_count = Some(out.queued);
                record.cpu_utilization_percent = Some(100.0 * out.busy_ratio);
            }
            repaired += usize::from(scaler.observe(&record).unwrap().verdict == Verdict::Repaired);
            simulated.scale_to(scaler.decide().recommended_jobs.unwrap());
            jobs += f64::from(simulated.jobs()) / PER_DAY as f64;
            waiting = out.queued;
        }
        days.push((jobs, repaired));
    }
    (days, waiting)
}

#[test]
fn a_service_time_that_has_really_changed_is_believed_within_a_day() {
    for factor in [20.0, 49.0, 60.0, 200.0, 1.0 / 60.0] {
        for durations_alone in [false, true] {
            let (days, waiting) = days(factor, durations_alone);
            let need = EVENTS * 0.010 * factor / 120.0;
            let (last, repaired) = days[3];
            let most = 1.5 * need + 2.0;
            assert!(
                last >= need && last <= most,
                "times {factor}, {durations_alone}: {need:.1} needed, {days:?}"
            );
            assert_eq!(repaired, 0, "times {factor}: {days:?}");
            assert!(days[1].1 <= 10 && waiting < EVENTS, "times {factor}: {days:?}, {waiting} wait");
        }
    }
}
