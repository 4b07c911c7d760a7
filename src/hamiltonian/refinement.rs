//! As many layers as the problem needs, where it needs them.

use super::adjoint::Sweep;
use super::boundary::{BoundaryProblem, Extremal};
use super::momenta::WindowMomenta;
use crate::action::{Action, Estimate, Normalization, PrecisionUnit};
use crate::error::{Error, Result};
use crate::minimize::Termination;
use crate::objective::LocalTerms;
use crate::problem::grid::Grid;
use crate::problem::precision::check_positive;

/// A boundary value problem that is solved to a tolerance.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refined {
    /// The action on the layers that were chosen.
    pub action: Action,
    /// The solution on them.
    pub solved: Extremal,
    /// What the action is estimated to be away from that of infinitely many layers.
    pub error: f64,
    /// The rounds that led here, this solution's the last.
    pub rounds: Vec<Refinement>,
}

/// One round of a refinement.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Refinement {
    /// Layers of all windows.
    pub layers: usize,
    /// The action on them.
    pub action: f64,
    /// Its estimated error.
    pub error: f64,
}

/// States of a problem that is not refined any more.
const MOST_STATES: usize = 1_000_000;

/// Rounds in which the error must at least become half as large: what is left
/// otherwise is rounding.
const PATIENCE: usize = 5;

impl BoundaryProblem<'_> {
    /// Solves the problem on ever more layers, until the action is within
    /// `tolerance` of that of infinitely many.
    ///
    /// A stationary path makes no first-order difference to the action, whose error
    /// therefore is the sum of the local errors of the discrete Lagrangians along
    /// it. Each round solves the problem with every interval bisected and compares
    /// L_d of both halves with that of the whole at the same path. In Hamilton's
    /// form L_d = vᵀg − ½ vᵀ(h/c)R_f⁻¹v, stationary in the multipliers v too, those of
    /// the whole are as good where they only belong to the momentum at its end; the
    /// difference is, to first order, p times the error of the step, at any R_f.
    /// Richardson's extrapolation makes Σ |difference| / (2^q − 1) the error that the
    /// halves leave, q the rule's order. Intervals with more than their share of the
    /// tolerance are bisected for the next round: layers gather where momenta are
    /// large.
    ///
    /// Where an observer [breaks off](Self::watch), the error is infinite. `guess`
    /// lies on the layers of the action, which has R_f per time and the *sum*
    /// normalization. The error is that of a stationary path: see the solution's
    /// termination.
    ///
    /// # Errors
    /// As [`solve`](Self::solve); [`Error::NotAFlow`] for layer maps,
    /// [`Error::NotPositive`] for a tolerance,
    /// [`Error::Contradiction`] for R_f per step, which is another problem on other
    /// layers, [`Error::Normalization`]; [`Error::GridTooCoarse`] where more than a
    /// million states would be needed, and where rounding is larger than the tolerance.
    pub fn refine(&self, guess: &Estimate, tolerance: f64) -> Result<Refined> {
        self.check_refinable(tolerance)?;
        let order = self.action.dynamics().order().ok_or(Error::NotAFlow {
            what: "a refinement of layers",
        })?;
        // How many times the error of the finer layers the difference of both is.
        let missing = f64::from(order).exp2() - 1.0;
        // A guess of another shape is refused here, as by `solve`.
        self.action.pack(guess)?;
        let mut coarse = bisected(self.action, |_, _| false)?;
        let mut fine = bisected(&coarse, |_, _| true)?;
        let mut guess = fine.interpolated(&coarse, guess);
        let mut rounds: Vec<Refinement> = Vec::new();
        loop {
            let problem = BoundaryProblem {
                action: &fine,
                rf: self.rf,
                fixed: self.fixed.clone(),
                watch: self.watch,
            };
            let solved = problem.solve(&guess)?;
            let cancelled = solved.termination == Termination::Cancelled;
            let errors = local_errors((&coarse, &fine), self.rf, &solved, missing)?;
            let error = match cancelled {
                true => f64::INFINITY,
                false => errors.iter().flatten().sum(),
            };
            rounds.push(Refinement {
                layers: fine.windows().iter().map(|w| w.grid().layers()).sum(),
                action: solved.action.total,
                error,
            });
            if error <= tolerance || cancelled {
                return Ok(Refined {
                    action: fine,
                    solved,
                    error,
                    rounds,
                });
            }
            let intervals = errors.iter().map(Vec::len).sum::<usize>();
            let share = tolerance / intervals as f64;
            coarse = bisected(&coarse, |w, k| errors[w][k] > share)?;
            let finer = bisected(&coarse, |_, _| true)?;
            let before = rounds.len().checked_sub(PATIENCE + 1);
            let stalls = before.is_some_and(|before| error > 0.5 * rounds[before].error);
            if stalls || finer.counts().unknowns > MOST_STATES || !error.is_finite() {
                return Err(Error::GridTooCoarse {
                    what: "the tolerance of the action",
                    place: format!("refinement, {intervals} intervals"),
                    expected: tolerance,
                    found: error,
                });
            }
            guess = finer.interpolated(&fine, &solved.estimate);
            fine = finer;
        }
    }

    fn check_refinable(&self, tolerance: f64) -> Result<()> {
        check_positive("tolerance of the action", || "refinement".into(), tolerance)?;
        if self.action.precision_unit() == PrecisionUnit::PerStep {
            return Err(Error::Contradiction {
                place: "refinement".into(),
                first: "a model precision per step".into(),
                second: "steps of any length".into(),
            });
        }
        match self.action.normalization() {
            Normalization::Sum => Ok(()),
            other => Err(Error::Normalization {
                what: "refinement",
                expected: Normalization::Sum.name(),
                found: other.name(),
            }),
        }
    }
}

/// The action with the chosen intervals (of a window, by number) in halves.
fn bisected(action: &Action, chosen: impl Fn(usize, usize) -> bool) -> Result<Action> {
    let steps = action.dynamics().steps();
    let windows = action.windows().iter().enumerate();
    let grids = windows.map(|(w, window)| {
        let known = window.grid().times();
        let mut times = vec![known[0]];
        for (n, pair) in known.windows(2).enumerate() {
            if chosen(w, n / steps) {
                times.push(0.5 * (pair[0] + pair[1]));
            }
            times.push(pair[1]);
        }
        Grid::new(times)
    });
    action.regridded(grids.collect::<Result<Vec<_>>>()?)
}

/// For each interval of `coarse` the error that its halves leave, at the solution on
/// `fine`.
fn local_errors(
    (coarse, fine): (&Action, &Action),
    rf: f64,
    solved: &Extremal,
    missing: f64,
) -> Result<Vec<Vec<f64>>> {
    let y = fine.pack(&solved.estimate)?;
    let x = coarse.pack(&coarse.interpolated(fine, &solved.estimate))?;
    let halves = fine.local_terms(rf, &y)?;
    let wholes = coarse.local_terms(rf, &x)?;
    let covariance = coarse.model_precision().inverse(|| "refinement".into())?;
    let mut errors = Vec::new();
    for (w, momenta) in solved.momenta.windows.iter().enumerate() {
        let mut sweep = Sweep::new(coarse, w, &x);
        let mut of_window = potential_errors(coarse, w, &halves[w], &wholes[w]);
        for (k, error) in of_window.iter_mut().enumerate() {
            let slopes = sweep.linearize(k, &x)?;
            let v =
                sweep.multipliers(&slopes, k, &behind(coarse.dynamics().steps(), k, momenta))?;
            let strain = coarse.strain((rf, &covariance), (w, k), &v);
            let terms = v.iter().zip(slopes.g.iter().zip(&strain));
            let whole: f64 = terms.map(|(v, (g, s))| v * (g - 0.5 * s)).sum();
            *error += halves[w].intervals[2 * k] + halves[w].intervals[2 * k + 1] - whole;
            *error = error.abs() / missing;
        }
        errors.push(of_window);
    }
    Ok(errors)
}

/// Gᵀv of an interval by its layers behind the first, from momenta on halves.
fn behind(steps: usize, k: usize, momenta: &WindowMomenta) -> Vec<f64> {
    let inner = (1..steps).map(|j| 2 * (k * steps + j));
    let forces = inner.flat_map(|n| momenta.jumps.layer(n).iter().map(|jump| -jump));
    let end = momenta.before.layer(2 * (k + 1)).iter().copied();
    forces.chain(end).collect()
}

/// For each interval by how much measurements add more on halved steps: something
/// for smooth ones only. What a layer adds belongs to the steps beside it in
/// proportion to their lengths.
fn potential_errors(
    coarse: &Action,
    w: usize,
    halves: &LocalTerms,
    wholes: &LocalTerms,
) -> Vec<f64> {
    let times = coarse.windows()[w].grid().times();
    let last = times.len() - 1;
    let before = |n: usize| match n {
        0 => 0.0,
        n if n == last => 1.0,
        n => (times[n] - times[n - 1]) / (times[n + 1] - times[n - 1]),
    };
    let more = |n: usize| halves.layers[2 * n] - wholes.layers[n];
    let of_step = |n: usize| {
        let ends = (1.0 - before(n)) * more(n) + before(n + 1) * more(n + 1);
        ends + halves.layers[2 * n + 1]
    };
    let steps = coarse.dynamics().steps();
    let intervals = 0..last / steps;
    intervals
        .map(|k| (k * steps..(k + 1) * steps).map(of_step).sum())
        .collect()
}
