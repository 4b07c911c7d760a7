//! Gradients of windows that are evaluated in several blocks of many intervals,
//! against the same model evaluated interval by interval.

use crate::fixtures::Noise;
use deepest::prelude::*;
use deepest::{Parameter, Path, Rule};
use ndarray::Array2;

/// A driven chain of four sites with θ = (gain, frequency, drag). One that looks
/// at a value cannot be called with many points at once.
struct Chain {
    looks: bool,
}

impl Model for Chain {
    fn parameter_count(&self) -> usize {
        3
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Chain {
    fn width(&self) -> usize {
        4
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        let sign = if self.looks && x[0].value() > 0.3 {
            -1.0
        } else {
            1.0
        };
        for i in 0..4 {
            let push = theta[0] * input[0] + (theta[1] * t).sin();
            dx[i] = x[(i + 1) % 4] * x[(i + 3) % 4] - theta[2] * x[i] + (push * x[i]).tanh();
            // The same number on either branch.
            dx[i] *= S::from(sign * sign);
        }
    }
}

fn action<R: Rule<Chain>>(rule: R, layers: usize, held: bool, looks: bool) -> Action {
    let mut builder = Action::builder(Chain { looks }, rule)
        .parameter("gain", Parameter::estimated().random_walk(0.5).unwrap())
        .parameter("frequency", Bounds::new(0.0, 9.0).unwrap())
        .parameter("drag", Parameter::estimated().per_window())
        .model_precision(Precision::diagonal([1.0, 2.0, 0.5, 3.0]).unwrap());
    let mut noise = Noise(7);
    for w in 0..2 {
        // Windows of different lengths, steps that differ from pair to pair.
        let layers = layers - 2 * w;
        let mut times = vec![0.0];
        for n in 1..layers {
            let step = 0.1 + 0.02 * ((n - 1) / 2 % 3) as f64;
            times.push(times[n - 1] + step);
        }
        let grid = Grid::new(times.clone()).unwrap();
        let drive = Array2::from_shape_fn((layers, 1), |_| noise.next());
        let inputs = match held {
            true => Inputs::constant(times.clone(), drive),
            false => Inputs::linear(times.clone(), drive),
        };
        let values = Array2::from_shape_fn((layers, 1), |_| noise.next());
        let data =
            Observations::of_components(&[2], times, values, Precision::scalar(1.5).unwrap());
        let window = Window::new(grid).observations(data.unwrap()).unwrap();
        builder = builder.window(window.inputs(inputs.unwrap()).unwrap());
    }
    builder.build().unwrap()
}

fn compare<R: Rule<Chain>>(rule: R) {
    for layers in [5, 63, 65, 131, 261] {
        for held in [false, true] {
            let many = action(rule, layers, held, false);
            let single = action(rule, layers, held, true);
            let mut noise = Noise(11);
            let path = |layers: usize, width: usize, noise: &mut Noise| {
                Path::from_layers((0..layers).map(|_| noise.vector(width)))
            };
            let lengths = [layers, layers - 2];
            let paths = lengths.map(|n| path(n, 4, &mut noise)).to_vec();
            let mut estimate = Estimate::new(paths, vec![0.8, 3.0, 0.4]);
            estimate.varying = lengths.map(|n| path(n, 1, &mut noise)).to_vec();
            estimate.per_window = vec![vec![0.3], vec![0.6]];
            let x = many.pack(&estimate).unwrap();
            let gradient = |action: &Action| {
                let mut g = vec![0.0; x.len()];
                let value = action.at(2.0).unwrap().value_and_gradient(&x, &mut g);
                (value, g)
            };
            let (value, g) = gradient(&many);
            let (expected, h) = gradient(&single);
            let name = format!("{}, {layers} layers, held {held}", rule.name());
            // Sums of at most 261 terms in another order.
            let close = |a: f64, b: f64, size: f64| (a - b).abs() <= 1e-13 * size;
            assert!(close(value, expected, expected), "{name}");
            let largest = h.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            for (i, (a, b)) in g.iter().zip(&h).enumerate() {
                assert!(close(*a, *b, largest), "{name}, unknown {i}: {a} {b}");
            }
        }
    }
}

#[test]
fn gradients_in_blocks_are_those_interval_by_interval() {
    compare(Euler);
    compare(Trapezoid);
    compare(Midpoint);
    compare(SimpsonHermite);
}
