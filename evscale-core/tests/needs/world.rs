//! A generated load in a simulated queue, on a platform that is a function of the jobs that are asked for.

use evscale_core::simulate::{LoadSettings, PoolSimulator, SimulatedLoad, Workload};
use evscale_core::{Autoscaler, Config, Decision, Metrics};

/// Records of a day, every two minutes.
pub const DAY: usize = 720;

/// Idle jobs that are looked for.
const IDLE: f64 = 3.0;

/// What a platform makes of a number of jobs: those that are paid for, and those that the work gets done by.
pub type Platform<'a> = &'a dyn Fn(u32) -> (u32, u32);

/// What happened in the scored days.
#[derive(Debug)]
pub struct Outcome {
    pub job_hours: f64,
    /// Intervals in which fewer than three jobs were idle on average, percent.
    pub crowded_percent: f64,
    /// Late events, percent.
    pub late_percent: f64,
    pub decisions: Vec<Decision>,
    /// Jobs paid for and late events, per scored interval.
    pub rows: Vec<(usize, u32, f64)>,
}

/// A load, and the most events per second that can be taken of it.
pub struct World {
    pub load: SimulatedLoad,
    pub limit: Option<f64>,
}

pub fn load(jobs_at_peak: f64, seed: u64, days: usize) -> World {
    let mut workload = Workload::two_weeks(seed);
    workload.events.truncate(days * DAY);
    let settings = LoadSettings { jobs_at_peak, seed, ..LoadSettings::default() };
    World { load: SimulatedLoad::new(&workload, &settings), limit: None }
}

/// Lets a pool run through a load on a platform; scored from the third day on.
pub fn run(config: Config, load: &World, platform: Platform<'_>) -> Outcome {
    run_with(config, load, platform, |_, _| ())
}

/// The same with changed records.
pub fn run_with(
    config: Config,
    load: &World,
    platform: Platform<'_>,
    change: impl Fn(usize, &mut Metrics),
) -> Outcome {
    let (startup, wait) = (f64::from(config.job_startup_seconds), config.sla_wait_seconds);
    let World { load, limit } = load;
    let mut scaler = Autoscaler::builder(config).build().unwrap();
    let (mut paid, useful) = platform(12);
    let mut pool = PoolSimulator::new(useful, startup, wait).limited_to(*limit);
    let (mut job_hours, mut late, mut taken, mut decisions) = (0.0, 0.0, 0.0, Vec::new());
    let (mut crowded, mut rows) = (0.0, Vec::new());
    let mut arrivals = Vec::new();
    for index in 0..load.len() {
        load.arrivals(index, &mut arrivals);
        let seen = pool.run_interval(&arrivals, load.job_seconds(index));
        let mut record = load.record(index, &seen);
        record.current_job_count = f64::from(paid);
        record.cpu_utilization_percent =
            Some(100.0 * seen.busy_ratio * seen.ready_jobs / f64::from(paid.max(1)));
        change(index, &mut record);
        scaler.observe(&record).unwrap();
        let decision = scaler.decide();
        if index >= 2 * DAY {
            job_hours += f64::from(paid) * f64::from(load.interval_seconds()) / 3600.0;
            late += seen.violations;
            taken += seen.processed;
            rows.push((index, paid, seen.violations));
            let idle = (1.0 - seen.busy_ratio) * seen.ready_jobs;
            crowded += f64::from(u8::from(idle < IDLE));
        }
        if let Some(jobs) = decision.recommended_jobs {
            let (next, useful) = platform(jobs);
            paid = next;
            pool.scale_to(useful);
        }
        decisions.push(decision);
    }
    let scored = (load.len() - 2 * DAY) as f64;
    Outcome {
        job_hours,
        crowded_percent: 100.0 * crowded / scored,
        late_percent: 100.0 * late / taken.max(1.0),
        decisions,
        rows,
    }
}
