//! What an annealing tells while it runs.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::Stop;

/// What an annealing tells its observer while it runs.
///
/// ```
/// # use deepest::{Stop, models::Lorenz63, prelude::*};
/// # use std::ops::ControlFlow;
/// # fn main() -> deepest::Result<()> {
/// # let grid = Grid::uniform(0.0, 0.01, 201)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?).seed(2))?;
/// # let action = Action::builder(Lorenz63, SimpsonHermite)
/// #     .window(twin.window()?)
/// #     .parameter("sigma", Parameter::fixed(10.0))
/// #     .parameter("rho", Bounds::new(0.0, 60.0)?)
/// #     .parameter("beta", Parameter::fixed(8.0 / 3.0))
/// #     .build()?;
/// let observer = |event: Event| match event {
///     Event::LevelReached { rf, action, .. } => {
///         println!("R_f = {rf:e}: {action}");
///         ControlFlow::Break(()) // one level is enough here; `Continue` goes on
///     }
///     _ => ControlFlow::Continue(()),
/// };
/// let annealing = Annealer::new(Schedule::adaptive()).run_observed(&action, &observer)?;
/// assert_eq!(annealing.starts[0].stopped, Some(Stop::Cancelled));
/// # Ok(())
/// # }
/// ```
///
/// The events of one start come in this order: `StartBegan`; `Settling`, where
/// the start is nudged; the levels, each with its `Iteration`s and then
/// `LevelReached`; `StartEnded`. A nudged start settles at some R_f of its own:
/// its levels come downwards from there to the smallest R_f, then upwards from
/// there to the largest. Other starts go upwards only. [`StartResult::levels`]
/// are in the order of β however they were reached. In a race
/// ([`Annealer::race`]) a start is paused at each rung, and resumed if it goes
/// on. `StartBegan` and `StartEnded` come for every start, also when the observer
/// has stopped the annealing or its time is over; the other events then come no
/// more.
///
/// [`StartResult::levels`]: crate::StartResult::levels
/// [`Annealer::race`]: crate::Annealer::race
#[doc(alias("progress", "callback"))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A start begins, on the thread that will run all of it (but in a race, and
    /// where a [`Run`](crate::Run) is stepped by hand).
    StartBegan {
        /// Its index.
        start: usize,
    },
    /// A step of a minimizer was accepted while a start was made, before the
    /// first level.
    Settling {
        /// Index of the start.
        start: usize,
        /// The model precision R_f.
        rf: f64,
        /// The action.
        action: f64,
    },
    /// A step of a minimizer was accepted.
    Iteration {
        /// Index of the start.
        start: usize,
        /// The exponent β.
        beta: f64,
        /// Number of the iteration at this level, from 1.
        number: usize,
        /// The action.
        action: f64,
    },
    /// A level was reached; not sent for one that was cancelled or whose
    /// values are not finite.
    LevelReached {
        /// Index of the start.
        start: usize,
        /// The exponent β.
        beta: f64,
        /// The model precision.
        rf: f64,
        /// The action.
        action: f64,
    },
    /// In a race: a start waits for the others at a rung, and this thread leaves
    /// it.
    StartPaused {
        /// Its index.
        start: usize,
    },
    /// In a race: a thread goes on with a start.
    StartResumed {
        /// Its index.
        start: usize,
    },
    /// A start has ended, on the thread that had it last; in a race also while
    /// it waits, on any thread.
    StartEnded {
        /// Its index.
        start: usize,
    },
}

/// Sees the events of all starts, from several threads; `Break` stops all of
/// them, and what was reached is returned.
#[doc(alias("cancel", "progress", "callback"))]
pub type Observer<'a> = dyn Fn(Event) -> ControlFlow<()> + Sync + 'a;

/// Passes events on, and knows when the observer had enough or time is over.
pub(super) struct Watch<'a> {
    observer: &'a Observer<'a>,
    deadline: Option<Instant>,
    stop: AtomicBool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(observer: &'a Observer<'a>, deadline: Option<Instant>) -> Self {
        Self {
            observer,
            deadline,
            stop: AtomicBool::new(false),
        }
    }

    /// Whether the start that this is an event of goes on.
    pub(super) fn tell(&self, event: Event) -> ControlFlow<Stop> {
        let frame = matches!(
            event,
            Event::StartBegan { .. }
                | Event::StartPaused { .. }
                | Event::StartResumed { .. }
                | Event::StartEnded { .. }
        );
        let told = frame || self.answer().is_continue();
        if told && (self.observer)(event).is_break() {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.answer()
    }

    /// Whether all go on.
    pub(super) fn answer(&self) -> ControlFlow<Stop> {
        if self.stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(Stop::Cancelled);
        }
        if self.deadline.is_some_and(|end| Instant::now() >= end) {
            return ControlFlow::Break(Stop::TimeBudget);
        }
        ControlFlow::Continue(())
    }
}
