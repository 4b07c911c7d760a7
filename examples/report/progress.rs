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
    /// For each start its thread's clock when it began, then its CPU time.
    starts: Mutex<Vec<Duration>>,
    began: ProcessTime,
}

/// CPU time in seconds.
pub struct CpuSeconds {
    pub starts: Vec<f64>,
    pub process: f64,
}

impl Progress {
    /// The bar is shown on stderr where that is a terminal.
    pub fn new(starts: usize, levels: usize) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new((starts * levels) as u64)
        } else {
            ProgressBar::hidden()
        };
        let template = "{bar:40} {pos}/{len} levels, {elapsed}, {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            starts: Mutex::new(vec![Duration::ZERO; starts]),
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
        // A start begins and ends on one thread, whose clock counts no other.
        let clock = || ThreadTime::now().as_duration();
        match event {
            Event::StartBegan { start } => self.set(start, |_| clock()),
            Event::StartEnded { start } => self.set(start, |began| clock().saturating_sub(began)),
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

    fn set(&self, start: usize, time: impl FnOnce(Duration) -> Duration) {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = starts.get_mut(start) {
            *slot = time(*slot);
        }
    }

    /// Takes the bar away and gives the CPU times.
    pub fn finish(self) -> CpuSeconds {
        self.bar.finish_and_clear();
        let starts = self.starts.into_inner();
        let starts = starts.unwrap_or_else(PoisonError::into_inner);
        CpuSeconds {
            starts: starts.iter().map(Duration::as_secs_f64).collect(),
            process: self.began.elapsed().as_secs_f64(),
        }
    }
}
