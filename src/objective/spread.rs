//! What the curvature of the action says of each static parameter.

use crate::action::{Action, Slot};
use ndarray::Array2;

use crate::action::Estimate;
use crate::error::{Error, Result};
use crate::linalg::cholesky;
use crate::minimize::Objective;

/// How well an estimated static parameter is determined at a minimum.
///
/// ```
/// # use deepest::{models::Lorenz63, prelude::*};
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
/// # let annealing = Annealer::new(Schedule::adaptive()).starts(2).run(&action)?;
/// let (_, best) = annealing.best().expect("a start that reached the end");
/// let rho = &action.parameter_spreads(best.rf, &best.estimate)?[0];
/// let deviation = rho.deviation.expect("it stands at no bound");
/// println!("{} = {:.2} ± {deviation:.2}", rho.name, rho.value);
/// assert!(rho.identifiable && (rho.value - 28.0).abs() < 4.0 * deviation);
/// # Ok(())
/// # }
/// ```
#[doc(alias(
    "confidence",
    "uncertainty",
    "error bars",
    "standard deviation",
    "identifiability"
))]
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ParameterSpread {
    /// Its name.
    pub name: String,
    /// The window whose value it is, where every window has its own.
    pub window: Option<usize>,
    /// Its value at the estimate.
    pub value: f64,
    /// Its standard deviation when all states and all other parameters that
    /// stand at no bound may change with it, in units of the parameter; `None`
    /// at a bound, where the action still slopes.
    pub deviation: Option<f64>,
    /// The bound where it stands, if it does.
    pub at_bound: Option<f64>,
    /// Whether the data and the model tell more of it than its bounds and its
    /// prior do.
    pub identifiable: bool,
    /// Whether rounding hides at this R_f what the data and the model tell of it, and
    /// a smaller R_f does not show it either: neither is known then.
    #[cfg_attr(feature = "serde", serde(default))]
    pub hidden: bool,
}

/// What one R_f shows of a parameter.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Its variance.
    variance: f64,
    /// The information of data and model.
    told: f64,
    /// Below this that is rounding.
    floor: f64,
    /// The information of bounds and prior.
    before: f64,
}

impl Seen {
    fn is_hidden(&self) -> bool {
        self.told.is_nan() || self.told <= self.floor
    }

    fn is_more(&self) -> bool {
        self.told > self.before.max(self.floor)
    }
}

/// The information of the border, and what elimination began with.
struct Information {
    /// The Schur complement of the Hessian by the border.
    left: Array2<f64>,
    /// The diagonal of the Hessian itself. Elimination of the states subtracts
    /// nearly all of it where they follow a parameter, and leaves rounding.
    whole: Vec<f64>,
}

/// Of the whole diagonal, what rounding leaves at least.
const ROUNDING: f64 = 1e-15;
/// Powers of ten by which rounding may grow in the elimination of the states.
const MOST_ROUNDING: usize = 10;
/// How many times what rounding shows of itself is information.
const ABOVE_ROUNDING: f64 = 1e3;

/// Smaller values of R_f at which hidden information is looked for, and their ratio.
const BELOW: usize = 4;
const RATIO: f64 = 1e-3;

/// Information that grows by more than this factor from one of them to the next has
/// not come to its end.
const GROWS: f64 = 2.0;

impl Action {
    /// Standard deviations of all estimated static parameters at an estimate
    /// that minimizes the action at `rf`, in the order of
    /// [`pack`](Action::pack).
    ///
    /// They come from the Gauss-Newton Hessian of the action in the *sum*
    /// normalization, to which every other is converted: its Schur complement S
    /// by the parameters, once all states are eliminated, is the information
    /// that data, model and priors hold, and S⁻¹ the covariance (the Laplace
    /// approximation; exact for linear models). A uniform density between two
    /// bounds has the variance width²/12. A parameter is *identifiable* where
    /// its information without prior is above that of bounds and prior
    /// together; one with neither, where any is left above rounding.
    ///
    /// The elimination of the states subtracts numbers that grow with R_f, so that
    /// rounding can hide the information. The matrix H(R_f) grows with R_f, and S with
    /// it: what a smaller R_f shows is there at the larger one too. Where `rf` hides
    /// something, smaller ones are tried, and the deviation is that of the largest one
    /// which shows it.
    ///
    /// # Errors
    /// As [`Action::at`] and [`Action::pack`];
    /// [`Error::NotPositiveDefinite`] where the states themselves are not
    /// determined.
    #[doc(alias("confidence", "uncertainty", "error bars", "standard deviation"))]
    pub fn parameter_spreads(&self, rf: f64, estimate: &Estimate) -> Result<Vec<ParameterSpread>> {
        if let Some(shaped) = self.reshaped(estimate)? {
            return shaped.parameter_spreads(rf, estimate);
        }
        let x = self.pack(estimate)?;
        let mut objective = self.at(rf)?;
        let slots = &self.layout.slots;
        let first = self.layout.border();
        let bound_of = |k: usize| {
            let range = self.parameters[slots[k].parameter].range();
            range.end_at(x[first + k])
        };
        let inside: Vec<usize> = (0..slots.len())
            .filter(|&k| bound_of(k).is_none())
            .collect();
        let whole = self.seen(&mut objective, &x, &inside);
        let mut at: Vec<Vec<Seen>> = Vec::new();
        let hides = |seen: &Result<Vec<Seen>>| match seen {
            Ok(seen) => seen.iter().any(Seen::is_hidden),
            Err(_) => true,
        };
        if hides(&whole) {
            for k in 1..=BELOW {
                if objective.set_rf(rf * RATIO.powi(k as i32)).is_err() {
                    break;
                }
                at.extend(self.seen(&mut objective, &x, &inside));
                let clear = |seen: &Vec<Seen>| !seen.iter().any(Seen::is_hidden);
                if at.iter().rev().take(2).filter(|seen| clear(seen)).count() == 2 {
                    break;
                }
            }
        }
        let whole = match (whole, at.first()) {
            (Ok(whole), _) => whole,
            (Err(_), Some(largest)) => largest.clone(),
            (Err(error), None) => return Err(error),
        };
        let spread = |(k, slot): (usize, &Slot)| {
            let place = inside.iter().position(|i| *i == k);
            let known = place.map(|i| {
                let below: Vec<Seen> = at.iter().map(|seen| seen[i]).collect();
                judge(whole[i], &below)
            });
            ParameterSpread {
                name: self.names[slot.parameter].clone(),
                window: slot.window,
                value: x[first + k],
                deviation: known.map(|(seen, _)| seen.variance.sqrt()),
                at_bound: bound_of(k),
                identifiable: known.is_some_and(|(seen, _)| seen.is_more()),
                hidden: known.is_some_and(|(_, hidden)| hidden),
            }
        };
        Ok(slots.iter().enumerate().map(spread).collect())
    }

    /// What the R_f of the objective shows of the parameters `inside` their bounds.
    fn seen(
        &self,
        objective: &mut super::ActionAt<'_>,
        x: &[f64],
        inside: &[usize],
    ) -> Result<Vec<Seen>> {
        let information = objective.border_information(x)?;
        let (variances, rounding) = information.variances(inside)?;
        let one = |(&k, variance): (&usize, f64)| {
            let slot = &self.layout.slots[k];
            let parameter = &self.parameters[slot.parameter];
            let value = x[self.layout.border() + k];
            let prior = parameter.prior.map_or(0.0, |prior| prior.at(value)[2]);
            let bounds = parameter.range().width().map_or(0.0, |w| 12.0 / (w * w));
            Seen {
                variance,
                told: variance.recip() - prior,
                floor: ABOVE_ROUNDING * rounding * information.whole[k],
                before: prior + bounds,
            }
        };
        Ok(inside.iter().zip(variances).map(one).collect())
    }
}

/// What counts of a parameter that was seen at R_f and, where that was looked for, at
/// smaller ones, the largest first; and whether it stays hidden.
fn judge(whole: Seen, below: &[Seen]) -> (Seen, bool) {
    if !whole.is_hidden() {
        return (whole, false);
    }
    if let Some(seen) = below.iter().find(|seen| seen.is_more()) {
        return (*seen, false);
    }
    // The largest that rounding does not hide tells less than bounds and prior.
    let shown = below.iter().position(|seen| !seen.is_hidden());
    let grows = shown.is_some_and(|k| {
        let next = below.get(k + 1);
        next.is_some_and(|next| below[k].told > GROWS * next.told)
    });
    (shown.map_or(whole, |k| below[k]), grows)
}

impl super::ActionAt<'_> {
    /// The information in the Gauss-Newton Hessian at `x`, in the *sum*
    /// normalization.
    fn border_information(&mut self, x: &[f64]) -> Result<Information> {
        let mut gradient = vec![0.0; self.dimension()];
        self.value_and_gradient(x, &mut gradient);
        let left = self.left_by_states(x, &gradient)?;
        let first = x.len() - left.nrows();
        let weight = self.action.measurement_weight;
        let mut product = gradient;
        let mut whole_of = |k: usize| {
            let mut unit = vec![0.0; x.len()];
            unit[first + k] = 1.0;
            self.product(x, &unit, &mut product);
            product[first + k] / weight
        };
        Ok(Information {
            whole: (0..left.nrows()).map(&mut whole_of).collect(),
            left: left / weight,
        })
    }

    /// The diagonal of the Gauss-Newton Hessian by the parameters that all windows
    /// share once the states are eliminated, without their priors.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] where the states are not determined.
    pub(crate) fn information_diagonal(&mut self, x: &[f64]) -> Result<Vec<f64>> {
        if self.action.condenses(self)
            && let Ok(diagonal) = self.condensed_diagonal(x)
        {
            return Ok(diagonal);
        }
        let mut gradient = vec![0.0; self.dimension()];
        self.value_and_gradient(x, &mut gradient);
        let left = self.left_by_states(x, &gradient)?;
        let action = self.action;
        let slots = action.layout.slots.iter().zip(&x[action.layout.border()..]);
        let priors = slots.map(|(slot, value)| {
            let prior = action.parameters[slot.parameter].prior;
            prior.map_or(0.0, |prior| action.measurement_weight * prior.at(*value)[2])
        });
        let diagonal = left.diag();
        let shared = action.layout.slots.iter().map(|slot| slot.window.is_none());
        let pairs = diagonal.iter().zip(priors).zip(shared);
        let pairs = pairs.filter(|(_, shared)| *shared);
        Ok(pairs.map(|((all, prior), _)| all - prior).collect())
    }

    /// The Schur complement by the states; where rounding makes their Hessian
    /// indefinite, with as little damping as mends that.
    fn left_by_states(&mut self, x: &[f64], gradient: &[f64]) -> Result<Array2<f64>> {
        let mut bad = match self.border_matrix(x, 0.0, gradient) {
            Ok(left) => return Ok(left),
            Err(bad) => bad,
        };
        self.scale_from(x);
        // The mean curvature by scaled unknowns.
        let ones = self.scales().to_vec();
        let mut product = vec![0.0; x.len()];
        self.product(x, &ones, &mut product);
        let curvature = ones.iter().zip(&product).map(|(s, p)| s * p).sum::<f64>();
        let mut damping = ROUNDING * curvature.abs();
        for _ in 0..MOST_ROUNDING {
            match self.border_matrix(x, damping, gradient) {
                Ok(left) => return Ok(left),
                Err(still) => bad = still,
            }
            damping *= 10.0;
        }
        Err(Error::NotPositiveDefinite {
            what: "Hessian by the states",
            place: "spreads of parameters".into(),
            pivot: 0,
            found: bad.pivot,
        })
    }
}

impl Information {
    /// Diagonal of the inverse of the part `inside`, and how much of the whole
    /// is rounding: as little as makes the matrix positive definite.
    fn variances(&self, inside: &[usize]) -> Result<(Vec<f64>, f64)> {
        let n = inside.len();
        // With a unit diagonal one threshold serves all parameters.
        let size = |k: usize| self.whole[inside[k]].sqrt().max(f64::MIN_POSITIVE);
        let scaled = Array2::from_shape_fn((n, n), |(i, j)| {
            self.left[(inside[i], inside[j])] / (size(i) * size(j))
        });
        let (factor, rounding) =
            positive_factor(scaled).map_err(|(k, found)| Error::NotPositiveDefinite {
                what: "information by the parameters",
                place: "spreads of parameters".into(),
                pivot: inside[k],
                found,
            })?;
        // (L Lᵀ)⁻¹ has the squared columns of L⁻¹ on its diagonal.
        let variance = |k: usize| {
            let mut column = vec![0.0; n];
            for i in k..n {
                let known: f64 = (k..i).map(|j| factor[(i, j)] * column[j]).sum();
                let unit = if i == k { 1.0 } else { 0.0 };
                column[i] = (unit - known) / factor[(i, i)];
            }
            column.iter().map(|v| v * v).sum::<f64>() / (size(k) * size(k))
        };
        Ok(((0..n).map(variance).collect(), rounding))
    }
}

/// Cholesky factor of a matrix whose rounding is that of ones on its diagonal,
/// with as little added there as makes it positive definite; and how much.
fn positive_factor(
    mut matrix: Array2<f64>,
) -> std::result::Result<(Array2<f64>, f64), (usize, f64)> {
    let (mut rounding, mut more) = (ROUNDING, ROUNDING);
    loop {
        matrix.diag_mut().mapv_inplace(|v| v + more);
        match cholesky(&matrix) {
            Ok(factor) => return Ok((factor, rounding)),
            Err(bad) if rounding >= 1.0 => return Err(bad),
            Err(_) => {
                more = 9.0 * rounding;
                rounding *= 10.0;
            }
        }
    }
}
