//! How a budget is divided: the increments that prevent most late events for their price come first.

/// What a pool asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    /// What a job takes of the budget.
    pub(super) price: u64,
    /// Weighed late events by the number of jobs: fewest first, which the pool has in any case, and what it asks for last.
    pub(super) late: Vec<(u32, f64)>,
}

/// Some jobs more of a pool.
#[derive(Clone, Copy, Debug)]
struct Increment {
    claim: usize,
    from: u32,
    to: u32,
    /// Late events that it prevents for each unit of the budget.
    value: f64,
}

/// Returns the jobs of each claim out of `budget`: no fewer than the first number of each, whatever the budget.
pub(super) fn divide(budget: u64, claims: &[Claim]) -> Vec<u32> {
    let mut jobs: Vec<u32> =
        claims.iter().map(|claim| claim.late.first().map_or(0, |(least, _)| *least)).collect();
    let taken = claims.iter().zip(&jobs).map(|(claim, jobs)| claim.price.saturating_mul(u64::from(*jobs)));
    let mut left = budget.saturating_sub(taken.fold(0, u64::saturating_add));
    let mut increments: Vec<Increment> =
        claims.iter().enumerate().flat_map(|(index, claim)| increments(index, claim)).collect();
    // the increments of a claim have falling values, so that a stable order keeps theirs
    increments.sort_by(|one, other| other.value.total_cmp(&one.value));
    let mut ended = vec![false; claims.len()];
    for Increment { claim: index, from, to, .. } in increments {
        let (Some(claim), Some(jobs), Some(ended)) =
            (claims.get(index), jobs.get_mut(index), ended.get_mut(index))
        else {
            continue;
        };
        if *ended {
            continue;
        }
        let affordable = left.checked_div(claim.price).unwrap_or(u64::MAX);
        let more = u64::from(to - from).min(affordable) as u32;
        *jobs = from + more;
        left -= claim.price * u64::from(more);
        *ended = *jobs < to;
    }
    jobs
}

/// Returns the increments along the lower convex hull of a claim's late events (Andrew's monotone chain).
fn increments(index: usize, claim: &Claim) -> Vec<Increment> {
    let slope =
        |one: &(u32, f64), other: &(u32, f64)| (one.1 - other.1) / f64::from(other.0 - one.0).max(1.0);
    let mut hull: Vec<(u32, f64)> = Vec::new();
    for point in &claim.late {
        while let [.., before, last] = hull.as_slice()
            && slope(before, last) <= slope(last, point)
        {
            hull.pop();
        }
        hull.push(*point);
    }
    let increment = |pair: &[(u32, f64)]| match pair {
        [one, other] => Some(Increment {
            claim: index,
            from: one.0,
            to: other.0,
            value: slope(one, other) / claim.price.max(1) as f64,
        }),
        _ => None,
    };
    hull.windows(2).filter_map(increment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    fn claim(price: u64, late: &[(u32, f64)]) -> Claim {
        Claim { price, late: late.to_vec() }
    }

    /// The least late events of all divisions, by trying every one.
    fn best(budget: u64, claims: &[Claim]) -> f64 {
        let Some((first, rest)) = claims.split_first() else { return 0.0 };
        let of = |(jobs, late): &(u32, f64)| {
            let cost = first.price * u64::from(*jobs);
            (cost <= budget).then(|| late + best(budget - cost, rest))
        };
        first.late.iter().filter_map(of).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn with_falling_returns_no_division_has_fewer_late_events() {
        let curve = |scale: f64, fall: f64| -> Vec<(u32, f64)> {
            (0..=6).map(|jobs| (jobs, scale * fall.powi(jobs as i32))).collect()
        };
        let claims = [claim(1, &curve(100.0, 0.5)), claim(1, &curve(60.0, 0.8)), claim(1, &curve(10.0, 0.3))];
        for budget in 0..=18 {
            let jobs = divide(budget, &claims);
            assert_eq!(u64::from(jobs.iter().sum::<u32>()), budget);
            let late: f64 = claims.iter().zip(&jobs).map(|(claim, jobs)| claim.late[*jobs as usize].1).sum();
            assert!(abs_diff_eq!(late, best(budget, &claims), epsilon = 1e-9), "{budget}: {jobs:?}");
        }
    }

    #[test]
    fn jobs_that_help_only_together_go_to_one_pool_as_a_whole() {
        // nine jobs keep every event in time, fewer almost none
        let cliff = [(1, 900.0), (5, 890.0), (8, 880.0), (9, 0.0)];
        let claims = [claim(1, &cliff), claim(1, &cliff)];
        assert_eq!(divide(12, &claims), [9, 3]);
    }

    #[test]
    fn everybody_keeps_the_fewest_and_nobody_gets_more_than_asked_for() {
        let claims = [claim(1, &[(4, 5.0), (6, 0.0)]), claim(1, &[(7, 9.0), (8, 0.0)])];
        assert_eq!(divide(3, &claims), [4, 7], "more than there is");
        assert_eq!(divide(12, &claims), [4, 8], "the dearer lateness first");
        assert_eq!(divide(100, &claims), [6, 8]);
        assert_eq!(divide(100, &[claim(0, &[(1, 1.0), (3, 0.0)])]), [3], "for nothing");
    }

    #[test]
    fn a_dear_job_must_prevent_more() {
        let claims = [claim(3, &[(0, 20.0), (1, 0.0)]), claim(1, &[(0, 8.0), (1, 0.0)])];
        assert_eq!(divide(3, &claims), [0, 1], "8 for 1 before 20 for 3");
        assert_eq!(divide(4, &claims), [1, 1]);
    }
}
