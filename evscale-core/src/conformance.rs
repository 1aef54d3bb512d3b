//! What every expert, candidate and published rule has to hold, as one list of checks that each of them passes.

use approx::abs_diff_eq;

/// Something that answers every count of a series with numbers: quantiles of arrivals, or jobs.
pub(crate) trait Member {
    /// The answer to the next count, NaN where it is unknown; the numbers of an answer keep their meaning.
    fn answer(&mut self, events: f64) -> Vec<f64>;
}

/// Makes a member before its first count.
pub(crate) type Made<'a> = &'a dyn Fn() -> Box<dyn Member>;

/// A kind of member, and what it promises.
pub(crate) struct Conformance<'a> {
    pub(crate) name: &'a str,
    pub(crate) made: Made<'a>,
    /// Smallest and largest answer, given the largest count so far.
    pub(crate) bounds: fn(f64) -> (f64, f64),
    /// The numbers of an answer never decrease.
    pub(crate) ordered: bool,
    /// From this steady load on a larger one gets no smaller answer; none if that is not promised.
    pub(crate) monotone_from: Option<f64>,
}

const DAY: usize = 720;

/// Series of ordinary, broken and hostile monitoring systems, by their names.
pub(crate) fn series() -> Vec<(&'static str, Vec<f64>)> {
    let daily = |i: usize| 1000.0 + 800.0 * (i as f64 / DAY as f64 * std::f64::consts::TAU).sin();
    let with = |special: fn(usize) -> Option<f64>| {
        (0..400).map(|i| special(i).unwrap_or(1000.0 + (i % 11) as f64)).collect::<Vec<f64>>()
    };
    vec![
        ("one count", vec![700.0]),
        ("steady", vec![1000.0; 400]),
        ("silence", vec![0.0; 400]),
        ("two days", (0..2 * DAY + 50).map(daily).collect()),
        ("unknown", vec![f64::NAN; 60]),
        ("every fourth unknown", with(|i| (i % 4 == 0).then_some(f64::NAN))),
        ("a gap of hours", with(|i| (100..220).contains(&i).then_some(f64::NAN))),
        ("bursts out of silence", with(|i| Some(if i % 31 == 0 { 90_000.0 } else { 0.0 }))),
        ("a huge count", with(|i| (i == 200).then_some(1e15))),
        ("huge counts", with(|i| (i % 2 == 0).then_some(1e15))),
        ("hardly anything", with(|i| Some(if i % 50 == 0 { 1e-9 } else { 0.0 }))),
    ]
}

impl Conformance<'_> {
    fn answers(&self, series: &[f64]) -> Vec<Vec<f64>> {
        let mut member = (self.made)();
        series.iter().map(|events| member.answer(*events)).collect()
    }

    /// Passes every check, or panics with the name of the member and of what it does not hold.
    pub(crate) fn check(&self) {
        for (what, series) in series() {
            let answers = self.answers(&series);
            self.is_finite_and_within_its_bounds(what, &series, &answers);
            self.is_ordered(what, &answers);
            self.is_deterministic(what, &series, &answers);
        }
        self.is_itself_again_after_unknown_counts();
        self.is_monotone();
    }

    fn is_finite_and_within_its_bounds(&self, what: &str, series: &[f64], answers: &[Vec<f64>]) {
        let mut largest = 0.0f64;
        for (index, (events, answer)) in series.iter().zip(answers).enumerate() {
            largest = largest.max(*events);
            let (low, high) = (self.bounds)(largest);
            for (place, value) in answer.iter().enumerate() {
                assert!(
                    value.is_finite() && (low..=high).contains(value),
                    "{}: number {place} of the answer to count {index} of `{what}` is {value}, expected {low} to {high}",
                    self.name
                );
            }
        }
    }

    fn is_ordered(&self, what: &str, answers: &[Vec<f64>]) {
        let decreases = |answer: &Vec<f64>| answer.windows(2).any(|pair| pair[0] > pair[1]);
        if let Some(index) = answers.iter().position(decreases).filter(|_| self.ordered) {
            panic!("{}: the answer to count {index} of `{what}` decreases: {:?}", self.name, answers[index]);
        }
    }

    fn is_deterministic(&self, what: &str, series: &[f64], answers: &[Vec<f64>]) {
        let bits =
            |answers: &[Vec<f64>]| -> Vec<u64> { answers.iter().flatten().map(|v| v.to_bits()).collect() };
        let same = bits(&self.answers(series)) == bits(answers);
        assert!(same, "{}: `{what}` gets other answers again", self.name);
    }

    /// An hour without counts changes nothing for good: three hours later the answers are those of a series without it.
    fn is_itself_again_after_unknown_counts(&self) {
        let steady = vec![1000.0; 400];
        let mut interrupted = steady.clone();
        interrupted[280..310].fill(f64::NAN);
        let (usual, after) = (self.answers(&steady), self.answers(&interrupted));
        for (one, other) in
            usual.iter().zip(&after).next_back().map(|(a, b)| a.iter().zip(b)).into_iter().flatten()
        {
            assert!(
                abs_diff_eq!(one, other, epsilon = 0.1 * one.abs() + 1.0),
                "{}: {other} after an hour of unknown counts, {one} without it",
                self.name
            );
        }
    }

    fn is_monotone(&self) {
        let Some(first) = self.monotone_from else { return };
        let mut before: Option<(f64, Vec<f64>)> = None;
        let loads = [0.0, 100.0, 300.0, 1000.0, 3000.0, 8000.0, 50_000.0, 1e7];
        for events in loads.into_iter().filter(|events| *events >= first) {
            let answer = self.answers(&vec![events; 400]).pop().unwrap_or_default();
            if let Some((fewer, least)) = &before {
                let shrinks = least.iter().zip(&answer).position(|(less, more)| more < less);
                assert!(
                    shrinks.is_none(),
                    "{}: {answer:?} for {events} events, but {least:?} for {fewer}",
                    self.name
                );
            }
            before = Some((events, answer));
        }
        assert!(before.is_some_and(|(_, answer)| answer.iter().any(|value| *value > 0.0)), "{}", self.name);
    }
}

/// The checks see what they are for: each of these members breaks one promise.
mod tests {
    use super::*;

    struct By<F>(F, usize);

    impl<F: FnMut(f64, usize) -> Vec<f64>> Member for By<F> {
        fn answer(&mut self, events: f64) -> Vec<f64> {
            self.1 += 1;
            (self.0)(events, self.1)
        }
    }

    fn judged(made: Made<'_>) -> Option<String> {
        let bounds = |largest: f64| (0.0, largest.max(1.0));
        let subject = Conformance { name: "it", made, bounds, ordered: true, monotone_from: Some(0.0) };
        let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| subject.check()));
        judged.err().map(|raised| raised.downcast_ref::<String>().cloned().unwrap_or_default())
    }

    #[test]
    fn the_last_known_count_passes() {
        let last = || -> Box<dyn Member> {
            let mut known = 0.0;
            Box::new(By(
                move |events: f64, _| {
                    known = if events.is_nan() { known } else { events };
                    vec![0.5 * known, known]
                },
                0,
            ))
        };
        assert_eq!(judged(&last), None);
    }

    #[test]
    fn whoever_breaks_a_promise_is_named_with_it() {
        let clock = std::sync::atomic::AtomicU64::new(0);
        let broken: [(Made<'_>, &str); 5] = [
            (&|| Box::new(By(|events: f64, _| vec![events], 0)), "is NaN, expected 0 to"),
            (&|| Box::new(By(|_: f64, _| vec![-1.0], 0)), "is -1, expected 0 to"),
            (&|| Box::new(By(|_: f64, _| vec![1.0, 0.0], 0)), "decreases"),
            (
                &|| {
                    let run = clock.fetch_add(1, std::sync::atomic::Ordering::Relaxed) as f64;
                    Box::new(By(move |_: f64, _| vec![run % 2.0], 0))
                },
                "gets other answers again",
            ),
            (
                &|| Box::new(By(|events: f64, _| vec![if events > 5000.0 { 0.0 } else { 1.0 }], 0)),
                "but [1.0] for 3000",
            ),
        ];
        for (made, part) in broken {
            let said = judged(made).unwrap_or_default();
            assert!(said.starts_with("it: ") && said.contains(part), "{said}, expected {part}");
        }
    }
}
