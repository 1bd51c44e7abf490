//! A panic while the console has the terminal: the terminal is put back first, then the report is printed, where it can be
//! read. A panic of something else in the process is kept and printed when the console ends: it must not write into frames.

use std::{
    cell::Cell,
    collections::VecDeque,
    io::Write,
    panic,
    pin::Pin,
    sync::{Mutex, Once, PoisonError},
    task::{Context, Poll},
};

use crossterm::terminal::disable_raw_mode;

use super::canvas::LEAVE;

/// The most reports kept for the end.
const REPORTS_MAX: usize = 16;

/// Whether the console has the terminal.
static TAKEN: Mutex<bool> = Mutex::new(false);
static REPORTS: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());
static HOOK: Once = Once::new();

thread_local! {
    static IN_CONSOLE: Cell<bool> = const { Cell::new(false) };
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The console has the terminal.
pub(super) fn taken() {
    *lock(&TAKEN) = true;
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IN_CONSOLE.get() {
                give_back();
            }
            if !*lock(&TAKEN) {
                return usual(info);
            }
            tracing::error!(report = %info, "panic outside the console");
            let mut reports = lock(&REPORTS);
            reports.push_back(info.to_string());
            if reports.len() > REPORTS_MAX {
                reports.pop_front();
            }
        }));
    });
}

/// Puts the terminal back, once; prints what was kept.
pub(super) fn give_back() {
    if !std::mem::take(&mut *lock(&TAKEN)) {
        return;
    }
    // A terminal that is gone cannot be put back: nothing is left to do about a failure here.
    let _ = rustix::io::write(std::io::stdout(), LEAVE);
    let _ = disable_raw_mode();
    for report in lock(&REPORTS).drain(..) {
        let _ = writeln!(std::io::stderr(), "{report}");
    }
}

/// A future during whose polls a panic is the console's own.
pub(super) struct Watched<F>(pub(super) Pin<Box<F>>);

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        IN_CONSOLE.set(true);
        let poll = self.0.as_mut().poll(context);
        IN_CONSOLE.set(false);
        poll
    }
}
