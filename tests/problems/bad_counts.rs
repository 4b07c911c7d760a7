//! Counts that can only be mistakes, and collections of nothing: a typed error before
//! any memory is asked for.

use crate::fixtures::bad::{builder, data, length, one, range, window};
use deepest::hamiltonian::BoundaryProblem;
use deepest::linalg::{ArrowShape, ChainShape};
use deepest::models::{Lorenz63, Network, one_hot};
use deepest::prelude::*;
use deepest::{Activation, Dense, DenseLayer, Error, Minibatches, Path};
use ndarray::{Array2, array};

/// The largest, what overflows when it is multiplied by the size of a number, and what
/// does not but exceeds all memory.
const HUGE: [usize; 4] = [usize::MAX, usize::MAX / 2, usize::MAX / 8, 1 << 50];

#[test]
fn counts_that_can_only_be_mistakes_are_refused() {
    let times = [0.0, 1.0, 2.0];
    for count in HUGE {
        let of = |(what, _, _, _, found): (&'static str, String, f64, f64, f64)| (what, found);
        let found = count as f64;
        let uniform = Grid::uniform(0.0, 1.0, count);
        assert_eq!(of(range(uniform)), ("layers", found));
        assert_eq!(range(Grid::from_times(&times, count)).0, "layers");
        let action = builder().window(window()).build().unwrap();
        let schedule = || Schedule::geometric(1e-2, 2.0, 0..=1).unwrap();
        let annealer = || Annealer::new(schedule());
        let run = annealer().starts(count).run(&action);
        assert_eq!(of(range(run)), ("starts", found));
        let run = annealer().race(count).run(&action);
        assert_eq!(of(range(run)), ("starts", found));
        let run = annealer().threads(count).run(&action);
        assert_eq!(of(range(run)), ("threads", found));
        let batches = Minibatches::new(&schedule(), count).map(|_| ());
        assert_eq!(of(range(batches)), ("batches", found));
        assert_eq!(range(one_hot(&[0, 1], count)).0, "classes");
        assert_eq!(of(range(one().to_matrix(count))), ("components", found));
        let steps = Simulation::new(Grid::uniform(0.0, 0.1, 3).unwrap(), [10.0, 28.0, 2.0]);
        let steps = steps.substeps(count).flow(&Lorenz63);
        assert_eq!(of(range(steps)), ("sub-steps", found));
        let layers = [Dense::new(count, Activation::Tanh)];
        assert_eq!(range(Network::new(2, layers)).0, "parameters");
        let layers = [Dense::new(2, Activation::Tanh)];
        assert_eq!(range(Network::new(count, layers)).0, "parameters");
        let network = Network::new(2, layers).unwrap();
        assert_eq!(range(network.with_times(count)).0, "states");
        let chain = ChainShape {
            nodes: vec![count],
            interiors: vec![],
        };
        assert_eq!(
            range(ArrowShape::new(vec![chain], 1)).0,
            "entries of the factor"
        );
        assert!(ArrowShape::new(vec![ChainShape::uniform(2, 1, 0)], count).is_err());
        // One layer of many is one.
        let truth = Simulation::new(Grid::uniform(0.0, 0.1, 3).unwrap(), [10.0, 28.0, 2.0]);
        let truth = truth.flow(&Lorenz63).unwrap();
        let sparse = Measurement::new(&[0], Noise::scalar(1.0).unwrap()).every(count);
        assert_eq!(
            truth.observe(&sparse).unwrap().observations.times().len(),
            1
        );
    }
    let endless = Schedule::geometric(1e-2, 1.1, 0_u32..);
    assert_eq!(range(endless).0, "values of beta");
}

/// ẋ = −x in so many components.
struct Wide(usize);

impl Model for Wide {}

impl Flow for Wide {
    fn width(&self) -> usize {
        self.0
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        for (slot, x) in dx.iter_mut().zip(x) {
            *slot = -*x;
        }
    }
}

#[test]
fn models_wider_than_any_memory_are_refused() {
    for width in HUGE {
        let action = Action::builder(Wide(width), Trapezoid).window(window());
        assert_eq!(range(action.build().map(|_| ())).0, "components");
        let grid = Grid::uniform(0.0, 0.1, 3).unwrap();
        let simulated = Simulation::new(grid, []).flow(&Wide(width));
        assert_eq!(range(simulated).0, "components");
    }
}

fn estimate() -> (Action, Estimate) {
    let action = builder()
        .window(window())
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap();
    let path = Path::from_layers([[1.0, 1.5]; 5]);
    (action, Estimate::new(vec![path], [0.5, 0.1, 0.8, 0.1]))
}

#[test]
fn measurements_of_nothing_cannot_be_predicted() {
    let (action, estimate) = estimate();
    let schedule = Schedule::geometric(1.0, 2.0, 0..=0).unwrap();
    let annealer = Annealer::new(schedule).start_with(Starts::Given(estimate));
    let annealing = annealer.run(&action).unwrap();
    let (_, best) = annealing.best().unwrap();
    let nothing = Array2::from_elem((5, 2), f64::NAN);
    let times = data().times().to_vec();
    let missing = Observations::of_components(&[0, 1], times, nothing, one());
    let mut held = vec![vec![]];
    held.extend(missing.ok().map(|missing| vec![(0, missing)]));
    for held in held {
        match action.held_out(1.0, &best.estimate, &held).unwrap_err() {
            Error::Empty { what, .. } => assert_eq!(what, "values that were kept back"),
            other => panic!("{other}"),
        }
    }
    assert!(action.held_out(1.0, &best.estimate, &[(0, data())]).is_ok());
}

#[test]
fn a_guess_of_another_shape_is_not_refined() {
    let (action, estimate) = estimate();
    let problem = BoundaryProblem::new(&action, 1.0);
    let twice = vec![estimate.paths[0].clone(); 2];
    for paths in [twice, vec![], vec![Path::from_layers([[1.0, 1.5]; 4])]] {
        let guess = Estimate::new(paths, estimate.parameters.clone());
        let refined = problem.refine(&guess, 1e-3);
        length(refined.map(|_| ()));
    }
    let few = Estimate::new(estimate.paths.clone(), [0.5]);
    length(problem.refine(&few, 1e-3).map(|_| ()));
}

/// A layer map that describes dense layers as it likes.
struct Described {
    widths: [usize; 2],
    parameters: usize,
    layer: DenseLayer,
}

impl Model for Described {
    fn parameter_count(&self) -> usize {
        self.parameters
    }
}

impl Layers for Described {
    fn width(&self, layer: usize) -> usize {
        self.widths[layer.min(1)]
    }
    fn layer<S: Scalar>(
        &self,
        _n: usize,
        _x: &[S],
        next: &[S],
        _theta: &[S],
        _input: &[S],
        out: &mut [S],
    ) {
        out.copy_from_slice(next);
    }
    fn dense(&self, _n: usize) -> Option<DenseLayer> {
        Some(self.layer)
    }
}

#[test]
fn dense_layers_that_do_not_fit_are_not_simulated() {
    let simulate = |widths, parameters, before, units, times| {
        let dense = Dense::new(units, Activation::Tanh);
        let layer = DenseLayer::new(dense, before).with_times(times);
        let model = Described {
            widths,
            parameters,
            layer,
        };
        let grid = Grid::uniform(0.0, 1.0, 2).unwrap();
        let simulation = Simulation::new(grid, vec![0.1; parameters]);
        simulation.from_state(vec![1.0; widths[0]]).layers(&model)
    };
    // Two units from three take 2 · 3 + 2 parameters.
    let fits = simulate([3, 2], 8, 3, 2, 1);
    assert!(matches!(
        fits,
        Err(Error::OutOfRange {
            what: "residual after a forward pass",
            ..
        })
    ));
    length(simulate([3, 2], 7, 3, 2, 1).map(|_| ()));
    length(simulate([2, 2], 8, 3, 2, 1).map(|_| ()));
    length(simulate([3, 3], 8, 3, 2, 1).map(|_| ()));
    length(simulate([3, 2], 8, 3, 2, 2).map(|_| ()));
    for count in HUGE {
        length(simulate([3, 2], 8, count, 2, 1).map(|_| ()));
        length(simulate([3, 2], 8, 3, count, 1).map(|_| ()));
        length(simulate([3, 2], 8, 3, 2, count).map(|_| ()));
    }
}

/// ẋ = −x + u(t).
struct Driven;

impl Model for Driven {
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Driven {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], input: &[S], dx: &mut [S]) {
        dx[0] = input[0] - x[0];
    }
}

/// Samples nearer to each other than any quotient can tell, one of them far away.
#[test]
fn inputs_may_be_as_near_as_numbers_are() {
    for times in [
        [0.0, 1e-300, 5.0],
        [-1e-300, 0.0, 1e-300],
        [0.0, 5e-324, 1e-323],
    ] {
        let inputs = Inputs::constant(times, array![[1.0], [2.0], [3.0]]).unwrap();
        let grid = Grid::uniform(0.0, 0.5, 5).unwrap();
        let data = Observations::of_components(&[0], [0.0, 2.0], array![[0.0], [1.0]], one());
        let window = Window::new(grid).observations(data.unwrap()).unwrap();
        let action = Action::builder(Driven, Trapezoid)
            .window(window.inputs(inputs).unwrap())
            .build()
            .unwrap();
        let x = vec![0.5; 5];
        assert!(action.at(1.0).unwrap().value(&x).is_finite());
    }
}
