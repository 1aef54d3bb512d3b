//! What happens inside, told to a function of the host: the spans and events of the core, which go through `tracing`.

use crate::boundary::{Outcome, enter};
use crate::error::*;
use std::cell::RefCell;
use std::ffi::{CString, c_char, c_void};
use std::fmt::{Debug, Write};
use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Internal error: a panic was caught.
pub const EVSCALE_LOG_ERROR: i32 = 1;
/// A record was not used as it came, or an alert fires.
pub const EVSCALE_LOG_WARNING: i32 = 2;
/// A new decision, or an alert is resolved.
pub const EVSCALE_LOG_INFO: i32 = 3;

/// Gets a line of the log: `level` is one of EVSCALE_LOG_*, `message` a text of one line that is valid during the call. It may be
/// called by several threads at once, within their calls. It must not unwind (throw, longjmp) out of the call, nor use the handle
/// whose call tells the line.
pub type evscale_log_callback =
    Option<unsafe extern "C" fn(context: *mut c_void, level: i32, message: *const c_char)>;

struct Log {
    callback: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    context: *mut c_void,
    most: i32,
    /// The one that this took the place of: kept, because a thread may be using it, and within reach of tools that look for leaks.
    _before: *mut Log,
}

/// The log of the process; null for none.
static LOG: AtomicPtr<Log> = AtomicPtr::new(null_mut());
/// The newest log, also when there is none any more.
static NEWEST: AtomicPtr<Log> = AtomicPtr::new(null_mut());
static INSTALLED: Once = Once::new();

fn current() -> Option<&'static Log> {
    // SAFETY: null, or made by Box::into_raw and never freed.
    unsafe { LOG.load(Ordering::Acquire).as_ref() }
}

fn tell(level: i32, message: &str) {
    if let Some(log) = current().filter(|log| level <= log.most)
        && let Ok(line) = CString::new(message.replace(['\0', '\n', '\r'], " "))
    {
        // SAFETY: the host's function gets the host's pointer and a text that ends in NUL.
        unsafe { (log.callback)(log.context, level, line.as_ptr()) };
    }
}

/// Sets the function that gets the log of the whole library, up to the level `most` (one of EVSCALE_LOG_*); NULL for none, as at the
/// start. `context` is handed to it, from any thread that calls the library, and must stay valid until the process ends. A panic,
/// which otherwise prints to stderr, goes there too from then on. Call it once, at start: each call keeps a few bytes for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_set_log(
    callback: evscale_log_callback,
    context: *mut c_void,
    most: i32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || set(callback, context, most))
}

fn set(callback: evscale_log_callback, context: *mut c_void, most: i32) -> Outcome {
    let Some(callback) = callback else {
        LOG.store(null_mut(), Ordering::Release);
        return Ok(());
    };
    if !(EVSCALE_LOG_ERROR..=EVSCALE_LOG_INFO).contains(&most) {
        let message = format!(
            "`most` is {most}, expected one of EVSCALE_LOG_*, {EVSCALE_LOG_ERROR} to {EVSCALE_LOG_INFO}"
        );
        return Err(Failure::new(EVSCALE_INVALID_ARGUMENT, message));
    }
    let log =
        Box::into_raw(Box::new(Log { callback, context, most, _before: NEWEST.load(Ordering::Relaxed) }));
    NEWEST.store(log, Ordering::Release);
    LOG.store(log, Ordering::Release);
    INSTALLED.call_once(|| {
        // a program that has a subscriber of its own in this copy of `tracing` keeps it
        let _ = tracing::subscriber::set_global_default(Lines);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match current() {
            Some(_) => tell(EVSCALE_LOG_ERROR, &format!("panic: {panic}")),
            None => before(panic),
        }));
    });
    Ok(())
}

thread_local! {
    /// The pools of a fleet that this thread is inside of, by the number of their span.
    static POOLS: RefCell<Vec<(u64, String)>> = const { RefCell::new(Vec::new()) };
}

/// Makes a line of every event.
struct Lines;

static SPANS: AtomicU64 = AtomicU64::new(1);

fn level(of: &Metadata<'_>) -> i32 {
    match *of.level() {
        Level::ERROR => EVSCALE_LOG_ERROR,
        Level::WARN => EVSCALE_LOG_WARNING,
        Level::INFO => EVSCALE_LOG_INFO,
        _ => EVSCALE_LOG_INFO + 1,
    }
}

impl Subscriber for Lines {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let wanted = |log: &Log| metadata.name() == "pool" || level(metadata) <= log.most;
        metadata.target() == "evscale" && current().is_some_and(wanted)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let number = SPANS.fetch_add(1, Ordering::Relaxed);
        let mut fields = Line::default();
        span.record(&mut fields);
        POOLS.with_borrow_mut(|pools| pools.push((number, fields.rest)));
        Id::from_u64(number)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let pool =
            POOLS.with_borrow(|pools| pools.last().map(|(_, fields)| fields.clone()).unwrap_or_default());
        tell(level(event.metadata()), &format!("{}{pool}{}", line.message, line.rest));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn try_close(&self, id: Id) -> bool {
        POOLS.with_borrow_mut(|pools| pools.retain(|(number, _)| *number != id.into_u64()));
        true
    }
}

/// What an event says, and its other fields as ` name=value`.
#[derive(Default)]
struct Line {
    message: String,
    rest: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.rest, " {name}={value:?}"),
        };
        debug_assert!(written.is_ok(), "a String takes every text");
    }
}
