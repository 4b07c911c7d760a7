//! A component in another unit.

use deepest::models::Lorenz63;
use deepest::prelude::*;

/// Lorenz-63 with one component in another unit.
#[derive(Clone, Copy)]
struct InUnits {
    component: usize,
    per_unit: f64,
}

impl Model for InUnits {
    fn parameter_count(&self) -> usize {
        3
    }
}

impl Flow for InUnits {
    fn width(&self) -> usize {
        3
    }

    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        let i = self.component;
        let mut own = x.to_vec();
        own[i] = x[i] * S::from(self.per_unit.recip());
        Lorenz63.flow(t, &own, theta, input, dx);
        dx[i] *= S::from(self.per_unit);
    }
}

/// Two of the components measured with an error of 0.5.
fn action(model: InUnits, measured: [usize; 2]) -> Action {
    let grid = Grid::uniform(0.0, 0.01, 201).unwrap();
    let truth = Simulation::new(grid.clone(), [10.0, 28.0, 8.0 / 3.0]);
    let truth = truth.spin_up(20.0).flow(&Lorenz63).unwrap();
    let noise = Noise::scalar(0.5).unwrap();
    let twin = truth
        .observe(&Measurement::new(&measured, noise).seed(7))
        .unwrap();
    let units = measured.map(|i| {
        if i == model.component {
            model.per_unit
        } else {
            1.0
        }
    });
    let mut values = twin.observations.values().to_owned();
    for (mut column, unit) in values.columns_mut().into_iter().zip(units) {
        column *= unit;
    }
    let precision = units.map(|unit| (0.5 * unit).powi(-2));
    let precision = Precision::diagonal(precision).unwrap();
    let times = twin.observations.times().to_vec();
    let data = Observations::of_components(&measured, times, values, precision).unwrap();
    Action::builder(model, SimpsonHermite)
        .window(Window::new(grid).observations(data).unwrap())
        .parameter("sigma", Bounds::new(0.0, 22.0).unwrap())
        .parameter("rho", Bounds::new(0.0, 60.0).unwrap())
        .parameter("beta", Bounds::new(0.0, 6.0).unwrap())
        .build()
        .unwrap()
        .balanced()
        .unwrap()
}

/// A unit changes only rounding, whether the component was measured or not; and what it
/// does to a walk of a few dozen steps.
#[test]
fn a_component_in_another_unit_changes_nothing() {
    for kind in [Starts::Nudged, Starts::Mean, Starts::Growing] {
        for component in [0, 1, 2] {
            let end = |per_unit: f64| {
                let model = InUnits {
                    component,
                    per_unit,
                };
                let annealer = Annealer::new(Schedule::adaptive()).starts(1);
                let annealer = annealer.start_with(kind.clone());
                let annealing = annealer.run(&action(model, [0, 2])).unwrap();
                let (start, level) = annealing.best().unwrap();
                assert_eq!(start.kind, kind.name());
                (level.clone(), annealing.work())
            };
            let (own, work) = end(1.0);
            for per_unit in [1e-6, 1e6] {
                let (other, other_work) = end(per_unit);
                let named = format!("{}, {component}, {per_unit:e}", kind.name());
                let [a, b] = [&own, &other].map(|level| level.action.total);
                assert!((a / b - 1.0).abs() < 1e-4, "{named}: {a} and {b}");
                let pairs = own
                    .estimate
                    .parameters
                    .iter()
                    .zip(&other.estimate.parameters);
                for (a, b) in pairs {
                    assert!((a / b - 1.0).abs() < 1e-3, "{named}: {a} and {b}");
                }
                let [a, b] = [work, other_work].map(|w| w.factorizations as f64);
                assert!((a / b).ln().abs() < 0.5, "{named}: {a} and {b}");
            }
        }
    }
}
