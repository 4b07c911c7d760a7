//! Powell's dogleg in the scaled norm.

use std::ops::ControlFlow;

use deepest::minimize::{Curvature, Iteration, Minimizer, Objective, Outcome, Termination, Work};

use super::rules::{LIMIT, Point, ROUNDING, evaluate, natural, outcome};

/// Powell's dogleg in the scaled norm; rejected steps use the factorization again.
#[derive(Debug, Clone)]
pub struct Dogleg {
    pub tolerance: f64,
    /// Exact curvature once the predicted decrease is below this part of the value.
    pub near: f64,
    /// Stops by the rate of convergence too.
    pub foresee: bool,
}

/// The model along the dogleg: Gauss-Newton step n, Cauchy step c.
struct Leg {
    newton: Vec<f64>,
    cauchy: Vec<f64>,
    /// gᵀn, gᵀc, cᵀHc, and the scaled lengths.
    gn: f64,
    gc: f64,
    chc: f64,
    newton_length: f64,
    cauchy_length: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(s: &[f64], scales: &[f64]) -> f64 {
    s.iter()
        .zip(scales)
        .map(|(s, c)| (s / c).powi(2))
        .sum::<f64>()
        .sqrt()
}

impl Leg {
    fn new(objective: &mut dyn Objective, at: &Point, newton: Vec<f64>, work: &mut Work) -> Leg {
        let scales = objective.scales().to_vec();
        let down = at
            .gradient
            .iter()
            .zip(&scales)
            .map(|(g, s)| -g * s * s)
            .collect::<Vec<_>>();
        // dᵀHd by a difference of gradients.
        let h = 1e-6 / length(&down, &scales);
        let ahead: Vec<f64> = at.x.iter().zip(&down).map(|(x, d)| x + h * d).collect();
        let ahead = evaluate(objective, ahead, work);
        let slope = dot(&at.gradient, &down);
        let curvature = (dot(&ahead.gradient, &down) - slope) / h;
        let newton_length = length(&newton, &scales);
        let longest = newton_length / length(&down, &scales);
        let t = if curvature > 0.0 {
            (-slope / curvature).min(longest)
        } else {
            longest
        };
        let cauchy: Vec<f64> = down.iter().map(|d| t * d).collect();
        Leg {
            gn: dot(&at.gradient, &newton),
            gc: t * slope,
            chc: t * t * curvature,
            cauchy_length: length(&cauchy, &scales),
            newton_length,
            newton,
            cauchy,
        }
    }

    /// The step of this radius and the decrease that it promises.
    fn step(&self, radius: f64, scales: &[f64]) -> (Vec<f64>, f64) {
        if radius >= self.newton_length {
            return (self.newton.clone(), -0.5 * self.gn);
        }
        let (a, b) = if radius <= self.cauchy_length {
            (radius / self.cauchy_length, 0.0)
        } else {
            // |c + b (n − c)| = radius.
            let way: Vec<f64> = self
                .newton
                .iter()
                .zip(&self.cauchy)
                .map(|(n, c)| n - c)
                .collect();
            let ww = length(&way, scales).powi(2);
            let scaled = self.cauchy.iter().zip(&way).zip(scales);
            let cw: f64 = scaled.map(|((c, w), s)| c * w / (s * s)).sum();
            let cc = self.cauchy_length.powi(2);
            let b = (-cw + (cw * cw + ww * (radius * radius - cc)).max(0.0).sqrt()) / ww;
            (1.0 - b, b)
        };
        let step = self
            .cauchy
            .iter()
            .zip(&self.newton)
            .map(|(c, n)| a * c + b * n)
            .collect();
        let slope = a * self.gc + b * self.gn;
        let bend = a * a * self.chc - 2.0 * a * b * self.gc - b * b * self.gn;
        (step, -slope - 0.5 * bend)
    }
}

impl Minimizer for Dogleg {
    fn minimize(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        _: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        let mut work = Work::default();
        let mut at = evaluate(objective, x.to_vec(), &mut work);
        let mut radius = f64::INFINITY;
        let (mut near, mut before) = (false, f64::INFINITY);
        let mut termination = Termination::IterationLimit;
        'walk: while work.factorizations < LIMIT {
            let mut newton = vec![0.0; x.len()];
            work.factorizations += 1;
            let mut damping = 0.0;
            let mut curvature = if near {
                Curvature::Exact
            } else {
                Curvature::GaussNewton
            };
            while objective.newton().is_none_or(|steps| {
                steps
                    .newton_step(&at.x, curvature, damping, &at.gradient, &mut newton)
                    .is_err()
            }) {
                work.factorizations += 1;
                if curvature == Curvature::Exact {
                    curvature = Curvature::GaussNewton;
                    continue;
                }
                if work.factorizations >= LIMIT {
                    break 'walk;
                }
                damping = (10.0 * damping).max(1e-8 * natural(&at, objective));
            }
            let scales = objective.scales().to_vec();
            let full = length(&newton, &scales);
            let mut leg = None;
            loop {
                let (step, predicted) = if radius >= full {
                    (newton.clone(), -0.5 * dot(&at.gradient, &newton))
                } else {
                    let leg = leg
                        .get_or_insert_with(|| Leg::new(objective, &at, newton.clone(), &mut work));
                    leg.step(radius, &scales)
                };
                let taken = length(&step, &scales);
                let end = at.moved(&step, objective);
                let trial = evaluate(objective, end, &mut work);
                let ratio = (at.value - trial.value) / predicted;
                let noise = ROUNDING * at.value.abs();
                let good = ratio > 1e-4 || (predicted <= noise && trial.value <= at.value + noise);
                if !(trial.finite() && good) {
                    if predicted <= noise {
                        termination = Termination::RoundingLimit;
                        break 'walk;
                    }
                    radius = 0.25 * taken;
                    before = f64::INFINITY;
                    if taken == 0.0 {
                        termination = Termination::NoProgress;
                        break 'walk;
                    }
                    continue;
                }
                if ratio < 0.25 {
                    radius = 0.5 * taken;
                } else if ratio > 0.75 {
                    radius = radius.max(3.0 * taken);
                }
                at = trial;
                work.iterations += 1;
                let size = at.value.abs();
                // As the library: by the rate of two steps of which the second is full.
                let rate = predicted / before;
                let known = before.is_finite() && rate < 1.0 && ratio > 0.5;
                let left = if self.foresee && known {
                    predicted * rate / (1.0 - rate)
                } else {
                    f64::INFINITY
                };
                before = predicted;
                if !near && predicted <= self.near * size {
                    radius = f64::INFINITY;
                }
                near = predicted <= self.near * size;
                if taken >= full && left.min(predicted) <= self.tolerance * size {
                    termination = Termination::Converged;
                    break 'walk;
                }
                if predicted <= ROUNDING * size {
                    termination = Termination::RoundingLimit;
                    break 'walk;
                }
                break;
            }
        }
        x.copy_from_slice(&at.x);
        outcome(at.value, termination, work)
    }

    fn name(&self) -> &'static str {
        "dogleg"
    }
}
