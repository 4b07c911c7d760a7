//! An objective with the errors of its model as unknowns.

use crate::minimize::{Curvature, Indefinite, Objective, QuadraticStep};

/// What a walk sees of an objective that [takes errors](Objective::takes_errors).
pub(super) struct ByErrors<'a> {
    pub(super) inner: &'a mut dyn Objective,
    /// The states at hand.
    x: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    scales: Vec<f64>,
}

impl<'a> ByErrors<'a> {
    /// The objective, and its unknowns that belong to `x`.
    pub(super) fn new(inner: &'a mut dyn Objective, x: &[f64]) -> (Self, Vec<f64>) {
        let mut errors = vec![0.0; x.len()];
        let mut scales = errors.clone();
        inner.errors(x, &mut errors, &mut scales);
        // Only parameters have bounds, which are unknowns of both kinds.
        let (lower, upper) = (inner.lower().to_vec(), inner.upper().to_vec());
        let x = x.to_vec();
        let by_errors = Self {
            inner,
            x,
            lower,
            upper,
            scales,
        };
        (by_errors, errors)
    }
}

impl Objective for ByErrors<'_> {
    fn dimension(&self) -> usize {
        self.x.len()
    }

    fn lower(&self) -> &[f64] {
        &self.lower
    }

    fn upper(&self) -> &[f64] {
        &self.upper
    }

    fn scales(&self) -> &[f64] {
        &self.scales
    }

    fn value(&mut self, errors: &[f64]) -> f64 {
        self.inner.states(errors, &mut self.x);
        self.inner.value(&self.x)
    }

    fn value_and_gradient(&mut self, errors: &[f64], gradient: &mut [f64]) -> f64 {
        self.inner.states(errors, &mut self.x);
        let value = self.inner.value_and_gradient(&self.x, gradient);
        self.inner.gradient_by_errors(&self.x, gradient);
        value
    }

    fn rounding(&mut self, errors: &[f64]) -> f64 {
        self.inner.states(errors, &mut self.x);
        self.inner.rounding(&self.x)
    }

    /// A walk by gradients asks for none.
    fn newton_step(
        &mut self,
        _errors: &[f64],
        _curvature: Curvature,
        _damping: f64,
        _gradient: &[f64],
        _step: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite> {
        Err(Indefinite { pivot: f64::NAN })
    }
}
