//! Runs stepped by hand: the levels of an uninterrupted one, and starts that
//! are stopped on their way.

use std::ops::ControlFlow;
use std::sync::Mutex;

use crate::fixtures::ladder::{bits, lorenz96, schedule};
use deepest::prelude::*;
use deepest::{StartResult, Stop};

#[test]
fn a_run_stepped_by_hand_is_the_run() {
    let (_, action) = lorenz96(8, 41);
    // Nudged starts go down and up, others only up; L-BFGS knows no tangents.
    let nudged = Annealer::new(schedule(40)).starts(3);
    let uniform = Annealer::new(schedule(12))
        .starts(3)
        .start_with(Starts::Uniform);
    let lbfgs = Annealer::new(Schedule::geometric(1e-2, 2.0, 0..=3).unwrap())
        .starts(2)
        .minimizer(Lbfgs::default());
    for annealer in [nudged, uniform, lbfgs] {
        let told = Mutex::new(Vec::new());
        let whole = annealer
            .run_observed(&action, &|event| {
                told.lock().unwrap().push(event);
                ControlFlow::Continue(())
            })
            .unwrap();
        let seen = Mutex::new(Vec::new());
        let mut run = annealer.begin(&action).unwrap();
        assert!(run.annealing().starts.iter().all(|s| s.levels.is_empty()));
        let last = whole.starts[0].levels.len();
        for k in 1..=last {
            let goes_on = run
                .step_observed(&|event| {
                    seen.lock().unwrap().push(event);
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert_eq!(goes_on, k < last);
            for start in &run.annealing().starts {
                assert_eq!(start.levels.len(), k);
                assert!(start.levels.is_sorted_by(|a, b| a.beta < b.beta));
                assert_eq!((start.finished, start.stopped), (k == last, None));
            }
        }
        assert!(!run.step().unwrap());
        let stepped = run.into_annealing();
        assert_eq!(stepped, whole);
        for (a, b) in stepped.starts.iter().zip(&whole.starts) {
            assert_eq!(bits(a), bits(b));
        }
        // Each start tells the same story.
        let (told, seen) = (told.into_inner().unwrap(), seen.into_inner().unwrap());
        for index in 0..whole.starts.len() {
            let of = |events: &[Event]| -> Vec<Event> {
                let own = events.iter().filter(|e| start_of(**e) == index);
                own.copied().collect()
            };
            assert_eq!(of(&told), of(&seen));
        }
    }
}

fn start_of(event: Event) -> usize {
    match event {
        Event::StartBegan { start }
        | Event::Settling { start, .. }
        | Event::Iteration { start, .. }
        | Event::LevelReached { start, .. }
        | Event::StartPaused { start }
        | Event::StartResumed { start }
        | Event::StartEnded { start } => start,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_that_is_stopped_goes_no_further_and_the_others_do() {
    let (_, action) = lorenz96(8, 41);
    let annealer = Annealer::new(schedule(20)).starts(3);
    let whole = annealer.run(&action).unwrap();
    let mut run = annealer.begin(&action).unwrap();
    for _ in 0..5 {
        assert!(run.step().unwrap());
    }
    run.stop(1);
    // There is no such start.
    run.stop(3);
    let ended = Mutex::new(Vec::new());
    let see = |event: Event| {
        if let Event::StartEnded { start } = event {
            ended.lock().unwrap().push(start);
        }
        ControlFlow::Continue(())
    };
    assert!(run.step_observed(&see).unwrap());
    assert_eq!(*ended.lock().unwrap(), [1]);
    run.finish_observed(&see).unwrap();
    // Too late.
    run.stop(0);
    let annealing = run.into_annealing();
    let dropped = &annealing.starts[1];
    assert_eq!(
        (dropped.finished, dropped.stopped),
        (false, Some(Stop::Dropped))
    );
    assert_eq!(dropped.levels.len(), 5);
    for level in &dropped.levels {
        assert!(whole.starts[1].levels.contains(level));
    }
    for k in [0, 2] {
        assert_eq!(annealing.starts[k], whole.starts[k]);
    }
    let mut ended = ended.into_inner().unwrap();
    ended.sort_unstable();
    assert_eq!(ended, [0, 1, 2]);
}

#[test]
fn an_observer_that_breaks_off_a_step_ends_the_run() {
    let (_, action) = lorenz96(8, 41);
    let annealer = Annealer::new(schedule(20)).starts(3).threads(1);
    let mut run = annealer.begin(&action).unwrap();
    for _ in 0..4 {
        run.step().unwrap();
    }
    // Start 0 has taken the step by then, start 2 has not.
    let ended = Mutex::new(Vec::new());
    let goes_on = run.step_observed(&|event| match event {
        Event::LevelReached { start: 1, .. } => ControlFlow::Break(()),
        Event::StartEnded { start } => {
            ended.lock().unwrap().push(start);
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    });
    assert!(!goes_on.unwrap());
    let mut ended = ended.into_inner().unwrap();
    ended.sort_unstable();
    assert_eq!(ended, [0, 1, 2]);
    let told = Mutex::new(0);
    let goes_on = run.step_observed(&|_| {
        *told.lock().unwrap() += 1;
        ControlFlow::Continue(())
    });
    assert!(!goes_on.unwrap());
    assert_eq!(told.into_inner().unwrap(), 0);
    let annealing = run.into_annealing();
    for (start, levels) in annealing.starts.iter().zip([5, 5, 5]) {
        assert_eq!(
            (start.finished, start.stopped),
            (false, Some(Stop::Cancelled))
        );
        assert_eq!(start.levels.len(), levels);
    }
    // The last level of start 2 was broken off at its first iteration.
    let cancelled = |start: &StartResult| {
        let levels = start.levels.iter();
        levels
            .filter(|l| l.termination == Termination::Cancelled)
            .count()
    };
    let cancelled: Vec<usize> = annealing.starts.iter().map(cancelled).collect();
    assert_eq!(cancelled, [0, 0, 1]);
}
