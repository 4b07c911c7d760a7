//! Where minimizers end: at minima below zero, at zeros with a slope, at starts that are
//! none, and after their limit whatever an objective says.

use std::ops::ControlFlow;

use crate::fixtures::ladder::{go, lorenz96};
use deepest::minimize::{Indefinite, QuadraticStep};
use deepest::prelude::*;
use deepest::{Curvature, Work};

/// ½ c (x − m)² + v of each unknown, or a plane where c is 0, of slope 1.
struct Bowl {
    curvature: f64,
    middle: f64,
    lift: f64,
    lower: Vec<f64>,
    upper: Vec<f64>,
    scales: Vec<f64>,
    evaluations: usize,
    /// What a step says that it took.
    factorizations: usize,
}

impl Bowl {
    fn new(curvature: f64, middle: f64, lift: f64) -> Self {
        Self {
            curvature,
            middle,
            lift,
            lower: vec![-1e3],
            upper: vec![1e3],
            scales: vec![1.0],
            evaluations: 0,
            factorizations: 1,
        }
    }
}

impl Objective for Bowl {
    fn dimension(&self) -> usize {
        1
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
    fn value(&mut self, x: &[f64]) -> f64 {
        self.value_and_gradient(x, &mut [0.0])
    }
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        self.evaluations += 1;
        let d = x[0] - self.middle;
        if self.curvature == 0.0 {
            gradient[0] = 1.0;
            return d + self.lift;
        }
        gradient[0] = self.curvature * d;
        0.5 * self.curvature * d * d + self.lift
    }
    fn newton(&mut self) -> Option<&mut dyn NewtonSteps> {
        Some(self)
    }
}

impl NewtonSteps for Bowl {
    fn newton_step(
        &mut self,
        x: &[f64],
        _curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite> {
        let bend = self.curvature + damping;
        if bend <= 0.0 {
            return Err(Indefinite { pivot: bend });
        }
        step[0] = -gradient[0] / bend;
        step[0] = step[0].max(self.lower[0] - x[0]).min(self.upper[0] - x[0]);
        let gain = -gradient[0] * step[0] - 0.5 * self.curvature * step[0] * step[0];
        let mut quadratic = QuadraticStep::new(gain);
        quadratic.factorizations = self.factorizations;
        Ok(quadratic)
    }
}

fn minimizers() -> [Box<dyn Minimizer>; 2] {
    [Box::new(GaussNewton::default()), Box::new(Lbfgs::default())]
}

/// x² − 1 from ½ and from 1, where the value is exactly 0, and from −1; the minimum is
/// −1 at 0. Shifted so that rounding does not meet it by chance: (x − 0.3)² − 1.
#[test]
fn minima_below_zero_are_reached() {
    for minimizer in minimizers() {
        for (middle, start) in [(0.0, 0.5), (0.0, 1.0), (0.0, -1.0), (0.3, 0.5), (0.3, 1.3)] {
            let mut bowl = Bowl::new(2.0, middle, -1.0);
            let mut x = [start];
            let outcome = minimizer.minimize(&mut bowl, &mut x, &mut go);
            let name = format!("{}, {middle}, {start}: {outcome:?}", minimizer.name());
            assert!(
                matches!(
                    outcome.termination,
                    Termination::Converged | Termination::RoundingLimit
                ),
                "{name}"
            );
            // The value tells x to the root of its rounding.
            assert!((x[0] - middle).abs() < 3e-8, "{name}, {x:?}");
            assert!((outcome.value + 1.0).abs() < 1e-15, "{name}");
        }
    }
}

/// A plane through zero goes down to its bound.
#[test]
fn zero_with_a_slope_is_no_end() {
    for minimizer in minimizers() {
        let mut plane = Bowl::new(0.0, 2.0, 0.0);
        let mut x = [2.0];
        let outcome = minimizer.minimize(&mut plane, &mut x, &mut go);
        let name = format!("{}: {outcome:?}", minimizer.name());
        assert_eq!(x, [-1e3], "{name}");
        assert_eq!(outcome.termination, Termination::Converged, "{name}");
    }
}

/// A stationary start needs no step.
#[test]
fn nothing_is_done_where_there_is_no_slope() {
    for minimizer in minimizers() {
        for (start, lower) in [(0.0, -1.0), (1.0, 1.0)] {
            let mut bowl = Bowl::new(2.0, 0.0, -1.0);
            bowl.lower[0] = lower;
            let outcome = minimizer.minimize(&mut bowl, &mut [start], &mut go);
            let name = format!("{}: {outcome:?}", minimizer.name());
            assert_eq!(outcome.termination, Termination::Converged, "{name}");
            let (iterations, factorizations) =
                (outcome.work.iterations, outcome.work.factorizations);
            assert_eq!((iterations, factorizations), (0, 0), "{name}");
        }
    }
}

/// What is no start is left as it is and not evaluated.
#[test]
fn what_is_no_start_is_said_and_left_alone() {
    for minimizer in minimizers() {
        let mut spoilt: Vec<(Bowl, Vec<f64>)> = Vec::new();
        let bowl = || Bowl::new(2.0, 0.0, -1.0);
        spoilt.push((bowl(), vec![f64::NAN]));
        spoilt.push((bowl(), vec![]));
        spoilt.push((bowl(), vec![0.5, 0.5]));
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-310] {
            let mut bowl = bowl();
            bowl.scales[0] = scale;
            spoilt.push((bowl, vec![0.5]));
        }
        for lengths in 0..3 {
            let mut bowl = bowl();
            let of = [&mut bowl.lower, &mut bowl.upper, &mut bowl.scales];
            of.into_iter().nth(lengths).unwrap().push(1.0);
            spoilt.push((bowl, vec![0.5]));
        }
        for (mut bowl, mut x) in spoilt {
            let before: Vec<u64> = x.iter().map(|v| v.to_bits()).collect();
            for nearby in [false, true] {
                let outcome = match nearby {
                    false => minimizer.minimize(&mut bowl, &mut x, &mut go),
                    true => minimizer.minimize_nearby(&mut bowl, &mut x, &mut go),
                };
                assert_eq!(outcome.termination, Termination::NonFinite);
                assert!(outcome.value.is_nan());
                assert_eq!(outcome.work, Work::default());
                let after: Vec<u64> = x.iter().map(|v| v.to_bits()).collect();
                assert_eq!(before, after, "{}", minimizer.name());
                assert_eq!(bowl.evaluations, 0);
            }
        }
    }
}

/// A plane without bounds has no minimum, and steps that report no factorization, or
/// more than can be counted, are limited all the same. The first matrix is singular and
/// counts as one.
#[test]
fn the_limit_holds_whatever_steps_report() {
    for (factorizations, steps) in [(0, 39), (1, 39), (3, 13), (usize::MAX, 1)] {
        let mut plane = Bowl::new(0.0, 0.0, 0.0);
        (plane.lower, plane.upper) = (vec![f64::NEG_INFINITY], vec![f64::INFINITY]);
        plane.factorizations = factorizations;
        let minimizer = GaussNewton::default().max_factorizations(40);
        let minimizer = minimizer.tolerance(1e-300).unwrap();
        let mut seen = 0;
        let outcome = minimizer.minimize(&mut plane, &mut [0.0], &mut |_| {
            seen += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(outcome.termination, Termination::IterationLimit);
        assert_eq!((seen, outcome.work.iterations), (steps, steps));
    }
}

/// Vectors of another length are answered by NaN, as their documentation says.
#[test]
fn vectors_of_another_length_are_no_number() {
    let (twin, action) = lorenz96(5, 21);
    let x = action
        .pack(&Estimate::new(vec![twin.truth.clone()], vec![8.17]))
        .unwrap();
    let n = x.len();
    let mut at = action.at(1.0).unwrap();
    let fine = at.value_and_gradient(&x, &mut vec![0.0; n]);
    assert!(fine.is_finite());
    for length in [0, n - 1, n + 1, 2 * n] {
        let other = vec![0.5; length];
        assert!(at.value(&other).is_nan());
        assert!(at.rounding(&other).is_nan());
        let mut gradient = vec![0.0; n];
        assert!(at.value_and_gradient(&other, &mut gradient).is_nan());
        assert!(gradient.iter().all(|g| g.is_nan()));
        let mut gradient = vec![0.0; length];
        assert!(at.value_and_gradient(&x, &mut gradient).is_nan());
        assert!(gradient.iter().all(|g| g.is_nan()));
        let right = vec![0.0; n];
        for (x, gradient, step) in [(&other, &right, n), (&x, &other, n), (&x, &right, length)] {
            let mut step = vec![0.0; step];
            let solved = at.newton_step(x, Curvature::GaussNewton, 0.0, gradient, &mut step);
            assert!(solved.unwrap_err().pivot.is_nan());
            assert!(step.iter().all(|s| s.is_nan()));
        }
        for minimizer in minimizers() {
            let mut short = other.clone();
            let outcome = minimizer.minimize(&mut at, &mut short, &mut go);
            assert_eq!(outcome.termination, Termination::NonFinite);
            assert_eq!(short, other);
        }
    }
    // And what comes after is as before.
    assert_eq!(at.value_and_gradient(&x, &mut vec![0.0; n]), fine);
}

/// ½ |x − 3|² with values and gradients only, as small as an objective can be.
struct Plain {
    evaluations: usize,
}

impl Objective for Plain {
    fn dimension(&self) -> usize {
        2
    }
    fn lower(&self) -> &[f64] {
        &[-1.0; 2]
    }
    fn upper(&self) -> &[f64] {
        &[f64::INFINITY; 2]
    }
    fn scales(&self) -> &[f64] {
        &[1.0, 2.0]
    }
    fn value(&mut self, x: &[f64]) -> f64 {
        self.value_and_gradient(x, &mut [0.0; 2])
    }
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        self.evaluations += 1;
        for (slope, x) in gradient.iter_mut().zip(x) {
            *slope = x - 3.0;
        }
        0.5 * x.iter().map(|x| (x - 3.0).powi(2)).sum::<f64>()
    }
}

/// Gauss-Newton says that there are no Newton steps, and L-BFGS needs none.
#[test]
fn an_objective_without_newton_steps_is_for_gradients() {
    let mut plain = Plain { evaluations: 0 };
    assert!(plain.newton().is_none());
    // Outside the bounds, so that a projection would be seen.
    let start = [-5.0, 8.0];
    for near in [false, true] {
        let (mut x, newton) = (start, GaussNewton::default());
        let outcome = match near {
            true => newton.minimize_nearby(&mut plain, &mut x, &mut go),
            false => newton.minimize(&mut plain, &mut x, &mut go),
        };
        assert_eq!(outcome.termination, Termination::NoNewtonSteps);
        assert!(outcome.value.is_nan());
        assert_eq!(outcome.work, Work::default());
        assert_eq!((x, plain.evaluations), (start, 0));
    }
    let mut x = start;
    let outcome = Lbfgs::default().minimize(&mut plain, &mut x, &mut go);
    assert_eq!(outcome.termination, Termination::Converged);
    assert!(x.iter().all(|x| (x - 3.0).abs() < 1e-7), "{x:?}");
}
