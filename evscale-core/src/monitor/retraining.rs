//! Whether the networks still fit the pool.

use crate::indicators::{DriftKind, Report};

/// Returns why the networks should be trained anew. A new level alone is no reason: they do not see it.
pub(super) fn retraining(report: &Report) -> Option<String> {
    let beyond = |metric: Option<f64>, limit: f64| metric.is_some_and(|value| value > limit);
    let told = |share: Option<f64>| 100.0 * share.unwrap_or_default();
    if let Some(worse) = report.drift.iter().find(|drift| drift.kind == DriftKind::Residuals) {
        return Some(format!("the errors of the forecast have grown since {}", worse.onset));
    }
    let other = report.drift.iter().find(|drift| drift.kind != DriftKind::Level);
    if let Some(drift) = other
        && beyond(report.accuracy_gap, 0.1)
    {
        return Some(format!(
            "the arrivals have changed since {}, and the accuracy is {:.0} % where their noise allows {:.0} %",
            drift.onset,
            told(report.accuracy),
            told(report.attainable_accuracy)
        ));
    }
    (report.accuracy.is_some_and(|accuracy| accuracy < 0.8) && beyond(report.accuracy_gap, 0.1)).then(|| {
        format!(
            "the accuracy is {:.0} % where the noise of the arrivals allows {:.0} %",
            told(report.accuracy),
            told(report.attainable_accuracy)
        )
    })
}
