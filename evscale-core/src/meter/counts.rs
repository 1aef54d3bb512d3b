//! What was counted in some time, and its shares.

/// Counts of some time. Where a total was told in fractions, the fractions are kept until they make a whole event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) arrived: f64,
    pub(super) finished: f64,
    pub(super) failed: f64,
    /// Finished ones of which the time is known, and the sum of these times.
    pub(super) timed: f64,
    pub(super) busy_seconds: f64,
    /// The same of the time in the queue.
    pub(super) waits: f64,
    pub(super) waited_seconds: f64,
    /// Of those, how many waited longer than the SLA allows.
    pub(super) late: f64,
}

/// Which of them the host has ever told: what was never told is unknown, not zero.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) arrived: bool,
    pub(super) finished: bool,
    pub(super) failed: bool,
    pub(super) timed: bool,
    pub(super) late: bool,
}

impl Counts {
    fn each(&mut self, other: &mut Self, mut change: impl FnMut(&mut f64, &mut f64, bool)) {
        for (one, two) in [
            (&mut self.arrived, &mut other.arrived),
            (&mut self.finished, &mut other.finished),
            (&mut self.failed, &mut other.failed),
            (&mut self.late, &mut other.late),
        ] {
            change(one, two, true);
        }
        for (one, two) in [
            (&mut self.timed, &mut other.timed),
            (&mut self.busy_seconds, &mut other.busy_seconds),
            (&mut self.waits, &mut other.waits),
            (&mut self.waited_seconds, &mut other.waited_seconds),
        ] {
            change(one, two, false);
        }
    }

    pub(super) fn add(&mut self, mut other: Self) {
        self.each(&mut other, |sum, more, _| *sum += *more);
    }

    /// Takes a share out, 0 to 1: of events whole ones, so that the shares of a count add up to it.
    pub(super) fn share(&mut self, share: f64) -> Self {
        let mut taken = Self::default();
        self.each(&mut taken, |rest, part, whole| {
            *part = *rest * share;
            if whole {
                *part = part.round().min(*rest);
            }
            *rest -= *part;
        });
        taken
    }

    /// Takes the whole events out and leaves the fractions.
    pub(super) fn take_whole(&mut self) -> Self {
        let mut taken = Self::default();
        self.each(&mut taken, |rest, part, whole| {
            *part = if whole { (*rest + WHOLE).floor().max(0.0) } else { *rest };
            *rest -= *part;
        });
        taken
    }
}

/// What may be missing to a whole event because of rounding.
const WHOLE: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    #[test]
    fn shares_are_whole_and_add_up() {
        let mut counts =
            Counts { arrived: 7.0, finished: 7.0, busy_seconds: 3.5, timed: 7.0, ..Counts::default() };
        let shares: Vec<Counts> = [1.0 / 3.0, 0.5, 1.0].map(|share| counts.share(share)).to_vec();
        assert_eq!(shares.iter().map(|part| part.arrived).collect::<Vec<_>>(), [2.0, 3.0, 2.0]);
        assert_eq!((counts.arrived, counts.busy_seconds), (0.0, 0.0));
        assert!(shares.iter().all(|part| abs_diff_eq!(part.busy_seconds / part.timed, 0.5, epsilon = 1e-12)));
    }

    #[test]
    fn fractions_wait_for_a_whole_event() {
        let mut counts = Counts::default();
        let mut taken = 0.0;
        for _ in 0..10 {
            counts.add(Counts { arrived: 0.3, ..Counts::default() });
            let whole = counts.take_whole().arrived;
            assert_eq!(whole.fract(), 0.0);
            taken += whole;
        }
        assert_eq!(taken, 3.0);
    }
}
