//! Bodies of older format versions, rewritten piece by piece into the present one.
//!
//! The layouts are written down here as they were, apart from today's types, which may change.

use crate::breaker::Breaker;
use crate::decision::Decision;
use crate::error::{Error, Result};
use crate::execution::Execution;
use crate::metrics::History;
use crate::policy::ForecastRung;
use crate::safety::{Capacity, Effectiveness};
use crate::validation::{Doubt, Movement};
use serde::{Deserialize, Serialize};

type Text = Option<String>;
type Time = Option<i64>;
type Number = Option<f64>;
type Numbers2 = (f64, f64);
type Numbers3 = (f64, f64, f64);

/// The old body as far as it is not rewritten, and the new one so far.
struct Migration<'a> {
    old: &'a [u8],
    new: Vec<u8>,
}

impl<'a> Migration<'a> {
    fn take<T: Deserialize<'a>>(&mut self) -> Result<T> {
        let (value, rest) = postcard::take_from_bytes::<T>(self.old)
            .map_err(|problem| Error::snapshot(format!("snapshot cannot be read: {problem}")))?;
        self.old = rest;
        Ok(value)
    }

    fn keep<T: Deserialize<'a>>(&mut self) -> Result<()> {
        let before = self.old;
        self.take::<T>()?;
        self.new.extend_from_slice(before.split_at(before.len() - self.old.len()).0);
        Ok(())
    }

    fn insert<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let piece = postcard::to_allocvec(value)
            .map_err(|problem| Error::snapshot(format!("snapshot cannot be rewritten: {problem}")))?;
        self.new.extend(piece);
        Ok(())
    }
}

/// The body of version 2 as one of version 3: the history is packed, circuit breakers begin closed, verdicts on the
/// data and the standing decision are made anew.
pub(super) fn from_version_2(body: &[u8]) -> Result<Vec<u8>> {
    type Rings = (i64, i64, i64, usize, Vec<f32>, i64, Vec<(f32, f32)>, i64);
    type Experts = [Option<[f32; 5]>; 4];
    type Pending = (i64, Numbers2, [f32; 3], Experts, [f32; 5], [f32; 15], bool);
    type Aggregation = (f32, [f32; 4], [f32; 4], f32, f32);
    type Calibration = ([f32; 15], f64, Numbers3);
    type Horizon = (i64, Vec<Pending>, [([f32; 15], f32); 3], Aggregation, Calibration);
    type Surprise = (f64, Option<[f64; 15]>, Numbers3, u32, f64);
    type Expectation = (Time, Time, Number, f64, Number, Number);
    type Startup = (f64, Option<u32>, Vec<(i64, u32)>);
    type ErrorBudget = (f64, Numbers3);
    type Shadow = ([f32; 3], [(f32, f32); 4], [f32; 8], Numbers2);
    type Marks = (f64, f64, Vec<f32>);
    type Election = (bool, Marks, usize, [f64; 3], Numbers2, u32, Numbers3);
    type Guard = (Vec<(i64, u32)>, Time, Vec<i64>, Option<bool>, i64, f64);
    type Latest = (Time, Number, Option<u32>, f64, Number, Number, bool);
    type Manual = Option<((u32, u32), i64)>;

    let mut body = Migration { old: body, new: Vec::with_capacity(body.len() + 256) };
    let (interval_ms, anchor_ms, newest, _, fine, _, coarse, newest_bucket) = body.take::<Rings>()?;
    body.insert(&History::from_rings(interval_ms, anchor_ms, (newest, &fine), (newest_bucket, &coarse)))?;
    body.keep::<([i64; 12], Vec<Horizon>, Surprise, Numbers3, Option<Vec<[f64; 15]>>)>()?;
    body.take::<(Text, u32)>()?;
    body.insert(&Breaker::default())?;
    body.keep::<Expectation>()?;
    body.insert(&Movement::default())?;
    body.insert(&0u32)?;
    body.keep::<((Number, Number), Startup, ErrorBudget, Vec<Shadow>, Shadow, Numbers2)>()?;
    body.insert(&0.0f64)?;
    body.keep::<(Numbers3, Election)>()?;
    body.keep::<Guard>()?;
    body.insert(&<(Effectiveness, Capacity)>::default())?;
    body.keep::<Latest>()?;
    body.take::<(Text, Text)>()?;
    body.insert(&None::<Doubt>)?;
    body.keep::<(Number, [f64; 4])>()?;
    body.take::<f64>()?;
    body.keep::<(f64, u32, Manual, Time)>()?;
    body.take::<Option<(u32, String)>>()?;
    body.insert(&None::<Decision>)?;
    body.insert(&<(Execution, ForecastRung)>::default())?;
    body.keep::<f64>()?;
    body.take::<(u32, Text)>()?;
    body.insert(&Breaker::default())?;
    if !body.old.is_empty() {
        return Err(Error::snapshot(format!(
            "snapshot has {} bytes behind its state, expected none",
            body.old.len()
        )));
    }
    Ok(body.new)
}
