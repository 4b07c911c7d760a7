//! Saddles are left, and on mirrored ways by mirrored problems.

use deepest::Level;
use deepest::prelude::*;

/// y = x².
struct Square;

impl deepest::Observe for Square {
    fn len(&self, _k: usize) -> usize {
        1
    }

    fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], _theta: &[S], out: &mut [S]) {
        out[0] = x[0] * x[0];
    }
}

/// ẋ = x − x³.
struct DoubleWell;

impl Model for DoubleWell {}

impl Flow for DoubleWell {
    fn width(&self) -> usize {
        1
    }

    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = x[0] - x[0] * x[0] * x[0];
    }
}

/// A state at rest in a well, whose square was measured: x and −x are minima without any
/// error, and x = 0 is a saddle by symmetry.
fn action(layers: usize, bounds: Option<[f64; 2]>) -> Action {
    let grid = Grid::uniform(0.0, 0.1, layers).unwrap();
    let values = vec![vec![1.0]; layers];
    let precision = Precision::scalar(100.0).unwrap();
    let data = Observations::of_operator(Square, grid.times().to_vec(), &values, precision);
    let window = Window::new(grid).observations(data.unwrap()).unwrap();
    let mut builder = Action::builder(DoubleWell, Trapezoid).window(window);
    if let Some([lower, upper]) = bounds {
        builder = builder.state_bounds(0, Bounds::new(lower, upper).unwrap());
    }
    builder.build().unwrap()
}

fn at_zero(layers: usize) -> Starts {
    let path = Path::from_layers((0..layers).map(|_| [0.0]));
    Starts::Given(Estimate::new(vec![path], []))
}

/// One level from x = 0.
fn level(layers: usize, bounds: Option<[f64; 2]>, rf: f64) -> Level {
    let annealer = Annealer::new(Schedule::geometric(rf, 2.0, [0]).unwrap());
    let annealer = annealer.start_with(at_zero(layers));
    let annealing = annealer.run(&action(layers, bounds)).unwrap();
    annealing.starts[0].levels[0].clone()
}

/// One level pays for the way down, the others are at rest.
#[test]
fn a_saddle_is_left_on_its_way_down() {
    let action = action(41, None);
    let schedule = Schedule::geometric(1e4, 1.5, 0..=10).unwrap();
    let annealer = Annealer::new(schedule).start_with(at_zero(41));
    let annealing = annealer.run(&action).unwrap();
    let best = annealing.best().unwrap().1;
    assert!(best.action.total < 1e-12, "{}", best.action.total);
    let state = best.estimate.paths[0].layer(20)[0];
    assert!((state.abs() - 1.0).abs() < 1e-6);
    assert!(annealing.work().factorizations < 40);
}

/// Strong enough a model that all layers choose the same well.
#[test]
fn a_saddle_is_left_whatever_holds_the_layers_together() {
    for layers in [11, 41, 161] {
        for rf in [1e4, 1e6] {
            for bounds in [None, Some([-2.0, 2.0]), Some([0.0, 2.0]), Some([-2.0, 0.0])] {
                let level = level(layers, bounds, rf);
                let end = level.action.total;
                assert!(end < 1e-12, "{layers} layers, {bounds:?}, {rf:e}: {end}");
            }
        }
    }
}

/// Every operation of arithmetic is the same with the other sign.
#[test]
fn mirrored_bounds_lead_along_mirrored_ways() {
    for layers in [5, 11, 41] {
        for rf in [1.0, 1e2, 1e4] {
            let [up, down] = [[0.0, 2.0], [-2.0, 0.0]].map(|b| level(layers, Some(b), rf));
            assert_eq!(up.work, down.work, "{layers} layers, {rf:e}");
            assert_eq!(up.action, down.action);
            let paths = [&up, &down].map(|level| level.estimate.paths[0].component(0));
            let mirrored: Vec<f64> = paths[1].iter().map(|x| -x).collect();
            assert_eq!(paths[0], mirrored);
        }
    }
}
