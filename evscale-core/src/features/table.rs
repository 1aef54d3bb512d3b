//! Every feature, once: its name, its place and its value are the same line.
//!
//! The names are hashed into what a bundle must declare (see [`schema`](super::schema)), so that a network cannot be run on
//! features that it was not trained on.

use ndarray::{ArrayView1, ArrayViewMut1};

/// The features of one row of a tensor.
pub(crate) trait FeatureRow: Sized {
    /// Values in the order of the tensor.
    type Values;

    /// Names in the order of the tensor.
    const NAMES: &'static [&'static str];

    /// Returns the values in the order of the tensor.
    fn values(self) -> Self::Values;

    /// Returns the features of values in the order of the tensor.
    fn of(values: Self::Values) -> Self;

    /// Writes the features into a row of the tensor.
    fn write(self, row: ArrayViewMut1<'_, f32>);

    /// Reads the features from a row of the tensor.
    fn read(row: ArrayView1<'_, f32>) -> Self;
}

/// Declares the features of a row and their number. The order of the names is that of the tensor.
macro_rules! features {
    ($($(#[$doc:meta])* $row:ident, $count:ident: $($name:ident)*;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub(crate) struct $row {
            $(pub(crate) $name: f32,)*
        }

        /// Number of features in a row.
        pub const $count: usize = $row::NAMES.len();

        impl FeatureRow for $row {
            type Values = [f32; $count];

            const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            fn values(self) -> Self::Values {
                [$(self.$name,)*]
            }

            fn of([$($name,)*]: Self::Values) -> Self {
                Self { $($name,)* }
            }

            fn write(self, mut row: ArrayViewMut1<'_, f32>) {
                row.iter_mut().zip(self.values()).for_each(|(cell, value)| *cell = value);
            }

            fn read(row: ArrayView1<'_, f32>) -> Self {
                let mut values = [0.0; $count];
                values.iter_mut().zip(row).for_each(|(value, cell)| *value = *cell);
                Self::of(values)
            }
        }
    )*};
}

features! {
    /// One interval of the fine context: arrivals of the interval, of the same one yesterday and a week ago.
    FineRow, FINE_CHANNELS:
        value value_known yesterday yesterday_known last_week last_week_known;
    /// One hour of the coarse context.
    CoarseRow, COARSE_CHANNELS:
        hourly_mean share_known;
    /// One future interval: its lead, its place in the calendar, and what came at that time before.
    FutureRow, FUTURE_FEATURES:
        ln_1p_lead_intervals_over_5 lead_hours_over_3
        sin_day cos_day sin_half_day cos_half_day sin_week cos_week
        weekend holiday business_hours ln_expected_traffic_multiplier
        yesterday yesterday_known last_week last_week_known yesterday_smooth last_week_smooth
        same_time_mean_7_days same_time_max_7_days same_time_share_known
        hour_mark_last hour_mark_max_3 yesterday_at_todays_level;
    /// The series as a whole.
    StaticRow, STATIC_FEATURES:
        ln_interval_over_120s_over_3 counting_noise_ratio zero_share level_z fine_std fine_difference_std
        ln_1p_days_known_over_3 level_yesterday level_yesterday_known level_last_week level_last_week_known
        last_value long_level lag_1_autocorrelation;
    /// What the policy network sees of a pool.
    PolicyRow, POLICY_FEATURES:
        need_q50_over_capacity need_q80_over_capacity need_q95_over_capacity need_q99_over_capacity
        later_need_q50_over_capacity later_need_q95_over_capacity hour_need_q50_over_capacity
        analytic_need_over_capacity spread_q95_over_q50 backlog_seconds_of_work wait_over_sla utilization
        starting_share ln_need_jobs whole_job_over_need intervals_since_change violation_share_recent
        budget_burn_day ln_allowed_violation_share startup_over_interval decision_over_interval confidence
        anomaly load_change;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_row_is_read_as_it_was_written_and_its_names_are_in_the_order_of_its_values() {
        let row = FineRow { value: 1.0, yesterday: 3.0, last_week_known: 6.0, ..FineRow::default() };
        assert_eq!(row.values(), [1.0, 0.0, 3.0, 0.0, 0.0, 6.0]);
        assert_eq!((FineRow::NAMES[2], FineRow::NAMES[5]), ("yesterday", "last_week_known"));
        let mut tensor = Array2::zeros((2, FINE_CHANNELS));
        row.write(tensor.row_mut(1));
        assert_eq!(FineRow::read(tensor.row(1)), row);
        assert_eq!(FineRow::read(tensor.row(0)), FineRow::default());
    }
}
