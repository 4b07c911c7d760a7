//! Checkpoints that belong to another annealing, are not whole, or that nobody
//! wrote: each is refused with the reason and left as it is.

use crate::fixtures;

use crate::fixtures::scratch::Scratch;
use deepest::models::Lorenz96;
use deepest::prelude::*;
use deepest::{Equations, Error, Refusal, Rule};

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
    equations: Equations,
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
            loss: Loss::gaussian(),
            bounds: [0.0, 20.0],
            name: "forcing",
            state_bound: 30.0,
            equations: Equations::Automatic,
            shape: 1.0,
            normalization: Normalization::Sum,
            prior: None,
        }
    }

    fn action<R: Rule<Forced>>(&self, rule: R) -> Action {
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
            .equations(self.equations)
            .build()
            .unwrap()
    }
}

fn annealer() -> Annealer {
    let schedule = Schedule::geometric(1e-2, 2.0, 0..=3).unwrap();
    Annealer::new(schedule).starts(2)
}

#[track_caller]
fn refused(annealer: &Annealer, action: &Action, file: &Scratch) -> Refusal {
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
        (annealer().by_errors(), "the minimizer"),
    ] {
        assert_eq!(refused(&changed, &action, &file), other(what));
    }
    // Each alone.
    type Change<'a> = (&'a dyn Fn(&mut Problem), &'static str);
    let changes: [Change<'_>; 12] = [
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
        (&|p| p.equations = Equations::BlockArrow, "the minimizer"),
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
            8..16 => assert!(matches!(reason, Refusal::Format { expected: 4, .. })),
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
pub fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
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
    let first = 32 + version.len() + 9 * 8;
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
