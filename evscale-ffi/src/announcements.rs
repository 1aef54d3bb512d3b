//! What the host knows before the records show it.

use crate::autoscaler::{evscale_autoscaler, with_pool};
use crate::boundary::{copy_text, enter};
use crate::error::*;
use crate::fleet::evscale_fleet;
use crate::fleet_pools::with_pool as with_fleet_pool;
use evscale_core::{Announced, Announcement, AnnouncementStatus, Timestamp};
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
