//! What a handle holds: one call at a time, none after a panic, no lock.

use crate::error::{EVSCALE_BUSY, EVSCALE_POISONED, Failure};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const IN_USE: u8 = 1;
const POISONED: u8 = 2;

/// Content that one call at a time may use. A second caller is refused at once, and so is everybody after a panic.
pub(crate) struct Exclusive<T> {
    name: &'static str,
    state: AtomicU8,
    content: UnsafeCell<T>,
}

// SAFETY: `run` lends the content to one caller at a time.
unsafe impl<T: Send> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub(crate) fn new(name: &'static str, content: T) -> Self {
        Self { name, state: AtomicU8::new(IDLE), content: UnsafeCell::new(content) }
    }

    /// Runs `work` on the content. If it panics the content is poisoned.
    pub(crate) fn run<R>(&self, work: impl FnOnce(&mut T) -> Result<R, Failure>) -> Result<R, Failure> {
        let name = self.name;
        match self.state.compare_exchange(IDLE, IN_USE, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {}
            Err(POISONED) => {
                return Err(Failure::new(
                    EVSCALE_POISONED,
                    format!("the {name} failed inside before; free it"),
                ));
            }
            Err(_) => {
                return Err(Failure::new(EVSCALE_BUSY, format!("another call is using the {name}")));
            }
        }
        let mut turn = Turn { state: &self.state, after: POISONED };
        // SAFETY: the exchange above succeeds for one caller until its turn ends.
        let outcome = work(unsafe { &mut *self.content.get() });
        turn.after = IDLE;
        outcome
    }

    /// Claims the content for ever, unless a call is using it.
    pub(crate) fn close(&self) -> bool {
        self.state.swap(IN_USE, Ordering::Acquire) != IN_USE
    }
}

/// Ends a call's turn, also while a panic unwinds.
struct Turn<'a> {
    state: &'a AtomicU8,
    after: u8,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.state.store(self.after, Ordering::Release);
    }
}
