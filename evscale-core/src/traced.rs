//! What happens to a pool as spans and events of `tracing`, for those who subscribe to it; nothing at all without the feature `tracing`.
//!
//! Spans: `pool` (its key in a fleet), `observe` and `decide`. Events, all with the target `evscale`: a record that was rejected or
//! repaired, every new decision, and every alert that begins to fire or is resolved.

use crate::autoscaler::Observation;
use crate::decision::Decision;
use crate::indicators::AlertRule;
use crate::time::Timestamp;

/// A span that is left when this goes.
pub(crate) struct Entered {
    #[cfg(feature = "tracing")]
    _span: tracing::span::EnteredSpan,
}

/// Enters the span of a pool of a fleet.
pub(crate) fn pool(key: &str) -> Entered {
    #[cfg(not(feature = "tracing"))]
    let _ = key;
    Entered {
        #[cfg(feature = "tracing")]
        _span: tracing::debug_span!(target: "evscale", "pool", key).entered(),
    }
}

/// Enters the span of a record.
pub(crate) fn observe(at: Timestamp) -> Entered {
    #[cfg(not(feature = "tracing"))]
    let _ = at;
    Entered {
        #[cfg(feature = "tracing")]
        _span: tracing::debug_span!(target: "evscale", "observe", timestamp = %at).entered(),
    }
}

/// Enters the span of a decision.
pub(crate) fn decide(at: Timestamp) -> Entered {
    #[cfg(not(feature = "tracing"))]
    let _ = at;
    Entered {
        #[cfg(feature = "tracing")]
        _span: tracing::debug_span!(target: "evscale", "decide", timestamp = %at).entered(),
    }
}

/// Tells what became of a record that was not used as it came.
pub(crate) fn observed(at: Timestamp, seen: &Observation) {
    #[cfg(not(feature = "tracing"))]
    let _ = (at, seen);
    #[cfg(feature = "tracing")]
    if let Some(reason) = &seen.reason {
        tracing::warn!(target: "evscale", timestamp = %at, verdict = seen.verdict.as_str(), reason, "record rejected");
    } else if !seen.repairs.is_empty() {
        let repairs = seen.repairs.join("; ");
        tracing::warn!(target: "evscale", timestamp = %at, verdict = seen.verdict.as_str(), repairs, "record repaired");
    }
}

/// Tells a new decision.
pub(crate) fn decided(decision: &Decision) {
    #[cfg(not(feature = "tracing"))]
    let _ = decision;
    #[cfg(feature = "tracing")]
    tracing::info!(
        target: "evscale",
        recommended_jobs = decision.recommended_jobs,
        current_jobs = decision.current_jobs,
        confidence = decision.confidence,
        emergency = decision.emergency,
        explanation = decision.explanation,
        "decision"
    );
}

/// Tells that an alert has begun to fire, or is resolved.
pub(crate) fn alert(rule: &AlertRule, at: Timestamp, fires: bool) {
    #[cfg(not(feature = "tracing"))]
    let _ = (rule, at, fires);
    #[cfg(feature = "tracing")]
    if fires {
        let (alert, severity) = (rule.name.as_str(), rule.severity.as_str());
        tracing::warn!(target: "evscale", timestamp = %at, alert, severity, action = rule.action, "{}", rule.text);
    } else {
        tracing::info!(target: "evscale", timestamp = %at, alert = rule.name.as_str(), "alert resolved");
    }
}
