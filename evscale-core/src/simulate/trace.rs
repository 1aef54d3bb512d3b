//! Traces: CSV text with the header `timestamp,events`.

#![expect(clippy::disallowed_methods, reason = "rows are in order, which is checked first")]

use super::workload::Workload;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Fewest rows of a trace.
const LEAST_ROWS: usize = 3;
/// Longest trace, in intervals.
const LENGTH_LIMIT: i64 = 20_000_000;

impl Workload {
    /// Reads a trace: one row per interval, ISO 8601 timestamps of the beginnings, counts of events. The interval is
    /// the distance of the first two rows; absent rows are unknown.
    ///
    /// # Errors
    /// A wrong header, a bad line (with its number), timestamps that do not increase, fewer than 3 rows.
    pub fn from_csv(name: &str, text: &str) -> Result<Self> {
        let mut lines = text.lines().enumerate();
        let header = lines.next().map_or("", |(_, line)| line.trim());
        if header != "timestamp,events" {
            return Err(Error::trace(format!("{name}: header is {header:?}, expected \"timestamp,events\"")));
        }
        let mut rows: Vec<(usize, Timestamp, f64)> = Vec::new();
        for (index, line) in lines {
            if line.trim().is_empty() {
                continue;
            }
            let (at, events) = row(line)
                .map_err(|problem| Error::trace(format!("{name}: line {}: {problem}", index + 1)))?;
            if let Some((_, before, _)) = rows.last()
                && at <= *before
            {
                return Err(Error::trace(format!(
                    "{name}: line {}: timestamp is {at}, expected one after {before}",
                    index + 1
                )));
            }
            rows.push((index + 1, at, events));
        }
        let [(_, start, _), (_, second, _), _, ..] = rows.as_slice() else {
            return Err(Error::trace(format!("{name}: {} rows, expected at least {LEAST_ROWS}", rows.len())));
        };
        let interval_ms = second.millis_since(*start);
        if interval_ms % 1000 != 0 || !(10_000..=3_600_000).contains(&interval_ms) {
            return Err(Error::trace(format!(
                "{name}: the first two rows are {} s apart, expected 10 to 3600 whole seconds",
                interval_ms as f64 / 1000.0
            )));
        }
        let start = *start;
        let mut events: Vec<f64> = Vec::with_capacity(rows.len());
        for (line, at, count) in rows {
            let slot = (at.millis_since(start) + interval_ms / 2) / interval_ms;
            if slot > LENGTH_LIMIT {
                return Err(Error::trace(format!(
                    "{name}: line {line}: more than {LENGTH_LIMIT} intervals after the first row"
                )));
            }
            let slot = slot as usize;
            if slot >= events.len() {
                events.resize(slot, f64::NAN);
                events.push(count);
            }
        }
        Ok(Self { name: name.to_owned(), start, interval_seconds: (interval_ms / 1000) as u32, events })
    }

    /// Unknown intervals become the straight line between their neighbours.
    #[must_use]
    pub fn fill_gaps(mut self) -> Self {
        let known: Vec<(usize, f64)> =
            self.events.iter().copied().enumerate().filter(|(_, events)| events.is_finite()).collect();
        let ends = known.windows(2).filter_map(|pair| match pair {
            [left, right] => Some((*left, *right)),
            _ => None,
        });
        for ((i, a), (j, b)) in ends {
            for k in i + 1..j {
                if let Some(cell) = self.events.get_mut(k) {
                    *cell = (a + (b - a) * (k - i) as f64 / (j - i) as f64).round();
                }
            }
        }
        self
    }

    /// Sums of `factor` intervals.
    #[must_use]
    pub fn aggregate(mut self, factor: usize) -> Self {
        let factor = factor.max(1);
        self.events = self.events.chunks_exact(factor).map(|chunk| chunk.iter().sum()).collect();
        self.interval_seconds *= factor as u32;
        self
    }
}

fn row(line: &str) -> Result<(Timestamp, f64), String> {
    let (stamp, count) =
        line.split_once(',').ok_or_else(|| format!("{line:?}, expected `timestamp,events`"))?;
    let at: Timestamp = stamp.trim().parse().map_err(|problem: Error| problem.to_string())?;
    let events: f64 = count.trim().parse().map_err(|_| format!("events is {count:?}, expected a number"))?;
    if events.is_finite() && events >= 0.0 {
        Ok((at, events))
    } else {
        Err(format!("events is {count}, expected 0 or more"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "timestamp,events\n2026-01-05T00:00:00Z,5\n2026-01-05T00:02:00Z,7\n2026-01-05T00:08:00Z,13\n";

    #[test]
    fn gaps_are_unknown_and_can_be_filled() {
        let trace = Workload::from_csv("t", GOOD).unwrap();
        assert_eq!((trace.interval_seconds, trace.events.len()), (120, 5));
        assert!(trace.events[2].is_nan() && trace.events[3].is_nan());
        let filled = trace.fill_gaps();
        assert_eq!(filled.events, [5.0, 7.0, 9.0, 11.0, 13.0]);
        assert_eq!(filled.aggregate(2).events, [12.0, 20.0]);
    }

    #[test]
    fn refusals_name_the_line_and_what_is_expected() {
        let refused = |text: &str, parts: &[&str]| {
            let message = Workload::from_csv("t", text).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{message}");
            }
        };
        refused("time,count\n", &["header", "time,count", "timestamp,events"]);
        refused("", &["header"]);
        refused(&GOOD.replace(",7", ",seven"), &["line 3", "seven", "number"]);
        refused(&GOOD.replace(",7", ",-7"), &["line 3", "-7", "0 or more"]);
        refused(&GOOD.replace(",7", ",NaN"), &["line 3", "NaN"]);
        refused(&GOOD.replace("00:08:00Z", "00:01:00Z"), &["line 4", "00:01:00Z", "00:02:00Z"]);
        refused(&GOOD.replace("T00:02:00Z", " noon"), &["line 3", "RFC 3339"]);
        refused(&GOOD[..40], &["rows", "at least 3"]);
    }
}
