//! Quantiles: the levels of every forecast, values between them, and those of the normal distribution.

/// Quantile levels of a forecast.
pub const LEVELS: usize = 15;
/// Quantile levels, increasing.
pub const QUANTILE_LEVELS: [f64; LEVELS] =
    [0.005, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995];

/// Linear interpolation between the values at [`QUANTILE_LEVELS`].
pub(crate) fn quantile_at(values: &[f64; LEVELS], level: f64) -> f64 {
    let above = QUANTILE_LEVELS.partition_point(|known| *known < level);
    let point = |index: usize| QUANTILE_LEVELS.get(index).zip(values.get(index));
    match (above.checked_sub(1).and_then(point), point(above)) {
        (Some((l0, v0)), Some((l1, v1))) if *l1 > level => v0 + (v1 - v0) * (level - l0) / (l1 - l0),
        (_, Some((_, value))) | (Some((_, value)), None) => *value,
        (None, None) => f64::NAN,
    }
}

/// Shares are shown with four decimals.
pub(crate) fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

/// Quantile of the standard normal distribution (Acklam's rational approximation of the central
/// region, and its tail), relative error below 1e-6 on the levels used here.
pub(crate) fn normal_quantile(level: f64) -> f64 {
    const A: [f64; 6] = [
        -39.69683028665376,
        220.9460984245205,
        -275.9285104469687,
        138.357751867269,
        -30.66479806614716,
        2.506628277459239,
    ];
    const B: [f64; 5] =
        [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
    const C: [f64; 6] = [
        -0.007784894002430293,
        -0.3223964580411365,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
    let horner = |terms: &[f64], x: f64| terms.iter().fold(0.0, |sum, term| sum * x + term);
    let level = level.clamp(1e-12, 1.0 - 1e-12);
    if level < 0.02425 {
        let q = (-2.0 * level.ln()).sqrt();
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    } else if level > 1.0 - 0.02425 {
        -normal_quantile(1.0 - level)
    } else {
        let q = level - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn normal_quantiles_agree_with_tables() {
        assert_relative_eq!(normal_quantile(0.975), 1.959964, epsilon = 1e-5);
        assert_relative_eq!(normal_quantile(0.005), -2.575829, epsilon = 1e-5);
        assert_relative_eq!(normal_quantile(0.5), 0.0, epsilon = 1e-9);
    }
}
