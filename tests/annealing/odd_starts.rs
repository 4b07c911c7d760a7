//! What starts make of data that say nearly nothing, and of priors that do.

use deepest::models::{Lorenz63, LotkaVolterra};
use deepest::prelude::*;
use ndarray::Array2;

const KINDS: [Starts; 6] = [
    Starts::Nudged,
    Starts::Mean,
    Starts::Uniform,
    Starts::Smooth,
    Starts::Growing,
    Starts::CoarseToFine,
];

fn lotka_volterra(window: Window) -> Action {
    let names = ["a", "b", "c", "d"];
    let builder = Action::builder(LotkaVolterra, Trapezoid).window(window);
    let bounds = Bounds::new(0.0, 2.0).unwrap();
    let builder = names
        .into_iter()
        .fold(builder, |b, name| b.parameter(name, bounds));
    builder.build().unwrap()
}

fn window(layers: usize, times: Vec<f64>, components: &[usize], values: Array2<f64>) -> Window {
    let precision = Precision::scalar(100.0).unwrap();
    let data = Observations::of_components(components, times, values, precision);
    let window = Window::new(Grid::uniform(0.0, 0.1, layers).unwrap());
    window.observations(data.unwrap()).unwrap()
}

#[test]
fn every_kind_copes_with_data_that_say_nearly_nothing() {
    let times = |layers: u32| (0..layers).map(|n| 0.1 * f64::from(n)).collect::<Vec<_>>();
    let both =
        |value: fn(usize, usize) -> f64| Array2::from_shape_fn((41, 2), |(n, i)| value(n, i));
    let one = Array2::from_elem((1, 1), 1.5);
    let cases = [
        ("one value", window(41, vec![2.0], &[0], one.clone())),
        (
            "one value at the beginning",
            window(41, vec![0.0], &[1], one.clone()),
        ),
        (
            "equal values",
            window(41, times(41), &[0, 1], both(|_, _| 1.5)),
        ),
        ("zeros", window(41, times(41), &[0, 1], both(|_, _| 0.0))),
        (
            "a component without values",
            window(
                41,
                times(41),
                &[0, 1],
                both(|n, i| [(0.3 * n as f64).sin() + 2.0, f64::NAN][i]),
            ),
        ),
        ("two layers", window(2, vec![0.0], &[0], one)),
    ];
    for (named, window) in cases {
        let action = lotka_volterra(window);
        for kind in KINDS.into_iter().chain([Starts::portfolio()]) {
            let annealer = Annealer::new(Schedule::geometric(1.0, 10.0, 0..=3).unwrap());
            let annealer = annealer.starts(2).start_with(kind.clone());
            let annealing = annealer.run(&action).unwrap();
            for start in &annealing.starts {
                let end = start.levels.last().unwrap().action.total;
                assert!(
                    start.finished && end.is_finite(),
                    "{named}, {}: {end}",
                    kind.name()
                );
            }
        }
    }
}

/// Lorenz-63 with x measured, and this prior of the first state.
fn lorenz63(prior: Option<(f64, [f64; 3])>) -> Action {
    let grid = Grid::uniform(0.0, 0.01, 101).unwrap();
    let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0);
    let truth = truth.flow(&Lorenz63).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0], Noise::scalar(0.5).unwrap()))
        .unwrap();
    let mut window = twin.window().unwrap();
    if let Some((mean, deviations)) = prior {
        let precision = Precision::diagonal(deviations.map(|d| d.powi(-2))).unwrap();
        window = window.prior(StatePrior::new([mean; 3], precision).unwrap());
    }
    Action::builder(Lorenz63, SimpsonHermite)
        .window(window)
        .parameter("sigma", Parameter::fixed(10.0))
        .parameter("rho", Bounds::new(0.0, 60.0).unwrap())
        .parameter("beta", Parameter::fixed(8.0 / 3.0))
        .build()
        .unwrap()
}

/// The paths where smooth starts begin.
fn beginnings(action: &Action) -> Vec<Path> {
    let schedule = Schedule::geometric(1e-12, 2.0, [0]).unwrap();
    let minimizer = GaussNewton::default().max_factorizations(0);
    let annealer = Annealer::new(schedule).starts(3).start_with(Starts::Smooth);
    let annealing = annealer.minimizer(minimizer).run(action).unwrap();
    let paths = annealing.starts.iter();
    paths
        .map(|start| start.levels[0].estimate.paths[0].clone())
        .collect()
}

#[test]
fn a_prior_that_knows_nothing_is_none_and_one_that_knows_a_component_leaves_the_others() {
    let free = beginnings(&lorenz63(None));
    let wide = beginnings(&lorenz63(Some((3.0, [1e6; 3]))));
    assert_eq!(free, wide);
    let known = beginnings(&lorenz63(Some((3.0, [1e6, 1e-6, 1e6]))));
    for (known, free) in known.iter().zip(&free) {
        assert_eq!(known.component(2), free.component(2));
        // Eight harmonics with amplitudes like 1/k of a normal number of 1e-6.
        assert!(known.component(1).iter().all(|y| (y - 3.0).abs() < 1e-4));
    }
}

/// A prior 10⁶ times wider than what the data know adds about 10⁻¹² to the action.
#[test]
fn a_wide_prior_changes_no_result() {
    let schedule = Schedule::adaptive_to(1e-2, 10.0, 8.0).unwrap();
    let ends = [None, Some((3.0, [1e6; 3]))].map(|prior| {
        let annealer = Annealer::new(schedule.clone()).starts(4).seed(3);
        let annealing = annealer.run(&lorenz63(prior)).unwrap();
        let starts = annealing.starts.iter();
        starts
            .map(|s| s.levels.last().unwrap().action.total)
            .collect::<Vec<_>>()
    });
    for (free, wide) in ends[0].iter().zip(&ends[1]) {
        assert!((free / wide - 1.0).abs() < 1e-4, "{free} and {wide}");
    }
}
