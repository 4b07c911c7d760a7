//! Starts that race, and those on growing windows.

use std::ops::ControlFlow;
use std::sync::Mutex;

use deepest::models::{Colpitts, Lorenz63, Lorenz96};
use deepest::prelude::*;
use deepest::{Annealing, Error, Event, Stop};

const SPARSE: [usize; 5] = [0, 4, 8, 12, 16];
const HALF: [usize; 10] = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18];

/// Lorenz-96 with 20 sites, unknown forcing, σ = 0.5.
fn lorenz96(observed: &[usize]) -> (Twin, Action<Lorenz96, SimpsonHermite>) {
    lorenz96_of(1, observed)
}

/// The same with another truth.
fn lorenz96_of(seed: u64, observed: &[usize]) -> (Twin, Action<Lorenz96, SimpsonHermite>) {
    let model = Lorenz96 { sites: 20 };
    let grid = Grid::uniform(0.0, 0.025, 161).unwrap();
    let truth = Simulation::new(grid, [8.17]).spin_up(20.0).seed(seed);
    let truth = truth.flow(&model).unwrap();
    let measurement = Measurement::new(observed, Noise::scalar(0.5).unwrap()).seed(seed + 1);
    let twin = truth.observe(&measurement).unwrap();
    let action = Action::builder(model, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .build()
        .unwrap();
    (twin, action)
}

/// The lowest level that is known: of a path that begins at the truth.
fn from_truth(twin: &Twin, action: &Action<Lorenz96, SimpsonHermite>) -> f64 {
    let known = Estimate::new(vec![twin.truth.clone()], [8.17]);
    let schedule = Schedule::geometric(1e6, 10.0, 0..=2).unwrap();
    let annealer = Annealer::new(schedule).start_with(Starts::Given(known));
    let annealing = annealer.run(action).unwrap();
    annealing.best().unwrap().1.action.total
}

fn racer(seed: u64) -> Annealer {
    let schedule = Schedule::adaptive_to(1e6, 10.0, 2.0).unwrap();
    Annealer::new(schedule).race(8).seed(seed)
}

fn stopped(annealing: &Annealing, why: Stop) -> usize {
    let starts = annealing.starts.iter();
    starts.filter(|start| start.stopped == Some(why)).count()
}

#[test]
fn a_quarter_of_the_components_is_enough_for_nineteen_of_twenty_races() {
    let (twin, action) = lorenz96(&SPARSE);
    let known = from_truth(&twin, &action);
    let mut found = 0;
    let mut factorizations = 0;
    for seed in 0..20 {
        let annealing = racer(seed).race(4).run(&action).unwrap();
        let (start, level) = annealing.best().unwrap();
        assert!(start.finished);
        found += usize::from(level.action.total < known + 1e-3);
        factorizations += annealing.work().factorizations;
        // At most two go to the end.
        let finished = annealing.starts.iter().filter(|s| s.finished).count();
        assert!((1..=2).contains(&finished), "{finished}");
    }
    assert!(found >= 19, "{found}");
    // A start takes up to two hundred, on few layers most of them.
    println!("{found} of 20, {factorizations} factorizations");
    assert!(factorizations <= 20 * 1000, "{factorizations}");
}

/// Twice as many sites, of which 24 are hidden: single nudged starts find it once in
/// four times.
#[test]
fn forty_components_with_sixteen_measured_are_found_by_races_of_three() {
    let model = Lorenz96 { sites: 40 };
    let grid = Grid::uniform(0.0, 0.025, 161).unwrap();
    let truth = Simulation::new(grid, [8.17]).spin_up(20.0).seed(1);
    let observed: Vec<usize> = (0..16).map(|k| k * 40 / 16).collect();
    let measurement = Measurement::new(&observed, Noise::scalar(0.5).unwrap()).seed(2);
    let twin = truth.flow(&model).unwrap().observe(&measurement).unwrap();
    let action = Action::builder(model, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .build()
        .unwrap();
    let known = Estimate::new(vec![twin.truth.clone()], [8.17]);
    let schedule = Schedule::geometric(1e6, 10.0, 0..=2).unwrap();
    let from_truth = Annealer::new(schedule).start_with(Starts::Given(known));
    let lowest = from_truth
        .run(&action)
        .unwrap()
        .best()
        .unwrap()
        .1
        .action
        .total;
    let found = (0..5).filter(|&seed| {
        let annealing = racer(seed).race(3).run(&action).unwrap();
        annealing.best().unwrap().1.action.total < lowest + 1e-3
    });
    assert_eq!(found.count(), 5);
}

#[test]
fn a_race_comes_to_the_same_bits_for_any_number_of_threads() {
    let (_, action) = lorenz96(&SPARSE);
    let one = racer(4).threads(1).run(&action).unwrap();
    let two = racer(4).threads(2).run(&action).unwrap();
    assert_eq!(one, two);
    assert_ne!(one, racer(5).threads(2).run(&action).unwrap());
}

#[test]
fn a_race_goes_on_from_a_checkpoint_to_the_same_bits() {
    let (_, action) = lorenz96(&SPARSE);
    let whole = racer(4).run(&action).unwrap();
    for stop_after in [3, 40, 200, 500] {
        let name = format!("deepest-race-{}-{stop_after}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let count = Mutex::new(0);
        let annealer = racer(4).checkpoint(&file);
        let stop = |_: Event| {
            let mut count = count.lock().unwrap();
            *count += 1;
            match *count < stop_after {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        annealer.run_observed(&action, &stop).unwrap();
        assert_eq!(annealer.run(&action).unwrap(), whole, "{stop_after}");
        // What has ended stays so.
        assert_eq!(annealer.run(&action).unwrap(), whole, "{stop_after}");
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn steps_of_a_race_are_its_rungs() {
    let (_, action) = lorenz96(&SPARSE);
    let mut run = racer(4).begin(&action).unwrap();
    let mut going = vec![8];
    while run.step().unwrap() {
        let starts = run.annealing().starts.iter();
        let alive = starts.filter(|s| !s.finished && s.stopped.is_none());
        going.push(alive.count());
    }
    assert!(going.is_sorted_by(|a, b| a >= b), "{going:?}");
    assert!(going.len() >= 3 && going[going.len() - 1] <= 2, "{going:?}");
    assert_eq!(run.into_annealing(), racer(4).run(&action).unwrap());
}

#[test]
fn every_start_of_a_race_begins_and_ends_once_for_the_observer() {
    let (_, action) = lorenz96(&SPARSE);
    let told = Mutex::new(vec![(0, 0); 8]);
    let see = |event: Event| {
        let mut told = told.lock().unwrap();
        match event {
            Event::StartBegan { start } => told[start].0 += 1,
            Event::StartEnded { start } => told[start].1 += 1,
            _ => {}
        }
        ControlFlow::Continue(())
    };
    racer(4).run_observed(&action, &see).unwrap();
    assert_eq!(*told.lock().unwrap(), vec![(1, 1); 8]);
}

#[test]
fn starts_that_come_to_one_minimum_are_merged() {
    // Half of the components: there is nothing else to find.
    let (_, action) = lorenz96(&(0..20).step_by(2).collect::<Vec<_>>());
    let annealing = racer(0).run(&action).unwrap();
    assert!(stopped(&annealing, Stop::Duplicate) >= 5);
    let finished = annealing.starts.iter().filter(|s| s.finished).count();
    assert_eq!(finished, 1);
}

#[test]
fn a_race_works_with_a_fixed_schedule_and_with_starts_without_an_rf_of_their_own() {
    let (twin, action) = lorenz96(&(0..20).step_by(2).collect::<Vec<_>>());
    let known = from_truth(&twin, &action);
    for kind in [Starts::portfolio(), Starts::Mean] {
        let schedule = Schedule::geometric(1e-4, 1.5, 0..=60).unwrap();
        let annealer = Annealer::new(schedule).race(4).start_with(kind);
        let annealing = annealer.run(&action).unwrap();
        let (start, level) = annealing.best().unwrap();
        assert!(start.finished && start.levels.len() == 61);
        assert!(level.action.total < known * (1.0 + 1e-2));
    }
}

/// The lowest start may be one that took longest to make: it goes on all the
/// same when the others have come to its minimum, or crawl too.
#[test]
fn the_last_start_of_a_race_goes_to_the_end_however_long_it_takes() {
    let grid = Grid::uniform(0.0, 0.1, 201).unwrap();
    let values = [5.0, 0.0797, 0.6898, 6.2723];
    let truth = Simulation::new(grid, values).from_state([0.1, 0.1, 0.1]);
    let truth = truth.spin_up(200.0).flow(&Colpitts).unwrap();
    let noise = Noise::scalar(0.2).unwrap();
    let twin = truth.observe(&Measurement::new(&[0], noise)).unwrap();
    let mut builder = Action::builder(Colpitts, SimpsonHermite).window(twin.window().unwrap());
    for (name, high) in [("alpha", 10.0), ("gamma", 0.3), ("q", 2.0), ("eta", 15.0)] {
        builder = builder.parameter(name, Bounds::new(0.01, high).unwrap());
    }
    let action = builder.build().unwrap().balanced().unwrap();
    for seed in 0..4 {
        let annealer = Annealer::new(Schedule::adaptive()).race(8).seed(seed);
        let annealing = annealer.run(&action).unwrap();
        let (start, level) = annealing.best().unwrap();
        let plateau = action.expected_plateau().unwrap();
        assert!(start.finished, "seed {seed}");
        assert!(level.action.total < plateau.mean + 4.0 * plateau.deviation);
    }
}

#[test]
fn mirrored_minima_are_not_one() {
    // x and y of Lorenz-63 may change sign together: two starts that are given
    // the two are both kept.
    let grid = Grid::uniform(0.0, 0.02, 101).unwrap();
    let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0);
    let truth = truth.flow(&Lorenz63).unwrap();
    let twin = truth.observe(&Measurement::new(&[2], Noise::scalar(0.5).unwrap()));
    let twin = twin.unwrap();
    let mut builder = Action::builder(Lorenz63, SimpsonHermite).window(twin.window().unwrap());
    for (name, value) in [("sigma", 10.0), ("rho", 28.0), ("beta", 8.0 / 3.0)] {
        builder = builder.parameter(name, Parameter::fixed(value));
    }
    let action = builder.build().unwrap();
    let path = |sign: f64| {
        let layers = (0..twin.truth.layers()).map(|n| {
            let state = twin.truth.layer(n);
            [sign * state[0], sign * state[1], state[2]]
        });
        let parameters = [10.0, 28.0, 8.0 / 3.0];
        Starts::Given(Estimate::new(vec![Path::from_layers(layers)], parameters))
    };
    let kinds = Starts::Mixed(vec![path(1.0), path(-1.0), path(1.0)]);
    let schedule = Schedule::adaptive_to(1e3, 10.0, 3.0).unwrap();
    let annealer = Annealer::new(schedule).race(3).start_with(kinds);
    let annealing = annealer.run(&action).unwrap();
    let ends: Vec<_> = annealing.starts.iter().map(|s| s.stopped).collect();
    assert_eq!(ends, [None, None, Some(Stop::Duplicate)]);
}

/// A level at an R_f that is next to nothing stays at its start.
#[test]
fn smooth_starts_follow_the_data_and_are_smooth_elsewhere() {
    let (_, action) = lorenz96(&SPARSE);
    let schedule = Schedule::geometric(1e-12, 2.0, [0]).unwrap();
    let minimizer = GaussNewton::default().max_iterations(0);
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
    let (_, action) = lorenz96(&[0, 2, 4, 6, 8, 10, 14, 16]);
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
    let (twin, action) = lorenz96_of(201, &SPARSE);
    let known = from_truth(&twin, &action);
    let annealer = Annealer::new(Schedule::adaptive()).starts(4);
    let annealing = annealer.start_with(Starts::Growing).run(&action).unwrap();
    for start in &annealing.starts {
        let end = start.levels.last().unwrap().action.total;
        assert!(end < known * (1.0 + 1e-4), "{end} against {known}");
    }
}

#[test]
fn windows_of_different_lengths_grow_together() {
    // Two windows of one truth, the second of which has half of the layers.
    let (twin, _) = lorenz96_of(1, &HALF);
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
    let end = |kind: Starts| {
        let annealer = Annealer::new(Schedule::adaptive()).starts(1);
        let annealing = annealer.start_with(kind).run(&action).unwrap();
        annealing.best().unwrap().1.action.total
    };
    let (grown, known) = (end(Starts::Growing), end(Starts::Given(given)));
    assert!(grown < known * (1.0 + 1e-4), "{grown} against {known}");
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

#[test]
fn a_mixture_of_nothing_is_refused() {
    let (_, action) = lorenz96(&SPARSE);
    let nothing = Starts::Mixed(vec![]);
    for kinds in [nothing.clone(), Starts::Mixed(vec![Starts::Mean, nothing])] {
        let error = racer(0).start_with(kinds).run(&action).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Empty {
                    what: "kinds of starts",
                    ..
                }
            ),
            "{error}"
        );
    }
}
