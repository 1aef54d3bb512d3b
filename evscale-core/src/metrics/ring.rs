//! The newest values by slot, in the least memory that keeps every bit.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which cell of a ring holds which slot: the newest slot, and as many before it as there are cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    newest: i64,
    /// Cell of the newest slot.
    cell: usize,
    length: usize,
}

impl Cursor {
    /// Before slot 0, over at least one cell.
    pub(super) fn new(length: usize) -> Self {
        let length = length.max(1);
        Self { newest: -1, cell: length - 1, length }
    }

    /// The newest slot; -1 before the first one.
    pub(super) fn newest(&self) -> i64 {
        self.newest
    }

    /// Number of cells.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The cell of a slot; none for one that is newer than the newest or no longer kept.
    pub(super) fn cell(&self, slot: i64) -> Option<usize> {
        let back = usize::try_from(self.newest.checked_sub(slot)?).ok()?;
        if back >= self.length {
            return None;
        }
        Some(if back <= self.cell { self.cell - back } else { self.cell + self.length - back })
    }

    /// The cells of the slots `first..=last` that are kept, oldest first, as two stretches.
    pub(super) fn cells(&self, first: i64, last: i64) -> [Range<usize>; 2] {
        let oldest = self.newest.saturating_sub(self.length as i64 - 1);
        let (first, last) = (first.max(oldest), last.min(self.newest));
        let (Some(from), Some(to)) = (self.cell(first), self.cell(last)) else { return [0..0, 0..0] };
        if first > last {
            [0..0, 0..0]
        } else if from <= to {
            [from..to + 1, 0..0]
        } else {
            [from..self.length, 0..to + 1]
        }
    }

    /// Makes `slot` the newest and gives `fresh` the cell of every slot that is new, once. An older slot changes nothing.
    pub(super) fn advance(&mut self, slot: i64, mut fresh: impl FnMut(usize)) {
        let ahead = slot.saturating_sub(self.newest).max(0);
        self.newest = self.newest.max(slot);
        for _ in 0..ahead.min(self.length as i64) {
            self.cell = if self.cell + 1 < self.length { self.cell + 1 } else { 0 };
            fresh(self.cell);
        }
    }

    /// Whether it is a cursor over `length` cells.
    pub(super) fn fits(&self, length: usize) -> bool {
        self.length == length.max(1) && self.cell < self.length && self.newest >= -1
    }
}

/// What an unknown value is among counts.
const UNKNOWN: u16 = u16::MAX;

/// Cells of numbers or NaN: two bytes each while all are whole numbers below 65,535, else four.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Cells {
    Counts(Vec<u16>),
    Values(Vec<f32>),
}

impl Cells {
    /// Cells that are NaN.
    pub(super) fn unknown(length: usize) -> Self {
        Self::Counts(vec![UNKNOWN; length])
    }

    /// Number of cells.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Counts(cells) => cells.len(),
            Self::Values(cells) => cells.len(),
        }
    }

    /// The value of a cell; NaN where there is none.
    pub(super) fn get(&self, cell: usize) -> f32 {
        match self {
            Self::Counts(cells) => cells.get(cell).copied().map_or(f32::NAN, number),
            Self::Values(cells) => cells.get(cell).copied().unwrap_or(f32::NAN),
        }
    }

    /// Sum of the known values of a stretch of cells, in their order, added to `sum`, and how many there are.
    pub(super) fn add(&self, cells: Range<usize>, sum: f64) -> (f64, u32) {
        let mut total = (sum, 0);
        let mut add = |value: f32| {
            if value.is_finite() {
                total = (total.0 + f64::from(value), total.1 + 1);
            }
        };
        match self {
            Self::Counts(counts) => {
                counts.get(cells).into_iter().flatten().for_each(|count| add(number(*count)))
            }
            Self::Values(values) => values.get(cells).into_iter().flatten().for_each(|value| add(*value)),
        }
        total
    }

    /// Sets a cell that there is.
    pub(super) fn set(&mut self, cell: usize, value: f32) {
        if let Self::Counts(counts) = self {
            if let Some(count) = count(value) {
                if let Some(place) = counts.get_mut(cell) {
                    *place = count;
                }
                return;
            }
            *self = Self::Values(counts.iter().copied().map(number).collect());
        }
        if let Self::Values(values) = self
            && let Some(place) = values.get_mut(cell)
        {
            *place = value;
        }
    }
}

fn number(count: u16) -> f32 {
    if count == UNKNOWN { f32::NAN } else { f32::from(count) }
}

/// The count that stands for a value, if one does exactly.
fn count(value: f32) -> Option<u16> {
    if value.is_nan() {
        return Some(UNKNOWN);
    }
    let count = value as u16;
    (count != UNKNOWN && f32::from(count).to_bits() == value.to_bits()).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kept_slot_has_a_cell_of_its_own() {
        let mut cursor = Cursor::new(5);
        let mut held = [i64::MIN; 5];
        for slot in [0, 1, 2, 5, 6, 7, 8, 30, 31] {
            let mut cells = Vec::new();
            let before = cursor.newest();
            cursor.advance(slot, |cell| cells.push(cell));
            assert_eq!(cells.len() as i64, (slot - before).min(5));
            for (cell, back) in cells.iter().rev().zip(0..) {
                held[*cell] = slot - back;
            }
            for kept in slot - 4..=slot {
                assert_eq!(
                    cursor.cell(kept).map(|cell| held[cell]),
                    Some(kept).filter(|s| *s >= 0).or(Some(i64::MIN))
                );
            }
            assert_eq!(
                (cursor.cell(slot + 1), cursor.cell(slot - 5), cursor.cell(i64::MIN)),
                (None, None, None)
            );
        }
        let before = cursor.clone();
        cursor.advance(3, |_| panic!("nothing is new"));
        assert_eq!(cursor, before);
    }

    #[test]
    fn every_bit_is_kept_and_counts_are_small() {
        let values = [0.0, 1.0, 65_534.0, f32::NAN, 65_535.0, 0.5, -0.0, 1e15];
        let mut cells = Cells::unknown(values.len());
        for (cell, value) in values.iter().enumerate() {
            cells.set(cell, *value);
            assert_eq!(matches!(cells, Cells::Counts(_)), cell < 4, "{value}");
            for (cell, value) in values.iter().enumerate().take(cell + 1) {
                assert_eq!(cells.get(cell).to_bits(), value.to_bits());
            }
        }
        assert!(cells.get(99).is_nan());
        assert_eq!(cells.add(0..3, 0.0), (65_535.0, 3));
        assert_eq!(cells.add(3..6, 0.25), (65_535.75, 2));
    }
}
