use super::score::{REACHED, held_to};
use super::*;
use crate::calendar::Calendar;
use crate::config::Config;
use crate::features::{HORIZON_MINUTES, LEVELS, QUANTILE_LEVELS, lead_steps};
use crate::forecaster::{Forecast, HorizonForecast};
use crate::pool::Patience;

/// A forecast of `median` events with a 95 % quantile `headroom` above, at every horizon.
fn forecast(median: f64, headroom: f64) -> Forecast {
    let mut forecast = Forecast::nothing(Timestamp::EPOCH, &HORIZON_MINUTES, &lead_steps(120.0));
    forecast.model_confidence = 0.8;
    for horizon in &mut forecast.horizons {
        let quantiles: [f64; LEVELS] =
            std::array::from_fn(|i| (median + headroom * (QUANTILE_LEVELS[i] - 0.5) / 0.45).max(0.0));
        *horizon = HorizonForecast::new(horizon.minutes, horizon.steps, quantiles);
    }
    forecast
}

/// Runs ten days of 120 s intervals; `load` gives the events of a slot and what was forecast for the next ones.
fn evaluated(load: impl Fn(usize) -> (f64, f64, f64)) -> Selection {
    evaluated_for(Config::default().sla_target, load)
}

fn evaluated_for(sla_target: f64, load: impl Fn(usize) -> (f64, f64, f64)) -> Selection {
    let config = Config { sla_target, use_networks: false, ..Config::default() };
    let mut selection = Selection::new(config.min_jobs, false);
    for slot in 0..7200usize {
        let (events, median, headroom) = load(slot);
        observe(&mut selection, &config, slot, (events, median, headroom), 0.5, None);
    }
    selection
}

/// Observes one interval: its events, the median of the forecast for the next ones and its headroom, and how long an event takes.
fn observe(
    selection: &mut Selection,
    config: &Config,
    slot: usize,
    (events, median, headroom): (f64, f64, f64),
    service_seconds: f64,
    late_events: Option<f64>,
) {
    let forecast = forecast(median, headroom);
    let interval = f64::from(config.interval_seconds);
    let input = Load {
        config,
        forecast: &forecast,
        service_seconds,
        startup_seconds: 180.0,
        patience: Patience::new(config, 180.0, f64::INFINITY),
        backlog_events: 0.0,
        in_service: median * service_seconds / interval,
        correction: 1.0,
        urgent_jobs: 0.0,
        most_jobs: u32::MAX,
        headroom: selection.headroom(),
        demand_share: selection.demand_share(),
        floor_jobs: selection.floor_jobs(),
    };
    let at = Timestamp::EPOCH.plus_seconds(i64::from(config.interval_seconds) * (slot as i64 + 1));
    selection.evaluate(
        &input,
        &Seen {
            calendar: &Calendar::utc(),
            at,
            events,
            usual_events: events,
            own: None,
            job_hour_price: None,
            late_events,
            service_seconds,
        },
    );
}

#[test]
fn a_load_that_the_forecast_knows_needs_no_floor() {
    let selection = evaluated(|_| (4000.0, 4000.0, 800.0));
    let rule = selection.leading();
    assert!(rule.headroom <= 0.6 && rule.share * selection.floors[rule.floor as usize] < 25.0, "{rule:?}");
}

#[test]
fn bursts_that_no_forecast_knows_need_a_standing_pool() {
    // an hour of silence, then a burst of one interval
    let selection = evaluated(|slot| if slot % 31 == 0 { (6000.0, 0.0, 0.0) } else { (0.0, 0.0, 0.0) });
    let need = 6000.0 * 0.5 / 120.0;
    assert!(selection.floor_jobs() > 0.6 * need, "{:?}", selection.leading());
}

#[test]
fn a_stricter_target_keeps_more_for_a_burst_that_came_once() {
    let once = |slot: usize| if slot == 3600 { (12_000.0, 4000.0, 800.0) } else { (4000.0, 4000.0, 800.0) };
    let [lax, usual, strict] = [0.9, 0.995, 0.999].map(|target| evaluated_for(target, once).floor_jobs());
    assert!(lax < 25.0 && usual < 25.0, "five days later a burst is forgiven: {lax} {usual}");
    assert!(strict > 25.0, "99.9 % leaves no room for a second one: {strict}");
}

#[test]
fn what_a_week_proves_is_held_to_as_allowed_and_less_to_a_square() {
    for (allowed, held) in [(0.1, 0.1), (0.01, 0.01), (0.005, 0.005), (0.001, 4e-5)] {
        approx::assert_relative_eq!(held_to(allowed), REACHED * held, max_relative = 1e-9);
    }
    assert!(held_to(1e-5) > 0.0);
}

#[test]
fn silence_does_not_forget_how_much_usually_comes() {
    let quiet_days = 3 * 720;
    let quiet =
        evaluated(|slot| if slot >= 7200 - quiet_days { (0.0, 0.0, 0.0) } else { (4000.0, 4000.0, 800.0) });
    assert!((2000.0..3500.0).contains(&quiet.mean_events), "{}", quiet.mean_events);
}

#[test]
fn the_past_counts_less_once_events_take_twice_as_long_for_a_while_at_every_interval() {
    let (config, forecast) = (Config::default(), forecast(0.0, 0.0));
    let load = Load {
        config: &config,
        forecast: &forecast,
        service_seconds: 0.5,
        startup_seconds: 180.0,
        patience: Patience::new(&config, 180.0, f64::INFINITY),
        backlog_events: 0.0,
        in_service: 0.0,
        correction: 1.0,
        urgent_jobs: 0.0,
        most_jobs: u32::MAX,
        headroom: 0.0,
        demand_share: 1.0,
        floor_jobs: 0.0,
    };
    for (interval, short, long) in [(10.0, 119, 120), (120.0, 9, 10), (3600.0, 2, 3)] {
        let mut selection = Selection::new(1, false);
        selection.events = 1.0;
        let follow = |selection: &mut Selection, records: u32, seconds: f64| {
            (0..records)
                .for_each(|_| selection.follow_service(&Load { service_seconds: seconds, ..load }, interval));
            selection.events
        };
        follow(&mut selection, 100, 0.5);
        assert_eq!(follow(&mut selection, short, 2.0), 1.0, "a disturbance, records every {interval} s");
        follow(&mut selection, 100, 0.5);
        assert_eq!(follow(&mut selection, long, 2.0), KEPT_OF_PAST, "records every {interval} s");
    }
}

/// Events of a quarter of an hour, one in ten minutes, keep one or two jobs busy. In a record of 15 s one of them is the load
/// of 60 jobs, if nothing is smoothed because they are thought to be short.
#[test]
fn a_single_long_event_is_no_peak_from_the_first_record_on_or_once_its_length_is_known() {
    let config = Config { interval_seconds: 15, use_networks: false, ..Config::default() };
    for unknown in [0, 300] {
        let mut selection = Selection::new(1, false);
        for slot in 0..2000 {
            let events = if slot % 40 == 0 { 1.0 } else { 0.0 };
            let service = if slot < unknown { 0.2 } else { 900.0 };
            observe(&mut selection, &config, slot, (events, 1.0 / 40.0, 0.0), service, None);
        }
        let jobs = selection.peak_jobs();
        assert!((1.0..6.0).contains(&jobs), "{jobs} jobs, not known in {unknown} records");
    }
}

#[test]
fn late_events_that_no_shadow_pool_shows_ask_for_more() {
    let config = Config { use_networks: false, ..Config::default() };
    let led = |late: Option<f64>| {
        let mut selection = Selection::new(config.min_jobs, false);
        for slot in 0..3600 {
            observe(&mut selection, &config, slot, (4000.0, 4000.0, 800.0), 0.5, late);
        }
        selection.leading().assumed_late_share()
    };
    let (unsaid, none, some) = (led(None), led(Some(0.0)), led(Some(80.0)));
    assert!(none == unsaid && some < 0.5 * none, "{unsaid} {none} {some}");
}

#[test]
fn the_same_past_gives_the_same_leader() {
    let load = |slot: usize| (3000.0 + 500.0 * ((slot % 7) as f64), 3500.0, 900.0);
    assert_eq!(evaluated(load), evaluated(load));
}
