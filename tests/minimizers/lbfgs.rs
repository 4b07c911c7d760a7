//! L-BFGS-B against SciPy's and published optima; hard cases in their own module.

use crate::harness;
use crate::problems;

use deepest::minimize::{Lbfgs, Termination};
use harness::{Problem, Reference, Run, differentiate, named, reference, run};
use problems::function;

/// Where SciPy ends at another, higher point than the optimum: see `PUBLISHED`
/// for what it should be.
const SCIPY_STAYS_ABOVE: [&str; 5] = [
    "jennrich_sampson",
    "meyer",
    "powell_badly_scaled",
    "powell_badly_scaled_box",
    "bard_box",
];

#[test]
fn ends_at_the_optima_of_scipy() {
    for r in reference() {
        let run = run(&r, &Lbfgs::default());
        let (value, name) = (run.outcome.value, &r.name);
        let gap = (run.values[0] - r.start_value).abs();
        assert!(
            gap <= 1e-12 * r.start_value.abs(),
            "{name}: another function"
        );
        // An optimum below ε of the start is zero.
        let size = r.value.abs().max(f64::EPSILON * r.start_value.abs());
        assert!(
            value - r.value <= 1e-8 * size,
            "{name}: {value:e} against {:e}",
            r.value
        );
        if SCIPY_STAYS_ABOVE.contains(&name.as_str()) {
            assert!(
                r.value - value > 1e-8 * size,
                "{name}: no longer below SciPy's"
            );
        } else {
            assert!(
                (value - r.value).abs() <= 1e-8 * size,
                "{name}: below SciPy's {:e}",
                r.value
            );
            let on_bound = |&i: &usize| run.x[i] == r.lower[i] || run.x[i] == r.upper[i];
            let active: Vec<usize> = (0..run.x.len()).filter(on_bound).collect();
            assert_eq!(active, r.active, "{name}: active bounds");
        }
        let ends = [Termination::Converged, Termination::RoundingLimit];
        assert!(
            ends.contains(&run.outcome.termination),
            "{name}: {:?}",
            run.outcome
        );
    }
}

/// Optima as printed by Moré, Garbow and Hillstrom (1981) and by Hock and
/// Schittkowski (1981), with one unit of the last digit; the bounded Bard and
/// Powell problems by SciPy's `least_squares` with bounds.
const PUBLISHED: [(&str, f64, f64); 24] = [
    // x₂ ends on its bound 9, which it must be able to stand at while its slope
    // changes sign within the rounding of x₁.
    ("powell_badly_scaled_box", 1.5125936724e-10, 1e-20),
    ("bard_box", 9.582284721153e-3, 1e-13),
    ("freudenstein_roth", 48.9842, 1e-4),
    ("jennrich_sampson", 124.362, 1e-3),
    ("bard", 8.21487e-3, 1e-8),
    ("gaussian", 1.12793e-8, 1e-13),
    ("meyer", 87.9458, 1e-4),
    ("kowalik_osborne", 3.07505e-4, 1e-9),
    ("brown_dennis", 85822.2, 0.1),
    ("osborne_1", 5.46489e-5, 1e-10),
    ("biggs_exp6", 5.65565e-3, 1e-8),
    ("watson_6", 2.28767e-3, 1e-8),
    ("penalty_1_10", 7.08765e-5, 1e-10),
    ("trigonometric_10", 2.79506e-5, 1e-10),
    ("chebyquad_8", 3.51687e-3, 1e-8),
    ("powell_badly_scaled", 0.0, 1e-20),
    ("brown_badly_scaled", 0.0, 1e-16),
    ("wood", 0.0, 1e-20),
    ("hs2", 4.94122931799, 1e-11),
    ("hs3", 0.0, 1e-16),
    ("hs4", 8.0 / 3.0, 1e-14),
    (
        "hs5",
        -0.5 * 1.7320508075688772 - std::f64::consts::FRAC_PI_3,
        1e-12,
    ),
    ("hs45", 1.0, 1e-14),
    ("hs110", -45.77846971, 1e-8),
];

#[test]
fn ends_at_the_published_optima() {
    for (name, optimum, digit) in PUBLISHED {
        let value = run(&named(name), &Lbfgs::default()).outcome.value;
        assert!(
            (value - optimum).abs() <= digit,
            "{name}: {value:e} against {optimum:e}"
        );
    }
}

#[test]
fn takes_no_more_evaluations_than_scipy() {
    let (mut all, mut scipy_all, mut to_target, mut scipy_to_target) = (0, 0, 0, 0);
    for r in reference() {
        let run = run(&r, &Lbfgs::default());
        let target = r.value + 1e-10 * (r.start_value - r.value);
        let reached = run.values.iter().position(|v| *v <= target).unwrap() + 1;
        all += run.outcome.work.evaluations;
        scipy_all += r.evaluations;
        to_target += reached;
        scipy_to_target += r.evaluations_to_target;
        println!(
            "{:28}{:5} ({:4}) in all,{:5} ({:4}) to the target, {:?}, {:e}",
            r.name,
            run.outcome.work.evaluations,
            r.evaluations,
            reached,
            r.evaluations_to_target,
            run.outcome.termination,
            run.outcome.value,
        );
    }
    println!("{all} ({scipy_all}) in all, {to_target} ({scipy_to_target}) to the target");
    assert!(2 * all <= 3 * scipy_all);
    assert!(2 * to_target <= 3 * scipy_to_target);
}

/// A problem of the table in other units: unknown i times 2^shift(i), the
/// value times 2^lift.
fn in_other_units(r: &Reference, shift: impl Fn(usize) -> i32, lift: i32) -> Run {
    let f = function(&r.name);
    let units: Vec<f64> = (0..r.start.len()).map(|i| 2.0_f64.powi(shift(i))).collect();
    let times = |v: &[f64]| -> Vec<f64> { v.iter().zip(&units).map(|(v, u)| v * u).collect() };
    let level = 2.0_f64.powi(lift);
    let back = units.clone();
    let mut problem = Problem::new(units.len(), |x: &[f64], g: &mut [f64]| {
        let z: Vec<f64> = x.iter().zip(&back).map(|(x, u)| x / u).collect();
        let value = differentiate(f, &z, g);
        g.iter_mut().zip(&back).for_each(|(g, u)| *g *= level / u);
        level * value
    })
    .bounds(&times(&r.lower), &times(&r.upper))
    .scales(&units);
    let mut x = times(&r.start);
    let outcome = problem.minimize(&Lbfgs::default(), &mut x);
    x.iter_mut().zip(&units).for_each(|(x, u)| *x /= u);
    Run {
        outcome,
        x,
        values: problem.values,
    }
}

#[test]
fn units_change_no_bit() {
    for r in reference() {
        let plain = run(&r, &Lbfgs::default());
        let shift = |i: usize| if i % 3 == 1 { 20 } else { -3 * (i % 2) as i32 };
        let other = in_other_units(&r, shift, 0);
        assert_eq!(plain.outcome, other.outcome, "{}", r.name);
        assert_eq!(plain.values, other.values, "{}", r.name);
        assert_eq!(plain.x, other.x, "{}", r.name);
        for lift in [-30, 30] {
            let other = in_other_units(&r, |_| 0, lift);
            assert_eq!(
                plain.outcome.work, other.outcome.work,
                "{} times 2^{lift}",
                r.name
            );
            assert_eq!(plain.outcome.termination, other.outcome.termination);
            assert_eq!(plain.x, other.x, "{}", r.name);
        }
    }
}

#[test]
fn far_bounds_change_no_bit() {
    for r in reference()
        .iter()
        .filter(|r| !r.lower.iter().any(|b| b.is_finite()))
    {
        let plain = run(r, &Lbfgs::default());
        let n = r.start.len();
        let far = Reference {
            lower: vec![-1e300; n],
            upper: vec![1e300; n],
            ..named(&r.name)
        };
        let other = run(&far, &Lbfgs::default());
        assert_eq!(
            (plain.outcome, plain.x),
            (other.outcome, other.x),
            "{}",
            r.name
        );
    }
}

/// Whether a run that says it has converged, from scales of which one (or all)
/// is wrong, would go on down with the right ones; `None` if it says nothing.
fn stops_early(r: &Reference, scales: &[f64]) -> Option<bool> {
    let f = function(&r.name);
    let problem = |scales: &[f64]| {
        Problem::new(scales.len(), |x: &[f64], g: &mut [f64]| {
            differentiate(f, x, g)
        })
        .bounds(&r.lower, &r.upper)
        .scales(scales)
    };
    let mut x = r.start.clone();
    let found = problem(scales).minimize(&Lbfgs::default(), &mut x);
    let ends = [Termination::Converged, Termination::RoundingLimit];
    let right = vec![1.0; x.len()];
    let further = problem(&right).minimize(&Lbfgs::default(), &mut x);
    let size = found.value.abs().max(f64::EPSILON * r.start_value.abs());
    let early = found.value - further.value > 1e-8 * size;
    ends.contains(&found.termination).then_some(early)
}

#[test]
fn wrong_scales_do_not_end_the_walk_early() {
    let (mut said, mut all) = (0, 0);
    for r in reference().iter().filter(|r| r.start.len() <= 12) {
        let n = r.start.len();
        for (i, wrong) in (0..n).flat_map(|i| [(i, 1e-6), (i, 1e6)]) {
            let mut scales = vec![1.0; n];
            scales[i] = wrong;
            let early = stops_early(r, &scales);
            assert_ne!(early, Some(true), "{}: unknown {i} times {wrong:e}", r.name);
            said += usize::from(early.is_some());
            all += 1;
        }
    }
    // A condition 10¹² times worse may be too much for the arithmetic, but is
    // mostly not.
    assert!(10 * said >= 9 * all, "{said} of {all} converged");
}
