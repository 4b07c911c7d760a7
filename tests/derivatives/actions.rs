//! Derivatives as operational centres test theirs: tangent-linear against
//! finite differences, adjoint against tangent-linear, gradients by Taylor
//! remainder and central differences, curvature by differences of gradients.
//! Every rule, model, precision, number of windows and choice of estimated
//! parameters; and every combination of inputs, kinds of parameters, operators,
//! losses and precisions that vary in time.
//!
//! Central differences err by h²/6 of a third derivative and by ε/h of
//! rounding: at the best h about ε^(2/3) = 4e-11 for functions whose
//! derivatives are of one size, so 1e-7 leaves three digits for those that
//! are not.

use crate::fixtures::cases::{self, Case, Check, RF};
use crate::fixtures::features;
use crate::fixtures::{Noise, dot, norm, plus};
use deepest::models::{Linear, Lorenz63};
use deepest::prelude::*;
use deepest::{Curvature, Error, Rule};
use ndarray::array;

const AT_BEST_STEP: f64 = 1e-7;

/// Smallest error over h = 10⁻¹ … 10⁻⁸.
fn best_step(error: impl FnMut(f64) -> f64) -> f64 {
    (1..9)
        .map(|k| 0.1_f64.powi(k))
        .map(error)
        .fold(f64::INFINITY, f64::min)
}

struct Gradient;

impl Check for Gradient {
    fn check(
        &self,
        Case {
            name, action, x, ..
        }: &Case,
    ) {
        let mut at = action.at(RF).unwrap();
        let mut g = vec![0.0; x.len()];
        let value = at.value_and_gradient(x, &mut g);
        // Another objective, which has not been at x.
        let again = action.at(RF).unwrap().value(x);
        assert_eq!(value, again, "{name}: value with and without gradient");
        assert_eq!(value, at.terms(x).total, "{name}: value and terms");
        let largest = g.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for i in 0..x.len() {
            let mut unit = vec![0.0; x.len()];
            unit[i] = 1.0;
            let error = best_step(|h| {
                let (up, down) = (at.value(&plus(x, h, &unit)), at.value(&plus(x, -h, &unit)));
                ((up - down) / (2.0 * h) - g[i]).abs()
            });
            assert!(
                error <= AT_BEST_STEP * largest,
                "{name}, unknown {i}: {error:e}"
            );
        }
    }
}

#[test]
fn gradients_equal_central_differences() {
    cases::every(&Gradient);
}

#[test]
fn gradients_with_every_feature_equal_central_differences() {
    features::every(&Gradient);
}

/// A(x + hu) − A(x) − h gᵀu = O(h²), and no better.
struct Taylor;

impl Check for Taylor {
    fn check(
        &self,
        Case {
            name, action, x, ..
        }: &Case,
    ) {
        let mut at = action.at(RF).unwrap();
        let mut g = vec![0.0; x.len()];
        let value = at.value_and_gradient(x, &mut g);
        // Along the gradient's signs nothing cancels; states of this size see
        // the third-order term at h = 2⁻⁸ as a few percent of the second.
        let mut noise = Noise(3);
        let u: Vec<f64> = g
            .iter()
            .map(|g| g.signum() * (1.0 + 0.5 * noise.next()))
            .collect();
        let remainder = |at: &mut deepest::ActionAt<'_>, h: f64| {
            (at.value(&plus(x, h, &u)) - value - h * dot(&g, &u)).abs()
        };
        let halvings: Vec<f64> = (8..14)
            .map(|k| remainder(&mut at, 0.5_f64.powi(k)) / remainder(&mut at, 0.5_f64.powi(k + 1)))
            .collect();
        // The deviation from slope 2 is itself of first order in h.
        let slope = halvings[halvings.len() - 1].log2();
        assert!(
            (slope - 2.0).abs() <= 0.02,
            "{name}: slopes of {halvings:?}"
        );
    }
}

#[test]
fn the_taylor_remainder_of_the_action_has_slope_two() {
    cases::every(&Taylor);
}

struct TangentLinear;

impl Check for TangentLinear {
    fn check(
        &self,
        Case {
            name, action, x, ..
        }: &Case,
    ) {
        let mut at = action.at(RF).unwrap();
        let g = at.residuals(x).unwrap();
        // Parameters that change in time have residuals of their own.
        let drifting = if name.contains("Walk") || name.contains("Correlated") {
            g.len() / 3
        } else {
            0
        };
        assert_eq!(g.len(), action.counts().residuals + drifting, "{name}");
        let mut noise = Noise(7);
        let (u, v) = (noise.vector(x.len()), noise.vector(x.len()));
        let tangent = at.tangent_linear(x, &u).unwrap();
        let error = best_step(|h| {
            let up = at.residuals(&plus(x, h, &u)).unwrap();
            let down = at.residuals(&plus(x, -h, &u)).unwrap();
            let difference: Vec<f64> = up
                .iter()
                .zip(&down)
                .map(|(a, b)| (a - b) / (2.0 * h))
                .collect();
            norm(&plus(&difference, -1.0, &tangent))
        });
        assert!(error <= AT_BEST_STEP * norm(&tangent), "{name}: {error:e}");

        let sum: Vec<f64> = u.iter().zip(&v).map(|(u, v)| 2.0 * u - 3.0 * v).collect();
        let of_sum = at.tangent_linear(x, &sum).unwrap();
        let other = at.tangent_linear(x, &v).unwrap();
        let parts: Vec<f64> = tangent
            .iter()
            .zip(&other)
            .map(|(u, v)| 2.0 * u - 3.0 * v)
            .collect();
        let size = norm(&of_sum) + 2.0 * norm(&tangent) + 3.0 * norm(&other);
        assert!(
            norm(&plus(&of_sum, -1.0, &parts)) <= 1e-14 * size,
            "{name}: linearity"
        );

        let nothing = at.tangent_linear(x, &vec![0.0; x.len()]).unwrap();
        assert!(
            nothing.iter().all(|v| *v == 0.0),
            "{name}: zero perturbation"
        );
        let nothing = at.adjoint(x, &vec![0.0; g.len()]).unwrap();
        assert!(nothing.iter().all(|v| *v == 0.0), "{name}: zero weights");

        let w = noise.vector(g.len());
        let adjoint = at.adjoint(x, &w).unwrap();
        let error = (dot(&w, &tangent) - dot(&adjoint, &u)).abs();
        let size = (norm(&w) * norm(&tangent)).max(norm(&adjoint) * norm(&u));
        assert!(
            error <= 1e-14 * size,
            "{name}: dot product {:e}",
            error / size
        );
    }
}

#[test]
fn tangent_linear_and_adjoint_belong_to_the_residuals() {
    cases::every(&TangentLinear);
    features::every(&TangentLinear);
}

#[test]
fn linearized_residuals_name_what_has_the_wrong_length() {
    let setting = cases::settings()[0];
    let case = cases::case(
        Lorenz63,
        Euler,
        &[3; cases::LAYERS],
        setting,
        ("lorenz63", &[10.0, 28.0, 2.6]),
    );
    let mut at = case.action.at(RF).unwrap();
    let (n, m) = (case.x.len(), case.action.counts().residuals);
    let length = |result: deepest::Result<Vec<f64>>| match result.unwrap_err() {
        Error::Length {
            what,
            expected,
            found,
            ..
        } => (what, expected, found),
        other => panic!("{other}"),
    };
    let short = &case.x[1..];
    assert_eq!(length(at.residuals(short)), ("unknowns", n, n - 1));
    assert_eq!(
        length(at.tangent_linear(short, &case.x)),
        ("unknowns", n, n - 1)
    );
    assert_eq!(
        length(at.tangent_linear(&case.x, short)),
        ("perturbation", n, n - 1)
    );
    assert_eq!(
        length(at.adjoint(short, &vec![0.0; m])),
        ("unknowns", n, n - 1)
    );
    assert_eq!(
        length(at.adjoint(&case.x, &vec![0.0; m + 1])),
        ("weights of residuals", m, m + 1)
    );
}

/// Finds a damping under which the Hessian is positive definite, and steps.
fn damped_step(
    at: &mut dyn NewtonSteps,
    x: &[f64],
    g: &[f64],
    curvature: Curvature,
) -> (f64, Vec<f64>) {
    let mut step = vec![0.0; x.len()];
    let dampings = std::iter::once(0.0).chain((-6..9).map(|k| 4.0_f64.powi(k)));
    for damping in dampings {
        if at.newton_step(x, curvature, damping, g, &mut step).is_ok() {
            return (damping, step);
        }
    }
    panic!("indefinite under every damping");
}

/// (H + λS⁻²) s = −g with Hs by differences of gradients.
struct ExactCurvature;

impl Check for ExactCurvature {
    fn check(
        &self,
        Case {
            name, action, x, ..
        }: &Case,
    ) {
        let mut at = action.at(RF).unwrap();
        let n = x.len();
        let mut g = vec![0.0; n];
        at.value_and_gradient(x, &mut g);
        let mut noise = Noise(9);
        // Any right-hand side will do, so take several that excite all of H.
        for _ in 0..2 {
            let rhs = noise.vector(n);
            let (damping, s) = damped_step(&mut at, x, &rhs, Curvature::Exact);
            let damped: Vec<f64> = s
                .iter()
                .zip(at.scales())
                .map(|(s, scale)| damping * s / (scale * scale))
                .collect();
            let unit = norm(&s);
            let (mut up, mut down) = (vec![0.0; n], vec![0.0; n]);
            let mut size = 0.0;
            let error = best_step(|h| {
                let h = h / unit;
                at.value_and_gradient(&plus(x, h, &s), &mut up);
                at.value_and_gradient(&plus(x, -h, &s), &mut down);
                let hs: Vec<f64> = up
                    .iter()
                    .zip(&down)
                    .map(|(a, b)| (a - b) / (2.0 * h))
                    .collect();
                size = norm(&hs);
                let mut rest = plus(&plus(&hs, 1.0, &damped), 1.0, &rhs);
                // Positive parameters stop at zero, with a multiplier.
                for (i, rest) in rest.iter_mut().enumerate() {
                    if x[i] + s[i] <= at.lower()[i] && *rest >= 0.0 {
                        *rest = 0.0;
                    }
                }
                norm(&rest)
            });
            // Where H is nearly singular s is large and Hs is not: the
            // difference errs in proportion to the entries of H, of size RF.
            let size = size + norm(&rhs) + RF * unit;
            assert!(
                error <= AT_BEST_STEP * size,
                "{name}: {error:e} of {size:e}"
            );
        }
    }
}

#[test]
fn exact_newton_steps_solve_the_differenced_hessian() {
    cases::every(&ExactCurvature);
}

#[test]
fn exact_newton_steps_with_every_feature_solve_the_differenced_hessian() {
    features::every(&ExactCurvature);
}

/// Gauss-Newton's matrix is GᵀRG plus that of the quadratic terms, and R is
/// known from the gradient where it is a multiple of one.
struct GaussNewtonCurvature;

impl Check for GaussNewtonCurvature {
    fn check(
        &self,
        Case {
            name, action, x, ..
        }: &Case,
    ) {
        if !name.contains("Scalar") || !name.contains("windows: 1") {
            return;
        }
        let weight = RF * 1.3;
        let mut at = action.at(RF).unwrap();
        let rest = |at: &mut deepest::ActionAt<'_>, x: &[f64]| {
            let mut gradient = vec![0.0; x.len()];
            at.value_and_gradient(x, &mut gradient);
            let g = at.residuals(x).unwrap();
            let model = at.adjoint(x, &g).unwrap();
            (plus(&gradient, -weight, &model), gradient)
        };
        let (quadratic, gradient) = rest(&mut at, x);
        let mut s = vec![0.0; x.len()];
        let step = at.newton_step(x, Curvature::GaussNewton, 0.0, &gradient, &mut s);
        let predicted = step.unwrap().predicted_decrease;
        let gs = at.tangent_linear(x, &s).unwrap();
        let model = at.adjoint(x, &gs).unwrap();
        // The other terms are quadratic: their gradients differ by H s.
        let moved = rest(&mut at, &plus(x, 1.0, &s)).0;
        let hs = plus(&plus(&moved, -1.0, &quadratic), weight, &model);
        let size = norm(&gradient) + weight * norm(&model) + norm(&moved);
        let error = norm(&plus(&hs, 1.0, &gradient));
        // Backward error of a solve of this order, and that of the two
        // gradients.
        assert!(error <= 1e-11 * size, "{name}: {error:e} of {size:e}");
        let by_hand = -dot(&gradient, &s) - 0.5 * dot(&s, &hs);
        assert!(
            (predicted - by_hand).abs() <= 1e-9 * by_hand.abs(),
            "{name}: {predicted} {by_hand}"
        );
    }
}

#[test]
fn gauss_newton_steps_solve_with_first_derivatives() {
    cases::every(&GaussNewtonCurvature);
}

#[test]
fn gauss_newton_is_exact_where_the_model_is_linear() {
    let matrix = array![[-0.3, 1.0, 0.0], [-1.0, -0.2, 0.4], [0.1, 0.0, -0.5]];
    struct Same;
    impl Check for Same {
        fn check(
            &self,
            Case {
                name, action, x, ..
            }: &Case,
        ) {
            let mut at = action.at(RF).unwrap();
            let mut g = vec![0.0; x.len()];
            at.value_and_gradient(x, &mut g);
            let mut first = vec![0.0; x.len()];
            let mut second = first.clone();
            at.newton_step(x, Curvature::GaussNewton, 0.0, &g, &mut first)
                .unwrap();
            at.newton_step(x, Curvature::Exact, 0.0, &g, &mut second)
                .unwrap();
            let error = norm(&plus(&first, -1.0, &second));
            assert!(error <= 1e-13 * norm(&first), "{name}: {error:e}");
        }
    }
    features::linear(&Same, false);
    let linear = || Linear::new(matrix.clone()).unwrap();
    for setting in cases::settings() {
        fn case<R: Rule<Linear>>(model: Linear, rule: R, setting: cases::Setting) -> Case {
            let widths = [Flow::width(&model); cases::LAYERS];
            cases::case(model, rule, &widths, setting, ("linear", &[]))
        }
        Same.check(&case(linear(), Map, setting));
        Same.check(&case(linear(), Euler, setting));
        Same.check(&case(linear(), Trapezoid, setting));
        Same.check(&case(linear(), Midpoint, setting));
        Same.check(&case(linear(), Rk4, setting));
        Same.check(&case(linear(), SimpsonHermite, setting));
    }
}
