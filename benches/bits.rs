//! Whether a change of the code changes results: fingerprints of twelve runs.
//!
//! `cargo bench --bench bits > before`, make the change, `cargo bench --bench bits >
//! after`, and compare the two. Each line has the fingerprint (FNV-1a) of every bit of
//! the paths, parameters, values of R_f, actions and verdict of one run, and its work
//! counters. The bits belong to a machine: another instruction set or mathematical
//! library has others.
#![allow(clippy::unwrap_used)]

mod tutorial;

use std::fmt;
use std::ops::ControlFlow;

use deepest::hamiltonian::{Adjoint, BoundaryProblem, Momenta};
use deepest::models::{Lorenz63, Lorenz96, LotkaVolterra, NaKl, Network};
use deepest::prelude::*;
use deepest::{Activation, Dense, Minibatches, Path, Work};
use ndarray::{Array2, array};

/// A fingerprint, and the counters of a run.
struct Bits {
    hash: u64,
    work: Work,
    numbers: usize,
}

impl Bits {
    fn new() -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            work: Work::default(),
            numbers: 0,
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn numbers<'a>(&mut self, numbers: impl IntoIterator<Item = &'a f64>) {
        for number in numbers {
            self.numbers += 1;
            self.bytes(&number.to_bits().to_le_bytes());
        }
    }

    fn estimate(&mut self, estimate: &Estimate) {
        for path in &estimate.paths {
            self.numbers(path.values());
        }
        self.numbers(&estimate.parameters);
        self.numbers(&estimate.shape);
    }

    fn annealing(&mut self, annealing: &Annealing) {
        for start in &annealing.starts {
            for level in &start.levels {
                self.estimate(&level.estimate);
                let terms = level.action;
                self.numbers(&[level.rf, terms.measurement, terms.model, terms.prior]);
            }
        }
        self.work.add(annealing.work());
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let work = self.work;
        write!(
            f,
            "{:016x} of {} numbers, {} iterations, {} evaluations, {} factorizations",
            self.hash, self.numbers, work.iterations, work.evaluations, work.factorizations
        )
    }
}

/// Lorenz-63 with two components measured, and its window.
fn lorenz63(layers: usize, seed: u64) -> Window {
    let grid = Grid::uniform(0.0, 0.01, layers).unwrap();
    let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0);
    let truth = truth.seed(seed).flow(&Lorenz63).unwrap();
    let noise = Noise::scalar(0.5).unwrap();
    let twin = truth.observe(&Measurement::new(&[0, 1], noise).seed(seed + 1));
    twin.unwrap().window().unwrap()
}

/// ẋ₀ = −θ₀ x₀ + u₀ x₁ + θ₁ sin t, ẋ₁ = θ₁ x₀² − θ₂ x₁.
struct Driven;

impl Model for Driven {
    fn parameter_count(&self) -> usize {
        3
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Driven {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        dx[0] = -theta[0] * x[0] + input[0] * x[1] + theta[1] * t.sin();
        dx[1] = theta[1] * x[0].square() - theta[2] * x[1];
    }
}

/// (x₀ x₁, eˣ¹ θ₂).
struct Curved;

impl Observe for Curved {
    fn len(&self, _k: usize) -> usize {
        2
    }
    fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], theta: &[S], out: &mut [S]) {
        out[0] = x[0] * x[1];
        out[1] = (x[1] * 0.3).exp() * theta[2];
    }
}

/// Two windows of `Driven`, measured through `Curved`.
macro_rules! driven {
    ($rule:expr, $shape:expr, $kind:expr) => {{
        let window = |shift: f64| {
            let grid = Grid::uniform(0.0, 0.1, 41).unwrap();
            let inputs = array![[0.4], [0.9], [0.1]];
            let inputs = Inputs::linear([0.0, 2.0, 4.0], inputs).unwrap();
            let value = |n: usize, i: usize| (0.3 * n as f64 + shift).sin() * 0.5 + i as f64;
            let values: Vec<_> = (0..41).map(|n| vec![value(n, 0), value(n, 1)]).collect();
            let precision = Precision::scalar(4.0).unwrap();
            let times = grid.times().to_vec();
            let data = Observations::of_operator(Curved, times, &values, precision);
            let data = data.unwrap().loss(Loss::huber(1.0).unwrap());
            Window::new(grid)
                .observations(data)
                .unwrap()
                .inputs(inputs)
                .unwrap()
        };
        let bounds = Bounds::new(0.0, 3.0).unwrap();
        Action::builder(Driven, $rule)
            .windows([window(0.0), window(1.0)])
            .parameter("decay", bounds)
            .parameter("gain", $kind)
            .parameter("rate", Parameter::estimated().bounds(bounds).per_window())
            .model_precision($shape)
            .state_bounds(1, Bounds::new(-0.5, 2.0).unwrap())
            .build()
            .unwrap()
    }};
}

macro_rules! annealed {
    ($annealer:expr, $action:expr) => {{
        let mut bits = Bits::new();
        let annealing = $annealer.run(&$action).unwrap();
        bits.annealing(&annealing);
        let verdict = annealing.verdict(&$action).map(|v| v.to_string());
        bits.bytes(verdict.unwrap_or_else(|e| e.to_string()).as_bytes());
        bits
    }};
}

fn geometric(to: u32) -> Schedule {
    Schedule::geometric(1e-3, 2.0, (0..=to).map(f64::from)).unwrap()
}

fn race() -> Bits {
    let action = Action::builder(Lorenz63, SimpsonHermite)
        .window(lorenz63(201, 3))
        .parameter("sigma", Bounds::new(0.0, 30.0).unwrap())
        .parameter("rho", Bounds::new(0.0, 60.0).unwrap())
        .parameter("beta", Parameter::fixed(8.0 / 3.0))
        .build()
        .unwrap();
    annealed!(Annealer::new(Schedule::adaptive()).race(6).seed(2), action)
}

fn neuron() -> Bits {
    let grid = Grid::uniform(0.0, 0.05, 401).unwrap();
    let current = Array2::from_shape_fn((401, 1), |(n, _)| 10.0 + 8.0 * (0.03 * n as f64).sin());
    let inputs = Inputs::linear(grid.times().to_vec(), current).unwrap();
    let truth = Simulation::new(grid, NaKl::VALUES).inputs(inputs);
    let truth = truth
        .from_state([-65.0, 0.1, 0.5, 0.4])
        .flow(&NaKl)
        .unwrap();
    let noise = Noise::scalar(1.0).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0], noise).seed(4))
        .unwrap();
    let mut builder = Action::builder(NaKl, SimpsonHermite).window(twin.window().unwrap());
    for (name, (low, high)) in NaKl::NAMES.into_iter().zip(NaKl::BOUNDS) {
        builder = builder.parameter(name, Bounds::new(low, high).unwrap());
    }
    for gate in 1..4 {
        builder = builder.state_bounds(gate, Bounds::new(0.0, 1.0).unwrap());
    }
    let action = builder.build().unwrap().balanced().unwrap();
    annealed!(Annealer::new(Schedule::adaptive()).starts(2), action)
}

fn network(minimizer: impl Minimizer + 'static) -> Bits {
    let (network, inputs, outputs) = pairs();
    let exact = Precision::scalar(1e8).unwrap();
    let noisy = Precision::scalar(100.0).unwrap();
    let windows = network.pairs((inputs.view(), &exact), (outputs.view(), &noisy));
    let prior = Gaussian::new(0.0, 0.5).unwrap();
    let guesses = network.draw(inputs.view(), 2).unwrap();
    let weights = guesses
        .iter()
        .map(|&w| Parameter::estimated().prior(prior).guess(w));
    let action = Action::builder(network.clone(), Map)
        .windows(windows.unwrap())
        .parameter_block("weights", weights)
        .build()
        .unwrap();
    let schedule = Schedule::geometric(1.0, 10.0, 0..=3).unwrap();
    annealed!(
        Annealer::new(schedule).starts(1).minimizer(minimizer),
        action
    )
}

fn pairs() -> (Network, Array2<f64>, Array2<f64>) {
    let layers = [
        Dense::new(5, Activation::Tanh),
        Dense::new(2, Activation::Linear),
    ];
    let network = Network::new(3, layers).unwrap();
    let inputs = Array2::from_shape_fn((60, 3), |(m, i)| (m as f64 * (1.3 + i as f64)).sin());
    let teacher = network.draw(inputs.view(), 1).unwrap();
    let outputs = network.predict(&teacher, inputs.view()).unwrap();
    (network, inputs, outputs)
}

fn minibatches() -> Bits {
    let (network, inputs, outputs) = pairs();
    let schedule = Schedule::geometric(1.0, 10.0, 0..=2).unwrap();
    let mut training = Minibatches::new(&schedule, 4).unwrap().passes(4).seed(3);
    let exact = Precision::scalar(1e8).unwrap();
    let noisy = Precision::scalar(100.0).unwrap();
    let guesses = network.draw(inputs.view(), 2).unwrap();
    let load = |b: usize| {
        let rows = ndarray::s![b * 15..(b + 1) * 15, ..];
        let (inputs, outputs) = (inputs.slice(rows), outputs.slice(rows));
        let prior = Gaussian::new(0.0, 0.5)?;
        let weights = guesses
            .iter()
            .map(|&w| Parameter::estimated().prior(prior).guess(w));
        Action::builder(network.clone(), Map)
            .windows(network.pairs((inputs, &exact), (outputs, &noisy))?)
            .parameter_block("weights", weights)
            .build()
    };
    let mut bits = Bits::new();
    let mut work = Work::default();
    let mut watch = |turn: deepest::Turn| {
        work.add(turn.work);
        ControlFlow::Continue(())
    };
    training.run(&load, &mut watch).unwrap();
    bits.numbers(training.parameters());
    bits.work = work;
    bits
}

fn predators() -> (Window, Vec<f64>) {
    let theta = vec![0.55, 0.028, 0.84, 0.026];
    let grid = Grid::uniform(0.0, 0.25, 81).unwrap();
    let truth = Simulation::new(grid, theta.clone()).from_state([30.0, 4.0]);
    let truth = truth.flow(&LotkaVolterra).unwrap();
    let noise = Noise::scalar(1.0).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0, 1], noise).seed(9))
        .unwrap();
    (twin.window().unwrap(), theta)
}

/// Momenta, a boundary value problem with refined layers, and the perfect model.
fn hamilton() -> Bits {
    let mut bits = Bits::new();
    let (window, theta) = predators();
    let mut builder = Action::builder(LotkaVolterra, Trapezoid)
        .window(window)
        .precision_unit(PrecisionUnit::PerTime);
    for (name, value) in ["birth", "predation", "death", "growth"].iter().zip(&theta) {
        builder = builder.parameter(*name, Parameter::fixed(*value));
    }
    let action = builder.build().unwrap();
    let path = Path::from_layers((0..81).map(|_| [20.0, 10.0]));
    let guess = Estimate::new(vec![path], theta);
    let momenta = Momenta::along(&action, 1.0, &guess).unwrap();
    bits.bytes(format!("{momenta:?}").as_bytes());
    let refined = BoundaryProblem::new(&action, 10.0)
        .refine(&guess, 1e-2)
        .unwrap();
    bits.estimate(&refined.solved.estimate);
    bits.numbers(&[refined.error, refined.solved.action.total]);
    let adjoint = Adjoint::along(&action, &guess).unwrap();
    bits.bytes(format!("{adjoint:?}").as_bytes());
    bits
}

/// A run that is resumed in its middle from its checkpoint, and the checkpoint itself
/// behind its header.
fn resumed() -> Bits {
    let folder = std::env::temp_dir().join(format!("deepest-bits-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("run");
    let action = Action::builder(Lorenz96 { sites: 10 }, SimpsonHermite)
        .window(lorenz96(10, 81))
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .build()
        .unwrap();
    let annealer = Annealer::new(geometric(30)).starts(3).checkpoint(&file);
    let mut run = annealer.begin(&action).unwrap();
    for _ in 0..12 {
        run.step().unwrap();
    }
    drop(run);
    let mut bits = Bits::new();
    let written = std::fs::read(&file).unwrap();
    // The header: sizes, the version, nine fingerprints.
    bits.bytes(&written[HEADER..written.len().saturating_sub(8)]);
    bits.annealing(&annealer.run(&action).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    bits
}

/// Bytes of a checkpoint before what it keeps.
const HEADER: usize = 24 + 13 + 9 * 8;

fn lorenz96(sites: usize, layers: usize) -> Window {
    let grid = Grid::uniform(0.0, 0.025, layers).unwrap();
    let truth = Simulation::new(grid, [8.17]).spin_up(5.0).seed(1);
    let truth = truth.flow(&Lorenz96 { sites }).unwrap();
    let observed: Vec<usize> = (0..sites).step_by(2).collect();
    let noise = Noise::scalar(0.5).unwrap();
    let twin = truth.observe(&Measurement::new(&observed, noise).seed(2));
    twin.unwrap().window().unwrap()
}

fn main() {
    let walking = || {
        let walk = Parameter::estimated().bounds(Bounds::new(-2.0, 2.0).unwrap());
        walk.random_walk(0.1).unwrap()
    };
    let full = || Precision::full(array![[1.0, 0.3], [0.3, 2.0]]).unwrap();
    let diagonal = || Precision::diagonal([1.0, 2.0]).unwrap();
    let bounds = || Parameter::from(Bounds::new(-3.0, 3.0).unwrap());
    let runs: [(&str, &dyn Fn() -> Bits); 14] = [
        ("Lorenz-96, nudged, Simpson-Hermite", &|| {
            let action = tutorial::action(&[0, 2, 4, 6, 8, 10, 14, 16], &tutorial::table());
            annealed!(Annealer::new(geometric(40)).starts(2).seed(1), action)
        }),
        ("Lorenz-63, race", &race),
        ("NaKl neuron, adaptive", &neuron),
        ("driven, trapezoid, a walking parameter", &|| {
            let action = driven!(Trapezoid, diagonal(), walking());
            annealed!(Annealer::new(geometric(20)).starts(2), action)
        }),
        ("driven, midpoint, correlated model errors", &|| {
            let action = driven!(Midpoint, full(), bounds());
            annealed!(Annealer::new(geometric(20)).starts(2), action)
        }),
        ("driven, Euler", &|| {
            let action = driven!(Euler, diagonal(), bounds());
            annealed!(Annealer::new(geometric(20)).starts(2), action)
        }),
        ("driven, Runge-Kutta", &|| {
            let action = driven!(Rk4, diagonal(), walking());
            annealed!(Annealer::new(geometric(20)).starts(2), action)
        }),
        ("network, Gauss-Newton", &|| network(GaussNewton::default())),
        ("network, L-BFGS", &|| {
            network(Lbfgs::default().max_iterations(200))
        }),
        ("network, minibatches", &minibatches),
        ("Lorenz-63, L-BFGS", &|| {
            let action = Action::builder(Lorenz63, Trapezoid)
                .window(lorenz63(61, 5))
                .parameter("sigma", Parameter::fixed(10.0))
                .parameter("rho", Bounds::new(0.0, 60.0).unwrap())
                .parameter("beta", Parameter::fixed(8.0 / 3.0))
                .build()
                .unwrap();
            let annealer = Annealer::new(geometric(8)).starts(1);
            annealed!(
                annealer.minimizer(Lbfgs::default().max_iterations(300)),
                action
            )
        }),
        ("momenta, boundaries, adjoint", &hamilton),
        ("resumed", &resumed),
        ("predator and prey, spanning", &|| {
            let (window, _) = predators();
            let mut builder = Action::builder(LotkaVolterra, Rk4).window(window);
            for name in ["birth", "predation", "death", "growth"] {
                builder = builder.parameter(name, Bounds::new(0.0, 2.0).unwrap());
            }
            let action = builder.build().unwrap();
            annealed!(
                Annealer::new(Schedule::spanning(&action).unwrap()).starts(2),
                action
            )
        }),
    ];
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    for (name, run) in runs {
        if wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str())) {
            println!("{name}: {}", run());
        }
    }
}
