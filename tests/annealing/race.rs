//! Starts that race.

use std::ops::ControlFlow;
use std::sync::Mutex;

use deepest::models::{Colpitts, Lorenz63};
use deepest::prelude::*;
use deepest::{Annealing, Error, Event, Stop};

use super::twins::{HALF, SPARSE, from_truth, lorenz96};

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
    let (twin, action) = lorenz96(20, 1, &SPARSE);
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
    let observed: Vec<usize> = (0..16).map(|k| k * 40 / 16).collect();
    let (twin, action) = lorenz96(40, 1, &observed);
    let lowest = from_truth(&twin, &action);
    let found = (0..5).filter(|&seed| {
        let annealing = racer(seed).race(3).run(&action).unwrap();
        annealing.best().unwrap().1.action.total < lowest + 1e-3
    });
    assert_eq!(found.count(), 5);
}

#[test]
fn a_race_comes_to_the_same_bits_for_any_number_of_threads() {
    let (_, action) = lorenz96(20, 1, &SPARSE);
    let one = racer(4).threads(1).run(&action).unwrap();
    let two = racer(4).threads(2).run(&action).unwrap();
    assert_eq!(one, two);
    assert_ne!(one, racer(5).threads(2).run(&action).unwrap());
}

#[test]
fn a_race_goes_on_from_a_checkpoint_to_the_same_bits() {
    let (_, action) = lorenz96(20, 1, &SPARSE);
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
    let (_, action) = lorenz96(20, 1, &SPARSE);
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
    let (_, action) = lorenz96(20, 1, &SPARSE);
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
    let (_, action) = lorenz96(20, 1, &HALF);
    let annealing = racer(0).run(&action).unwrap();
    assert!(stopped(&annealing, Stop::Duplicate) >= 5);
    let finished = annealing.starts.iter().filter(|s| s.finished).count();
    assert_eq!(finished, 1);
}

#[test]
fn a_race_works_with_a_fixed_schedule_and_with_starts_without_an_rf_of_their_own() {
    let (twin, action) = lorenz96(20, 1, &HALF);
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

#[test]
fn a_mixture_of_nothing_is_refused() {
    let (_, action) = lorenz96(20, 1, &SPARSE);
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
