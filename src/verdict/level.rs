//! The measurements' term of the lowest level against what it should be.

use std::ops::ControlFlow;

use super::influence::Influence;
use super::normal::{both_tails, deviation_of};
use crate::action::{Action, ActionTerms, PrecisionUnit};
use crate::anneal::{Level, StartResult};
use crate::error::Result;
use crate::minimize::{GaussNewton, Minimizer};
use crate::problem::precision::Shape;

/// A level is not near its limit of R_f → ∞ while its model error is more than
/// this part of the action's standard deviation.
const NEAR: f64 = 0.5;

/// The ratio of R_f from one minimum to the next on the way down from where a
/// start began, and how many there are at most.
const FACTOR: f64 = 3.0;
const MOST_BELOW: usize = 40;

/// Where the measurements' term of the lowest level is, and where it should be: with
/// right precisions and a right model twice the term is χ² with K_y − tr P degrees of
/// freedom, P the influence of the measured values on what the estimate has in their
/// place. Priors have a term of their own ([`PriorTest`](super::PriorTest)).
///
/// Actions are in nats, those of the *sum* normalization, whatever the action's
/// own is.
#[doc(alias("goodness of fit", "chi-squared", "p-value"))]
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LevelTest {
    /// The measurements' term as R_f → ∞: the action is short of its limit by little
    /// more than its model error, which falls as 1/R_f. The term and the model error
    /// of the level itself where it is not [converged](Self::converged).
    pub action: f64,
    /// ν = K_y − tr P, to the nearest whole number: the measured values less what the
    /// estimate follows of them. Without priors these are the unknowns of the first
    /// states and the parameters that stand at no bound.
    pub freedom: usize,
    /// ½ν, the expected term.
    pub expected: f64,
    /// ½√(2ν), its standard deviation.
    pub deviation: f64,
    /// How many standard deviations of a normal number the action is too high
    /// (too low where negative), after Wilson and Hilferty.
    pub z: f64,
    /// The probability of an action at least as far from its median, above or
    /// below.
    pub probability: f64,
    /// √(A/½ν): times this, the standard deviations that are declared for all
    /// measurements would put the level where it should be.
    pub noise_factor: f64,
    /// Whether the model error of the level is small against the deviation, so
    /// that a larger R_f changes nothing.
    pub converged: bool,
    /// The model error with which the action is what it should be; `None` where
    /// it is higher at no R_f that the start passed.
    pub model_error: Option<ModelError>,
    /// The largest model error that the data allow: that with which the action
    /// is two deviations below its expected value.
    pub model_error_limit: Option<ModelError>,
}

/// A model error that the data ask for.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ModelError {
    /// Its R_f, in the action's own normalization.
    pub rf: f64,
    /// Its standard deviation, one a component of the state, or one for all
    /// where the model precision is a scalar: of the residual of one step in
    /// units of the state, or in those of the state over √time, as the unit
    /// says. Factors of the windows' steps are left out.
    pub deviations: Vec<f64>,
    /// Whether that is of a step or of a time.
    pub unit: PrecisionUnit,
}

impl LevelTest {
    /// `None` where nothing is expected: without degrees of freedom and with
    /// losses that are not Gaussian. `at_bounds` parameters stand at a bound.
    pub(super) fn new(
        action: &Action,
        (start, level): (&StartResult, &Level),
        influence: &Influence,
        at_bounds: usize,
    ) -> Result<Option<Self>> {
        let freedom = influence.freedom().round() as usize;
        if freedom == 0 || !action.is_gaussian() {
            return Ok(None);
        }
        let nats = |value: f64| value / action.measurement_scale();
        let expected = 0.5 * freedom as f64;
        let deviation = (0.5 * freedom as f64).sqrt();
        let model = nats(level.action.model);
        let converged = model <= NEAR * deviation;
        let now = nats(level.action.measurement) + model;
        let term = now + if converged { model } else { 0.0 };
        let z = deviation_of(2.0 * term, freedom as f64);
        let errors = model_errors(action, start, at_bounds)?;
        let [model_error, model_error_limit] = errors;
        Ok(Some(Self {
            action: term,
            freedom,
            expected,
            deviation,
            z,
            probability: both_tails(z),
            noise_factor: (term / expected).sqrt(),
            converged,
            model_error,
            model_error_limit,
        }))
    }
}

/// The model errors with which the whole action is what it should be, and two
/// deviations below.
fn model_errors(
    action: &Action,
    start: &StartResult,
    at_bounds: usize,
) -> Result<[Option<ModelError>; 2]> {
    let freedom = action.degrees_of_freedom().map_or(0, |f| f + at_bounds);
    if freedom == 0 {
        return Ok([None, None]);
    }
    let half = 0.5 * freedom as f64;
    let scale = action.measurement_scale();
    let (expected, least) = (half * scale, (half - 2.0 * half.sqrt()) * scale);
    let ladder = ladder(action, start, least)?;
    Ok([expected, least].map(|height| {
        let rf = crossing(&ladder, height)?;
        Some(ModelError::new(action, rf))
    }))
}

impl ModelError {
    fn new(action: &Action, rf: f64) -> Self {
        let shape = action.model_precision();
        let components = match shape.shape() {
            Shape::Scalar(_) => 1,
            Shape::Diagonal(values) => values.len(),
            Shape::Full(matrix) => matrix.nrows(),
        };
        let alone = |i: usize| shape.marginal(&[i])[(0, 0)];
        let deviation = |i: usize| (rf * action.sum_per_rf() * alone(i)).powf(-0.5);
        Self {
            rf,
            deviations: (0..components).map(deviation).collect(),
            unit: action.precision_unit(),
        }
    }
}

/// The action at a minimum.
#[derive(Clone, Copy)]
struct Rung {
    rf: f64,
    total: f64,
    model: f64,
}

/// The minima of a start from where it last fell to a lower branch on, and those
/// below them down to where the action is `height`: many starts begin above.
fn ladder(action: &Action, start: &StartResult, height: f64) -> Result<Vec<Rung>> {
    let rung = |rf: f64, terms: ActionTerms| Rung {
        rf,
        total: terms.total,
        model: terms.model,
    };
    let falls = |pair: &[Level]| pair[1].action.total < pair[0].action.total;
    let fallen = start.levels.windows(2).rposition(falls);
    let levels = &start.levels[fallen.map_or(0, |k| k + 1)..];
    let all = levels.iter();
    let mut upwards: Vec<Rung> = all.map(|level| rung(level.rf, level.action)).collect();
    let Some(lowest) = levels.first() else {
        return Ok(upwards);
    };
    let mut x = action.pack(&lowest.estimate)?;
    let mut objective = action.at(lowest.rf)?;
    objective.scale_from(&x);
    let mut downwards = Vec::new();
    let (mut rf, mut total) = (lowest.rf, lowest.action.total);
    while total > height && downwards.len() < MOST_BELOW {
        rf /= FACTOR;
        objective.set_rf(rf)?;
        let go = &mut |_| ControlFlow::Continue(());
        GaussNewton::default().minimize(&mut objective, &mut x, go);
        let terms = objective.terms(&x);
        total = terms.total;
        downwards.push(rung(rf, terms));
    }
    downwards.reverse();
    downwards.append(&mut upwards);
    Ok(downwards)
}

/// The largest R_f where the action passes `height` upwards. Between two minima
/// ln A is a cubic in ln R_f, whose slopes at both ends are known: the part that
/// the model error has in the action.
fn crossing(ladder: &[Rung], height: f64) -> Option<f64> {
    let passes =
        |pair: &&[Rung]| 0.0 < pair[0].total && pair[0].total < height && height <= pair[1].total;
    let pair = ladder.windows(2).rfind(passes)?;
    let [below, above] = [pair[0], pair[1]];
    let step = (above.rf / below.rf).ln();
    let slope = |rung: Rung| step * rung.model / rung.total;
    let (y0, y1) = (below.total.ln(), above.total.ln());
    let (m0, m1) = (slope(below), slope(above));
    let cubic = |t: f64| {
        let s = 1.0 - t;
        s * s * ((1.0 + 2.0 * t) * y0 + t * m0) + t * t * ((3.0 - 2.0 * t) * y1 - s * m1)
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if cubic(middle) < height.ln() {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(below.rf * (step * low).exp())
}
