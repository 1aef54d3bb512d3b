//! The forecaster network as an expert.

use crate::bundle::ModelBundle;
use crate::error::{Error, Result};
use crate::features::{ForecasterInput, HORIZONS, LEVELS};
use crate::inference::Session;
use crate::metrics::History;
use std::fmt;

/// Network outputs are put on a grid of this step, so that processors whose kernels round differently agree.
const GRID: f32 = 1.0 / 4096.0;
/// Largest answer that makes sense, in the coordinate of the features.
const LARGEST_Z: f32 = 40.0;

/// What forecasts beside the simple experts.
pub(crate) trait ForecastSource: fmt::Debug + Send {
    /// Quantiles per horizon at the newest record of `history`, never decreasing, in the coordinate of `input`.
    fn quantiles(&mut self, history: &History, input: &ForecasterInput) -> Result<[[f32; LEVELS]; HORIZONS]>;
}

/// A session of the forecaster network with its output buffer.
#[derive(Debug)]
pub(crate) struct ForecasterNetwork {
    session: Session,
    out: Vec<f32>,
}

impl ForecasterNetwork {
    pub(crate) fn new(bundle: &ModelBundle) -> Self {
        Self { session: bundle.forecaster().session(), out: vec![0.0; HORIZONS * LEVELS] }
    }

    /// Quantiles per horizon, never decreasing, in the coordinate of the features.
    pub(crate) fn run(&mut self, input: &ForecasterInput) -> Result<[[f32; LEVELS]; HORIZONS]> {
        self.session
            .run(&[&input.fine, &input.coarse, &input.future, &input.statics], &mut [&mut self.out])?;
        if let Some(value) = self.out.iter().find(|value| value.abs() > LARGEST_Z) {
            return Err(Error::inference(format!(
                "forecaster: an answer is {value:e}, expected -{LARGEST_Z} to {LARGEST_Z}"
            )));
        }
        let mut answer = [[0.0; LEVELS]; HORIZONS];
        for (row, values) in answer.iter_mut().zip(self.out.chunks_exact(LEVELS)) {
            for (cell, value) in row.iter_mut().zip(values) {
                *cell = (value / GRID).round() * GRID;
            }
            row.sort_by(f32::total_cmp);
        }
        Ok(answer)
    }
}

impl ForecastSource for ForecasterNetwork {
    fn quantiles(&mut self, _: &History, input: &ForecasterInput) -> Result<[[f32; LEVELS]; HORIZONS]> {
        self.run(input)
    }
}
