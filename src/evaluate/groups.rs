//! Groups of windows side by side: the one place where what belongs to states is split by
//! group, the groups are evaluated in parallel, and what they say of the border is summed.

use super::worker::Worker;
use crate::action::Action;
use crate::parallel::in_parallel;

/// Lets every group, told its number, do `work` with its part of `states`, which are those
/// of all windows, or none. Results are in the groups' order.
pub(crate) fn by_group<R: Default + Send>(
    workers: &mut [Worker],
    action: &Action,
    states: &mut [f64],
    work: impl Fn(usize, &mut Worker, &mut [f64]) -> R + Sync + Send,
) -> Vec<R> {
    let mut rest = states;
    let mut jobs = Vec::with_capacity(workers.len());
    for worker in workers {
        let length = worker.states(action).len().min(rest.len());
        let (part, later) = rest.split_at_mut(length);
        rest = later;
        jobs.push((jobs.len(), worker, part, R::default()));
    }
    in_parallel(&mut jobs, |(g, worker, part, result)| {
        *result = work(*g, worker, part);
    });
    jobs.into_iter().map(|(.., result)| result).collect()
}

/// Writes the sum of what the groups have left for the border.
pub(crate) fn sum_borders(workers: &[Worker], to: &mut [f64]) {
    to.fill(0.0);
    add_borders(workers, to);
}

/// Adds what the groups have left for the border.
pub(crate) fn add_borders(workers: &[Worker], to: &mut [f64]) {
    for worker in workers {
        for (slot, value) in to.iter_mut().zip(&worker.border) {
            *slot += value;
        }
    }
}
