//! The forecaster network as an expert.

use crate::bundle::{BATCH, ModelBundle};
use crate::error::{Error, Result};
use crate::features::{ForecasterInput, HORIZONS, LEVELS};
use crate::inference::Session;
use crate::metrics::History;
use std::fmt;

/// Network outputs are quantized to this step, so that processors whose kernels round differently agree.
const GRID: f32 = 1.0 / 4096.0;
/// Largest answer that makes sense, in the coordinate of the features.
const LARGEST_Z: f32 = 40.0;
/// Inputs of the network.
const TENSORS: usize = 4;

/// Quantiles per horizon, never decreasing, in the coordinate of the features.
pub(crate) type Quantiles = [[f32; LEVELS]; HORIZONS];

/// What forecasts beside the simple experts.
pub(crate) trait ForecastSource: fmt::Debug + Send {
    /// Quantiles per horizon at the newest record of `history`, never decreasing, in the coordinate of `input`.
    fn quantiles(&mut self, history: &History, input: &ForecasterInput) -> Result<Quantiles>;

    /// Reports whether it looks at a week of `history`.
    fn sees_history(&self) -> bool {
        false
    }
}

/// A session of the forecaster network with its output buffer.
#[derive(Debug)]
pub(crate) struct ForecasterNetwork {
    session: Session,
    out: Vec<f32>,
}

impl ForecasterNetwork {
    pub(crate) fn new(bundle: &ModelBundle) -> Self {
        Self { session: Session::new(bundle.forecaster()), out: vec![0.0; HORIZONS * LEVELS] }
    }

    /// The network's answer to one row.
    pub(crate) fn run(&mut self, input: &ForecasterInput) -> Result<Quantiles> {
        self.session.run(&tensors(input), &mut [&mut self.out])?;
        answer(&self.out)
    }
}

impl ForecastSource for ForecasterNetwork {
    fn quantiles(&mut self, _: &History, input: &ForecasterInput) -> Result<Quantiles> {
        self.run(input)
    }
}

/// A session of the forecaster network for [`BATCH`] rows at once. Its answers equal those to single rows bit for bit.
#[derive(Debug)]
pub(crate) struct ForecasterBatch {
    session: Session,
    inputs: [Vec<f32>; TENSORS],
    out: Vec<f32>,
}

impl ForecasterBatch {
    /// # Errors
    /// The network cannot be compiled for a batch, or would answer with other bits there.
    pub(crate) fn new(bundle: &ModelBundle) -> Result<Self> {
        let mut batch = Self {
            session: Session::new(&bundle.forecaster_in_batches()?),
            inputs: Default::default(),
            out: vec![0.0; BATCH * HORIZONS * LEVELS],
        };
        let mut single = ForecasterNetwork::new(bundle);
        let samples: Vec<ForecasterInput> = (0..BATCH).map(sample).collect();
        let together = batch.run(&samples.iter().collect::<Vec<_>>())?;
        for (sample, answer) in samples.iter().zip(together) {
            if single.run(sample)? != answer? {
                return Err(Error::inference("forecaster: a batch answers with other bits than single rows"));
            }
        }
        Ok(batch)
    }

    /// The answer to each of [`BATCH`] rows.
    ///
    /// # Errors
    /// Another number of rows, or a failure of the inference library, which may be due to any of them.
    pub(crate) fn run(&mut self, rows: &[&ForecasterInput]) -> Result<Vec<Result<Quantiles>>> {
        self.inputs.iter_mut().for_each(Vec::clear);
        for row in rows {
            for (all, one) in self.inputs.iter_mut().zip(tensors(row)) {
                all.extend_from_slice(one);
            }
        }
        let inputs = self.inputs.each_ref().map(Vec::as_slice);
        self.session.run(&inputs, &mut [&mut self.out])?;
        Ok(self.out.chunks_exact(HORIZONS * LEVELS).map(answer).collect())
    }
}

/// A forecast that a batch has made already, for one record.
#[derive(Debug)]
pub(crate) struct Precomputed(pub(crate) Option<Result<Quantiles>>);

impl ForecastSource for Precomputed {
    fn quantiles(&mut self, _: &History, _: &ForecasterInput) -> Result<Quantiles> {
        self.0.take().unwrap_or_else(|| Err(Error::inference("forecaster: there is no second answer")))
    }
}

fn tensors(input: &ForecasterInput) -> [&[f32]; TENSORS] {
    [input.fine(), input.coarse(), input.future(), input.statics()]
}

/// On the grid and in order.
fn answer(out: &[f32]) -> Result<Quantiles> {
    if let Some(value) = out.iter().find(|value| value.abs() > LARGEST_Z) {
        return Err(Error::inference(format!(
            "forecaster: an answer is {value:e}, expected -{LARGEST_Z} to {LARGEST_Z}"
        )));
    }
    let mut answer = [[0.0; LEVELS]; HORIZONS];
    for (row, values) in answer.iter_mut().zip(out.chunks_exact(LEVELS)) {
        for (cell, value) in row.iter_mut().zip(values) {
            *cell = (value / GRID).round() * GRID;
        }
        row.sort_by(f32::total_cmp);
    }
    Ok(answer)
}

/// A row of numbers between -1 and 1, another one for every place in a batch.
fn sample(place: usize) -> ForecasterInput {
    ForecasterInput::from_fn(|index| ((place * 7919 + index * 104_729) % 2001) as f32 / 1000.0 - 1.0)
}
