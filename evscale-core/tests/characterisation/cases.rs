//! The configurations: settings, and what the host and its metrics do.

use evscale_core::{Config, Pause, StaleAction};

/// What happens beside clean records and a host that obeys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Events {
    /// Records that are lost, repeated, late, broken or from a wrong clock.
    pub faults: bool,
    /// Hours without any record, with decisions asked for meanwhile.
    pub blackouts: bool,
    /// Orders of a person, for a while.
    pub orders: bool,
    /// Changes switched off and on again.
    pub pauses: bool,
    /// Outcomes told, with jobs refused and startup times.
    pub acknowledgements: bool,
    /// The host carries out a part of the change, later.
    pub slow_host: bool,
    /// The state goes through a snapshot every so many records.
    pub restores: bool,
    /// Records told of maintenance, deploys, expected traffic.
    pub notices: bool,
    /// Calls that took too long.
    pub latency: bool,
    /// Jobs have a limit elsewhere.
    pub bottleneck: bool,
    /// Only the required fields and the processed events, or the wait, are known.
    pub sparse_fields: bool,
    /// The first hours come as a backfill.
    pub backfill: bool,
}

/// Who is in the place of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Own {
    #[default]
    Nobody,
    Policy,
    Forecaster,
}

/// One pool over some days; or several in a fleet.
pub struct Case {
    pub name: &'static str,
    pub config: Config,
    pub events: Events,
    pub own: Own,
    /// Pools in a fleet; 0 for a pool alone.
    pub fleet: usize,
    /// Seconds of one job per event.
    pub service_seconds: f64,
    /// Mean arrivals per second.
    pub rate: f64,
    pub records: usize,
}

fn case(name: &'static str, set: impl FnOnce(&mut Config)) -> Case {
    let mut config = Config::default();
    config.max_jobs = 60;
    set(&mut config);
    Case {
        name,
        config,
        events: Events::default(),
        own: Own::Nobody,
        fleet: 0,
        service_seconds: 0.8,
        rate: 20.0,
        records: 1500,
    }
}

fn every(seconds: u32, name: &'static str) -> Case {
    case(name, |config| {
        config.interval_seconds = seconds;
        config.decision_interval_seconds = seconds.max(config.decision_interval_seconds);
    })
}

/// All cases, in the order of the fixture.
pub fn cases() -> Vec<Case> {
    let with = |name, events| Case { events, ..case(name, |_| ()) };
    vec![
        Case { records: 4000, ..every(15, "interval_15_s") },
        Case { records: 3000, ..every(30, "interval_30_s") },
        Case { records: 2500, ..every(60, "interval_60_s") },
        Case { records: 4000, ..every(120, "interval_120_s") },
        every(300, "interval_300_s"),
        every(600, "interval_600_s"),
        every(900, "interval_900_s"),
        every(3600, "interval_3600_s"),
        case("new_york_with_holidays", |config| {
            config.time_zone = "America/New_York".to_owned();
            config.holidays = vec!["2026-03-09".to_owned(), "2026-03-10".to_owned()];
        }),
        case("kolkata", |config| config.time_zone = "Asia/Kolkata".to_owned()),
        Case {
            rate: 0.02,
            service_seconds: 60.0,
            ..case("few_events", |config| {
                (config.min_jobs, config.max_jobs) = (0, 5);
            })
        },
        case("one_size", |config| (config.min_jobs, config.max_jobs) = (18, 18)),
        Case { rate: 4000.0, ..case("thousands", |config| config.max_jobs = 20_000) },
        case("tight_maximum", |config| config.max_jobs = 17),
        case("strict_target", |config| config.sla_target = 0.999),
        case("loose_target", |config| (config.sla_target, config.sla_wait_seconds) = (0.95, 600.0)),
        case("slow_startup", |config| config.job_startup_seconds = 1500),
        case("no_startup", |config| config.job_startup_seconds = 0),
        case("careful_rules", |config| {
            (config.tolerance, config.max_step_up_percent, config.max_step_up_jobs) = (0.1, 10.0, 1);
            (config.max_step_down_percent, config.max_step_down_jobs) = (5.0, 1);
            (config.cooldown_up_seconds, config.cooldown_down_seconds) = (900, 1800);
            (config.max_reversals, config.scale_down_quantile) = (2, 0.975);
        }),
        case("no_rules", |config| {
            (config.tolerance, config.scale_down_stabilization_seconds) = (0.0, 0);
            (config.cooldown_down_seconds, config.max_reversals) = (0, 1000);
            config.drain_busy_jobs = true;
        }),
        case("job_hour_budget", |config| config.job_hours_per_day = Some(330.0)),
        with("faulty_metrics", Events { faults: true, ..Events::default() }),
        with("blackouts", Events { blackouts: true, ..Events::default() }),
        Case {
            events: Events { blackouts: true, faults: true, ..Events::default() },
            ..case("blackouts_hold", |config| config.stale_action = StaleAction::Hold)
        },
        with("orders", Events { orders: true, ..Events::default() }),
        Case {
            events: Events { pauses: true, ..Events::default() },
            ..case("pauses", |config| config.pause = Pause::Down)
        },
        with("acknowledged", Events { acknowledgements: true, slow_host: true, ..Events::default() }),
        with("host_that_is_slow", Events { slow_host: true, ..Events::default() }),
        with("restored", Events { restores: true, ..Events::default() }),
        with("notices", Events { notices: true, ..Events::default() }),
        with("slow_calls", Events { latency: true, ..Events::default() }),
        with("bottleneck", Events { bottleneck: true, ..Events::default() }),
        with("few_fields", Events { sparse_fields: true, ..Events::default() }),
        with("backfilled", Events { backfill: true, ..Events::default() }),
        with(
            "everything",
            Events {
                faults: true,
                blackouts: true,
                orders: true,
                pauses: true,
                acknowledgements: true,
                slow_host: true,
                restores: true,
                notices: true,
                latency: true,
                backfill: true,
                ..Events::default()
            },
        ),
        Case { fleet: 40, records: 400, ..case("fleet", |_| ()) },
        Case {
            fleet: 20,
            records: 300,
            events: Events { faults: true, ..Events::default() },
            ..case("fleet_with_faults", |_| ())
        },
        Case { own: Own::Policy, ..case("own_policy", |_| ()) },
        Case { own: Own::Forecaster, ..case("own_forecaster", |_| ()) },
        case("without_networks", |config| config.use_networks = false),
        Case {
            events: Events { faults: true, restores: true, ..Events::default() },
            ..case("without_networks_with_faults", |config| {
                (config.use_networks, config.service_time_ms) = (false, Some(900.0))
            })
        },
    ]
}
