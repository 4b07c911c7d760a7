//! An annealing that goes on from a checkpoint comes to the same bits; budgets
//! only cut off.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::fixtures::ladder::{bits, lorenz96, schedule};
use crate::fixtures::scratch::Scratch;
use deepest::models::LotkaVolterra;
use deepest::prelude::*;
use deepest::{StartResult, Stop, Work};

#[track_caller]
fn same(a: &Annealing, b: &Annealing) {
    assert_eq!(a, b);
    for (a, b) in a.starts.iter().zip(&b.starts) {
        assert_eq!(bits(a), bits(b));
    }
}

/// Two windows with parameters of their own, one that changes in time, and
/// bounds of states.
fn trials() -> Action {
    let mut builder = Action::builder(LotkaVolterra, Trapezoid);
    for seed in [1, 2] {
        let grid = Grid::uniform(0.0, 0.25, 41).unwrap();
        let truth = Simulation::new(grid, [0.6, 0.5, 0.8, 0.4]);
        let truth = truth.from_state([2.0, 1.0]).flow(&LotkaVolterra).unwrap();
        let noise = Measurement::new(&[0, 1], Noise::scalar(0.1).unwrap()).seed(seed);
        builder = builder.window(truth.observe(&noise).unwrap().window().unwrap());
    }
    let wide = || Parameter::from(Bounds::new(0.0, 2.0).unwrap());
    builder
        .parameter("birth", wide().guess(0.6).random_walk(1e-3).unwrap())
        .parameter("predation", wide())
        .parameter("death", wide().per_window())
        .parameter("growth", wide())
        .state_bounds(0, Bounds::new(0.0, 2.2).unwrap())
        .build()
        .unwrap()
}

/// Goes on from the checkpoint after every level, each time in a new run.
fn resumed_after_each_level(action: &Action, annealer: &Annealer, name: &str) {
    let file = Scratch::new(name);
    let whole = annealer.run(action).unwrap();
    let kept = annealer.clone().checkpoint(&file.0);
    let mut levels = 0;
    loop {
        let mut run = kept.begin(action).unwrap();
        for start in &run.annealing().starts {
            assert_eq!(start.levels.len(), levels);
        }
        if !run.step().unwrap() {
            same(run.annealing(), &whole);
            break;
        }
        levels += 1;
    }
    assert_eq!(levels + 1, whole.starts[0].levels.len());
    // A run that has ended is a result that can be read: nothing happens any
    // more, but that starts begin and end.
    let told = Mutex::new(Vec::new());
    let read = kept.run_observed(action, &|event| {
        told.lock().unwrap().push(event);
        ControlFlow::Continue(())
    });
    same(&read.unwrap(), &whole);
    assert_eq!(told.into_inner().unwrap().len(), 2 * whole.starts.len());
}

#[test]
fn a_run_goes_on_from_every_level_to_the_same_bits() {
    let (_, action) = lorenz96(8, 41);
    // Down and up.
    let nudged = Annealer::new(schedule(40)).starts(2);
    resumed_after_each_level(&action, &nudged, "nudged");
    let uniform = nudged.clone().start_with(Starts::Uniform);
    resumed_after_each_level(&action, &uniform, "uniform");
    let few = Schedule::geometric(1e-2, 2.0, 0..=3).unwrap();
    let lbfgs = Annealer::new(few).starts(2).minimizer(Lbfgs::default());
    resumed_after_each_level(&action, &lbfgs, "lbfgs");
    let spanning = Schedule::geometric(1e-3, 2.0, 0..=15).unwrap();
    let annealer = Annealer::new(spanning).starts(2);
    resumed_after_each_level(&trials(), &annealer, "trials");
}

#[test]
fn a_run_goes_on_from_where_it_was_cancelled() {
    let (_, action) = lorenz96(8, 41);
    let file = Scratch::new("cancelled");
    let annealer = Annealer::new(schedule(15)).starts(2);
    let whole = annealer.run(&action).unwrap();
    // In the middle of settling, of levels, between levels and starts.
    for threads in [1, 2] {
        let annealer = annealer.clone().threads(threads).checkpoint(&file.0);
        for cut in (0..80).step_by(3) {
            file.clear();
            let events = AtomicUsize::new(0);
            let cut_off = annealer
                .run_observed(&action, &|_| {
                    if events.fetch_add(1, Ordering::Relaxed) == cut {
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                })
                .unwrap();
            let ended = |start: &StartResult| start.finished != start.stopped.is_some();
            assert!(cut_off.starts.iter().all(ended));
            same(&annealer.run(&action).unwrap(), &whole);
        }
    }
}

/// The levels that were reached, as far as the budget went.
fn reached(start: &StartResult) -> impl Iterator<Item = &Level> {
    let levels = start.levels.iter();
    levels.filter(|level| level.termination != Termination::Cancelled)
}

#[test]
fn a_budget_of_work_cuts_off_at_the_same_place_for_any_number_of_threads() {
    let (_, action) = lorenz96(8, 41);
    let file = Scratch::new("work");
    let annealer = Annealer::new(schedule(40)).starts(3);
    let whole = annealer.run(&action).unwrap();
    type Budget = (fn(Annealer, usize) -> Annealer, fn(Work) -> usize);
    let budgets: [Budget; 2] = [
        (Annealer::factorization_budget, |w| w.factorizations),
        (Annealer::evaluation_budget, |w| w.evaluations),
    ];
    for (budget, of) in budgets {
        for most in [1, 7, 20, 40] {
            file.clear();
            let limited = budget(annealer.clone(), most);
            let one = limited.clone().threads(1).run(&action).unwrap();
            for (start, all) in one.starts.iter().zip(&whole.starts) {
                assert_eq!(
                    (start.finished, start.stopped),
                    (false, Some(Stop::WorkBudget))
                );
                // It cuts within the level that exceeds it, but not the making
                // of a start, which counts with the first level.
                let longest = all.levels.iter().map(|level| of(level.work)).max();
                assert!(of(start.work()) >= most);
                assert!(of(start.work()) <= most + longest.unwrap());
                assert!(reached(start).all(|level| all.levels.contains(level)));
                assert!(start.levels.len() <= reached(start).count() + 1);
            }
            let kept = limited.checkpoint(&file.0);
            same(&kept.clone().threads(2).run(&action).unwrap(), &one);
            // The budget is still spent.
            same(&kept.run(&action).unwrap(), &one);
            let more = annealer.clone().checkpoint(&file.0);
            same(&more.run(&action).unwrap(), &whole);
        }
        let enough = whole
            .starts
            .iter()
            .map(|start| of(start.work()))
            .max()
            .unwrap();
        same(
            &budget(annealer.clone(), enough + 1).run(&action).unwrap(),
            &whole,
        );
    }
}

#[test]
fn a_budget_of_time_cuts_off() {
    let (_, action) = lorenz96(8, 41);
    let file = Scratch::new("time");
    let annealer = Annealer::new(schedule(20)).starts(3);
    let whole = annealer.run(&action).unwrap();
    let kept = annealer.checkpoint(&file.0);
    let none = kept.clone().time_budget(Duration::ZERO);
    let events = AtomicUsize::new(0);
    let cut_off = none.run_observed(&action, &|_| {
        events.fetch_add(1, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    for start in cut_off.unwrap().starts {
        assert_eq!(
            (start.finished, start.stopped),
            (false, Some(Stop::TimeBudget))
        );
        assert!(start.levels.is_empty());
    }
    // Starts begin and end all the same.
    assert_eq!(events.into_inner(), 6);
    // The observer uses the time up at the first level of all.
    let time = Duration::from_millis(200);
    let cut_off = kept.clone().time_budget(time).threads(1);
    let cut_off = cut_off.run_observed(&action, &|event| {
        if matches!(event, Event::LevelReached { .. }) {
            std::thread::sleep(time);
        }
        ControlFlow::Continue(())
    });
    let cut_off = cut_off.unwrap();
    assert!(
        cut_off
            .starts
            .iter()
            .all(|s| s.stopped == Some(Stop::TimeBudget))
    );
    assert!(
        cut_off
            .starts
            .iter()
            .map(|s| reached(s).count())
            .sum::<usize>()
            <= 1
    );
    let much = kept.time_budget(Duration::MAX);
    same(&much.run(&action).unwrap(), &whole);
}

#[test]
fn a_start_that_was_dropped_stays_so() {
    let (_, action) = lorenz96(8, 41);
    let file = Scratch::new("dropped");
    let kept = Annealer::new(schedule(10)).starts(2).checkpoint(&file.0);
    let mut run = kept.begin(&action).unwrap();
    for _ in 0..3 {
        run.step().unwrap();
    }
    run.stop(0);
    run.step().unwrap();
    drop(run);
    let annealing = kept.run(&action).unwrap();
    let [dropped, other] = &annealing.starts[..] else {
        panic!()
    };
    assert_eq!(
        (dropped.levels.len(), dropped.stopped),
        (3, Some(Stop::Dropped))
    );
    assert!(other.finished);
}

#[test]
fn a_start_that_is_finite_nowhere_is_found_again() {
    // The others go on, and so does a run from the checkpoint.
    struct Holes;
    impl Model for Holes {
        fn parameter_count(&self) -> usize {
            1
        }
    }
    impl Flow for Holes {
        fn width(&self) -> usize {
            1
        }
        fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
            dx[0] = -x[0] + (theta[0] - 0.5).ln();
        }
    }
    let grid = Grid::uniform(0.0, 0.1, 11).unwrap();
    let values = ndarray::Array2::from_elem((11, 1), 0.3);
    let precision = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], grid.times().to_vec(), values, precision);
    let action = Action::builder(Holes, Trapezoid)
        .window(Window::new(grid).observations(data.unwrap()).unwrap())
        .parameter(
            "p",
            Parameter::from(Bounds::new(0.0, 3.0).unwrap()).guess(2.0),
        )
        .build()
        .unwrap();
    let file = Scratch::new("holes");
    let schedule = Schedule::geometric(1e-2, 2.0, 0..=3).unwrap();
    let annealer = Annealer::new(schedule).start_with(Starts::Mean).starts(8);
    let whole = annealer.run(&action).unwrap();
    let broken = |start: &&StartResult| start.stopped == Some(Stop::NonFinite);
    let count = whole.starts.iter().filter(broken).count();
    assert!((1..8).contains(&count), "{count}");
    let kept = annealer.checkpoint(&file.0);
    let mut run = kept.begin(&action).unwrap();
    run.step().unwrap();
    drop(run);
    let again = kept.run(&action).unwrap();
    for (a, b) in again.starts.iter().zip(&whole.starts) {
        assert_eq!(bits(a), bits(b));
        assert_eq!((a.finished, a.stopped), (b.finished, b.stopped));
    }
}
