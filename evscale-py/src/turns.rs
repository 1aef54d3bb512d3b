//! State that threads use in turns, and work without the interpreter's lock.

use crate::door::{BROKEN, ends_the_call, told};
use crate::errors::{error, refused};
use evscale_core::Result;
use pyo3::prelude::*;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread sleeps between two looks whether it is its turn: at first, and at most.
const FIRST_WAIT: Duration = Duration::from_micros(20);
const LONGEST_WAIT: Duration = Duration::from_millis(1);
/// Time between two looks for a signal such as Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Stack of a thread that may be left behind: that of the main thread.
const STACK_BYTES: usize = 8 << 20;

/// State that one thread at a time uses. There is no lock that a child of `fork` could wait for in vain: whose turn it is
/// stands in one number, the process of the thread that has it.
pub struct Shared<T> {
    /// Process of the thread whose turn it is; 0 if it is nobody's.
    turn_of: AtomicU32,
    /// Never waited for: whoever has the turn is alone. Poisoned by a panic.
    state: Mutex<T>,
}

/// A thread's turn; it ends when this is dropped.
struct Turn<'a>(&'a AtomicU32);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

impl<T: Send> Shared<T> {
    pub fn new(state: T) -> Self {
        Self { turn_of: AtomicU32::new(0), state: Mutex::new(state) }
    }

    /// Waits for a turn; Ctrl-C ends the wait.
    fn turn(&self, py: Python<'_>) -> PyResult<Turn<'_>> {
        let mut watch = Watch::new();
        let mut wait = FIRST_WAIT;
        loop {
            let this = process::id();
            match self.turn_of.compare_exchange(0, this, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(Turn(&self.turn_of)),
                Err(holder) if holder != this => return Err(error(py, "busy", FORKED)),
                Err(_) => py.detach(|| thread::sleep(wait)),
            }
            wait = (2 * wait).min(LONGEST_WAIT);
            if watch.is_due() {
                py.check_signals()?;
            }
        }
    }
}

const FORKED: &str = "this process was forked while another thread was using the object, whose state is half written \
                      here; make a new one, or restore it from a snapshot";

thread_local! {
    /// Whether this thread is in a call of Rust that called Python back.
    static CALLED_BACK: Cell<bool> = const { Cell::new(false) };
    /// What ends the running call and is no failure of it, such as Ctrl-C.
    static STOPPED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Runs `work` without the interpreter's lock. A panic becomes an `EvscaleError`.
pub fn contained<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    answered(py, py.detach(|| catch_unwind(AssertUnwindSafe(work))))
}

fn answered<T>(py: Python<'_>, answer: thread::Result<Result<T>>) -> PyResult<T> {
    if let Some(stopped) = STOPPED.take() {
        return Err(stopped);
    }
    match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(problem)) => Err(error(py, problem.kind().as_str(), &problem.to_string())),
        Err(_) => Err(error(py, "panic", BROKEN)),
    }
}

/// Runs work that cannot look for signals itself, on a thread that Ctrl-C leaves behind; it ends there in its own time.
pub fn left_behind<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (give, mut take) = mpsc::sync_channel(1);
    let run = move || drop(give.send(catch_unwind(AssertUnwindSafe(work))));
    thread::Builder::new().stack_size(STACK_BYTES).spawn(run)?;
    let this = process::id();
    loop {
        let (back, heard) = py.detach(move || {
            let heard = take.recv_timeout(LOOK_EVERY);
            (take, heard)
        });
        take = back;
        match heard {
            Ok(answer) => return answered(py, answer),
            Err(RecvTimeoutError::Timeout) if process::id() == this => py.check_signals()?,
            Err(RecvTimeoutError::Timeout) => return Err(error(py, "busy", FORKED)),
            Err(RecvTimeoutError::Disconnected) => return Err(error(py, "panic", BROKEN)),
        }
    }
}

/// Runs `work` on shared state in this thread's turn. State in which something panicked stays refused.
pub fn locked<S: Send, T: Send>(
    py: Python<'_>,
    shared: &Shared<S>,
    work: impl FnOnce(&mut S) -> Result<T> + Send,
) -> PyResult<T> {
    if CALLED_BACK.get() {
        return Err(refused(
            py,
            "a forecaster or policy that a pool asks cannot use a pool or a forecaster itself",
        ));
    }
    let _turn = shared.turn(py)?;
    let answer = contained(py, || match shared.state.lock() {
        Ok(mut state) => work(&mut state).map(Some),
        Err(_) => Ok(None),
    })?;
    answer.ok_or_else(|| error(py, "panic", BROKEN))
}

/// Calls Python from inside [`locked`]; an exception as a short text. What is no `Exception`, such as Ctrl-C, `locked`
/// raises.
pub fn call_back<T>(work: impl FnOnce(Python<'_>) -> PyResult<T>) -> std::result::Result<T, String> {
    CALLED_BACK.set(true);
    let answer = Python::attach(|py| {
        work(py).map_err(|raised| {
            let text = told(py, &raised);
            if ends_the_call(py, &raised) {
                STOPPED.set(Some(raised));
            }
            text
        })
    });
    CALLED_BACK.set(false);
    answer
}

/// Looks for signals now and then during work without the interpreter's lock.
pub struct Watch {
    looked: Instant,
}

impl Watch {
    pub fn new() -> Self {
        Self { looked: Instant::now() }
    }

    /// Returns whether it is time for a look, and counts from now on.
    pub fn is_due(&mut self) -> bool {
        let due = self.looked.elapsed() >= LOOK_EVERY;
        if due {
            self.looked = Instant::now();
        }
        due
    }

    /// Returns whether Ctrl-C ends the work, if it is time for a look; [`contained`] raises it.
    pub fn is_interrupted(&mut self) -> bool {
        self.is_due() && Self::hears_signal()
    }

    /// Returns whether Ctrl-C ends the work; [`contained`] raises it.
    pub fn hears_signal() -> bool {
        let stopped = Python::attach(|py| py.check_signals()).err();
        let interrupted = stopped.is_some();
        if interrupted {
            STOPPED.set(stopped);
        }
        interrupted
    }
}
