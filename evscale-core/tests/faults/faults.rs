//! What goes wrong with records, with the host, and by the hands of people.

use evscale_core::{Config, ManualOrder, ManualOverride, Metrics, Mode, Pause, Timestamp};
use rand::{Rng, RngExt};

/// One kind of fault, with how bad it is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Share of the records that never come.
    Lost(f64),
    /// Most records that one is late by.
    Delayed(usize),
    /// Share that comes twice, the second time later.
    Duplicated(f64),
    /// Share that comes before the one before it.
    Reordered(f64),
    /// The host's clock is wrong by so many seconds, for most of the time or for moments.
    Clock(i64, f64),
    /// Nothing comes for so many records, again and again.
    Blackout(usize),
    /// A field has a wrong number in this share of the records.
    Garbage(Field, f64, f64),
    /// Running totals instead of counts.
    Totals,
    /// Share of the growth that cannot be had.
    Refused(f64),
    /// Share of a change that is carried out.
    Partial(f64),
    /// Decisions are carried out so many records later.
    Late(usize),
    /// Nothing is carried out.
    Idle,
    /// Outcomes that tell what did not happen.
    Outcomes,
    /// Restarts from a snapshot, maybe an old one.
    Restarts(usize),
    /// Restarts under another configuration, and the same while the pool lives.
    Reconfigured,
    Orders,
    Pauses,
    /// Decisions are asked for at times that are not now.
    WrongNow(i64),
    /// Somebody else changes the number of jobs.
    Hands,
}

#[derive(Clone, Copy, Debug)]
pub enum Field {
    Arrivals,
    Processed,
    Queued,
    ServiceTime,
    Jobs,
    Cpu,
    Late,
    Multiplier,
}

impl Kind {
    pub fn drawn(random: &mut impl Rng) -> Self {
        let share = random.random_range(0.05..0.9);
        match random.random_range(0..21) {
            0 => Self::Lost(share),
            1 => Self::Delayed(random.random_range(1..20)),
            2 => Self::Duplicated(share),
            3 => Self::Reordered(share),
            4..=6 => {
                let most = [90, 600, 7200, 90_000, 3_000_000, 150_000_000][random.random_range(0..6usize)];
                let by = random.random_range(1..=most);
                Self::Clock(if random.random_bool(0.5) { by } else { -by }, share)
            }
            7 => Self::Blackout(random.random_range(2..100)),
            8..=10 => {
                const FIELDS: [Field; 8] = [
                    Field::Arrivals,
                    Field::Processed,
                    Field::Queued,
                    Field::ServiceTime,
                    Field::Jobs,
                    Field::Cpu,
                    Field::Late,
                    Field::Multiplier,
                ];
                const FACTORS: [f64; 9] = [f64::NAN, -1.0, 0.0, 0.1, 3.0, 60.0, 1000.0, 1e12, f64::INFINITY];
                let field = FIELDS[random.random_range(0..FIELDS.len())];
                let factor = FACTORS[random.random_range(0..FACTORS.len())];
                // sixty times the arrivals, now and then, is a load with bursts; and five in a row that agree are believed,
                // whatever the factor, as a load that has really grown must be
                let beyond_belief = factor > 100.0 && share < 0.2;
                let likely =
                    matches!(field, Field::Arrivals) && factor > 0.01 && factor.is_finite() && !beyond_belief;
                Self::Garbage(field, if likely { f64::NAN } else { factor }, share)
            }
            11 => Self::Totals,
            12 => Self::Refused(share),
            13 => Self::Partial(share),
            14 => Self::Late(random.random_range(1..20)),
            15 => Self::Idle,
            16 => Self::Outcomes,
            17 => Self::Restarts(random.random_range(0..200)),
            18 => Self::Reconfigured,
            19 => [Self::Orders, Self::Pauses][random.random_range(0..2usize)].clone(),
            _ => {
                let by = [600, -600, 90_000, -90_000, 100_000_000][random.random_range(0..5usize)];
                [Self::WrongNow(by), Self::Hands][random.random_range(0..2usize)].clone()
            }
        }
    }
}

/// Puts a wrong number into a field: a factor on it, or the number itself where it has none.
pub fn spoil(record: &mut Metrics, field: Field, factor: f64) {
    let wrong = |value: f64| if factor > 0.0 && factor.is_finite() { value * factor } else { factor };
    let optional = |value: &mut Option<f64>| *value = Some(wrong(value.unwrap_or(1.0)));
    match field {
        Field::Arrivals => record.logged_events_count = wrong(record.logged_events_count),
        Field::Jobs => record.current_job_count = wrong(record.current_job_count),
        Field::Processed => optional(&mut record.processed_events_count),
        Field::Queued => optional(&mut record.queued_events_count),
        Field::ServiceTime => optional(&mut record.average_processing_duration_ms),
        Field::Cpu => optional(&mut record.cpu_utilization_percent),
        Field::Late => optional(&mut record.sla_violations_count),
        Field::Multiplier => optional(&mut record.expected_traffic_multiplier),
    }
}

/// A configuration that somebody tries for a while.
pub fn other_configuration(random: &mut impl Rng, config: &Config) -> Config {
    let mut other = config.clone();
    for _ in 0..random.random_range(1..4) {
        match random.random_range(0..10) {
            0 => other.min_jobs = random.random_range(0..=other.max_jobs),
            1 => other.max_jobs = random.random_range(other.min_jobs.max(1)..=2 * config.max_jobs),
            2 => other.job_startup_seconds = random.random_range(0..3600),
            3 => other.sla_wait_seconds = random.random_range(1.0..600.0),
            4 => other.sla_target = random.random_range(0.8..0.9999),
            5 => other.service_time_ms = Some(random.random_range(1.0..60_000.0)),
            6 => other.pause = [Pause::All, Pause::Up, Pause::Down][random.random_range(0..3usize)],
            8 => other.mode = Mode::Advise,
            7 => other.time_zone = "America/St_Johns".to_owned(),
            _ => {
                // the host sends records as often
                other.interval_seconds = config.interval_seconds * random.random_range(2..5);
                other.decision_interval_seconds = other.interval_seconds;
            }
        }
    }
    other
}

/// An order that ends before the faults do.
pub fn order(random: &mut impl Rng, most: u32, now: Timestamp, mended: Timestamp) -> ManualOverride {
    let jobs = random.random_range(0..=most + 2);
    let orders = [ManualOrder::Fixed(jobs), ManualOrder::Cap(jobs), ManualOrder::Floor(jobs)];
    let until = now.plus_seconds(random.random_range(-600..40_000)).min(mended);
    ManualOverride::new(orders[random.random_range(0..3usize)], until)
}
