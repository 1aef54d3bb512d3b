//! The usual load behind arrivals of which a statement was made.
//!
//! Near the load that is expected otherwise, the statement has not come true: the arrivals are the usual load. Near the stated
//! load they are divided by the stated factor. In between, the usual load is what it was expected to be. So what is forecast, times
//! what is stated, is at least what is seen.

/// Parts of the stated factor, as logarithms, up to which it has not come true, and from which on it has.
const NOT_TRUE: f64 = 0.25;
const TRUE: f64 = 0.75;
/// Expected arrivals below which nothing can be divided.
const FEW: f64 = 1e-6;

/// How far what is stated came: 0 at the usual load, 1 at the stated one; 0 where nothing is stated.
fn came(events: f64, usual: f64, told: f64) -> f64 {
    let known = events > 0.0 && usual > FEW && told > FEW && told != usual;
    if known { (events / usual).ln() / (told / usual).ln() } else { 0.0 }
}

/// Reports whether arrivals show that what is stated has come.
pub(super) fn shows(events: f64, usual: f64, told: f64) -> bool {
    came(events, usual, told) > TRUE
}

/// Returns the arrivals without what is explained by a statement that raises or lowers `usual` to `told`.
pub(super) fn without(events: f64, usual: f64, told: f64) -> f64 {
    match came(events, usual, told) {
        came if came < NOT_TRUE => events,
        came if came > TRUE => events * usual / told,
        _ => usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_taken_out_as_far_as_it_is_stated() {
        assert_eq!(without(105.0, 100.0, 300.0), 105.0, "it has not begun");
        assert_eq!(without(180.0, 100.0, 300.0), 100.0, "a part of it");
        assert_eq!(without(330.0, 100.0, 300.0), 110.0, "a tenth more than stated");
        assert_eq!(without(150.0, 100.0, 100.0), 150.0, "nothing is stated");
        assert_eq!(
            without(15.0, 100.0, 10.0),
            150.0,
            "half more than was left is half more than the usual load"
        );
        assert_eq!(without(95.0, 100.0, 10.0), 95.0);
        assert!(without(f64::NAN, 100.0, 300.0).is_nan());
        assert_eq!(without(500.0, 0.0, 300.0), 500.0, "nothing was usual");
    }
}
