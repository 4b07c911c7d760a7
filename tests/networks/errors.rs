//! The errors of a network as unknowns in the place of its states.

use super::training::{ROUNDING, action_of, distance, networks};
use crate::fixtures::Noise as Draws;
use crate::fixtures::ladder::{go, lorenz96};
use crate::fixtures::plain::Plain;
use deepest::minimize::{Minimizer, Objective};
use deepest::models::Network;
use deepest::prelude::*;
use deepest::{Activation, Dense};
use ndarray::Array2;

const PAIRS: usize = 23;

/// The networks whose layers follow from the one before alone, with their actions.
fn unrolled() -> Vec<(Network, Action<Network, Map>)> {
    let all = networks().into_iter().map(|network| {
        let action = action_of(network.clone(), &network, PAIRS);
        (network, action)
    });
    all.filter(|(_, action)| action.at(1.0).unwrap().takes_errors())
        .collect()
}

#[test]
fn errors_are_residuals_and_lead_back_to_the_states() {
    let all = unrolled();
    assert_eq!(all.len(), 36 + 6, "feed-forward and residual ones");
    for (network, action) in all {
        let mut at = action.at(3.0).unwrap();
        let x = Draws(5).vector(at.dimension());
        let (mut errors, mut scales) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        at.errors(&x, &mut errors, &mut scales);
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
        let mut back = vec![0.0; x.len()];
        at.states(&errors, &mut back);
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
        let mut x = vec![0.0; n];
        let mut along = |h: f64| {
            let moved: Vec<f64> = errors.iter().zip(&change).map(|(e, d)| e + h * d).collect();
            at.states(&moved, &mut x);
            at.value(&x)
        };
        let h = 1e-5;
        let slope = (along(h) - along(-h)) / (2.0 * h);
        let mut gradient = vec![0.0; n];
        at.states(&errors, &mut x);
        at.value_and_gradient(&x, &mut gradient);
        at.gradient_by_errors(&x, &mut gradient);
        let product: f64 = gradient.iter().zip(&change).map(|(g, d)| g * d).sum();
        let size = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
        let found = (product - slope).abs() / (size(&gradient) * size(&change));
        assert!(found < 1e-7, "{network:?}: {found}");
    }
}

/// Ten layers of six units, twelve pairs of a teacher's; weights fixed or not, and
/// the path of the teacher.
fn twin(activation: Activation, fixed: bool) -> (Action<Network, Map>, Vec<f64>) {
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
        let minimum = |rf: f64, minimizer: &dyn Minimizer| {
            let mut at = action.at(rf).unwrap();
            minimizer.minimize(&mut at, &mut x.clone(), &mut go)
        };
        let newton = GaussNewton::default().tolerance(1e-14).unwrap();
        let by_states = Lbfgs::default().tolerance(1e-12).unwrap();
        let [low, middle, high] = [1e2, 1e4, 1e6].map(|rf| {
            let (newton, errors) = (minimum(rf, &newton), minimum(rf, &by_states.by_errors()));
            approx::assert_relative_eq!(newton.value, errors.value, max_relative = 1e-8);
            errors.work.evaluations
        });
        // By errors R_f is a scale: the work stays. By states it grows: tenfold here
        // where layers are not linear.
        assert!(middle.max(high) < 2 * low, "{low}, {middle}, {high}");
        let states = minimum(1e4, &by_states).work.evaluations;
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
fn a_start_that_is_not_finite_is_said() {
    let (action, x) = twin(Activation::Tanh, false);
    for (place, value) in [(0, f64::NAN), (9, f64::INFINITY), (x.len() - 1, f64::NAN)] {
        let mut at = action.at(1.0).unwrap();
        let mut x = x.clone();
        x[place] = value;
        let outcome = Lbfgs::default()
            .by_errors()
            .minimize(&mut at, &mut x, &mut go);
        assert_eq!(outcome.termination, Termination::NonFinite);
    }
    let mut at = action.at(1.0).unwrap();
    let outcome = Lbfgs::default()
        .by_errors()
        .minimize(&mut at, &mut [0.0; 3], &mut go);
    assert_eq!(outcome.termination, Termination::NonFinite);
}

#[test]
fn where_there_are_none_the_states_are_the_unknowns() {
    let (twin, action) = lorenz96(20, 161);
    let x = action
        .pack(&Estimate::new(vec![twin.truth.clone()], vec![8.17]))
        .unwrap();
    let minimizer = Lbfgs::default().max_iterations(20);
    let [a, b] = [minimizer, minimizer.by_errors()].map(|minimizer| {
        let (mut at, mut x) = (action.at(1.0).unwrap(), x.clone());
        assert!(!at.takes_errors());
        minimizer.minimize(&mut at, &mut x, &mut go);
        x
    });
    assert_eq!(a, b);
    // Nor are there any of layers that only the model knows, or of recurrent ones.
    let recurrent = Network::new(2, [Dense::new(3, Activation::Tanh).recurrent()]).unwrap();
    let recurrent = recurrent.with_times(3).unwrap();
    let action = action_of(recurrent.clone(), &recurrent, 2);
    assert!(!action.at(1.0).unwrap().takes_errors());
    let plain = Network::new(2, [Dense::new(3, Activation::Tanh)]).unwrap();
    let action = action_of(Plain(plain.clone()), &plain, 2);
    assert!(!action.at(1.0).unwrap().takes_errors());
}
