//! What cannot be provoked from C: panics inside, headers of other versions.

use super::*;
use crate::boundary::{Outcome, enter};
use crate::exclusive::Exclusive;
use crate::growing::{self, Array, Growing};
use std::ptr::null_mut;

/// A struct in its second version; the first one had no `later`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Grown {
    struct_size: u64,
    first: u64,
    later: u64,
}

// SAFETY: repr(C), `struct_size` first, no padding.
unsafe impl Growing for Grown {
    const NAME: &'static str = "grown";
    const FIRST_VERSION: u64 = 16;
    const ABSENT: Self = Self { struct_size: 24, first: 77, later: 99 };
}

/// Memory of a caller whose header gives the struct `size` bytes.
fn caller(size: u64) -> [u64; 8] {
    let mut memory = [5; 8];
    memory[0] = size;
    memory
}

#[test]
fn an_older_struct_is_never_overrun_and_a_newer_one_is_read_as_far_as_known() {
    for (size, later) in [(16, 99), (24, 5), (64, 5)] {
        let mut memory = caller(size);
        let pointer: *mut Grown = memory.as_mut_ptr().cast();
        let read = growing::read(pointer.cast_const()).unwrap_or_else(|f| panic!("{}", f.message));
        assert_eq!(read, Grown { struct_size: size, first: 5, later });
        assert!(growing::write(pointer, &Grown { struct_size: 24, first: 1, later: 2 }).is_ok());
        let later = if size == 16 { 5 } else { 2 };
        assert_eq!(memory, [size, 1, later, 5, 5, 5, 5, 5]);
        let mut memory = caller(0);
        assert!(growing::init::<Grown>(memory.as_mut_ptr().cast(), size as usize).is_ok());
        let later = if size == 16 { 5 } else { 99 };
        assert_eq!(memory, [size, 77, later, 5, 5, 5, 5, 5]);
    }
    for size in [0, 8, 15, 17, 65_544, u64::MAX] {
        let memory = caller(size);
        let failure = growing::read::<Grown>(memory.as_ptr().cast()).err().map(|f| (f.code, f.message));
        let (code, message) = failure.unwrap();
        assert_eq!(code, EVSCALE_BAD_STRUCT_SIZE);
        assert!(message.contains(&size.to_string()) && message.contains("16 to 65536"), "{message}");
    }
}

#[test]
fn arrays_go_by_the_callers_size() {
    let mut memory = [16_u64, 1, 16, 2, 16, 3, 0, 0];
    let first: *mut Grown = memory.as_mut_ptr().cast();
    let array = Array::optional(first, 3).ok().flatten().unwrap();
    let read = array.read_all().ok().unwrap();
    assert_eq!(read.iter().map(|g| (g.first, g.later)).collect::<Vec<_>>(), [(1, 99), (2, 99), (3, 99)]);
    array.write(1, &Grown { struct_size: 24, first: 8, later: 8 });
    array.write(3, &Grown { struct_size: 24, first: 9, later: 9 });
    assert_eq!(memory, [16, 1, 16, 8, 16, 3, 0, 0]);
    memory[2] = 24;
    let array = Array::<Grown>::optional(memory.as_mut_ptr().cast(), 3).ok().flatten().unwrap();
    assert_eq!(array.read_all().err().map(|f| f.code), Some(EVSCALE_BAD_STRUCT_SIZE));
    assert!(Array::<Grown>::optional(null_mut(), 3).ok().unwrap().is_none());
    assert!(Array::<Grown>::optional(memory.as_mut_ptr().cast(), usize::MAX).is_err());
}

#[test]
fn published_sizes_never_change() {
    assert_eq!((evscale_metrics::FIRST_VERSION, evscale_observation::FIRST_VERSION), (136, 32));
    assert_eq!(evscale_decision::FIRST_VERSION, 56);
}

fn made() -> *mut evscale_autoscaler {
    let mut scaler = null_mut();
    let status = unsafe {
        evscale_new(c"{\"use_networks\": false}".as_ptr(), std::ptr::null(), &mut scaler, null_mut())
    };
    assert_eq!(status, EVSCALE_OK);
    scaler
}

fn decide(scaler: *mut evscale_autoscaler) -> (i32, String) {
    let mut decision = evscale_decision::ABSENT;
    let mut error = null_mut();
    let status = unsafe { evscale_decide(scaler, &mut decision, &mut error) };
    let message = unsafe { std::ffi::CStr::from_ptr(evscale_error_message(error)) };
    let message = message.to_str().unwrap().to_owned();
    unsafe { evscale_error_free(error) };
    (status, message)
}

#[test]
fn a_panic_is_a_status_and_poisons_its_handle_only() {
    let (one, two) = (made(), made());
    let mut error = null_mut();
    let status = enter(&mut error, || autoscaler::with_pool(one, |_| -> Outcome { panic!("on purpose") }));
    assert_eq!((status, unsafe { evscale_error_code(error) }), (EVSCALE_PANIC, EVSCALE_PANIC));
    unsafe { evscale_error_free(error) };
    assert_eq!(decide(one), (EVSCALE_POISONED, "the autoscaler failed inside before; free it".to_owned()));
    assert_eq!(unsafe { evscale_set_pause(one, EVSCALE_PAUSE_ALL, null_mut()) }, EVSCALE_POISONED);
    assert_eq!(unsafe { evscale_snapshot(one, null_mut(), 0, null_mut(), null_mut()) }, EVSCALE_POISONED);
    assert_eq!(decide(two).0, EVSCALE_OK);
    unsafe {
        evscale_free(one);
        evscale_free(two);
    }
}

#[test]
fn a_panic_in_a_fleet_fails_one_pool() {
    let mut fleet = null_mut();
    unsafe {
        assert_eq!(evscale_fleet_new(std::ptr::null(), &mut fleet, null_mut()), EVSCALE_OK);
        for key in [c"a", c"b"] {
            let added = evscale_fleet_add(fleet, key.as_ptr(), std::ptr::null(), null_mut());
            assert_eq!(added, EVSCALE_OK);
        }
        let status = enter(null_mut(), || {
            fleet::with_pools(fleet, |pools| Ok(pools.fleet.with_pool("a", |_| panic!("on purpose"))?))
        });
        assert_eq!(status, EVSCALE_POISONED);
        assert_eq!(evscale_fleet_set_pause(fleet, c"a".as_ptr(), 1, null_mut()), EVSCALE_POISONED);
        assert_eq!(evscale_fleet_set_pause(fleet, c"b".as_ptr(), 1, null_mut()), EVSCALE_OK);
        assert_eq!(evscale_fleet_remove(fleet, c"a".as_ptr(), null_mut()), EVSCALE_OK);
        evscale_fleet_free(fleet);
    }
}

#[test]
fn a_second_caller_is_refused_and_a_handle_in_use_is_not_freed() {
    let scaler = made();
    let inner = autoscaler::with_pool(scaler, |_| {
        unsafe { evscale_free(scaler) };
        Ok(decide(scaler))
    });
    assert_eq!(inner.ok().unwrap(), (EVSCALE_BUSY, "another call is using the autoscaler".to_owned()));
    assert_eq!(decide(scaler).0, EVSCALE_OK);
    unsafe { evscale_free(scaler) };
}

#[test]
fn calls_of_many_threads_never_overlap() {
    let exclusive = Exclusive::new("counter", 0_u64);
    let (done, refused) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let calls = (0..50_000).map(|_| {
                        let call = exclusive.run(|count| {
                            *count += 1;
                            Ok(())
                        });
                        call.map_err(|failure| failure.code)
                    });
                    let (done, refused): (Vec<_>, Vec<_>) = calls.partition(Result::is_ok);
                    assert!(refused.iter().all(|call| *call == Err(EVSCALE_BUSY)));
                    (done.len() as u64, refused.len() as u64)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    });
    assert_eq!(done + refused, 200_000);
    assert_eq!(exclusive.run(|count| Ok(*count)).ok(), Some(done));
}

#[test]
fn the_header_has_the_version_of_the_crate() {
    let number = |part: &str| part.parse::<i32>().unwrap();
    let (major, minor) = (number(env!("CARGO_PKG_VERSION_MAJOR")), number(env!("CARGO_PKG_VERSION_MINOR")));
    let patch = number(env!("CARGO_PKG_VERSION_PATCH"));
    assert_eq!(EVSCALE_VERSION_NUMBER, 10_000 * major + 100 * minor + patch);
    assert_eq!((EVSCALE_VERSION_MAJOR, EVSCALE_VERSION_MINOR, EVSCALE_VERSION_PATCH), (major, minor, patch));
}

#[test]
fn what_a_forecaster_of_the_hosts_own_fills_is_what_the_core_wants() {
    use evscale_core::{HORIZON_MINUTES, QUANTILE_LEVELS};
    assert_eq!(EVSCALE_HORIZONS as usize, HORIZON_MINUTES.len());
    assert_eq!(EVSCALE_LEVELS as usize, QUANTILE_LEVELS.len());
    let documented = include_str!("callbacks.rs");
    let list = |numbers: &[String]| {
        let (last, first) = numbers.split_last().unwrap();
        format!("{} and {last}", first.join(", "))
    };
    assert!(documented.contains(&list(&HORIZON_MINUTES.map(|minutes| minutes.to_string()))));
    assert!(documented.contains(&list(&QUANTILE_LEVELS.map(|level| level.to_string()))));
}

#[test]
fn every_status_has_a_text_that_begins_with_its_name() {
    let statuses = include_str!("error.rs").lines().filter_map(|line| {
        let (name, code) = line.strip_prefix("pub const EVSCALE_")?.split_once(": i32 = ")?;
        Some((name, code.strip_suffix(';')?.parse().unwrap()))
    });
    let mut count = 0;
    for (name, code) in statuses {
        let text = unsafe { std::ffi::CStr::from_ptr(evscale_status_text(code)) }.to_str().unwrap();
        assert!(text.starts_with(&format!("{name}: ")), "{name}: {text}");
        count += 1;
    }
    assert!(count >= 18);
    assert_eq!(unsafe { std::ffi::CStr::from_ptr(evscale_status_text(-7)) }, c"unknown status");
}
