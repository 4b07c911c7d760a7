//! Where the work is done: in the pool that is given, or on as many threads as
//! were asked for.
#![cfg(feature = "rayon")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread;

use deepest::Error;
use deepest::models::Lorenz63;
use deepest::prelude::*;

/// Lorenz-63 that notes who evaluates it.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeSet<String>>>);

impl Model for Seen {
    fn parameter_count(&self) -> usize {
        3
    }
}

impl Flow for Seen {
    fn width(&self) -> usize {
        3
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        let thread = thread::current();
        let nameless = || format!("{:?}", thread.id());
        let name = thread.name().map_or_else(nameless, Into::into);
        self.0.lock().unwrap().insert(name);
        Lorenz63.flow(t, x, theta, input, dx);
    }
}

/// Several recordings, long enough to be evaluated in parallel.
fn action(windows: u64) -> (Action, Seen) {
    let seen = Seen::default();
    let mut builder = Action::builder(seen.clone(), Trapezoid);
    for seed in 0..windows {
        let grid = Grid::uniform(0.0, 0.02, 401).unwrap();
        let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0])
            .spin_up(5.0)
            .seed(seed);
        let truth = truth.flow(&Lorenz63).unwrap();
        let measurement = Measurement::new(&[0, 1], Noise::scalar(0.5).unwrap());
        let twin = truth.observe(&measurement.seed(seed)).unwrap();
        builder = builder.window(twin.window().unwrap());
    }
    for (name, value) in [("sigma", 10.0), ("rho", 28.0), ("beta", 8.0 / 3.0)] {
        builder = builder.parameter(name, Parameter::fixed(value));
    }
    (builder.build().unwrap(), seen)
}

fn annealer() -> Annealer {
    let schedule = Schedule::geometric(1e-2, 10.0, 0..3).unwrap();
    Annealer::new(schedule)
        .starts(4)
        .start_with(Starts::Uniform)
}

/// Who evaluated the model while `run` ran.
fn seen(
    by: &Seen,
    run: impl FnOnce() -> deepest::Result<Annealing>,
) -> (BTreeSet<String>, Annealing) {
    by.0.lock().unwrap().clear();
    let annealing = run().unwrap();
    let names = std::mem::take(&mut *by.0.lock().unwrap());
    (names, annealing)
}

#[test]
fn a_given_pool_does_all_the_work_and_changes_no_bit() {
    for windows in [1, 3] {
        let (action, by) = action(windows);
        let named = rayon::ThreadPoolBuilder::new().thread_name(|k| format!("given {k}"));
        let pool = named.num_threads(2).build().unwrap();
        let (names, given) = seen(&by, || pool.install(|| annealer().run(&action)));
        assert!(
            names.iter().all(|name| name.starts_with("given ")),
            "{names:?}"
        );
        let (_, own) = seen(&by, || annealer().threads(1).run(&action));
        assert_eq!(given, own);
    }
}

#[test]
fn one_thread_is_one_also_where_there_are_several_windows() {
    for windows in [1, 3] {
        let (action, by) = action(windows);
        let mut run = annealer().threads(1).begin(&action).unwrap();
        // What a run is begun with belongs to whoever begins it.
        let (names, _) = seen(&by, || {
            run.finish()?;
            Ok::<_, Error>(run.into_annealing())
        });
        assert_eq!(names.len(), 1, "{names:?}");
    }
}
