//! The text of a trace: refused with an error that names the line, or a workload whose gaps can be filled.

#![no_main]

use evscale_core::ErrorKind;
use evscale_core::simulate::Workload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let workload = match Workload::from_csv("trace.csv", &String::from_utf8_lossy(input)) {
        Ok(workload) => workload,
        Err(problem) => {
            assert_eq!(problem.kind(), ErrorKind::InvalidTrace, "{problem}");
            assert!(problem.to_string().starts_with("trace.csv: "), "{problem}");
            return;
        }
    };
    let length = workload.events.len();
    assert!(length >= 2 && (10..=3600).contains(&workload.interval_seconds));
    let filled = workload.fill_gaps();
    assert!(filled.events.iter().all(|events| events.is_finite() && *events >= 0.0));
    assert_eq!(filled.aggregate(3).events.len(), length / 3);
});
