//! First uses in a process that may be forked meanwhile.
//!
//! A child of `fork` has no thread but the one that forked. What another thread of the parent was making at that moment is
//! never finished in the child, and whoever waits for it waits for ever. Both types here know by the process's number that
//! they are in such a child, and refuse instead.

use crate::error::{Error, ErrorKind, Result};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// A value that the first thread that asks makes, while the others wait.
#[derive(Debug)]
pub(super) struct MadeOnce<T> {
    /// The process whose thread makes the value or made it; 0 before.
    maker: AtomicU32,
    value: OnceLock<T>,
}

impl<T> MadeOnce<T> {
    pub(super) const fn new() -> Self {
        Self { maker: AtomicU32::new(0), value: OnceLock::new() }
    }

    /// Returns the value if it is there.
    pub(super) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Returns the value, made by `make` if it is not there.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`]: this process was forked while another thread made it.
    pub(super) fn get_or_make(&self, make: impl FnOnce() -> T) -> Result<&T> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let this = process::id();
        match self.maker.compare_exchange(0, this, Ordering::AcqRel, Ordering::Acquire) {
            Err(maker) if maker != this => Err(forked()),
            _ => Ok(self.value.get_or_init(make)),
        }
    }
}

/// No load has succeeded yet; everything is set up; every load takes locks.
const NONE_DONE: u8 = 0;
const SET_UP: u8 = 1;
const LOCKS: u8 = 2;

/// Loads of models. The first ones set up what the inference library keeps for the process. Where `RUST_BACKTRACE` asks for
/// backtraces the inference library takes them in every load, under the lock of the standard library.
pub(super) struct Loads {
    /// Number of the process in the upper half, and how many of its threads are loading in the lower.
    running: AtomicU64,
    state: AtomicU8,
}

impl Loads {
    pub(super) const fn new() -> Self {
        Self { running: AtomicU64::new(0), state: AtomicU8::new(NONE_DONE) }
    }

    /// Runs a load.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`]: this process was forked while another thread was in a first load, or in any where backtraces are
    /// taken; those of `load`.
    pub(super) fn run<T>(&self, load: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.state.load(Ordering::Acquire) == SET_UP {
            return load();
        }
        let _running = self.enter()?;
        let loaded = load()?;
        let backtraces = Backtrace::capture().status() == BacktraceStatus::Captured;
        self.state.store(if backtraces { LOCKS } else { SET_UP }, Ordering::Release);
        Ok(loaded)
    }

    fn enter(&self) -> Result<Running<'_>> {
        let this = u64::from(process::id()) << 32;
        let next = |running: u64| {
            let (process, threads) = (running & !u64::from(u32::MAX), running & u64::from(u32::MAX));
            if process == this || threads == 0 { Some(this | (threads + 1)) } else { None }
        };
        let entered = self.running.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        entered.map(|_| Running(&self.running)).map_err(|_| forked())
    }
}

/// One load that is running; it ends when this is dropped, also by a panic.
struct Running<'a>(&'a AtomicU64);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn forked() -> Error {
    Error::new(
        ErrorKind::Busy,
        "this process was forked while another thread was loading models, expected a fork before or after that",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a child finds that was forked in the middle: the number of another process.
    const PARENT: u32 = u32::MAX;

    #[test]
    fn a_value_is_made_once_and_a_forked_child_is_refused_until_it_is_there() {
        let made = MadeOnce::new();
        assert_eq!(made.get_or_make(|| 5).unwrap(), &5);
        assert_eq!(made.get_or_make(|| 6).unwrap(), &5);
        made.maker.store(PARENT, Ordering::Release);
        assert_eq!(made.get_or_make(|| 7).unwrap(), &5, "finished before the fork");
        let half = MadeOnce::<u32>::new();
        half.maker.store(PARENT, Ordering::Release);
        assert_eq!(half.get_or_make(|| 5).unwrap_err().kind(), ErrorKind::Busy);
    }

    #[test]
    fn a_child_is_refused_only_while_a_first_load_of_its_parent_runs_or_one_that_takes_locks() {
        let loads = Loads::new();
        loads.running.store(u64::from(PARENT) << 32 | 1, Ordering::Release);
        assert_eq!(loads.run(|| Ok(())).unwrap_err().kind(), ErrorKind::Busy);
        loads.running.store(u64::from(PARENT) << 32, Ordering::Release);
        assert!(loads.run(|| Err::<(), _>(Error::bundle("damaged"))).is_err());
        assert_eq!(loads.running.load(Ordering::Acquire), u64::from(process::id()) << 32);
        loads.run(|| Ok(())).unwrap();
        loads.running.store(u64::from(PARENT) << 32 | 1, Ordering::Release);
        loads.state.store(SET_UP, Ordering::Release);
        loads.run(|| Ok(())).unwrap();
        loads.state.store(LOCKS, Ordering::Release);
        assert_eq!(loads.run(|| Ok(())).unwrap_err().kind(), ErrorKind::Busy);
    }
}
