//! The classical Runge-Kutta step.

use std::ops::Range;
use std::sync::Arc;

use super::interval::Span;
use super::residual::{Residual, UNKNOWN_INPUT};
use crate::derivative::{AnyFlow, KnownPattern, Number, Places, Trace, flow_pattern};
use crate::error::Result;
use crate::scalar::Scalar;

/// The step of a flow.
#[derive(Clone)]
pub(super) struct RungeKutta(pub(super) Arc<dyn AnyFlow>);

impl RungeKutta {
    pub(super) const NAME: &str = "rk4";
    pub(super) const ORDER: u32 = 1;
}

impl Residual for RungeKutta {
    const UNIFORM: bool = true;

    fn widths(&self, _interval: usize) -> (usize, usize) {
        (self.0.width(), self.0.width())
    }
    fn parameters(&self, _interval: usize) -> Range<usize> {
        0..self.0.parameter_count()
    }
    /// What the step depends on follows from the flow's own pattern.
    fn pattern(
        &self,
        _interval: usize,
        wanted: &[usize],
        places: &Places<'_>,
    ) -> Result<KnownPattern> {
        let known = flow_pattern(&*self.0, wanted, places)?;
        Ok(KnownPattern {
            rows: rows_of_step(&known.rows, wanted.len()),
            ..known
        })
    }
    #[inline(always)]
    fn residual<S: Number>(
        &self,
        span: Span<'_>,
        (x, next): (&[S], &[S]),
        theta: &[S],
        scratch: &mut Vec<S>,
        out: &mut [S],
    ) {
        let mut input = Vec::new();
        let mut generic_input = vec![S::from(UNKNOWN_INPUT); self.0.input_count()];
        let field = |t: f64, x: &[S], dx: &mut [S]| {
            span.write_inputs(t, &mut input);
            for (slot, &u) in generic_input.iter_mut().zip(&input) {
                *slot = S::from(u);
            }
            S::flow(&*self.0, S::from(t), x, theta, &generic_input, dx);
        };
        let step = (span.times[0], span.length());
        rk4_step(step, x, scratch, out, field);
        for (slot, &v) in out.iter_mut().zip(next) {
            *slot = v - *slot;
        }
    }
}

/// The rows of g = x₁ − Φ(x₀) by x₀, x₁ and parameters, from those of the flow by x
/// and parameters: the step taken with what depends on what.
fn rows_of_step(flow: &[Vec<usize>], parameters: usize) -> Vec<Vec<usize>> {
    let d = flow.len();
    // The right layer's own component.
    let mut rows: Vec<Vec<usize>> = (0..d).map(|i| vec![d + i]).collect();
    let columns = d + parameters;
    let (mut out, mut scratch) = (vec![Trace::from(0.0); d], Vec::new());
    for batch in (0..columns).step_by(Trace::BATCH) {
        let last = (batch + Trace::BATCH).min(columns);
        let unknowns = (0..columns).map(|c| match (batch..last).contains(&c) {
            true => Trace::unknown(0.0, c - batch),
            false => Trace::from(0.0),
        });
        let unknowns: Vec<Trace> = unknowns.collect();
        let (x, theta) = unknowns.split_at(d);
        let field = |_, x: &[Trace], dx: &mut [Trace]| {
            for (slot, row) in dx.iter_mut().zip(flow) {
                let of = |&c: &usize| if c < d { x[c] } else { theta[c - d] };
                *slot = row.iter().map(of).fold(Trace::from(0.0), |sum, v| sum + v);
            }
        };
        rk4_step((0.0, 1.0), x, &mut scratch, &mut out, field);
        for (row, result) in rows.iter_mut().zip(&out) {
            let known = (batch..last).filter(|c| result.depends_on(c - batch));
            row.extend(known.map(|c| if c < d { c } else { d + c }));
        }
    }
    rows
}

/// Writes Φ(x), one step from `t` of length `h`, to `out`. `field` computes
/// the derivative dx of x at a time.
pub(crate) fn rk4_step<S: Scalar>(
    (t, h): (f64, f64),
    x: &[S],
    scratch: &mut Vec<S>,
    out: &mut [S],
    mut field: impl FnMut(f64, &[S], &mut [S]),
) {
    let d = x.len();
    scratch.clear();
    scratch.resize(2 * d, S::zero());
    let (slope, state) = scratch.split_at_mut(d);
    out.copy_from_slice(x);
    state.copy_from_slice(x);
    // (time of the stage, weight of its slope, reach to the next stage)
    let stages = [
        (0.0, 1.0 / 6.0, 0.5),
        (0.5, 1.0 / 3.0, 0.5),
        (0.5, 1.0 / 3.0, 1.0),
        (1.0, 1.0 / 6.0, 0.0),
    ];
    for (c, weight, reach) in stages {
        field(t + c * h, state, slope);
        for i in 0..d {
            out[i] += slope[i] * (h * weight);
            state[i] = x[i] + slope[i] * (h * reach);
        }
    }
}
