//! Networks: many windows together are what they are one by one, and the limit of
//! a perfect model is back-propagation.

use crate::fixtures::Noise as Draws;
use crate::fixtures::plain::Plain;
use deepest::hamiltonian::{Adjoint, Momenta};
use deepest::minimize::Objective;
use deepest::models::Network;
use deepest::prelude::*;
use deepest::{Activation, Curvature, Dense, DenseLayer};
use ndarray::Array2;

const ALL: [Activation; 6] = [
    Activation::Linear,
    Activation::Logistic,
    Activation::Tanh,
    Activation::Relu,
    Activation::Softplus,
    Activation::Softmax,
];

/// Every activation in every place, residual and recurrent layers, wide and narrow.
pub(crate) fn networks() -> Vec<Network> {
    let feed = ALL.iter().flat_map(|&a| {
        ALL.iter().map(move |&b| {
            Network::new(3, [Dense::new(5, a), Dense::new(9, b), Dense::new(2, a)]).unwrap()
        })
    });
    let residual = ALL.map(|a| {
        let layers = [
            Dense::new(4, a).residual(0.3),
            Dense::new(4, a).residual(0.2),
        ];
        Network::new(4, layers).unwrap()
    });
    let recurrent = ALL.map(|a| {
        let layers = [
            Dense::new(3, a).recurrent(),
            Dense::new(3, a).recurrent().residual(0.5),
        ];
        Network::new(2, layers).unwrap().with_times(4).unwrap()
    });
    feed.chain(residual).chain(recurrent).collect()
}

/// The action of random pairs, some of them incomplete, with some of the weights
/// fixed and some with priors.
pub(crate) fn action_of<M: Layers>(model: M, network: &Network, pairs: usize) -> Action {
    let mut draws = Draws(17);
    let last = network.depth() - 1;
    let mut values = |n: usize| Array2::from_shape_fn((pairs, network.width(n)), |_| draws.next());
    let (inputs, mut outputs) = (values(0), values(last));
    outputs[(pairs / 2, 0)] = f64::NAN;
    let [precise, noisy] = [10.0, 2.0].map(|r| Precision::scalar(r).unwrap());
    let windows = network
        .pairs((inputs.view(), &precise), (outputs.view(), &noisy))
        .unwrap();
    let mut builder = Action::builder(model, Map).windows(windows);
    let prior = Gaussian::new(0.1, 2.0).unwrap();
    for (name, range) in network.blocks() {
        let parameters = range.map(|p| match p % 7 {
            0 => Parameter::fixed(0.3),
            1 | 2 => Parameter::estimated().prior(prior),
            _ => Parameter::estimated(),
        });
        builder = builder.parameter_block(&name, parameters);
    }
    builder.build().unwrap()
}

pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut a.iter().copied()).max(1e-300)
}

/// Sums of at most a few hundred terms, in another order: 10⁻¹³ of the largest is
/// their rounding with room to spare.
pub(crate) const ROUNDING: f64 = 1e-13;

#[test]
fn windows_together_are_what_they_are_one_by_one() {
    for (k, network) in networks().iter().enumerate() {
        for pairs in [1, 2, 23] {
            let together = action_of(network.clone(), network, pairs);
            let single = action_of(Plain(network.clone()), network, pairs);
            for rf in [0.01, 5.0] {
                let (mut a, mut b) = (together.at(rf).unwrap(), single.at(rf).unwrap());
                let n = a.dimension();
                let x = Draws(3 + k as u64).vector(n);
                let (mut by_a, mut by_b) = (vec![0.0; n], vec![0.0; n]);
                let value = a.value_and_gradient(&x, &mut by_a);
                let other = b.value_and_gradient(&x, &mut by_b);
                assert!((value / other - 1.0).abs() < ROUNDING, "{k}, {pairs}");
                assert!((a.value(&x) / other - 1.0).abs() < ROUNDING, "{k}, {pairs}");
                let found = distance(&by_b, &by_a);
                assert!(
                    found < ROUNDING,
                    "{k}, {pairs}: gradients differ by {found}"
                );
                assert!(distance(&b.residuals(&x).unwrap(), &a.residuals(&x).unwrap()) < ROUNDING);
            }
        }
    }
}

#[test]
fn newton_steps_do_not_depend_on_who_differentiates() {
    for (k, network) in networks().iter().enumerate() {
        let together = action_of(network.clone(), network, 5);
        let single = action_of(Plain(network.clone()), network, 5);
        let (mut a, mut b) = (together.at(3.0).unwrap(), single.at(3.0).unwrap());
        let n = a.dimension();
        let x = Draws(3 + k as u64).vector(n);
        let mut gradient = vec![0.0; n];
        b.value_and_gradient(&x, &mut gradient);
        for curvature in [Curvature::GaussNewton, Curvature::Exact] {
            let (mut by_a, mut by_b) = (vec![0.0; n], vec![0.0; n]);
            // Enough damping for any curvature here, so that the condition number
            // is near one.
            let damping = 1e3;
            a.newton_step(&x, curvature, damping, &gradient, &mut by_a)
                .unwrap();
            b.newton_step(&x, curvature, damping, &gradient, &mut by_b)
                .unwrap();
            let found = distance(&by_b, &by_a);
            assert!(
                found < 10.0 * ROUNDING,
                "{k}, {curvature:?}: steps differ by {found}"
            );
        }
    }
}

/// Back-propagation as it is written in textbooks, for feed-forward logistic
/// layers: the squared error of one pair, its slopes by weights and biases, and by
/// the layers' states.
struct BackPropagation {
    error: f64,
    by_parameters: Vec<f64>,
    by_states: Vec<Vec<f64>>,
}

fn back_propagate(widths: &[usize], theta: &[f64], x: &[f64], y: &[f64]) -> BackPropagation {
    let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
    let mut states = vec![x.to_vec()];
    let mut first = vec![0];
    for n in 0..widths.len() - 1 {
        let (before, units) = (widths[n], widths[n + 1]);
        let (weights, biases) = theta[first[n]..].split_at(before * units);
        let unit = |i: usize| {
            let row = &weights[i * before..(i + 1) * before];
            let z: f64 = row.iter().zip(&states[n]).map(|(w, x)| w * x).sum();
            logistic(z + biases[i])
        };
        states.push((0..units).map(unit).collect());
        first.push(first[n] + (before + 1) * units);
    }
    let last = widths.len() - 1;
    let errors: Vec<f64> = states[last].iter().zip(y).map(|(x, y)| x - y).collect();
    let error = errors.iter().map(|e| 0.5 * e * e).sum();
    let mut by_parameters = vec![0.0; theta.len()];
    let mut by_states = vec![errors];
    for n in (0..last).rev() {
        let (before, units) = (widths[n], widths[n + 1]);
        let mut here = vec![0.0; before];
        for i in 0..units {
            let f = states[n + 1][i];
            let delta = by_states[0][i] * f * (1.0 - f);
            for j in 0..before {
                by_parameters[first[n] + i * before + j] += delta * states[n][j];
                here[j] += delta * theta[first[n] + i * before + j];
            }
            by_parameters[first[n] + before * units + i] += delta;
        }
        by_states.insert(0, here);
    }
    BackPropagation {
        error,
        by_parameters,
        by_states,
    }
}

/// The action of windows, with these guesses of the weights.
fn guessed(network: &Network, windows: Vec<Window>, theta: &[f64]) -> Action {
    let mut builder = Action::builder(network.clone(), Map).windows(windows);
    for (name, range) in network.blocks() {
        let guesses = theta[range]
            .iter()
            .map(|&w| Parameter::estimated().guess(w));
        builder = builder.parameter_block(&name, guesses);
    }
    builder.build().unwrap()
}

/// Pairs of the network 4-6-5-3 with inputs held by a prior's worth of precision.
fn pairs() -> (Network, Vec<usize>, Array2<f64>, Array2<f64>, Vec<f64>) {
    let widths = vec![4, 6, 5, 3];
    let layers = widths[1..]
        .iter()
        .map(|&w| Dense::new(w, Activation::Logistic));
    let network = Network::new(4, layers).unwrap();
    let mut draws = Draws(9);
    let inputs = Array2::from_shape_fn((7, 4), |_| draws.next());
    let outputs = Array2::from_shape_fn((7, 3), |_| 0.5 + 0.3 * draws.next());
    let theta = draws.vector(network.parameter_count());
    (network, widths, inputs, outputs, theta)
}

#[test]
fn the_limit_of_a_perfect_model_is_back_propagation() {
    let (network, widths, inputs, outputs, theta) = pairs();
    let one = Precision::scalar(1.0).unwrap();
    let windows = network
        .pairs((inputs.view(), &one), (outputs.view(), &one))
        .unwrap();
    let action = guessed(&network, windows, &theta);
    let forward = |m: usize| network.forward(&theta, &inputs.row(m).to_vec()).unwrap();
    let estimate = Estimate::new((0..7).map(forward).collect(), theta.clone());
    let limit = Adjoint::along(&action, &estimate).unwrap();
    let (mut error, mut by_parameters) = (0.0, vec![0.0; theta.len()]);
    for m in 0..7 {
        let plain = back_propagate(
            &widths,
            &theta,
            &inputs.row(m).to_vec(),
            &outputs.row(m).to_vec(),
        );
        error += plain.error;
        for (sum, v) in by_parameters.iter_mut().zip(&plain.by_parameters) {
            *sum += v;
        }
        // Momenta are minus the slopes by the states; at the last layer the one
        // that the measured output has not yet changed.
        let momenta = &limit.momenta.windows[m];
        for (n, slopes) in plain.by_states.iter().enumerate() {
            let p = momenta.before.layer(n).iter().map(|p| -p);
            let p: Vec<f64> = match n {
                // The inputs are as measured: nothing jumps there.
                0 => momenta.after.layer(0).iter().map(|p| -p).collect(),
                _ => p.collect(),
            };
            assert!(distance(slopes, &p) < 1e-12, "pair {m}, layer {n}");
        }
    }
    assert!((limit.value / error - 1.0).abs() < 1e-12);
    assert!(distance(&by_parameters, &limit.momenta.parameters) < 1e-12);
}

/// With weights as they are and R_f raised, the states settle where the momenta are
/// those of back-propagation, with an error that falls like 1/R_f.
#[test]
fn momenta_tend_to_back_propagation() {
    let (network, widths, inputs, outputs, theta) = pairs();
    let exact = Precision::scalar(1e9).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let windows = network
        .pairs((inputs.view(), &exact), (outputs.view(), &one))
        .unwrap();
    let mut builder = Action::builder(network.clone(), Map).windows(windows);
    for (name, range) in network.blocks() {
        builder = builder.parameter_block(&name, theta[range].iter().map(|&w| Parameter::fixed(w)));
    }
    let action = builder.build().unwrap();
    let annealer = Annealer::new(Schedule::geometric(10.0, 10.0, 0..=4).unwrap());
    let annealing = annealer.starts(1).run(&action).unwrap();
    let errors: Vec<f64> = annealing.starts[0]
        .levels
        .iter()
        .map(|level| {
            let momenta = Momenta::along(&action, level.rf, &level.estimate).unwrap();
            let pair = |m: usize| {
                let (x, y) = (inputs.row(m).to_vec(), outputs.row(m).to_vec());
                let plain = back_propagate(&widths, &theta, &x, &y);
                let p: Vec<f64> = momenta.windows[m]
                    .before
                    .layer(1)
                    .iter()
                    .map(|p| -p)
                    .collect();
                distance(&plain.by_states[1], &p)
            };
            (0..7).map(pair).fold(0.0, f64::max)
        })
        .collect();
    for pair in errors.windows(2) {
        let ratio = pair[0] / pair[1];
        assert!((8.0..12.0).contains(&ratio), "{errors:?}");
    }
}

/// Back-propagation through time is the limit of recurrent layers.
#[test]
fn momenta_of_sequences_are_back_propagation_through_time() {
    let network = Network::new(2, [Dense::new(3, Activation::Tanh).recurrent()]).unwrap();
    let network = network.with_times(4).unwrap();
    let mut draws = Draws(5);
    let theta = draws.vector(network.parameter_count());
    let (x, y) = (draws.vector(8), draws.vector(12));
    let [inputs, outputs] =
        [&x, &y].map(|v| Array2::from_shape_vec((1, v.len()), v.clone()).unwrap());
    let one = Precision::scalar(1.0).unwrap();
    let windows = network
        .pairs((inputs.view(), &one), (outputs.view(), &one))
        .unwrap();
    let action = guessed(&network, windows, &theta);
    let path = network.forward(&theta, &x).unwrap();
    let limit = Adjoint::along(&action, &Estimate::new(vec![path.clone()], theta.clone())).unwrap();
    // W is 3 × 2, U 3 × 3, b 3.
    let (w, rest) = theta.split_at(6);
    let (u, _) = rest.split_at(9);
    let h = path.layer(1).to_vec();
    let mut by = vec![0.0; theta.len()];
    let mut later = [0.0; 3];
    for t in (0..4).rev() {
        let mut earlier = [0.0; 3];
        for i in 0..3 {
            let slope = h[3 * t + i] - y[3 * t + i] + later[i];
            let delta = slope * (1.0 - h[3 * t + i].powi(2));
            for j in 0..2 {
                by[2 * i + j] += delta * x[2 * t + j];
            }
            for j in 0..3 {
                let before = if t > 0 { h[3 * (t - 1) + j] } else { 0.0 };
                by[6 + 3 * i + j] += delta * before;
                earlier[j] += delta * u[3 * i + j];
            }
            by[15 + i] += delta;
        }
        later = earlier;
    }
    assert_eq!(w.len(), 6);
    assert!(distance(&by, &limit.momenta.parameters) < 1e-12);
}

/// A model of one's own may tell that its layers are dense.
#[derive(Debug)]
struct Own {
    told: DenseLayer,
}

impl Model for Own {
    fn parameter_count(&self) -> usize {
        8
    }
}

impl Layers for Own {
    fn width(&self, n: usize) -> usize {
        if n == 0 { 3 } else { 2 }
    }
    fn layer<S: Scalar>(&self, _: usize, _: &[S], _: &[S], _: &[S], _: &[S], _: &mut [S]) {
        unreachable!("dense layers are evaluated by the crate");
    }
    fn dense(&self, _n: usize) -> Option<DenseLayer> {
        Some(self.told)
    }
}

fn own(told: DenseLayer) -> deepest::Result<Action> {
    let grid = Grid::uniform(0.0, 1.0, 2).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let values = ndarray::array![[0.5, 0.25]];
    let data = Observations::of_components(&[0, 1], [1.0], values, one).unwrap();
    let window = Window::new(grid).observations(data).unwrap();
    let parameters = (0..8).map(|_| Parameter::estimated());
    let builder = Action::builder(Own { told }, Map).window(window);
    builder.parameter_block("w", parameters).build()
}

#[test]
fn a_dense_layer_must_fit_where_it_stands() {
    let dense = Dense::new(2, Activation::Tanh);
    assert!(own(DenseLayer::new(dense, 3)).is_ok());
    let said = |told: DenseLayer| own(told).unwrap_err().to_string();
    let message = said(DenseLayer::new(dense, 4));
    assert!(message.contains("states before a dense layer"), "{message}");
    let message = said(DenseLayer::new(Dense::new(3, Activation::Tanh), 3));
    assert!(message.contains("states of a dense layer"), "{message}");
    let message = said(DenseLayer::new(dense.recurrent(), 3));
    assert!(message.contains("parameters of a dense layer"), "{message}");
    let message = said(DenseLayer::new(dense.residual(0.1), 3));
    assert!(message.contains("units of a residual layer"), "{message}");
    let message = said(DenseLayer::new(dense, 3).with_times(0));
    assert!(message.contains("states before a dense layer"), "{message}");
}
