//! The errors of a network as unknowns in the place of its states.

use super::training::{ROUNDING, action_of, distance, networks};
use crate::fixtures::Noise as Draws;
use crate::fixtures::ladder::{go, lorenz96};
use crate::fixtures::plain::Plain;
use deepest::minimize::{Iteration, Minimizer, Objective};
use deepest::models::Network;
use deepest::prelude::*;
use deepest::{Activation, Dense};
use ndarray::Array2;
use std::ops::ControlFlow;

const PAIRS: usize = 23;

/// Whether errors can be the unknowns.
fn takes_errors(action: &Action) -> bool {
    let mut at = action.at(1.0).unwrap();
    let x = vec![0.1; at.dimension()];
    at.by_errors(&x).is_some()
}

/// The networks whose layers follow from the one before alone, with their actions.
fn unrolled() -> Vec<(Network, Action)> {
    let all = networks().into_iter().map(|network| {
        let action = action_of(network.clone(), &network, PAIRS);
        (network, action)
    });
    all.filter(|(_, action)| takes_errors(action)).collect()
}

#[test]
fn errors_are_residuals_and_lead_back_to_the_states() {
    let all = unrolled();
    assert_eq!(all.len(), 36 + 6, "feed-forward and residual ones");
    for (network, action) in all {
        let mut at = action.at(3.0).unwrap();
        let x = Draws(5).vector(at.dimension());
        let mut by_errors = at.by_errors(&x).unwrap();
        let scales = by_errors.scales().to_vec();
        let errors = by_errors.errors(&x);
        let back = by_errors.states(&errors);
        assert!(scales.iter().all(|s| *s > 0.0 && s.is_finite()));
        let first = network.width(0);
        let window: usize = (0..network.depth()).map(|n| network.width(n)).sum();
        let windows = errors[..PAIRS * window].chunks(window);
        let made: Vec<f64> = windows.flat_map(|w| w[first..].to_vec()).collect();
        assert!(distance(&at.residuals(&x).unwrap(), &made) < ROUNDING);
        for (e, x) in errors[..PAIRS * window]
            .chunks(window)
            .zip(x.chunks(window))
        {
            assert_eq!(e[..first], x[..first], "inputs are what they are");
        }
        assert_eq!(errors[PAIRS * window..], x[PAIRS * window..]);
        assert!(distance(&x, &back) < ROUNDING);
    }
}

#[test]
fn the_gradient_by_errors_is_that_of_the_path_they_make() {
    for (network, action) in unrolled() {
        let mut at = action.at(3.0).unwrap();
        let mut draws = Draws(7);
        let n = at.dimension();
        let (errors, change) = (draws.vector(n), draws.vector(n));
        let mut by_errors = at.by_errors(&vec![0.1; n]).unwrap();
        let mut along = |h: f64| {
            let moved: Vec<f64> = errors.iter().zip(&change).map(|(e, d)| e + h * d).collect();
            by_errors.value(&moved)
        };
        let h = 1e-5;
        let slope = (along(h) - along(-h)) / (2.0 * h);
        let mut gradient = vec![0.0; n];
        let value = by_errors.value_and_gradient(&errors, &mut gradient);
        assert_eq!(value, by_errors.value(&errors));
        let x = by_errors.states(&errors);
        assert_eq!(value, at.value(&x));
        let product: f64 = gradient.iter().zip(&change).map(|(g, d)| g * d).sum();
        let size = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
        let found = (product - slope).abs() / (size(&gradient) * size(&change));
        assert!(found < 1e-7, "{network:?}: {found}");
    }
}

/// Ten layers of six units, twelve pairs of a teacher's; weights fixed or not, and
/// the path of the teacher.
fn twin(activation: Activation, fixed: bool) -> (Action, Vec<f64>) {
    let network = Network::new(6, [Dense::new(6, activation); 10]).unwrap();
    let mut draws = Draws(23);
    let inputs = Array2::from_shape_fn((12, 6), |_| draws.next());
    let theta = network.draw(inputs.view(), 3).unwrap();
    let mut outputs = network.predict(&theta, inputs.view()).unwrap();
    outputs.mapv_inplace(|y| y + 0.1 * draws.next());
    let [noisy, precise] = [10.0, 100.0].map(|r| Precision::scalar(r).unwrap());
    let windows = network
        .pairs((inputs.view(), &noisy), (outputs.view(), &precise))
        .unwrap();
    let mut builder = Action::builder(network.clone(), Map).windows(windows);
    for (name, range) in network.blocks() {
        let weights = theta[range].iter().map(|&w| match fixed {
            true => Parameter::fixed(w),
            false => Parameter::estimated()
                .prior(Gaussian::new(w, 0.1).unwrap())
                .guess(w),
        });
        builder = builder.parameter_block(&name, weights);
    }
    let action = builder.build().unwrap();
    let paths = inputs
        .rows()
        .into_iter()
        .map(|row| network.forward(&theta, row.to_slice().unwrap()).unwrap())
        .collect();
    let x = action.pack(&Estimate::new(paths, theta)).unwrap();
    (action, x)
}

#[test]
fn both_kinds_of_unknowns_have_the_same_minimum_and_errors_are_well_scaled() {
    for (activation, fixed) in [
        (Activation::Linear, true),
        (Activation::Tanh, true),
        (Activation::Tanh, false),
    ] {
        let (action, x) = twin(activation, fixed);
        let minimum = |rf: f64, minimizer: &dyn Minimizer, by_errors: bool| {
            let (mut at, mut x) = (action.at(rf).unwrap(), x.clone());
            let outcome = match by_errors {
                true => at.minimize_by_errors(minimizer, &mut x, &mut go),
                false => minimizer.minimize(&mut at, &mut x, &mut go),
            };
            approx::assert_relative_eq!(at.value(&x), outcome.value, max_relative = ROUNDING);
            outcome
        };
        let newton = GaussNewton::default().tolerance(1e-14).unwrap();
        let by_states = Lbfgs::default().tolerance(1e-12).unwrap();
        let [low, middle, high] = [1e2, 1e4, 1e6].map(|rf| {
            // Gauss-Newton needs Newton steps, and goes by states whatever is asked.
            let (newton, errors) = (minimum(rf, &newton, true), minimum(rf, &by_states, true));
            approx::assert_relative_eq!(newton.value, errors.value, max_relative = 1e-8);
            errors.work.evaluations
        });
        // By errors R_f is a scale: the work stays. By states it grows, more so where
        // layers are not linear.
        assert!(middle.max(high) < 2 * low, "{low}, {middle}, {high}");
        let states = minimum(1e4, &by_states, false).work.evaluations;
        let factor = if activation == Activation::Linear {
            2
        } else {
            5
        };
        assert!(
            factor * middle < states,
            "{activation:?}: {middle}, {states}"
        );
    }
}

#[test]
fn a_walk_that_ends_early_leaves_its_path() {
    let (action, x) = twin(Activation::Tanh, false);
    let minimizer = Lbfgs::default();
    let mut stop = |iteration: Iteration| match iteration.number {
        3 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let ends: [(_, &mut dyn FnMut(Iteration) -> ControlFlow<()>, _); 2] = [
        (minimizer, &mut stop, Termination::Cancelled),
        (
            minimizer.max_iterations(5),
            &mut go,
            Termination::IterationLimit,
        ),
    ];
    for (minimizer, observe, termination) in ends {
        let (mut at, mut x) = (action.at(100.0).unwrap(), x.clone());
        let begin = at.value(&x);
        let outcome = at.minimize_by_errors(&minimizer, &mut x, observe);
        assert_eq!(outcome.termination, termination);
        assert!(outcome.value < begin);
        approx::assert_relative_eq!(at.value(&x), outcome.value, max_relative = ROUNDING);
    }
}

#[test]
fn a_perfect_fit_is_seen_at_once() {
    let network = Network::new(3, [Dense::new(4, Activation::Tanh); 3]).unwrap();
    let inputs = Array2::from_shape_fn((5, 3), |(i, j)| 0.1 * (i * j) as f64);
    let theta = network.draw(inputs.view(), 3).unwrap();
    let outputs = network.predict(&theta, inputs.view()).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let windows = network.pairs((inputs.view(), &one), (outputs.view(), &one));
    let mut builder = Action::builder(network.clone(), Map).windows(windows.unwrap());
    for (name, range) in network.blocks() {
        let weights = theta[range].iter();
        builder = builder.parameter_block(&name, weights.map(|&w| Parameter::estimated().guess(w)));
    }
    let action = builder.build().unwrap();
    let rows = inputs.rows().into_iter();
    let paths = rows.map(|row| network.forward(&theta, row.to_slice().unwrap()).unwrap());
    let mut x = action
        .pack(&Estimate::new(paths.collect(), theta.clone()))
        .unwrap();
    let mut at = action.at(1e8).unwrap();
    let outcome = at.minimize_by_errors(&Lbfgs::default(), &mut x, &mut go);
    assert_eq!(outcome.work.iterations, 0, "{outcome:?}");
}

#[test]
fn many_pairs_of_a_wide_network_go_in_parts() {
    // 240 pairs in 8 groups of 30, of which 13 at a time fill the cache.
    let network = Network::new(784, [30, 10].map(|n| Dense::new(n, Activation::Tanh))).unwrap();
    let action = action_of(network.clone(), &network, 240);
    let mut at = action.at(3.0).unwrap();
    let n = at.dimension();
    let mut draws = Draws(11);
    let (x, change) = (draws.vector(n), draws.vector(n));
    let mut by_errors = at.by_errors(&x).unwrap();
    let errors = by_errors.errors(&x);
    let back = by_errors.states(&errors);
    let made: Vec<f64> = errors[..240 * 824]
        .chunks(824)
        .flat_map(|w| w[784..].to_vec())
        .collect();
    assert!(distance(&at.residuals(&x).unwrap(), &made) < ROUNDING);
    assert!(distance(&x, &back) < ROUNDING);
    let mut by_errors = at.by_errors(&x).unwrap();
    // States alone move: a change of the many weights would drown theirs.
    let states = 240 * 824;
    let mut along = |h: f64| {
        let moved = errors.iter().zip(&change).enumerate();
        let moved = moved.map(|(i, (e, d))| if i < states { e + h * d } else { *e });
        by_errors.value(&moved.collect::<Vec<_>>())
    };
    let slope = (along(1e-5) - along(-1e-5)) / 2e-5;
    let mut gradient = vec![0.0; n];
    by_errors.value_and_gradient(&errors, &mut gradient);
    let product: f64 = gradient[..states]
        .iter()
        .zip(&change)
        .map(|(g, d)| g * d)
        .sum();
    approx::assert_relative_eq!(product, slope, max_relative = 1e-6);
}

#[test]
fn errors_that_count_more_have_smaller_scales() {
    let network = Network::new(2, [Dense::new(2, Activation::Tanh); 2]).unwrap();
    let values = Array2::from_shape_fn((1, 2), |(_, j)| 0.3 * j as f64);
    let one = Precision::scalar(1.0).unwrap();
    let windows = network.pairs((values.view(), &one), (values.view(), &one));
    let precision = Precision::full(ndarray::array![[1.0, 5.0], [5.0, 1e4]]).unwrap();
    let mut builder = Action::builder(network.clone(), Map)
        .windows(windows.unwrap())
        .model_precision(precision);
    for (name, range) in network.blocks() {
        builder = builder.parameter_block(&name, range.map(|_| Parameter::fixed(0.3)));
    }
    let action = builder.build().unwrap();
    let mut at = action.at(7.0).unwrap();
    let by_errors = at.by_errors(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).unwrap();
    let scales = by_errors.scales();
    // Of the hidden layer nothing is measured.
    approx::assert_relative_eq!(scales[2] / scales[3], 100.0, max_relative = ROUNDING);
}

#[test]
fn errors_that_do_not_lead_back_are_left_alone() {
    // Sixty layers that enlarge threefold make 10¹² of a rounding error of 10⁻¹⁶.
    let network = Network::new(2, [Dense::new(2, Activation::Linear); 60]).unwrap();
    let values = Array2::from_shape_fn((2, 2), |(i, j)| 0.3 + (i + j) as f64);
    let one = Precision::scalar(1.0).unwrap();
    let windows = network.pairs((values.view(), &one), (values.view(), &one));
    let mut builder = Action::builder(network.clone(), Map).windows(windows.unwrap());
    for (name, range) in network.blocks() {
        let weights = range.clone().map(|p| {
            let diagonal = [0, 3].contains(&(p - range.start));
            Parameter::fixed(if diagonal { 3.0 } else { 0.0 })
        });
        builder = builder.parameter_block(&name, weights.collect::<Vec<_>>());
    }
    let action = builder.build().unwrap();
    let mut at = action.at(1.0).unwrap();
    assert!(takes_errors(&action));
    let x = Draws(2).vector(at.dimension());
    let minimizer = Lbfgs::default().max_iterations(50);
    let [mut by_states, mut by_errors] = [x.clone(), x];
    minimizer.minimize(&mut at, &mut by_states, &mut go);
    at.minimize_by_errors(&minimizer, &mut by_errors, &mut go);
    assert_eq!(by_states, by_errors);
}

#[test]
fn a_start_that_is_not_finite_is_said_and_left_as_it_is() {
    let (action, x) = twin(Activation::Tanh, false);
    for (place, value) in [(0, f64::NAN), (9, f64::INFINITY), (x.len() - 1, f64::NAN)] {
        let mut at = action.at(1.0).unwrap();
        let mut start = x.clone();
        start[place] = value;
        let mut x = start.clone();
        let minimizer = Lbfgs::default();
        let outcome = minimizer.minimize(&mut at, &mut x, &mut go);
        assert_eq!(outcome.termination, Termination::NonFinite);
        let bits = |x: &[f64]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&x), bits(&start));
    }
    let mut at = action.at(1.0).unwrap();
    let outcome = at.minimize_by_errors(&Lbfgs::default(), &mut [0.0; 3], &mut go);
    assert_eq!(outcome.termination, Termination::NonFinite);
    assert!(at.by_errors(&[0.0; 3]).is_none());
    let mut by_errors = at.by_errors(&x).unwrap();
    assert!(by_errors.newton().is_none());
    let (mut short, mut long) = ([0.0; 3], vec![0.0; x.len()]);
    assert!(by_errors.states(&short).iter().all(|v| v.is_nan()));
    assert!(by_errors.errors(&short).iter().all(|v| v.is_nan()));
    assert!(by_errors.value(&short).is_nan() && by_errors.rounding(&short).is_nan());
    assert!(by_errors.value_and_gradient(&x, &mut short).is_nan());
    assert!(by_errors.value_and_gradient(&[0.0; 3], &mut long).is_nan());
    assert!(long.iter().chain(&short).all(|v| v.is_nan()));
}

#[test]
fn where_there_are_none_the_states_are_the_unknowns() {
    let (twin, action) = lorenz96(20, 161);
    let x = action
        .pack(&Estimate::new(vec![twin.truth.clone()], vec![8.17]))
        .unwrap();
    let minimizer = Lbfgs::default().max_iterations(20);
    assert!(!takes_errors(&action));
    let mut at = action.at(1.0).unwrap();
    let [mut a, mut b] = [x.clone(), x];
    minimizer.minimize(&mut at, &mut a, &mut go);
    at.minimize_by_errors(&minimizer, &mut b, &mut go);
    assert_eq!(a, b);
    // Nor are there any of layers that only the model knows, or of recurrent ones.
    let recurrent = Network::new(2, [Dense::new(3, Activation::Tanh).recurrent()]).unwrap();
    let recurrent = recurrent.with_times(3).unwrap();
    let action = action_of(recurrent.clone(), &recurrent, 2);
    assert!(!takes_errors(&action));
    let plain = Network::new(2, [Dense::new(3, Activation::Tanh)]).unwrap();
    let action = action_of(Plain(plain.clone()), &plain, 2);
    assert!(!takes_errors(&action));
}

#[test]
fn an_annealer_takes_errors_where_it_is_told() {
    let (action, _) = twin(Activation::Tanh, true);
    let annealer = || {
        Annealer::new(Schedule::geometric(1e4, 10.0, 0..=0).unwrap())
            .starts(1)
            .start_with(Starts::Mean)
    };
    let by_states = annealer().minimizer(Lbfgs::default()).run(&action).unwrap();
    let by_errors = annealer().minimizer(Lbfgs::default()).by_errors();
    let by_errors = by_errors.run(&action).unwrap();
    let level = |annealing: &Annealing| annealing.starts[0].levels[0].clone();
    let (states, errors) = (level(&by_states), level(&by_errors));
    assert!(2 * errors.work.evaluations < states.work.evaluations);
    // Gauss-Newton goes by states.
    let [a, b] = [annealer(), annealer().by_errors()].map(|a| level(&a.run(&action).unwrap()));
    assert_eq!((a.action, a.work), (b.action, b.work));
}
