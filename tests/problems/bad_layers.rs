//! Layer maps whose layers differ in width and in the parameters that they use:
//! what does not fit one of them is an error that says which.

use std::ops::Range;

use crate::fixtures::Network;
use crate::fixtures::bad::*;
use deepest::prelude::*;
use ndarray::Array2;

/// Widths 3, 2, 2 and 4 with 3·2 + 2·2 + 2·4 weights.
fn network() -> Network {
    Network {
        widths: vec![3, 2, 2, 4],
        recurrent: false,
    }
}

/// A window of so many layers, from the first layer of the network on, where
/// these components are measured at one layer.
fn measured(layers: usize, layer: usize, components: &[usize]) -> Window {
    let grid = Grid::uniform(0.0, 1.0, layers).unwrap();
    let times = [layer as f64];
    let values = values(1, components.len());
    let data = Observations::of_components(components, times, values, one()).unwrap();
    Window::new(grid).observations(data).unwrap()
}

fn builder() -> deepest::ActionBuilder {
    let count = network().parameter_count();
    assert_eq!(count, 18);
    let builder = Action::builder(network(), Map);
    (0..count).fold(builder, |builder, k| {
        builder.parameter(format!("w{k}"), Parameter::estimated())
    })
}

#[test]
fn windows_of_other_lengths_have_layers_of_other_widths() {
    let short = measured(2, 1, &[0, 1]);
    let long = measured(4, 3, &[0, 1, 2, 3]);
    let action = builder().window(short).window(long).build().unwrap();
    assert_eq!(action.counts().unknowns, (3 + 2) + (3 + 2 + 2 + 4) + 18);
}

#[test]
fn components_that_one_layer_does_not_have() {
    for (layer, component, last) in [(0, 3, 2.0), (1, 2, 1.0), (2, 3, 1.0), (3, 4, 3.0)] {
        let good = measured(4, 3, &[3]);
        let bad = measured(4, layer, &[0, component]);
        assert_eq!(
            range(builder().window(good).window(bad).build().map(|_| ())),
            (
                "observed component",
                format!("window 1, observation set 0, layer {layer}"),
                0.0,
                last,
                component as f64
            )
        );
    }
    // The first layer that is too narrow.
    let bounds = Bounds::new(0.0, 1.0).unwrap();
    let bounded = builder()
        .window(measured(4, 3, &[3]))
        .state_bounds(2, bounds);
    assert_eq!(
        range(bounded.build().map(|_| ())),
        (
            "bounded component",
            "window 0, layer 1".into(),
            0.0,
            1.0,
            2.0
        )
    );
}

#[test]
fn precisions_and_priors_that_fit_some_layers_only() {
    let two = || Precision::diagonal([1.0, 2.0]).unwrap();
    // Layers 1 and 2 have a residual of two components, layer 3 of four.
    builder()
        .window(measured(3, 2, &[0]))
        .model_precision(two())
        .build()
        .unwrap();
    let four = builder().window(measured(3, 2, &[0]));
    let four = four.window(measured(4, 3, &[0])).model_precision(two());
    assert_eq!(
        length(four.build().map(|_| ())),
        ("precision", "of the model, window 1, layer 3".into(), 4, 2)
    );
    let full = Precision::full(Array2::eye(3)).unwrap();
    let first = builder().window(measured(4, 3, &[0])).model_precision(full);
    assert_eq!(
        length(first.build().map(|_| ())),
        ("precision", "of the model, window 0, layer 1".into(), 2, 3)
    );
    let prior = StatePrior::new([0.0, 0.0], one()).unwrap();
    let narrow = builder().window(measured(4, 3, &[0]).prior(prior));
    assert_eq!(
        length(narrow.build().map(|_| ())),
        (
            "mean of the prior of the first state",
            "window 0".into(),
            3,
            2
        )
    );
}

/// The map from layer 1 to 2 uses these parameters, all others use both.
struct Uses(Range<usize>);

impl Model for Uses {
    fn parameter_count(&self) -> usize {
        2
    }
}

impl Layers for Uses {
    fn width(&self, _n: usize) -> usize {
        2
    }
    fn parameters_of(&self, n: usize) -> Range<usize> {
        if n == 1 { self.0.clone() } else { 0..2 }
    }
    fn layer<S: Scalar>(
        &self,
        _n: usize,
        x: &[S],
        next: &[S],
        theta: &[S],
        _input: &[S],
        out: &mut [S],
    ) {
        out[0] = next[0] - x[0] * theta.first().copied().unwrap_or(S::from(1.0));
        out[1] = next[1] - x[1];
    }
}

#[test]
fn parameters_that_the_model_does_not_have() {
    let built = |uses: Range<usize>| {
        let builder = Action::builder(Uses(uses), Map)
            .window(window())
            .parameter("a", Parameter::estimated())
            .parameter("b", Parameter::estimated());
        builder.build().map(|_| ())
    };
    let simulated = |uses: Range<usize>| {
        let simulation = Simulation::new(grid(), [0.5, 0.5]).from_state([1.0, 1.0]);
        simulation.layers(&Uses(uses)).map(|_| ())
    };
    let what = "end of the parameters of a layer map";
    for (uses, low, found) in [
        (1..3, 1.0, 3.0),
        (3..3, 3.0, 3.0),
        // Upside down, which is a literal's lint and a computation's mistake.
        (Range { start: 2, end: 1 }, 2.0, 1.0),
    ] {
        let place = String::from("window 0, layer 1");
        assert_eq!(range(built(uses.clone())), (what, place, low, 2.0, found));
        let place = String::from("simulation, layer 1");
        assert_eq!(range(simulated(uses)), (what, place, low, 2.0, found));
    }
    for good in [0..2, 1..2, 2..2] {
        built(good.clone()).unwrap();
        simulated(good).unwrap();
    }
}
