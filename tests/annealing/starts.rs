//! Smooth, coarse-to-fine and growing starts.

use deepest::models::Lorenz96;
use deepest::prelude::*;

use super::twins::{HALF, SPARSE, from_truth, lorenz96};

/// A level at an R_f that is next to nothing stays at its start.
#[test]
fn smooth_starts_follow_the_data_and_are_smooth_elsewhere() {
    let (_, action) = lorenz96(20, 1, &SPARSE);
    let schedule = Schedule::geometric(1e-12, 2.0, [0]).unwrap();
    let minimizer = GaussNewton::default().max_factorizations(0);
    let annealer = Annealer::new(schedule).starts(3).start_with(Starts::Smooth);
    let annealing = annealer.minimizer(minimizer).run(&action).unwrap();
    let paths: Vec<&Path> = annealing
        .starts
        .iter()
        .map(|start| &start.levels[0].estimate.paths[0])
        .collect();
    let observed = action.windows()[0].observation_sets().next().unwrap();
    for path in &paths {
        for (column, i) in SPARSE.into_iter().enumerate() {
            assert_eq!(path.component(i), observed.values().column(column).to_vec());
        }
        // Of eight harmonics over half a turn each, ten of 160 steps turn the
        // highest by π/2: neighbours are nearer than the series is wide.
        let series = path.component(1);
        let mean = series.iter().sum::<f64>() / 161.0;
        let spread = series.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 161.0;
        let steps = series.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
        assert!(spread > 0.1 && steps.sum::<f64>() / 160.0 < 0.1 * spread);
    }
    assert_ne!(paths[0].component(1), paths[1].component(1));
    assert!(annealing.starts.iter().all(|start| start.kind == "smooth"));
}

/// Every fourth layer is enough to find what all of them lead to.
#[test]
fn coarse_starts_find_what_nudged_ones_find() {
    let (_, action) = lorenz96(20, 1, &[0, 2, 4, 6, 8, 10, 14, 16]);
    let schedule = Schedule::adaptive_to(4e-6, 1.5, 60.0).unwrap();
    let ends = |kind: Starts| {
        let annealer = Annealer::new(schedule.clone()).starts(8).start_with(kind);
        let annealing = annealer.run(&action).unwrap();
        let starts = annealing.starts.iter();
        let ends: Vec<f64> = starts
            .map(|s| s.levels.last().unwrap().action.total)
            .collect();
        (annealing, ends)
    };
    let (_, nudged) = ends(Starts::Nudged);
    let (coarse, found) = ends(Starts::CoarseToFine);
    assert!(
        coarse
            .starts
            .iter()
            .all(|start| start.kind == "coarse-to-fine")
    );
    let lowest = nudged.iter().copied().fold(f64::INFINITY, f64::min);
    let count = |ends: &[f64]| ends.iter().filter(|end| **end < lowest + 1e-6).count();
    println!("{} and {} of 8", count(&nudged), count(&found));
    assert!(count(&found) >= 6 && found.iter().all(|end| *end > lowest - 1e-9));
}

/// A map has no layers between its layers, and observations at odd layers alone
/// are not on every second.
#[test]
fn where_layers_cannot_be_left_out_coarse_starts_are_nudged() {
    let grid = Grid::uniform(0.0, 0.025, 41).unwrap();
    let odd: Vec<f64> = (0..20).map(|k| 0.025 * (2.0 * k as f64 + 1.0)).collect();
    let values = ndarray::Array2::from_shape_fn((20, 3), |(k, i)| (k as f64 + i as f64).sin());
    let data =
        Observations::of_components(&[0, 2, 4], odd, values, Precision::scalar(1.0).unwrap());
    let window = Window::new(grid).observations(data.unwrap()).unwrap();
    let annealer = Annealer::new(Schedule::geometric(1e-2, 4.0, 0..=3).unwrap()).starts(2);
    let same = |annealer: &Annealer, kind: Starts| {
        let action = Action::builder(Lorenz96 { sites: 5 }, SimpsonHermite).window(window.clone());
        let action = action
            .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
            .build()
            .unwrap();
        let annealing = annealer.clone().start_with(kind).run(&action).unwrap();
        annealing
            .starts
            .iter()
            .map(|s| s.levels.last().unwrap().action.total)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        same(&annealer, Starts::CoarseToFine),
        same(&annealer, Starts::Nudged)
    );
    // Intervals that are not equal: four of them make no interval with a middle.
    let step = |n: u32| 0.01 * f64::from(n + n.saturating_sub(22));
    let times: Vec<f64> = (0..41).map(step).collect();
    let values =
        ndarray::Array2::from_shape_fn((41, 3), |(k, i)| (0.1 * k as f64 + i as f64).sin());
    let precision = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0, 2, 4], times.clone(), values, precision).unwrap();
    let uneven = Window::new(Grid::new(times).unwrap())
        .observations(data)
        .unwrap();
    let action = Action::builder(Lorenz96 { sites: 5 }, SimpsonHermite).window(uneven);
    let action = action
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .build()
        .unwrap();
    let annealing = annealer
        .clone()
        .start_with(Starts::CoarseToFine)
        .run(&action)
        .unwrap();
    assert!(annealing.starts.iter().all(|start| start.finished));
    let matrix = ndarray::array![[0.9, 0.3], [-0.3, 0.9]];
    let model = deepest::models::Linear::new(matrix).unwrap();
    let data = Observations::of_components(
        &[0],
        [0.0, 1.0, 2.0],
        ndarray::array![[1.0], [0.7], [0.2]],
        Precision::scalar(1.0).unwrap(),
    );
    let window = Window::new(Grid::uniform(0.0, 1.0, 9).unwrap())
        .observations(data.unwrap())
        .unwrap();
    let action = Action::builder(model, Map).window(window).build().unwrap();
    let annealing = annealer
        .start_with(Starts::CoarseToFine)
        .run(&action)
        .unwrap();
    assert!(annealing.starts.iter().all(|start| start.finished));
}

#[test]
fn going_back_mends_what_was_wrong_in_the_beginning() {
    // On this truth the lowest path of the first layers is a wrong one, and what grows
    // from it alone ended at the truth's level in 3 of 20 starts.
    let (twin, action) = lorenz96(20, 201, &SPARSE);
    let known = from_truth(&twin, &action);
    let schedule = Schedule::adaptive_to(1e6, 10.0, 2.0).unwrap();
    let annealer = Annealer::new(schedule).starts(4);
    let annealing = annealer.start_with(Starts::Growing).run(&action).unwrap();
    for start in &annealing.starts {
        let end = start.levels.last().unwrap().action.total;
        assert!(end < known * (1.0 + 1e-4), "{end} against {known}");
    }
}

#[test]
fn windows_of_different_lengths_grow_together() {
    // Two windows of one truth, the second of which has half of the layers.
    let (twin, _) = lorenz96(20, 1, &HALF);
    let model = Lorenz96 { sites: 20 };
    let measured = twin.observations.values().to_owned();
    let part = |layers: std::ops::Range<usize>| {
        let times: Vec<f64> = layers.clone().map(|n| 0.025 * n as f64).collect();
        let values = measured.slice(ndarray::s![layers, ..]).to_owned();
        let precision = Precision::scalar(4.0).unwrap();
        let data = Observations::of_components(&HALF, times.clone(), values, precision);
        let window = Window::new(Grid::new(times).unwrap());
        window.observations(data.unwrap()).unwrap()
    };
    let action = Action::builder(model, SimpsonHermite)
        .windows([part(0..101), part(110..161)])
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .build()
        .unwrap();
    let path = |layers: std::ops::Range<usize>| {
        deepest::Path::from_layers(layers.map(|n| twin.truth.layer(n).to_vec()))
    };
    let given = Estimate::new(vec![path(0..101), path(110..161)], [8.17]);
    // To one R_f: where each would end by itself is not the same.
    let end = |kind: Starts| {
        let schedule = Schedule::adaptive_to(1e6, 10.0, 2.0).unwrap();
        let annealer = Annealer::new(schedule).starts(1);
        let annealing = annealer.start_with(kind).run(&action).unwrap();
        annealing.best().unwrap().1.action.total
    };
    let (grown, known) = (end(Starts::Growing), end(Starts::Given(given)));
    assert!(grown < known * (1.0 + 1e-4), "{grown} against {known}");
}

#[test]
fn growing_starts_end_by_themselves() {
    let (_, action) = lorenz96(20, 1, &HALF);
    let annealer = Annealer::new(Schedule::adaptive()).starts(1);
    let annealing = annealer.start_with(Starts::Growing).run(&action).unwrap();
    let start = &annealing.starts[0];
    let plateau = action.expected_plateau().unwrap();
    let (last, before) = start.levels.split_last().unwrap();
    assert!(start.finished && start.kind == "growing");
    assert!(last.action.model <= 0.01 * plateau.deviation);
    assert!(
        before
            .iter()
            .all(|l| l.action.model > 0.01 * plateau.deviation)
    );
}

#[test]
fn growing_starts_fall_back_where_nothing_can_be_nudged() {
    // A single measured value.
    let grid = Grid::uniform(0.0, 0.025, 21).unwrap();
    let data = Observations::of_components(
        &[0],
        [0.0],
        ndarray::array![[1.0]],
        Precision::scalar(4.0).unwrap(),
    );
    let window = Window::new(grid).observations(data.unwrap()).unwrap();
    let action = Action::builder(Lorenz96 { sites: 5 }, SimpsonHermite)
        .window(window)
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .build()
        .unwrap();
    let annealer = Annealer::new(Schedule::geometric(1.0, 2.0, 0..=3).unwrap());
    let annealer = annealer.starts(4).start_with(Starts::Growing);
    let annealing = annealer.run(&action).unwrap();
    assert!(annealing.starts.iter().all(|start| start.finished));
}
