//! What the host knows before the records show it.

use crate::autoscaler::{evscale_autoscaler, with_pool};
use crate::boundary::{copy_text, enter, slice};
use crate::error::*;
use crate::fleet::evscale_fleet;
use crate::fleet_pools::with_pool as with_fleet_pool;
use evscale_core::{Announced, Announcement, AnnouncementStatus, DueEvents, Timestamp};
use std::ffi::c_char;

/// So many times the load that is expected otherwise.
pub const EVSCALE_ANNOUNCED_MULTIPLIER: i32 = 0;
/// So many events in all.
pub const EVSCALE_ANNOUNCED_EVENTS: i32 = 1;
/// At least so many jobs.
pub const EVSCALE_ANNOUNCED_MIN_JOBS: i32 = 2;

/// Announces an event from `start_ms` until `end_ms` (milliseconds since 1970) before the records show it: `what` is one of
/// EVSCALE_ANNOUNCED_*, `value` its number. What it needs is ready at its start. A statement on the load is compared with what came,
/// the first decision after its end tells so, and the next one weighs less if the last ones proved wrong again and again. Writes the
/// number by which it is cancelled to `id`, unless that is NULL. Fails with EVSCALE_INVALID_ARGUMENT if it starts before the newest
/// record or ends before it starts, says a number that cannot be, says the same kind of thing as another one about the same time, or
/// 64 are known already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_announce(
    autoscaler: *mut evscale_autoscaler,
    what: i32,
    value: f64,
    start_ms: i64,
    end_ms: i64,
    id: *mut u32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let announcement = announcement_of(what, value, start_ms, end_ms)?;
        write(id, with_pool(autoscaler, |pool| Ok(pool.scaler.announce(announcement)?))?)
    })
}

/// Takes an announcement back. The next evscale_decide makes a new decision. Fails with EVSCALE_INVALID_ARGUMENT if there is none of
/// this number, or its end has come.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_cancel_announcement(
    autoscaler: *mut evscale_autoscaler,
    id: u32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || with_pool(autoscaler, |pool| Ok(pool.scaler.cancel_announcement(id)?)))
}

/// What was announced and what became of it, as a JSON list: id, start, end, what, ended, believed (share of it that is planned
/// for) and came (what came, in the unit of the announcement). It has all that is to come and the last ones that have ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_announcements_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json =
            with_pool(autoscaler, |pool| Ok(AnnouncementStatus::list_to_json(&pool.scaler.announcements())))?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Says which events fall due when, as it is known at `now_ms` (milliseconds since 1970): `events[i]` at `due_ms[i]`, `count` in all,
/// such as delayed messages and a batch whose delivery time is known. They come beside the load that is expected otherwise, all at
/// their moment, and have their jobs ready by then. Call it as often as the numbers change: what was said of times from `now_ms` on
/// is replaced, what has fallen due before stays; events whose time is before it are left out, as the records count them. Fails with
/// EVSCALE_INVALID_ARGUMENT if there are more than 256, or a number of events cannot be; what was said before stays then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_set_due(
    autoscaler: *mut evscale_autoscaler,
    now_ms: i64,
    events: *const f64,
    due_ms: *const i64,
    count: usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let now = Timestamp::from_millis(now_ms)?;
        let due = due_events(events, due_ms, count)?;
        with_pool(autoscaler, |pool| Ok(pool.scaler.set_due(now, &due)?))
    })
}

/// Like evscale_set_due, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_set_due(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    now_ms: i64,
    events: *const f64,
    due_ms: *const i64,
    count: usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let now = Timestamp::from_millis(now_ms)?;
        let due = due_events(events, due_ms, count)?;
        Ok(with_fleet_pool(fleet, key, |scaler| scaler.set_due(now, &due))??)
    })
}

/// Like evscale_announce, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_announce(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    what: i32,
    value: f64,
    start_ms: i64,
    end_ms: i64,
    id: *mut u32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let announcement = announcement_of(what, value, start_ms, end_ms)?;
        write(id, with_fleet_pool(fleet, key, |scaler| scaler.announce(announcement))??)
    })
}

/// Like evscale_cancel_announcement, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_cancel_announcement(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    id: u32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || Ok(with_fleet_pool(fleet, key, |scaler| scaler.cancel_announcement(id))??))
}

/// Like evscale_announcements_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_announcements_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let known = with_fleet_pool(fleet, key, |scaler| scaler.announcements())?;
        copy_text(AnnouncementStatus::list_to_json(&known), buffer, capacity, needed)
    })
}

/// Most moments that are read; the core takes fewer.
const MOST_DUE: usize = 65_536;

fn due_events(events: *const f64, due_ms: *const i64, count: usize) -> Result<Vec<DueEvents>, Failure> {
    let (events, due) =
        (slice(events, count, MOST_DUE, "events")?, slice(due_ms, count, MOST_DUE, "due_ms")?);
    let one =
        |(events, at): (&f64, &i64)| Ok(DueEvents { at: Timestamp::from_millis(*at)?, events: *events });
    events.iter().zip(due).map(one).collect()
}

fn announcement_of(what: i32, value: f64, start_ms: i64, end_ms: i64) -> Result<Announcement, Failure> {
    let refused = |message: String| Failure::new(EVSCALE_INVALID_ARGUMENT, message);
    let what = match what {
        EVSCALE_ANNOUNCED_MULTIPLIER => Announced::Multiplier(value),
        EVSCALE_ANNOUNCED_EVENTS => Announced::Events(value),
        EVSCALE_ANNOUNCED_MIN_JOBS
            if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) =>
        {
            Announced::MinJobs(value as u32)
        }
        EVSCALE_ANNOUNCED_MIN_JOBS => {
            return Err(refused(format!("`value` is {value}, expected a whole number of jobs")));
        }
        other => return Err(refused(format!("`what` is {other}, expected 0 to 2"))),
    };
    Ok(Announcement::new(Timestamp::from_millis(start_ms)?, Timestamp::from_millis(end_ms)?, what))
}

fn write(id: *mut u32, number: u32) -> Result<(), Failure> {
    if !id.is_null() {
        // SAFETY: the caller hands NULL or a place for a number.
        unsafe { id.write(number) };
    }
    Ok(())
}
