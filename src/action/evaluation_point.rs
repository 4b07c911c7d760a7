//! The point at which an action is evaluated, and for what.

use std::sync::Arc;

/// What the action is evaluated for.
#[derive(Clone)]
pub(crate) struct EvaluationPoint<'a> {
    pub(crate) rf: f64,
    pub(crate) x: &'a [f64],
    /// Whether R_f's own term alone counts: the model error.
    pub(crate) model_alone: bool,
    /// Where there are any, λᵀg counts too.
    pub(crate) multipliers: Option<Arc<Multipliers>>,
}

impl EvaluationPoint<'_> {
    /// The same without multipliers: what a change of residuals weighs.
    pub(crate) fn without_multipliers(self) -> Self {
        Self {
            multipliers: None,
            ..self
        }
    }

    /// The same for the model error alone, which is linear in R_f.
    pub(crate) fn for_model_error(self) -> Self {
        Self {
            model_alone: true,
            multipliers: None,
            ..self
        }
    }
}

/// λ of each residual, window by window and interval by interval; zero for those
/// of parameters that change in time, whose precision is finite.
#[derive(Debug, Clone, Default)]
pub(crate) struct Multipliers {
    pub(crate) windows: Vec<Vec<Vec<f64>>>,
}

impl Multipliers {
    pub(crate) fn of(&self, w: usize, k: usize) -> &[f64] {
        &self.windows[w][k]
    }

    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        let all = self.windows.iter_mut().flatten().flatten();
        all.for_each(|value| *value *= factor);
        self
    }
}
