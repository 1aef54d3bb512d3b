//! What happens to a pool as spans and events of `tracing`, for those who subscribe to it; nothing at all without the feature `tracing`.
//!
//! Spans: `pool` (its key in a fleet), `observe` and `decide`. Events, all with the target `evscale`: a record that was rejected or
//! repaired, every new decision, and every alert that begins to fire or is resolved.

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
pub(crate) fn observed(at: Timestamp, reason: Option<&str>, repairs: &[String]) {
    #[cfg(not(feature = "tracing"))]
    let _ = (at, reason, repairs);
    #[cfg(feature = "tracing")]
    if let Some(reason) = reason {
        tracing::warn!(target: "evscale", timestamp = %at, reason, "record rejected");
    } else if !repairs.is_empty() {
        tracing::warn!(target: "evscale", timestamp = %at, repairs = repairs.join("; "), "record repaired");
    }
}

/// Tells a new decision: jobs that there are and should be, whether it is an emergency, and why.
pub(crate) fn decided(current: Option<u32>, recommended: Option<u32>, emergency: bool, explanation: &str) {
    #[cfg(not(feature = "tracing"))]
    let _ = (current, recommended, emergency, explanation);
    #[cfg(feature = "tracing")]
    tracing::info!(
        target: "evscale",
        current_jobs = current,
        recommended_jobs = recommended,
        emergency,
        explanation,
        "decision"
    );
}

/// Tells that an alert has begun to fire, with what it says and what to do.
pub(crate) fn alert_fires(at: Timestamp, alert: &str, severity: &str, [text, action]: [&str; 2]) {
    #[cfg(not(feature = "tracing"))]
    let _ = (at, alert, severity, text, action);
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "evscale", timestamp = %at, alert, severity, action, "{text}");
}

/// Tells that an alert is resolved.
pub(crate) fn alert_resolved(at: Timestamp, alert: &str) {
    #[cfg(not(feature = "tracing"))]
    let _ = (at, alert);
    #[cfg(feature = "tracing")]
    tracing::info!(target: "evscale", timestamp = %at, alert, "alert resolved");
}
