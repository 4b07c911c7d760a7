//! The annealer: identities of the ladder, the same bits for any number of
//! threads, cancellation, work counters.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use deepest::StartResult;
use deepest::prelude::*;
use fixtures::ladder::{go, lorenz96, reached, schedule};

#[test]
fn the_ladder_of_a_twin() {
    let (twin, action) = lorenz96(20, 161);
    let annealing = Annealer::new(schedule(60)).starts(2).run(&action).unwrap();
    for start in &annealing.starts {
        reached(start);
        // Four and a half factorizations a level.
        let work = start.work();
        assert!(work.factorizations <= 280, "{work:?}");
        assert!(work.iterations <= work.factorizations);
        assert!(work.evaluations >= work.iterations);
    }
    // The lowest action A(R_f) is a minimum over paths of functions that are
    // affine in R_f: increasing and concave, with the model error as its
    // derivative by ln R_f.
    let levels = |k: usize| {
        let all = annealing.starts.iter().map(move |s| &s.levels[k]);
        all.min_by(|a, b| a.action.total.total_cmp(&b.action.total))
            .unwrap()
    };
    // Below β = 10 the action is nearly flat in many directions, and starts end
    // at different points of its floor.
    let lowest: Vec<_> = (10..61).map(levels).collect();
    for pair in lowest.windows(2) {
        let [a, b] = pair else { unreachable!() };
        // Minima are found to 1e-9 of their value.
        let slack = 2e-9 * b.action.total;
        assert!(b.action.total >= a.action.total - slack, "beta {}", b.beta);
        let tangent = a.action.total + (b.rf / a.rf - 1.0) * a.action.model;
        assert!(b.action.total <= tangent + slack, "beta {}", b.beta);
    }
    for triple in lowest.windows(3) {
        let [a, b, c] = triple else { unreachable!() };
        let (left, right) = (b.rf - a.rf, c.rf - b.rf);
        let first = (b.action.total - a.action.total) / left;
        let second = (c.action.total - b.action.total) / right;
        let slack = 2e-9 * (b.action.total / left + c.action.total / right);
        assert!(
            second <= first + slack,
            "beta {}: {first:e}, then {second:e}",
            b.beta
        );
    }
    // What the lowest level must be: about 1 − (D + P)/K_y with a standard
    // deviation of √(2/K_y), six of which are allowed.
    let (_, best) = annealing.best().unwrap();
    let measured = action.counts().measured as f64;
    assert_eq!(measured, 1610.0);
    // R_m = 1/σ² = 4 in `mean`: two times ½.
    let expected = 1.0 - 21.0 / measured;
    assert!(
        (best.action.total - expected).abs() <= 6.0 * (2.0 / measured).sqrt(),
        "{:?}",
        best.action
    );
    let score = twin.score(&best.estimate).unwrap();
    assert!(score.unobserved_rmse.unwrap() < 0.5, "{score:?}");
}

#[test]
fn the_derivative_by_the_logarithm_of_rf_is_the_model_error() {
    let (_, action) = lorenz96(10, 81);
    let annealer = Annealer::new(schedule(45)).starts(1);
    let start = &annealer.run(&action).unwrap().starts[0];
    let exact = || GaussNewton::default().tolerance(1e-13).unwrap();
    for beta in [5, 20, 30, 45] {
        let level = &start.levels[beta];
        let mut x = action.pack(&level.estimate).unwrap();
        let mut at = action.at(level.rf).unwrap();
        exact().minimize(&mut at, &mut x, &mut go);
        let terms = at.terms(&x);
        let delta = 1e-3_f64;
        let mut side = |sign: f64| {
            let mut x = x.clone();
            at.set_rf(level.rf * (sign * delta).exp()).unwrap();
            exact().minimize(&mut at, &mut x, &mut go).value
        };
        let slope = (side(1.0) - side(-1.0)) / (2.0 * delta);
        // A changes by its own size over a unit of ln R_f, and so do its
        // derivatives: the difference errs by about A δ²/6.
        let error = (slope - terms.model).abs();
        assert!(
            error <= delta * delta * terms.total,
            "beta {beta}: {slope} {}",
            terms.model
        );
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (_, action) = lorenz96(8, 41);
    for starts in [Starts::Nudged, Starts::Uniform] {
        let run = |threads, seed| {
            Annealer::new(schedule(40))
                .starts(5)
                .start_with(starts.clone())
                .seed(seed)
                .threads(threads)
                .run(&action)
                .unwrap()
        };
        let first = run(1, 3);
        assert_eq!(first.starts.len(), 5);
        for (index, start) in first.starts.iter().enumerate() {
            assert_eq!(start.index, index);
            assert_eq!(start.levels.len(), 41);
        }
        for threads in [1, 2, 5] {
            let other = run(threads, 3);
            assert_eq!(first, other, "{threads} threads");
            // Equality of numbers takes 0 for −0: compare the bits too.
            for (a, b) in first.starts.iter().zip(&other.starts) {
                let bits = |s: &StartResult| -> Vec<u64> {
                    let paths = s.levels.iter().flat_map(|l| l.estimate.paths[0].values());
                    paths.map(|v| v.to_bits()).collect()
                };
                assert_eq!(bits(a), bits(b), "{threads} threads");
            }
        }
        let other = run(2, 4);
        assert_ne!(
            first.starts[0].levels[0].estimate,
            other.starts[0].levels[0].estimate
        );
        let seeds: std::collections::HashSet<_> = first.starts.iter().map(|s| s.seed).collect();
        assert_eq!(seeds.len(), 5);
    }
}

#[test]
fn an_observer_stops_everything_and_what_was_reached_survives() {
    let (_, action) = lorenz96(8, 41);
    let annealer = || Annealer::new(schedule(20)).starts(2).threads(1);
    let full = annealer().run(&action).unwrap();
    reached(&full.starts[0]);

    let nothing = annealer()
        .run_observed(&action, &|_| ControlFlow::Break(()))
        .unwrap();
    assert!(nothing.best().is_none());
    assert!(
        nothing
            .starts
            .iter()
            .all(|s| s.levels.is_empty() && !s.finished)
    );

    // At the second iteration of a level.
    let stopped = annealer()
        .run_observed(&action, &|event| match event {
            Event::Iteration {
                beta: 7.0,
                number: 2,
                ..
            } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
    let start = &stopped.starts[0];
    assert!(!start.finished);
    assert_eq!(start.levels.len(), 8);
    assert_eq!(start.levels[..7], full.starts[0].levels[..7]);
    let last = &start.levels[7];
    assert_eq!(
        (last.termination, last.work.iterations),
        (Termination::Cancelled, 2)
    );
    // The cancelled level holds the point it had come to.
    let terms = action.terms(last.rf, &last.estimate).unwrap();
    assert_eq!(terms, last.action);
    assert!(terms.total >= full.starts[0].levels[7].action.total * (1.0 - 1e-9));
    assert!(stopped.starts[1].levels.is_empty());

    // When a level was reached.
    let events = AtomicUsize::new(0);
    let stopped = annealer()
        .run_observed(&action, &|event| {
            events.fetch_add(1, Ordering::Relaxed);
            match event {
                Event::LevelReached {
                    beta: 3.0,
                    start: 0,
                    action: value,
                    ..
                } => {
                    assert_eq!(value, full.starts[0].levels[3].action.total);
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        })
        .unwrap();
    assert_eq!(stopped.starts[0].levels, full.starts[0].levels[..4]);
    assert!(!stopped.starts[0].finished);
    let (_, best) = stopped.best().unwrap();
    assert_eq!(*best, full.starts[0].levels[3]);
    // Once it has broken off, the observer is left alone.
    let iterations: usize = stopped.starts[0]
        .levels
        .iter()
        .map(|l| l.work.iterations)
        .sum();
    assert_eq!(events.into_inner(), 1 + iterations + 4);
}

#[test]
fn events_tell_the_whole_story() {
    let (_, action) = lorenz96(8, 41);
    let counts: [AtomicUsize; 4] = std::array::from_fn(|_| AtomicUsize::new(0));
    let annealing = Annealer::new(schedule(10))
        .starts(3)
        .threads(2)
        .run_observed(&action, &|event| {
            let kind = match event {
                Event::StartBegan { .. } => 0,
                Event::Iteration { .. } | Event::Settling { .. } => 1,
                Event::LevelReached { .. } => 2,
                _ => 3,
            };
            counts[kind].fetch_add(1, Ordering::Relaxed);
            ControlFlow::Continue(())
        })
        .unwrap();
    let counts = counts.map(AtomicUsize::into_inner);
    assert_eq!(counts, [3, annealing.work().iterations, 33, 3]);
}

#[test]
fn beta_may_be_any_increasing_numbers() {
    let (_, action) = lorenz96(8, 41);
    let betas = [-2.5, 0.0, 0.1, 12.75, 40.5];
    let schedule = Schedule::geometric(4e-6, 1.5, betas).unwrap();
    let start = &Annealer::new(schedule)
        .starts(1)
        .run(&action)
        .unwrap()
        .starts[0];
    reached(start);
    for (level, beta) in start.levels.iter().zip(betas) {
        assert_eq!(level.beta, beta);
        approx::assert_relative_eq!(level.rf, 4e-6 * 1.5_f64.powf(beta), max_relative = 1e-15);
    }
}

#[test]
fn a_given_start_begins_where_it_says() {
    let (twin, action) = lorenz96(8, 41);
    let estimate = Estimate::new(vec![twin.truth.clone()], vec![8.17]);
    let before = action.terms(4e-6, &estimate).unwrap().total;
    let first = std::sync::Mutex::new(None);
    let annealing = Annealer::new(schedule(3))
        .starts(2)
        .start_with(Starts::Given(estimate.clone()))
        .run_observed(&action, &|event| {
            if let Event::Iteration {
                number: 1,
                beta: 0.0,
                action,
                ..
            } = event
            {
                first.lock().unwrap().get_or_insert(action);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(first.into_inner().unwrap().unwrap() < before);
    assert!(annealing.starts.iter().all(|s| s.kind == "given"));
    assert_eq!(annealing.starts[0].levels, annealing.starts[1].levels);
    // The same walk as the minimizer's own, from the same point, but for the
    // annealer's scales, of which a converged minimum knows nothing.
    let mut x = action.pack(&estimate).unwrap();
    let mut at = action.at(4e-6).unwrap();
    let outcome = GaussNewton::default().minimize(&mut at, &mut x, &mut go);
    let level = &annealing.starts[0].levels[0];
    approx::assert_relative_eq!(outcome.value, level.action.total, max_relative = 2e-9);
}
