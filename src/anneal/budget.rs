//! What an annealing may cost. A budget only cuts off: what comes before the
//! cut is the same with and without it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::results::Stop;
use crate::minimize::Work;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Budget {
    pub(super) time: Option<Duration>,
    /// Those of one start, so that the cut does not depend on threads.
    pub(super) evaluations: Option<usize>,
    pub(super) factorizations: Option<usize>,
}

impl Budget {
    /// When the time of a run that begins now is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        // A time beyond the end of the clock is none.
        self.time.and_then(|time| Instant::now().checked_add(time))
    }

    /// Whether a start that has done `work` may go on, in a race that allows so
    /// many factorizations.
    pub(super) fn allows(&self, work: Work, race: usize) -> ControlFlow<Stop> {
        let within = |most: Option<usize>, done| most.is_none_or(|most| done < most);
        if within(self.evaluations, work.evaluations)
            && within(self.factorizations, work.factorizations)
        {
            return match work.factorizations < race {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(Stop::Crawling),
            };
        }
        ControlFlow::Break(Stop::WorkBudget)
    }
}
