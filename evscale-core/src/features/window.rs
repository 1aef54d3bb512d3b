//! Moments of the fine context: how much it varies, and how much it remembers.

use super::table::{FeatureRow, FineRow};
use ndarray::ArrayView2;

/// Moments of the known values of the fine window.
pub(super) struct Window {
    pub(super) deviation: f32,
    pub(super) difference_deviation: f32,
    pub(super) autocorrelation: f32,
}

impl Window {
    pub(super) fn of(fine: ArrayView2<'_, f32>) -> Self {
        let values: Vec<Option<f32>> = fine
            .rows()
            .into_iter()
            .map(FineRow::read)
            .map(|row| (row.value_known > 0.0).then_some(row.value))
            .collect();
        let known = values.iter().flatten().count() as f32;
        if known < 2.0 {
            return Self { deviation: 0.0, difference_deviation: 0.0, autocorrelation: 0.0 };
        }
        let mean = values.iter().flatten().sum::<f32>() / known;
        let variance = values.iter().flatten().map(|v| (v - mean).powi(2)).sum::<f32>() / known;
        let (mut squares, mut products, mut pairs) = (0.0f32, 0.0f32, 0.0f32);
        for pair in values.windows(2) {
            if let [Some(a), Some(b)] = pair {
                squares += (b - a).powi(2);
                products += (a - mean) * (b - mean);
                pairs += 1.0;
            }
        }
        let pairs = pairs.max(1.0);
        Self {
            deviation: variance.sqrt(),
            difference_deviation: (squares / pairs).sqrt(),
            autocorrelation: if variance > 1e-9 {
                (products / pairs / variance).clamp(-1.0, 1.0)
            } else {
                0.0
            },
        }
    }
}
