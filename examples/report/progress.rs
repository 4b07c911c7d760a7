//! A progress bar and the CPU times of the starts.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cpu_time::{ProcessTime, ThreadTime};
use deepest::{Annealing, Event};
use indicatif::{ProgressBar, ProgressStyle};

/// Watches an annealing: `run.finish_observed(&|event| progress.see(event))`.
pub struct Progress {
    bar: ProgressBar,
    starts: Mutex<Vec<Clock>>,
    began: ProcessTime,
}

/// The CPU time of one start.
#[derive(Clone, Copy, Default)]
struct Clock {
    /// What its thread's clock showed when it went on.
    since: Option<Duration>,
    sum: Duration,
}

/// CPU time in seconds.
pub struct CpuSeconds {
    pub starts: Vec<f64>,
    pub process: f64,
}

impl Progress {
    /// The bar is shown on stderr where that is a terminal.
    /// `levels` are those of a start, where they are known.
    pub fn new(starts: usize, levels: Option<usize>) -> Self {
        let bar = match levels {
            _ if !std::io::stderr().is_terminal() => ProgressBar::hidden(),
            Some(levels) => ProgressBar::new((starts * levels) as u64),
            None => ProgressBar::no_length(),
        };
        let template = match levels {
            Some(_) => "{bar:40} {pos}/{len} levels, {elapsed}, {msg}",
            None => "{spinner} {pos} levels, {elapsed}, {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            starts: Mutex::new(vec![Clock::default(); starts]),
            began: ProcessTime::now(),
        }
    }

    /// Counts the levels of an annealing that goes on.
    pub fn resume(&self, annealing: &Annealing) {
        let levels = annealing.starts.iter().map(|start| start.levels.len());
        self.bar.inc(levels.sum::<usize>() as u64);
    }

    /// To be shown every event.
    pub fn see(&self, event: Event) -> ControlFlow<()> {
        match event {
            Event::StartBegan { start } | Event::StartResumed { start } => self.on(start),
            Event::StartPaused { start } | Event::StartEnded { start } => self.off(start),
            Event::LevelReached {
                start,
                beta,
                action,
                ..
            } => {
                self.bar.inc(1);
                self.bar
                    .set_message(format!("start {start}: A({beta}) = {action:.4e}"));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// A thread, whose clock counts no other start, goes on with one.
    fn on(&self, start: usize) {
        self.clock(start, |clock, now| clock.since = Some(now));
    }

    fn off(&self, start: usize) {
        self.clock(start, |clock, now| {
            let since = clock.since.take().unwrap_or(now);
            clock.sum += now.saturating_sub(since);
        });
    }

    fn clock(&self, start: usize, set: impl FnOnce(&mut Clock, Duration)) {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clock) = starts.get_mut(start) {
            set(clock, ThreadTime::now().as_duration());
        }
    }

    /// Takes the bar away and gives the CPU times.
    pub fn finish(self) -> CpuSeconds {
        self.bar.finish_and_clear();
        let starts = self.starts.into_inner();
        let starts = starts.unwrap_or_else(PoisonError::into_inner);
        CpuSeconds {
            starts: starts.iter().map(|c| c.sum.as_secs_f64()).collect(),
            process: self.began.elapsed().as_secs_f64(),
        }
    }
}
