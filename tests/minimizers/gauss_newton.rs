//! Gauss-Newton against MINPACK: optima and counts on dense least squares.

use crate::dense;
#[allow(dead_code)]
use crate::harness;
use crate::problems;

use std::ops::ControlFlow;

use deepest::minimize::{Curvature, GaussNewton, Minimizer, Outcome, Termination};
use dense::LeastSquares;
use harness::{Reference, named, reference};
use problems::{Function, function};

/// Optima as printed by Moré, Garbow and Hillstrom (ACM TOMS 7, 17, 1981), one
/// unit of their last digit, and MINPACK's trial steps from the same start: the
/// function evaluations of its driver for `lmder` (`lmddrv.ref` in cminpack).
/// Each costs one factorization of the damped system.
const MINPACK: [(&str, f64, f64, usize); 12] = [
    ("rosenbrock", 0.0, 0.0, 21),
    ("helical_valley", 0.0, 0.0, 11),
    ("freudenstein_roth", 48.9842, 1e-4, 14),
    ("bard", 8.21487e-3, 1e-8, 6),
    ("kowalik_osborne", 3.07505e-4, 1e-9, 18),
    ("meyer", 87.9458, 1e-4, 126),
    ("watson_6", 2.28767e-3, 1e-8, 8),
    ("box_3d", 0.0, 0.0, 7),
    ("jennrich_sampson", 124.362, 1e-3, 21),
    ("brown_dennis", 85822.2, 0.1, 254),
    ("chebyquad_8", 3.51687e-3, 1e-8, 39),
    ("osborne_1", 5.46489e-5, 1e-10, 18),
];

/// Those of them that are not small at the optimum.
const LARGE_RESIDUALS: [&str; 4] = [
    "freudenstein_roth",
    "jennrich_sampson",
    "brown_dennis",
    "chebyquad_8",
];

fn minimize(r: &Reference, method: &GaussNewton, level: f64) -> (Outcome, Vec<f64>) {
    let Function::Squares(residuals) = function(&r.name) else {
        panic!("{} is no sum of squares", r.name)
    };
    let mut problem = LeastSquares::new(residuals, level, &r.start).bounds(&r.lower, &r.upper);
    let mut x = r.start.clone();
    let outcome = method.minimize(&mut problem, &mut x, &mut |_| ControlFlow::Continue(()));
    (outcome, x)
}

fn first_derivatives() -> GaussNewton {
    GaussNewton::default().curvature(Curvature::GaussNewton)
}

fn has_converged(outcome: &Outcome) -> bool {
    let ends = [Termination::Converged, Termination::RoundingLimit];
    ends.contains(&outcome.termination)
}

#[test]
fn ends_at_the_optima_of_minpack() {
    let (mut ours, mut theirs) = (0, 0);
    for (name, optimum, digit, steps) in MINPACK {
        let r = named(name);
        for method in [GaussNewton::default(), first_derivatives()] {
            let (outcome, _) = minimize(&r, &method, 1.0);
            assert!(has_converged(&outcome), "{name}: {outcome:?}");
            // An optimum of zero is reached at ε of the start.
            let digit = f64::max(digit, f64::EPSILON * r.start_value);
            let gap = (outcome.value - optimum).abs();
            assert!(gap <= digit, "{name}: {gap:e}");
        }
        let (outcome, _) = minimize(&r, &GaussNewton::default(), 1.0);
        println!(
            "{name:20}{:4} factorizations, MINPACK {steps}",
            outcome.work.factorizations
        );
        ours += outcome.work.factorizations;
        theirs += steps;
    }
    // MINPACK, without second derivatives, stops at a relative decrease of √ε
    // = 1.5e-8, before our 1e-9.
    assert!(ours <= theirs, "{ours} factorizations against {theirs}");
}

#[test]
fn a_singular_optimum_is_approached_at_the_rate_of_newton() {
    // Along the two null directions of Powell's singular function the residuals
    // are quadratic: a Gauss-Newton step halves the way, the value falls by 16.
    // What matters ends at tolerance · ε of the start: 21 steps, and one that
    // shows the rate.
    let r = named("powell_singular");
    let (outcome, _) = minimize(&r, &first_derivatives(), 1.0);
    let steps = (1e-9 * f64::EPSILON).recip().log(16.0).ceil() as usize + 1;
    assert_eq!(outcome.termination, Termination::Converged);
    assert!(outcome.work.factorizations <= steps, "{outcome:?}");
}

/// The optimum where it is not that of the table (SciPy's L-BFGS-B), which stays
/// above: by SciPy's `least_squares` with bounds.
fn bounded_optimum(r: &Reference) -> f64 {
    match r.name.as_str() {
        "bard_box" => 9.582284721153e-3,
        "powell_badly_scaled_box" => 1.5125936724e-10,
        _ => r.value,
    }
}

/// Ends at the saddle 7.877 of Wood's function (its published stationary point),
/// where first derivatives see a minimum.
const ENDS_AT_A_SADDLE: &str = "wood_box";

#[test]
fn ends_at_the_bounds_where_the_optimum_is() {
    let mut at_bounds = 0;
    for r in reference().iter().filter(|r| r.name.ends_with("_box")) {
        let (outcome, x) = minimize(r, &GaussNewton::default(), 1.0);
        let (name, optimum) = (&r.name, bounded_optimum(r));
        assert!(has_converged(&outcome), "{name}: {outcome:?}");
        for i in 0..x.len() {
            assert!(x[i] >= r.lower[i] && x[i] <= r.upper[i], "{name}: {x:?}");
        }
        if name == ENDS_AT_A_SADDLE {
            continue;
        }
        // A decrease of 1e-9 may be left; the table's digits end at 1e-11.
        let size = optimum.max(f64::EPSILON * r.start_value);
        let gap = (outcome.value - optimum).abs();
        assert!(gap <= 2e-9 * size, "{name}: {:e}", outcome.value);
        if optimum == r.value {
            let on_bound = |&i: &usize| x[i] == r.lower[i] || x[i] == r.upper[i];
            let active: Vec<usize> = (0..x.len()).filter(on_bound).collect();
            assert_eq!(active, r.active, "{name}: active bounds");
        }
        at_bounds += usize::from(!r.active.is_empty());
    }
    assert!(at_bounds >= 10, "{at_bounds} problems with an active bound");
}

#[test]
fn the_exact_hessian_ends_large_residuals_sooner() {
    let (mut all, mut all_plain) = (0, 0);
    for name in LARGE_RESIDUALS {
        let (exact, _) = minimize(&named(name), &GaussNewton::default(), 1.0);
        let (plain, _) = minimize(&named(name), &first_derivatives(), 1.0);
        // Full steps of first derivatives do not converge here, so that the
        // damping stays and the walk goes on to rounding.
        assert_eq!(exact.termination, Termination::Converged, "{name}");
        let (exact, plain) = (exact.work.factorizations, plain.work.factorizations);
        assert!(exact < plain, "{name}: {exact} against {plain}");
        all += exact;
        all_plain += plain;
    }
    assert!(2 * all <= all_plain, "{all} against {all_plain}");
}

#[test]
fn the_level_of_the_value_changes_no_bit() {
    let names = MINPACK.iter().map(|m| m.0);
    for name in names.chain(["powell_singular", "powell_badly_scaled_box", "bard_box"]) {
        let r = named(name);
        for method in [GaussNewton::default(), first_derivatives()] {
            let (plain, x) = minimize(&r, &method, 1.0);
            // 1e-6 and 1e12, as powers of 2.
            for level in [2.0_f64.powi(-20), 2.0_f64.powi(40)] {
                let (other, y) = minimize(&r, &method, level);
                assert_eq!(other.work, plain.work, "{name} at {level:e}");
                assert_eq!(other.termination, plain.termination, "{name}");
                assert_eq!(x, y, "{name} at {level:e}");
            }
        }
    }
}
