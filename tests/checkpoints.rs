//! Checkpoints: an annealing that goes on from a file comes to the same bits;
//! budgets only cut off; a file that is not its own is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deepest::models::{Lorenz96, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Error, Refusal, Rule, StartResult, Stop, Work};
use fixtures::ladder::{bits, lorenz96, schedule};

/// A file of this test alone, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("deepest-checkpoint-{}-{name}", std::process::id());
        let scratch = Self(std::env::temp_dir().join(name));
        scratch.clear();
        scratch
    }

    fn clear(&self) {
        let _ = std::fs::remove_file(&self.0);
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.0).unwrap()
    }

    fn put(&self, bytes: &[u8]) {
        std::fs::write(&self.0, bytes).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear();
    }
}

#[track_caller]
fn same(a: &Annealing, b: &Annealing) {
    assert_eq!(a, b);
    for (a, b) in a.starts.iter().zip(&b.starts) {
        assert_eq!(bits(a), bits(b));
    }
}

/// Two windows with parameters of their own, one that changes in time, and
/// bounds of states.
fn trials() -> Action<LotkaVolterra, Trapezoid> {
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
fn resumed_after_each_level<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    annealer: &Annealer,
    name: &str,
) {
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

/// An annealing of a short twin, with what a test wants to change.
#[derive(Clone)]
struct Problem {
    sites: usize,
    forcing: f64,
    datum: f64,
    noise: f64,
    loss: Loss,
    bounds: [f64; 2],
    name: &'static str,
    state_bound: f64,
    shape: f64,
    normalization: Normalization,
    prior: Option<f64>,
}

/// Lorenz-96 with a constant in its code.
struct Forced {
    sites: usize,
    forcing: f64,
}

impl Model for Forced {
    fn parameter_count(&self) -> usize {
        1
    }
}

impl Flow for Forced {
    fn width(&self) -> usize {
        self.sites
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        Lorenz96 { sites: self.sites }.flow(t, x, theta, input, dx);
        dx[0] += S::from(self.forcing);
    }
}

impl Problem {
    fn new() -> Self {
        Self {
            sites: 5,
            forcing: 0.0,
            datum: 1.0,
            noise: 0.5,
            loss: Loss::Gaussian,
            bounds: [0.0, 20.0],
            name: "forcing",
            state_bound: 30.0,
            shape: 1.0,
            normalization: Normalization::Sum,
            prior: None,
        }
    }

    fn action<R: Rule<Forced>>(&self, rule: R) -> Action<Forced, R> {
        let grid = Grid::uniform(0.0, 0.05, 21).unwrap();
        let times = grid.times().to_vec();
        let mut values = ndarray::Array2::from_shape_fn((21, 3), |(n, i)| {
            3.0 * (0.7 * n as f64 + 2.0 * i as f64).sin()
        });
        values[(10, 1)] = self.datum;
        let precision = Precision::from_deviation(self.noise).unwrap();
        let data = Observations::of_components(&[0, 2, 3], times, values, precision).unwrap();
        let mut window = Window::new(grid)
            .observations(data.loss(self.loss))
            .unwrap();
        if let Some(mean) = self.prior {
            let precision = Precision::scalar(1.0).unwrap();
            window = window.prior(StatePrior::new(vec![mean; self.sites], precision).unwrap());
        }
        let model = Forced {
            sites: self.sites,
            forcing: self.forcing,
        };
        let [low, high] = self.bounds;
        Action::builder(model, rule)
            .window(window)
            .parameter(self.name, Bounds::new(low, high).unwrap())
            .state_bounds(1, Bounds::new(-30.0, self.state_bound).unwrap())
            .model_precision(Precision::scalar(self.shape).unwrap())
            .normalization(self.normalization)
            .build()
            .unwrap()
    }
}

fn annealer() -> Annealer {
    let schedule = Schedule::geometric(1e-2, 2.0, 0..=3).unwrap();
    Annealer::new(schedule).starts(2)
}

#[track_caller]
fn refused<M: Model, R: Rule<M>>(
    annealer: &Annealer,
    action: &Action<M, R>,
    file: &Scratch,
) -> Refusal {
    let before = file.bytes();
    let error = annealer
        .clone()
        .checkpoint(&file.0)
        .run(action)
        .unwrap_err();
    assert_eq!(file.bytes(), before, "a refused file is left as it is");
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    match error {
        Error::Checkpoint { path, reason } => {
            assert_eq!(path, file.0.display().to_string());
            assert!(line.contains(&path) && line.contains(&reason.to_string()));
            reason
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_checkpoint_of_another_annealing_is_refused() {
    let file = Scratch::new("foreign");
    let problem = Problem::new();
    let action = problem.action(SimpsonHermite);
    annealer().checkpoint(&file.0).run(&action).unwrap();
    let other = |what| Refusal::Foreign { what };
    let schedule = |last| Schedule::geometric(1e-2, 2.0, 0..=last).unwrap();
    for (changed, what) in [
        (Annealer::new(schedule(4)).starts(2), "the schedule"),
        (annealer().start_with(Starts::Mean), "how starts are made"),
        (annealer().starts(3), "the number of starts"),
        (annealer().seed(1), "the seed"),
        (annealer().minimizer(Lbfgs::default()), "the minimizer"),
        (
            annealer().minimizer(GaussNewton::default().tolerance(1e-8).unwrap()),
            "the minimizer",
        ),
    ] {
        assert_eq!(refused(&changed, &action, &file), other(what));
    }
    // Each alone.
    type Change<'a> = (&'a dyn Fn(&mut Problem), &'static str);
    let changes: [Change<'_>; 11] = [
        (&|p| p.bounds = [0.0, 19.0], "the parameters"),
        (&|p| p.name = "F", "the parameters"),
        (&|p| p.datum = 1.0 + f64::EPSILON, "the data"),
        (&|p| p.sites = 6, "the action"),
        (&|p| p.forcing = 1e-9, "the action"),
        (&|p| p.noise = 0.5 + 1e-9, "the action"),
        (&|p| p.loss = Loss::huber(1.345).unwrap(), "the action"),
        (&|p| p.state_bound = 29.0, "the action"),
        (&|p| p.shape = 1.0 + 1e-9, "the action"),
        (&|p| p.normalization = Normalization::Mean, "the action"),
        (&|p| p.prior = Some(0.0), "the action"),
    ];
    for (change, what) in changes {
        let mut changed = problem.clone();
        change(&mut changed);
        let action = changed.action(SimpsonHermite);
        assert_eq!(refused(&annealer(), &action, &file), other(what));
    }
    let rule = problem.action(Trapezoid);
    assert_eq!(refused(&annealer(), &rule, &file), other("the action"));
    // A loss that differs only where residuals are large.
    file.clear();
    let robust = |threshold| Problem {
        loss: Loss::huber(threshold).unwrap(),
        ..Problem::new()
    };
    let action = robust(1.345).action(SimpsonHermite);
    annealer().checkpoint(&file.0).run(&action).unwrap();
    let action = robust(1.5).action(SimpsonHermite);
    assert_eq!(refused(&annealer(), &action, &file), other("the action"));
}

#[test]
fn a_checkpoint_that_is_not_whole_is_refused() {
    let file = Scratch::new("damaged");
    let action = Problem::new().action(SimpsonHermite);
    annealer().checkpoint(&file.0).run(&action).unwrap();
    let whole = file.bytes();
    let length = whole.len() as u64;
    for found in (0..200).chain((200..whole.len()).step_by(331)) {
        file.put(&whole[..found]);
        let (expected, found) = (if found < 24 { 24 } else { length }, found as u64);
        assert_eq!(
            refused(&annealer(), &action, &file),
            Refusal::Truncated { expected, found }
        );
    }
    file.put(&[&whole[..], &[0]].concat());
    assert_eq!(refused(&annealer(), &action, &file), Refusal::Damaged);
    for text in ["[1, 2, 3]\n", "deep", "deepest checkpoint of somebody"] {
        file.put(text.as_bytes());
        let reason = refused(&annealer(), &action, &file);
        let begun = b"deepest\0".starts_with(text.as_bytes());
        assert_eq!(matches!(reason, Refusal::Truncated { .. }), begun);
        assert_eq!(reason == Refusal::NoCheckpoint, !begun);
    }
    // One bit, anywhere.
    for place in (0..200).chain((200..whole.len()).step_by(173)) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        file.put(&damaged);
        let reason = refused(&annealer(), &action, &file);
        match place {
            0..8 => assert_eq!(reason, Refusal::NoCheckpoint),
            8..16 => assert!(matches!(reason, Refusal::Format { expected: 1, .. })),
            16..24 => assert!(matches!(
                reason,
                Refusal::Truncated { .. } | Refusal::Damaged
            )),
            _ => assert_eq!(reason, Refusal::Damaged),
        }
    }
    file.put(&whole);
    assert!(annealer().checkpoint(&file.0).run(&action).is_ok());
}

/// Puts the checksum right again: FNV-1a, 64 bits.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 8;
    let hash = bytes[..body]
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
        });
    bytes[body..].copy_from_slice(&hash.to_le_bytes());
    bytes
}

#[test]
fn a_checkpoint_of_another_version_or_that_nobody_wrote_is_refused() {
    let file = Scratch::new("forged");
    let action = Problem::new().action(SimpsonHermite);
    let whole = {
        annealer().checkpoint(&file.0).run(&action).unwrap();
        file.bytes()
    };
    assert_eq!(seal(whole.clone()), whole);
    let version = env!("CARGO_PKG_VERSION");
    let mut other = whole.clone();
    other[32] = b'9';
    file.put(&seal(other));
    let found = format!("9{}", &version[1..]);
    let expected = version.to_string();
    assert_eq!(
        refused(&annealer(), &action, &file),
        Refusal::Version { expected, found }
    );
    // Lengths and numbers of anything, under a checksum that is right: an error
    // or a result, never a panic.
    let mut rng = fixtures::Noise(7);
    let first = 32 + version.len() + 8 * 8;
    for place in (first..first + 200).chain((first..whole.len() - 8).step_by(97)) {
        let mut forged = whole.clone();
        forged[place] = forged[place].wrapping_add(1 + (100.0 * rng.next().abs()) as u8);
        file.put(&seal(forged));
        let ended = annealer().checkpoint(&file.0).run(&action);
        let damaged = |error: &Error| {
            matches!(
                error,
                Error::Checkpoint {
                    reason: Refusal::Damaged,
                    ..
                }
            )
        };
        assert!(ended.as_ref().err().is_none_or(damaged), "{ended:?}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_at_once() {
    let action = Problem::new().action(SimpsonHermite);
    let nowhere = std::env::temp_dir()
        .join("deepest-no-such-folder")
        .join("checkpoint");
    let folder = std::env::temp_dir();
    for path in [nowhere, folder] {
        let kept = annealer().checkpoint(&path);
        let error = kept.begin(&action).err().unwrap();
        assert!(
            matches!(&error, Error::File { path: p, .. } if *p == path.display().to_string()),
            "{error}"
        );
    }
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
    let annealer = annealer().start_with(Starts::Mean).starts(8);
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
