//! Equations that hold exactly beside others that do not: a share of the model
//! precision of 1e8, against the same problem with the constraint eliminated.

use crate::fixtures::Noise as Numbers;
use crate::fixtures::dense::Normal;
use crate::fixtures::ladder::go;
use deepest::models::Linear;
use deepest::prelude::*;
use ndarray::{Array1, Array2, array};

const LAYERS: usize = 31;
const STEP: f64 = 0.1;
const RF: f64 = 20.0;

/// Noisy positions of an oscillator.
fn positions() -> Vec<f64> {
    let mut noise = Numbers(4);
    let times = (0..LAYERS).map(|n| n as f64 * STEP);
    times.map(|t| t.cos() + 0.1 * noise.next()).collect()
}

/// Positions and velocities with x' = v by a share of the model precision,
/// v' = −x by R_f.
fn by_shares(share: f64) -> Vec<f64> {
    let grid = Grid::uniform(0.0, STEP, LAYERS).unwrap();
    let times = grid.times().to_vec();
    let values = Array2::from_shape_vec((LAYERS, 1), positions()).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], times, values, one).unwrap();
    let model = Linear::new(array![[0.0, 1.0], [-1.0, 0.0]]).unwrap();
    let action = Action::builder(model, Euler)
        .window(Window::new(grid).observations(data).unwrap())
        .model_precision(Precision::diagonal([share, 1.0]).unwrap())
        .build()
        .unwrap();
    let mut x = vec![0.0; action.counts().unknowns];
    let mut at = action.at(RF).unwrap();
    let outcome = GaussNewton::default().minimize(&mut at, &mut x, &mut go);
    assert!(matches!(
        outcome.termination,
        Termination::Converged | Termination::RoundingLimit
    ));
    x
}

/// Unknowns x₀, v₀, v₁, …: positions are x₀ + Δ(v₀ + … + v_{n−1}).
fn eliminated() -> Vec<f64> {
    let order = LAYERS + 1;
    let position = |n: usize| {
        Array1::from_shape_fn(order, |c| match c {
            0 => 1.0,
            c if c <= n => STEP,
            _ => 0.0,
        })
    };
    let velocity = |n: usize| Array1::from_shape_fn(order, |c| f64::from(c == n + 1));
    let mut normal = Normal::new(order);
    let mut add = |row: Array1<f64>, y: f64, weight: f64| {
        let row = row.insert_axis(ndarray::Axis(0));
        normal.add(&row, &array![y], &array![[weight]]);
    };
    for (n, y) in positions().into_iter().enumerate() {
        add(position(n), y, 1.0);
    }
    for n in 0..LAYERS - 1 {
        add(velocity(n + 1) - velocity(n) + position(n) * STEP, 0.0, RF);
    }
    let solution = normal.solution();
    let states = (0..LAYERS).flat_map(|n| [position(n).dot(&solution), velocity(n).dot(&solution)]);
    states.collect()
}

#[test]
fn a_large_share_is_a_hard_constraint() {
    let expected = eliminated();
    let error = |share| {
        let found = by_shares(share);
        let pairs = found.iter().zip(&expected);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    // A constraint of precision w is violated by p/w with forces p that add up
    // over at most 31 measurements of size 0.1, and these add up over 30 steps:
    // at most 100/w.
    let [loose, tight] = [1e6, 1e8].map(|share| error(share) * share * RF);
    assert!(loose <= 100.0, "{loose}");
    assert!(tight <= 100.0, "{tight}");
    // Still the constraint, not rounding: the error falls as it should.
    assert!((tight / loose - 1.0).abs() < 0.5, "{loose} {tight}");
}
