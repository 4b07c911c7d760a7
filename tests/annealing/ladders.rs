//! The annealer: identities of the ladder, the same bits for any number of
//! threads, cancellation, work counters.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fixtures::ladder::{go, lorenz96, reached, schedule};
use deepest::StartResult;
use deepest::prelude::*;

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
fn a_ladder_leads_down_from_where_its_start_settled_and_then_up() {
    let (_, action) = lorenz96(8, 41);
    let seen = std::sync::Mutex::new(Vec::new());
    let annealing = Annealer::new(schedule(40))
        .starts(1)
        .run_observed(&action, &|event| {
            seen.lock().unwrap().push(event);
            ControlFlow::Continue(())
        })
        .unwrap();
    let seen = seen.into_inner().unwrap();
    let settled = seen.iter().find_map(|event| match event {
        Event::Settling { rf, .. } => Some(*rf),
        _ => None,
    });
    let settled = settled.unwrap();
    let levels = &annealing.starts[0].levels;
    let betas = |below: bool| {
        let part = levels.iter().filter(move |l| (l.rf < settled) == below);
        part.map(|l| l.beta)
    };
    let down: Vec<f64> = betas(true).collect();
    let expected: Vec<f64> = down.into_iter().rev().chain(betas(false)).collect();
    let reached: Vec<f64> = reached_betas(&seen);
    assert_eq!(reached, expected);
    // The results are in the order of β.
    assert!(levels.iter().map(|l| l.beta).eq((0..=40).map(f64::from)));
}

fn reached_betas(events: &[Event]) -> Vec<f64> {
    let reached = events.iter().filter_map(|event| match event {
        Event::LevelReached { beta, .. } => Some(*beta),
        _ => None,
    });
    reached.collect()
}

#[test]
fn an_observer_stops_everything_and_what_was_reached_survives() {
    let (_, action) = lorenz96(8, 41);
    let annealer = || Annealer::new(schedule(20)).starts(2).threads(1);
    let order = std::sync::Mutex::new(Vec::new());
    let full = annealer()
        .run_observed(&action, &|event| {
            order.lock().unwrap().push(event);
            ControlFlow::Continue(())
        })
        .unwrap();
    reached(&full.starts[0]);
    let order = order.into_inner().unwrap();
    let first: Vec<f64> = reached_betas(&order)[..21].to_vec();
    // The first start's levels that are reached up to and including `beta`, in
    // the order of β.
    let until = |beta: f64| {
        let place = first.iter().position(|b| *b == beta).unwrap();
        let done = &first[..=place];
        let levels = full.starts[0].levels.iter();
        levels
            .filter(|level| done.contains(&level.beta))
            .cloned()
            .collect::<Vec<_>>()
    };

    let told = std::sync::Mutex::new(Vec::new());
    let nothing = annealer()
        .run_observed(&action, &|event| {
            told.lock().unwrap().push(event);
            ControlFlow::Break(())
        })
        .unwrap();
    assert!(nothing.best().is_none());
    assert!(
        nothing
            .starts
            .iter()
            .all(|s| s.levels.is_empty() && !s.finished)
    );
    // Every start begins and ends all the same.
    let frame = |start| [Event::StartBegan { start }, Event::StartEnded { start }];
    assert_eq!(told.into_inner().unwrap(), [frame(0), frame(1)].concat());

    // At the last iteration of the longest level but the first, with which the
    // work of settling is booked.
    let iterations = order.iter().filter_map(|event| match event {
        Event::Iteration {
            start: 0,
            beta,
            number,
            ..
        } if *beta != first[0] => Some((*number, *beta)),
        _ => None,
    });
    let (last, cut) = iterations
        .reduce(|a, b| if b.0 > a.0 { b } else { a })
        .unwrap();
    let stopped = annealer()
        .run_observed(&action, &|event| match event {
            Event::Iteration { beta, number, .. } if (number, beta) == (last, cut) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
    let start = &stopped.starts[0];
    assert!(!start.finished);
    let expected = until(cut);
    assert_eq!(start.levels.len(), expected.len());
    for (level, expected) in start.levels.iter().zip(&expected) {
        if level.beta != cut {
            assert_eq!(level, expected);
            continue;
        }
        assert_eq!(
            (level.termination, level.work.iterations),
            (Termination::Cancelled, last)
        );
        // The cancelled level holds the point it had come to.
        let terms = action.terms(level.rf, &level.estimate).unwrap();
        assert_eq!(terms, level.action);
        assert!(terms.total >= expected.action.total * (1.0 - 1e-9));
    }
    assert!(start.levels.iter().any(|level| level.beta == cut));
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
    assert_eq!(stopped.starts[0].levels, until(3.0));
    assert!(!stopped.starts[0].finished);
    // The best of what there is stands at the largest β.
    let (_, best) = stopped.best().unwrap();
    assert_eq!(Some(best), stopped.starts[0].levels.last());
    // Once it has broken off, the observer only sees starts begin and end: two
    // starts, the iterations (those of settling are booked with the first
    // level), the levels.
    let levels = &stopped.starts[0].levels;
    let iterations: usize = levels.iter().map(|l| l.work.iterations).sum();
    assert_eq!(events.into_inner(), 4 + iterations + levels.len());
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
fn identical_starts_are_run_once() {
    let (twin, _) = lorenz96(8, 41);
    let build = |forcing: Parameter| {
        Action::builder(deepest::models::Lorenz96 { sites: 8 }, SimpsonHermite)
            .window(twin.window().unwrap())
            .parameter("forcing", forcing)
            .build()
            .unwrap()
    };
    let unknown = Parameter::from(Bounds::new(0.0, 20.0).unwrap());
    for (forcing, starts, count) in [
        (Parameter::fixed(8.17), Starts::Mean, 1),
        (unknown, Starts::Mean, 3),
        (Parameter::fixed(8.17), Starts::Uniform, 3),
        (Parameter::fixed(8.17), Starts::Nudged, 3),
    ] {
        let annealer = Annealer::new(schedule(0)).starts(3).start_with(starts);
        let annealing = annealer.run(&build(forcing)).unwrap();
        let indices = annealing.starts.iter().map(|s| s.index);
        assert!(indices.eq(0..count));
        let mut first = annealing.starts.iter().map(|s| &s.levels[0].estimate);
        let one = first.next().unwrap();
        assert!(first.all(|other| other != one));
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
    // Identical starts are run once.
    assert_eq!(annealing.starts.len(), 1);
    assert_eq!(annealing.starts[0].kind, "given");
    // The same walk as the minimizer's own, from the same point, but for the
    // annealer's scales, of which a converged minimum knows nothing.
    let mut x = action.pack(&estimate).unwrap();
    let mut at = action.at(4e-6).unwrap();
    let outcome = GaussNewton::default().minimize(&mut at, &mut x, &mut go);
    let level = &annealing.starts[0].levels[0];
    approx::assert_relative_eq!(outcome.value, level.action.total, max_relative = 2e-9);
}
