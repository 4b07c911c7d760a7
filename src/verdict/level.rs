//! The lowest level against what it should be.

use super::normal::{both_tails, deviation_of};
use crate::action::{Action, PrecisionUnit};
use crate::anneal::{Level, StartResult};
use crate::discretization::Rule;
use crate::model::Model;
use crate::precision::Shape;

/// A level is not near its limit of R_f → ∞ while its model error is more than
/// this part of the action's standard deviation.
const NEAR: f64 = 0.5;

/// Where the lowest level is, and where it should be: with right precisions and
/// a right model 2A is χ² with ν degrees of freedom.
///
/// Actions are in nats, those of the *sum* normalization, whatever the action's
/// own is.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LevelTest {
    /// A as R_f → ∞: the level is short of it by little more than its model
    /// error, which falls as 1/R_f. The level itself where it is not
    /// [converged](Self::converged).
    pub action: f64,
    /// ν, measured values and priors less unknowns
    /// ([`Action::degrees_of_freedom`]), and one more for each static parameter
    /// at a bound.
    pub freedom: usize,
    /// ½ν, the expected action.
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
    /// losses that are not Gaussian.
    pub(super) fn new<M: Model, R: Rule<M>>(
        action: &Action<M, R>,
        (start, level): (&StartResult, &Level),
        at_bounds: usize,
    ) -> Option<Self> {
        action.expected_plateau()?;
        let freedom = action.degrees_of_freedom()? + at_bounds;
        let nats = |value: f64| value / action.measurement_scale();
        let expected = 0.5 * freedom as f64;
        let deviation = (0.5 * freedom as f64).sqrt();
        let model = nats(level.action.model);
        let converged = model <= NEAR * deviation;
        let total = nats(level.action.total) + if converged { model } else { 0.0 };
        let z = deviation_of(2.0 * total, freedom as f64);
        let error_at = |height: f64| {
            let rf = crossing(&start.levels, height * action.measurement_scale())?;
            Some(ModelError::new(action, rf))
        };
        Some(Self {
            action: total,
            freedom,
            expected,
            deviation,
            z,
            probability: both_tails(z),
            noise_factor: (total / expected).sqrt(),
            converged,
            model_error: error_at(expected),
            model_error_limit: error_at(expected - 2.0 * deviation),
        })
    }
}

impl ModelError {
    fn new<M: Model, R: Rule<M>>(action: &Action<M, R>, rf: f64) -> Self {
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

/// The largest R_f where the action passes `height` upwards. Between two levels
/// ln A is a cubic in ln R_f, whose slopes at both ends are known: the part that
/// the model error has in the action.
fn crossing(levels: &[Level], height: f64) -> Option<f64> {
    let passes = |pair: &&[Level]| {
        let [below, above] = [pair[0].action.total, pair[1].action.total];
        0.0 < below && below < height && height <= above
    };
    let pair = levels.windows(2).rfind(passes)?;
    let [below, above] = [&pair[0], &pair[1]];
    let step = (above.rf / below.rf).ln();
    let slope = |level: &Level| step * level.action.model / level.action.total;
    let (y0, y1) = (below.action.total.ln(), above.action.total.ln());
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
