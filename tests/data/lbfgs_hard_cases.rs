//! Objectives, starts and settings that are hard, degenerate or wrong.

use std::ops::ControlFlow;

use deepest::Error;
use deepest::minimize::{Iteration, Lbfgs, Minimizer, Objective, Outcome, Termination};

use super::harness::{Problem, differentiate, named, run};
use super::problems::function;

#[test]
fn steps_back_from_values_that_are_not_finite() {
    // Log barriers of very different scales: Σ xᵢ/μᵢ − ln(xᵢ/μᵢ), NaN outside,
    // minimum at x = μ.
    let mu = [1e-6, 1.0, 1e3];
    let mut problem = Problem::new(3, |x: &[f64], g: &mut [f64]| {
        (0..3)
            .map(|i| {
                (
                    g[i] = 1.0 / mu[i] - 1.0 / x[i],
                    x[i] / mu[i] - (x[i] / mu[i]).ln(),
                )
                    .1
            })
            .sum()
    })
    .scales(&mu);
    let mut x = [5e-5, 0.02, 2e3];
    let outcome = problem.minimize(&Lbfgs::default(), &mut x);
    assert!(
        x.iter().zip(&mu).all(|(x, m)| (x / m - 1.0).abs() < 1e-5),
        "{x:?} {outcome:?}"
    );
    assert!((outcome.value - 3.0).abs() <= 3e-12);

    // A first step far into the forbidden: −ln(1 − |x|²) + 100 x₀ from 0.
    let mut problem = Problem::new(2, |x: &[f64], g: &mut [f64]| {
        let room = 1.0 - x[0] * x[0] - x[1] * x[1];
        g[0] = 2.0 * x[0] / room + 100.0;
        g[1] = 2.0 * x[1] / room;
        100.0 * x[0] - room.ln()
    });
    let mut x = [0.9, 0.1];
    let outcome = problem.minimize(&Lbfgs::default(), &mut x);
    assert!(
        problem.values.iter().any(|v| v.is_nan()),
        "no trial left the disc"
    );
    // Stationary: 100 x₀² − 2 x₀ − 100 = 0 below zero, x₁ = 0.
    let exact = 0.01 - (1.0_f64 + 1e-4).sqrt();
    assert!(
        (x[0] - exact).abs() < 1e-6 && x[1].abs() < 1e-6,
        "{x:?} {outcome:?}"
    );

    // Overflow to infinity almost everywhere: eˣ − x at 1e4 times its scale.
    let mut problem = Problem::new(1, |x: &[f64], g: &mut [f64]| {
        let e = (x[0] * 1e4).exp();
        g[0] = 1e4 * (e - 1.0);
        e - x[0] * 1e4
    });
    let mut x = [-0.5];
    let outcome = problem.minimize(&Lbfgs::default(), &mut x);
    assert!((outcome.value - 1.0).abs() <= 1e-11, "{outcome:?}");
}

#[test]
fn a_start_that_is_not_finite_is_told() {
    let mut problem = Problem::new(1, |x: &[f64], g: &mut [f64]| {
        g[0] = 0.5 / x[0].sqrt();
        x[0].sqrt()
    });
    for (start, evaluations) in [(-1.0, 1), (0.0, 1), (f64::NAN, 0), (f64::INFINITY, 0)] {
        problem.values.clear();
        let outcome = problem.minimize(&Lbfgs::default(), &mut [start]);
        assert_eq!(outcome.termination, Termination::NonFinite);
        assert_eq!(outcome.work.evaluations, evaluations);
        assert_eq!(outcome.work.iterations, 0);
    }
}

#[test]
fn lengths_that_do_not_match_are_told() {
    let mut problem = Problem::new(2, |_: &[f64], _: &mut [f64]| 0.0).scales(&[1.0, 0.0]);
    for x in [&mut [0.0][..], &mut [0.0, 0.0]] {
        let outcome = problem.minimize(&Lbfgs::default(), x);
        assert_eq!(outcome.termination, Termination::NonFinite);
        assert_eq!(outcome.work.evaluations, 0);
    }
}

/// Σ ½ (xᵢ − i)² and its gradient.
fn bowl(x: &[f64], g: &mut [f64]) -> f64 {
    for i in 0..x.len() {
        g[i] = x[i] - i as f64;
    }
    0.5 * g.iter().map(|g| g * g).sum::<f64>()
}

#[test]
fn starts_outside_are_projected() {
    let mut problem = Problem::new(4, bowl).bounds(&[5.0; 4], &[6.0; 4]);
    let mut x = [-1e9, 7.0, f64::INFINITY, 5.5];
    let outcome = problem.minimize(&Lbfgs::default(), &mut x);
    assert_eq!(x, [5.0; 4]);
    assert_eq!(outcome.termination, Termination::Converged);
}

#[test]
fn nothing_is_done_at_a_stationary_point() {
    let mut inside = Problem::new(3, bowl);
    let mut held = Problem::new(3, bowl).bounds(&[3.0; 3], &[9.0; 3]);
    let mut pinned = Problem::new(3, bowl).bounds(&[7.0; 3], &[7.0; 3]);
    let mut empty = Problem::new(0, bowl);
    let starts = [vec![0.0, 1.0, 2.0], vec![3.0; 3], vec![7.0; 3], vec![]];
    for (problem, start) in [&mut inside, &mut held, &mut pinned, &mut empty]
        .into_iter()
        .zip(starts)
    {
        let mut x = start.clone();
        let outcome = problem.minimize(&Lbfgs::default(), &mut x);
        assert_eq!(outcome.termination, Termination::Converged);
        assert_eq!((outcome.work.iterations, outcome.work.evaluations), (0, 1));
        assert_eq!(x, start);
    }
}

#[test]
fn one_unknown() {
    let quartic = |x: &[f64], g: &mut [f64]| {
        g[0] = 4.0 * (x[0] - 2.0).powi(3) + 1.0;
        (x[0] - 2.0).powi(4) + x[0]
    };
    let free = 2.0 - 0.25_f64.cbrt();
    let mut x = [10.0];
    let outcome = Problem::new(1, quartic).minimize(&Lbfgs::default(), &mut x);
    assert!((x[0] - free).abs() < 1e-5, "{x:?} {outcome:?}");
    let mut x = [10.0];
    Problem::new(1, quartic)
        .bounds(&[1.75], &[30.0])
        .minimize(&Lbfgs::default(), &mut x);
    assert_eq!(x[0], 1.75);
}

/// A quadratic in 60 unknowns with its minimum `base` at x = 1 and the
/// eigenvalues 10^(8·spread(k/59)), none of its axes along an unknown: how far
/// above the minimum does the walk end, and how?
fn gap_of_quadratic(base: f64, spread: impl Fn(f64) -> f64) -> (f64, Outcome) {
    let n = 60;
    let u: Vec<f64> = (0..n).map(|i| 1.0 + (i as f64).sin()).collect();
    let uu: f64 = u.iter().map(|u| u * u).sum();
    let reflect = |v: &mut [f64]| {
        let c = 2.0 * u.iter().zip(&*v).map(|(u, v)| u * v).sum::<f64>() / uu;
        v.iter_mut().zip(&u).for_each(|(v, u)| *v -= c * u);
    };
    let mut problem = Problem::new(n, |x: &[f64], g: &mut [f64]| {
        let z: Vec<f64> = x.iter().map(|x| x - 1.0).collect();
        g.copy_from_slice(&z);
        reflect(g);
        for k in 0..n {
            g[k] *= 1e8_f64.powf(spread(k as f64 / (n - 1) as f64));
        }
        reflect(g);
        base + 0.5 * z.iter().zip(&*g).map(|(z, g)| z * g).sum::<f64>()
    });
    let outcome = problem.minimize(&Lbfgs::default(), &mut vec![0.0; n]);
    // Below ε of the start a value is zero.
    let size = base.max(f64::EPSILON * problem.values[0]);
    ((outcome.value - base) / size, outcome)
}

#[test]
fn quadratics_of_condition_1e8() {
    // Eight distinct eigenvalues: 53,733, 44,842 and 8,269 iterations of SciPy's.
    for base in [0.0, 1e-7, 1e3] {
        let (gap, outcome) = gap_of_quadratic(base, |k| (k * 7.0).round() / 7.0);
        assert!(gap <= 1e-8, "{base:e}: {gap:e}, {outcome:?}");
        let ends = [Termination::Converged, Termination::RoundingLimit];
        assert!(ends.contains(&outcome.termination), "{outcome:?}");
    }
    // Sixty of them: tens of thousands of steps, for SciPy (58,311 iterations
    // to the end of its arithmetic) as well.
    let (gap, outcome) = gap_of_quadratic(1e3, |k| k);
    assert!(gap <= 1e-8, "{gap:e}, {outcome:?}");
    assert!(outcome.work.iterations < 100_000);
}

#[test]
fn one_active_bound_among_many_unknowns() {
    // A chain of springs to 1, its last end held below −½: with that end at −½
    // the rest is a smaller problem without bounds.
    let chain = |x: &[f64], g: &mut [f64]| -> f64 {
        g.fill(0.0);
        let mut f = 0.0;
        for i in 0..x.len() {
            let d = x[i] - 1.0;
            f += 0.5e-2 * d * d;
            g[i] += 1e-2 * d;
            if i > 0 {
                let (k, d) = (1.0 + 10.0 * (i % 7) as f64, x[i] - x[i - 1]);
                f += 0.5 * k * d * d;
                g[i] += k * d;
                g[i - 1] -= k * d;
            }
        }
        f
    };
    let n = 300;
    let mut upper = vec![f64::INFINITY; n];
    upper[n - 1] = -0.5;
    let mut bounded = Problem::new(n, chain).bounds(&vec![f64::NEG_INFINITY; n], &upper);
    let mut x = vec![0.0; n];
    let with_bound = bounded.minimize(&Lbfgs::default(), &mut x);
    assert_eq!(x[n - 1], -0.5);
    let mut smaller = Problem::new(n - 1, |y: &[f64], g: &mut [f64]| {
        let full: Vec<f64> = y.iter().copied().chain([-0.5]).collect();
        let mut slopes = vec![0.0; n];
        let value = chain(&full, &mut slopes);
        g.copy_from_slice(&slopes[..n - 1]);
        value
    });
    let mut y = vec![0.0; n - 1];
    let without = smaller.minimize(&Lbfgs::default(), &mut y);
    assert!((with_bound.value - without.value).abs() <= 1e-10 * without.value);
    // The bound is found once; from then on both are the same problem.
    assert!(with_bound.work.evaluations < 2 * without.work.evaluations);
}

#[test]
fn the_observer_may_stop() {
    let r = named("rosenbrock");
    let mut problem = Problem::new(2, |x: &[f64], g: &mut [f64]| {
        differentiate(function(&r.name), x, g)
    });
    let mut x = r.start.clone();
    let mut seen = 0.0;
    let outcome = Lbfgs::default().minimize(&mut problem, &mut x, &mut |step: Iteration| {
        seen = step.value;
        if step.number == 7 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(outcome.termination, Termination::Cancelled);
    assert_eq!((outcome.work.iterations, outcome.value), (7, seen));
    assert_eq!(outcome.value, problem.value(&x));
}

#[test]
fn the_limit_on_iterations_holds() {
    for limit in [0, 1, 9] {
        let run = run(
            &named("rosenbrock"),
            &Lbfgs::default().max_iterations(limit),
        );
        assert_eq!(run.outcome.termination, Termination::IterationLimit);
        assert_eq!(run.outcome.work.iterations, limit);
    }
}

#[test]
fn any_memory_and_tolerance_lead_to_the_optimum() {
    for memory in [1, 2, 5, 40] {
        for tolerance in [0.0, 1e-8] {
            let method = Lbfgs::default()
                .memory(memory)
                .unwrap()
                .tolerance(tolerance)
                .unwrap();
            for name in [
                "brown_dennis",
                "powell_singular_100_box",
                "broyden_tridiagonal_30_box",
            ] {
                let r = named(name);
                let value = run(&r, &method).outcome.value;
                let relative = (value - r.value) / r.value;
                assert!(
                    relative.abs() <= 1e-6,
                    "{name}, memory {memory}: {relative:e}"
                );
            }
        }
    }
}

#[test]
fn objectives_that_cannot_be_minimized_end() {
    let limit = Lbfgs::default().max_iterations(1000);
    // Unbounded below, a wrong gradient, steps instead of slopes.
    let fall = |x: &[f64], g: &mut [f64]| (g[0] = -1.0, -x[0]).1;
    let lie = |x: &[f64], g: &mut [f64]| (g[0] = -2.0 * x[0], x[0] * x[0]).1;
    let stairs = |x: &[f64], g: &mut [f64]| (g[0] = 2.0 * x[0], (x[0] * x[0] * 1e3).round()).1;
    let outcome = Problem::new(1, fall).minimize(&limit, &mut [1.0]);
    assert_ne!(outcome.termination, Termination::Converged);
    let outcome = Problem::new(1, lie).minimize(&limit, &mut [1.0]);
    assert_eq!(
        (outcome.termination, outcome.value),
        (Termination::NoProgress, 1.0)
    );
    let outcome = Problem::new(1, stairs).minimize(&limit, &mut [1.0]);
    assert!(
        outcome.value < 1e3 && outcome.work.iterations < 1000,
        "{outcome:?}"
    );
}

#[test]
fn settings_are_checked() {
    assert!(Lbfgs::default().memory(0).is_err());
    assert!(Lbfgs::default().memory(usize::MAX).is_err());
    for tolerance in [f64::NAN, -1e-9, 1.0, f64::INFINITY] {
        let error = Lbfgs::default().tolerance(tolerance).unwrap_err();
        assert!(
            matches!(
                error,
                Error::OutOfRange {
                    what: "tolerance",
                    ..
                }
            ),
            "{error}"
        );
    }
}
