//! What a jq filter can reach while it runs: the moment, its time limit, its share of the stack. jaq's own `halt` would
//! end the process and its recursion could overflow the stack, so both are taken away here and not merely forbidden.

use std::{cell::Cell, time::Instant};

use jaq_core::{
    Bind, Cv, DataT, Error, Exn, Lut, Native, ValXs,
    box_iter::box_once,
    data::HasLut,
    load::parse::Def,
    native::{Fun, bome, v},
};
use jaq_json::{Num, Val, read};

use super::{Limits, value};

/// The kind of data that our filters work on.
pub(super) struct Jq;

impl DataT for Jq {
    type V<'a> = Val;
    type Data<'a> = &'a Scope<'a>;
}

/// One evaluation.
pub(super) struct Scope<'a> {
    lut: &'a Lut<Jq>,
    now: f64,
    deadline: Instant,
    stack_base: usize,
    stack_max: usize,
    levels_max: u32,
    ticks_per_probe: u32,
    ticks: Cell<u32>,
    stopped: Cell<Option<Stop>>,
}

/// Why an evaluation was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Late,
    Deep,
    Nested,
    Large,
    Many,
}

impl<'a> HasLut<'a, Jq> for &'a Scope<'a> {
    fn lut(&self) -> &'a Lut<Jq> {
        self.lut
    }
}

/// The largest text or list of a loop: one that is doubled at each turn fills the memory before the clock is read.
pub(super) const LOOP_BYTES_MAX: usize = 64 << 20;
/// The most turns of one evaluation: what they make may all be kept in one list.
pub(super) const TURNS_MAX: u32 = 10_000_000;
/// Reading the clock at every call would cost more than most calls do.
const TICKS_PER_LOOK: u32 = 64;
/// Measuring a value costs more still.
const TICKS_PER_PROBE_MAX: u32 = 1_024;

impl<'a> Scope<'a> {
    pub(super) fn new(lut: &'a Lut<Jq>, now: f64, limits: &Limits, levels_a_turn: u32) -> Self {
        Self {
            lut,
            now,
            deadline: Instant::now() + limits.time_max,
            stack_base: stack_pointer(),
            stack_max: limits.stack_max,
            levels_max: limits.levels_max,
            // Between two looks a value never gets as many levels again as it may have.
            ticks_per_probe: (limits.levels_max / levels_a_turn).clamp(1, TICKS_PER_PROBE_MAX),
            ticks: Cell::new(0),
            stopped: Cell::new(None),
        }
    }

    /// Why the evaluation was stopped, even if the filter caught the error.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.stopped.get()
    }

    /// Called between outputs: looks at the clock at once.
    pub(super) fn look(&self) -> Result<(), Stop> {
        if self.stopped.get().is_none() && Instant::now() > self.deadline {
            self.stopped.set(Some(Stop::Late));
        }
        self.stopped.get().map_or(Ok(()), Err)
    }

    /// A call or a turn of a loop, with the value at hand: to drop a value takes as much stack as it has levels.
    fn turn(&self, value: &Val) -> Result<(), Stop> {
        self.tick()?;
        if value::bytes(value) > LOOP_BYTES_MAX {
            self.stopped.set(Some(Stop::Large));
        }
        let is_due = self.ticks.get().is_multiple_of(self.ticks_per_probe);
        if is_due && value::is_nested_deeper(value, self.levels_max as usize) {
            self.stopped.set(Some(Stop::Nested));
        }
        self.stopped.get().map_or(Ok(()), Err)
    }

    /// Before a product: text times a number is that text so many times, and whole numbers grow without end.
    fn product(&self, left: &Val, right: &Val) -> Result<(), Stop> {
        let bytes = match (left, right) {
            (Val::TStr(text) | Val::BStr(text), Val::Num(times)) | (Val::Num(times), Val::TStr(text) | Val::BStr(text)) => {
                text.len() as f64 * times_of(times)
            }
            (Val::Num(Num::BigInt(left)), Val::Num(Num::BigInt(right))) => (left.bits() + right.bits()) as f64,
            _ => return Ok(()),
        };
        if bytes > LOOP_BYTES_MAX as f64 {
            self.stopped.set(Some(Stop::Large));
            return Err(Stop::Large);
        }
        Ok(())
    }

    fn tick(&self) -> Result<(), Stop> {
        if self.stopped.get().is_none() && self.stack_base.abs_diff(stack_pointer()) > self.stack_max {
            self.stopped.set(Some(Stop::Deep));
        }
        self.ticks.set(self.ticks.get().wrapping_add(1));
        if self.stopped.get().is_none() && self.ticks.get() > TURNS_MAX {
            self.stopped.set(Some(Stop::Many));
        }
        if self.ticks.get().is_multiple_of(TICKS_PER_LOOK) { self.look() } else { self.stopped.get().map_or(Ok(()), Err) }
    }
}

fn times_of(number: &Num) -> f64 {
    match number {
        Num::Int(times) => *times as f64,
        Num::Float(times) => *times,
        Num::BigInt(_) => f64::INFINITY,
        Num::Dec(text) => text.parse().unwrap_or(f64::INFINITY),
    }
}

/// About where the stack is: the address of a local variable.
#[inline(never)]
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

impl From<Stop> for Exn<'_, Val> {
    fn from(stop: Stop) -> Self {
        Error::str(match stop {
            Stop::Late => "stopped: it takes too long",
            Stop::Deep => "stopped: it calls itself too deeply",
            Stop::Nested => "stopped: its values are nested too deeply",
            Stop::Large => "stopped: its values are too large",
            Stop::Many => "stopped: it takes too many turns",
        })
        .into()
    }
}

/// An endless stream whose errors are caught would go on; this one ends after the first stop.
struct Guarded<'a, T> {
    inner: Box<dyn Iterator<Item = Result<T, Exn<'a, Val>>> + 'a>,
    scope: &'a Scope<'a>,
    over: bool,
}

impl<'a, T> Iterator for Guarded<'a, T> {
    type Item = Result<T, Exn<'a, Val>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        if let Err(stop) = self.scope.tick() {
            self.over = true;
            return Some(Err(stop.into()));
        }
        self.inner.next()
    }
}

/// Not there: they reach outside, or end the process. `fromjson` and `now` have stand-ins below.
const REMOVED: [&str; 6] = ["halt", "env", "now", "debug_empty", "stderr_empty", "fromjson"];
const REMOVED_DEFS: [&str; 4] = ["halt", "halt_error", "debug", "stderr"];

/// Native functions.
pub(super) fn natives() -> impl Iterator<Item = Fun<Jq>> {
    jaq_core::funs::<Jq>()
        .chain(jaq_std::funs::<Jq>())
        .chain(jaq_json::funs::<Jq>())
        .filter(|(name, _, _)| !REMOVED.contains(name))
        .map(|(name, arity, native)| (if name == "range" { "flexcore_range" } else { name }, arity, native))
        .chain(ours())
}

fn ours() -> [Fun<Jq>; 5] {
    let tick = Native::new(|cv: Cv<'_, Jq>| match cv.0.data().turn(&cv.1) {
        Ok(()) => box_once(Ok(cv.1)),
        Err(stop) => box_once(Err(stop.into())),
    })
    .with_paths(|cv| match cv.0.data().turn(&cv.1.0) {
        Ok(()) => box_once(Ok(cv.1)),
        Err(stop) => box_once(Err(stop.into())),
    })
    .with_update(|cv, change| match cv.0.data().turn(&cv.1) {
        Ok(()) => change(cv.1),
        Err(stop) => box_once(Err(stop.into())),
    });
    let guard = Native::new(|mut cv: Cv<'_, Jq>| {
        let scope = *cv.0.data();
        let (filter, context) = cv.0.pop_fun();
        Box::new(Guarded { inner: filter.run((context, cv.1)), scope, over: false })
    });
    let times = Native::new(|mut cv: Cv<'_, Jq>| {
        let right = cv.0.pop_var();
        let left = cv.0.pop_var();
        match cv.0.data().product(&left, &right) {
            Ok(()) => bome(left * right),
            Err(stop) => box_once(Err(stop.into())),
        }
    });
    [
        ("flexcore_times", v(2), times),
        ("flexcore_tick", v(0), tick),
        ("flexcore_guard", Box::new([Bind::Fun(())]), guard),
        ("now", v(0), Native::new(|cv: Cv<'_, Jq>| bome(Ok(Val::from(cv.0.data().now))))),
        ("fromjson", v(0), Native::new(|cv| from_json(&cv.1))),
    ]
}

/// Text may be nested as deep as it likes; jaq's own reader would follow it down.
fn from_json<'a>(input: &Val) -> ValXs<'a, Val> {
    let text = match input.try_as_utf8_bytes_owned() {
        Ok(text) => text,
        Err(error) => return bome(Err(error)),
    };
    if value::is_too_deep(&text) {
        return bome(Err(Error::str(value::TOO_DEEP)));
    }
    let fail = |error: read::Error| Exn::from(Error::str(format!("cannot parse as JSON: {error}")));
    let values: Vec<_> = read::parse_many(&text).map(|value| value.map_err(fail)).collect();
    Box::new(values.into_iter())
}

/// Definitions of the language's library, with the recursive ones guarded.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let range = "def range(from; to; by): flexcore_guard(flexcore_range(from; to; by));";
    let range = jaq_core::load::parse(range, |parser| parser.defs()).expect("the definition of range is jq");
    let library = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    range.into_iter().chain(library.filter(|def| !REMOVED_DEFS.contains(&def.name)).map(super::guard::inner))
}
