//! Runs of a flow that is pulled towards data.

use super::interval::{Pull, Span};
use super::rk4::rk4_step;
use crate::derivative::AnyFlow;

/// Integrates ẋ = F(x) + K (y(t) − x) over one step by Runge-Kutta sub-steps.
pub(crate) fn integrate(
    model: &dyn AnyFlow,
    span: Span<'_>,
    x: &[f64],
    theta: &[f64],
    pull: &Pull<'_>,
    next: &mut [f64],
) {
    let (begin, h) = (span.times[0], span.length());
    let gain = pull.gain / h;
    let mut input = Vec::new();
    let mut scratch = Vec::new();
    let mut state = x.to_vec();
    let sub = h / pull.substeps as f64;
    for k in 0..pull.substeps {
        let t = begin + k as f64 * sub;
        let field = |t: f64, x: &[f64], dx: &mut [f64]| {
            span.write_inputs(t, &mut input);
            model.values(t, x, theta, &input, dx);
            for target in pull.targets {
                let part = (t - begin) / h;
                let y = target.begin + part * (target.end - target.begin);
                dx[target.component] += gain * (y - x[target.component]);
            }
        };
        rk4_step((t, sub), &state, &mut scratch, next, field);
        state.copy_from_slice(next);
    }
}
