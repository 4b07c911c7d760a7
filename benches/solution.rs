//! Time to solution: CPU seconds to the lowest level with 99 % certainty,
//! ln 0.01 / ln(1 − success) times the cost of a try.
//!
//! `cargo bench --bench solution -- [TRIES [PEER [SEED]]]`: races of 8 starts on
//! twins, and each kind of start alone, TRIES of each (20); beside them PEER
//! tries (0) of the way of varanneal: uniform starts, α = 1.5, L-BFGS. The
//! truths of the Lorenz systems are those of SEED (1); all noise is that of the next.
#![allow(clippy::unwrap_used)]

use cpu_time::ThreadTime;
use deepest::Truth;
use deepest::models::{Colpitts, Lorenz63, Lorenz96, NaKl};
use deepest::prelude::*;
use ndarray::Array2;

/// A twin as an action, with its truth.
struct Problem {
    name: String,
    action: Action,
    truth: Estimate,
}

/// Tries of one method.
struct Tries {
    /// The last action of each, and its CPU seconds.
    ends: Vec<(f64, f64)>,
}

impl Tries {
    fn of(count: u64, one: impl Fn(u64) -> f64) -> Self {
        let ends = (0..count).map(|seed| {
            let began = ThreadTime::now();
            let end = one(seed);
            (end, began.elapsed().as_secs_f64())
        });
        Self {
            ends: ends.collect(),
        }
    }

    fn lowest(&self) -> f64 {
        let ends = self.ends.iter().map(|(end, _)| *end);
        ends.fold(f64::INFINITY, f64::min)
    }

    /// Success, mean CPU seconds and the time to solution.
    fn row(&self, known: f64) -> String {
        let count = self.ends.len() as f64;
        if count == 0.0 {
            return "        -        -        -".into();
        }
        let found = |end: f64| end <= known * (1.0 + 1e-4);
        let success = self.ends.iter().filter(|(end, _)| found(*end)).count() as f64 / count;
        let cost = self.ends.iter().map(|(_, cost)| cost).sum::<f64>() / count;
        if success == 0.0 {
            return format!("{success:>9.2}{cost:>9.3}        -");
        }
        let tries = (0.01_f64.ln() / (1.0 - success).ln()).max(1.0);
        format!("{success:>9.2}{cost:>9.3}{:>9.2}", tries * cost)
    }
}

impl Problem {
    fn print(&self, tries: u64, peer: u64) {
        // Where the truth leads to, and at which R_f that ends.
        let given = Starts::Given(self.truth.clone());
        let annealer = Annealer::new(Schedule::adaptive()).start_with(given);
        let annealing = annealer.starts(1).run(&self.action).unwrap();
        let end = annealing.best().unwrap().1;
        let schedule = Schedule::adaptive_to(end.rf, 1.5, 0.0).unwrap();
        let last = |annealing: &deepest::Annealing| {
            let (start, level) = annealing.best().unwrap();
            match start.finished {
                true => level.action.total,
                false => f64::INFINITY,
            }
        };
        let run = |annealer: Annealer| last(&annealer.threads(1).run(&self.action).unwrap());
        let near_truth = {
            let given = Starts::Given(self.truth.clone());
            let top = Schedule::geometric(end.rf, 1.5, [0]).unwrap();
            run(Annealer::new(top).starts(1).start_with(given))
        };
        let race = Tries::of(tries, |seed| {
            run(Annealer::new(schedule.clone()).race(8).seed(seed))
        });
        let kinds = [
            Starts::Growing,
            Starts::Nudged,
            Starts::CoarseToFine,
            Starts::Mean,
            Starts::Smooth,
            Starts::Uniform,
        ];
        let alone = kinds.map(|kind| {
            let tries = Tries::of(tries, |seed| {
                let annealer = Annealer::new(schedule.clone()).starts(1).seed(seed);
                // One that crawls is not worth more. Most of a growing one's are of
                // few layers.
                let most = if kind == Starts::Growing { 2000 } else { 400 };
                run(annealer.start_with(kind.clone()).factorization_budget(most))
            });
            (kind, tries)
        });
        let others = Tries::of(peer, |seed| {
            let betas = (-60..=0).map(f64::from);
            let fixed = Schedule::geometric(end.rf, 1.5, betas).unwrap();
            let annealer = Annealer::new(fixed).starts(1).seed(seed);
            run(annealer
                .start_with(Starts::Uniform)
                .minimizer(Lbfgs::default()))
        });
        let all = alone.iter().map(|(_, tries)| tries);
        let all = all.chain([&race, &others]);
        let known = all.map(Tries::lowest).fold(near_truth, f64::min);
        println!("{:<34} {known:>11.4} {near_truth:>11.4}", self.name);
        println!("    {:<16}{}", "race of 8", race.row(known));
        for (kind, tries) in &alone {
            println!("    {:<16}{}", kind.name(), tries.row(known));
        }
        if peer > 0 {
            println!("    {:<16}{}", "uniform, L-BFGS", others.row(known));
        }
    }
}

/// Components observed at equal distances.
fn lorenz96(sites: usize, layers: usize, observed: usize, sigma: f64, seed: u64) -> Problem {
    let model = Lorenz96 { sites };
    let components: Vec<usize> = (0..observed).map(|k| k * sites / observed).collect();
    let grid = Grid::uniform(0.0, 0.025, layers).unwrap();
    let truth = Simulation::new(grid, [8.17]).spin_up(20.0).seed(seed);
    let truth = truth.flow(&model).unwrap();
    let twin = observe(&truth, &components, sigma, seed);
    let action = Action::builder(model, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .build();
    Problem {
        name: format!("Lorenz-96 D {sites} N {layers} L {observed} noise {sigma}"),
        action: action.unwrap(),
        truth: Estimate::new(vec![twin.truth], [8.17]),
    }
}

fn observe(truth: &Truth, components: &[usize], sigma: f64, seed: u64) -> Twin {
    let measurement = Measurement::new(components, Noise::scalar(sigma).unwrap());
    truth.observe(&measurement.seed(seed + 1)).unwrap()
}

fn lorenz63(seed: u64) -> Problem {
    let values = [10.0, 28.0, 8.0 / 3.0];
    let grid = Grid::uniform(0.0, 0.01, 401).unwrap();
    let truth = Simulation::new(grid, values).spin_up(20.0).seed(seed);
    let twin = observe(&truth.flow(&Lorenz63).unwrap(), &[0], 0.5, seed);
    let mut builder = Action::builder(Lorenz63, SimpsonHermite).window(twin.window().unwrap());
    for (name, high) in [("sigma", 20.0), ("rho", 60.0), ("beta", 10.0)] {
        builder = builder.parameter(name, Bounds::new(0.0, high).unwrap());
    }
    Problem {
        name: "Lorenz-63 N 401, x with noise 0.5".into(),
        action: builder.build().unwrap(),
        truth: Estimate::new(vec![twin.truth], values),
    }
}

fn colpitts(seed: u64) -> Problem {
    let values = [5.0, 0.0797, 0.6898, 6.2723];
    let grid = Grid::uniform(0.0, 0.1, 401).unwrap();
    let truth = Simulation::new(grid, values).from_state([0.1, 0.1, 0.1]);
    let truth = truth.spin_up(200.0).flow(&Colpitts).unwrap();
    let twin = observe(&truth, &[0], 0.2, seed);
    let mut builder = Action::builder(Colpitts, SimpsonHermite).window(twin.window().unwrap());
    // The unit of x2 is free without α.
    builder = builder.parameter("alpha", Parameter::fixed(values[0]));
    for (name, high) in [("gamma", 0.3), ("q", 2.0), ("eta", 15.0)] {
        builder = builder.parameter(name, Bounds::new(0.01, high).unwrap());
    }
    Problem {
        name: "Colpitts N 401, x1 with noise 0.2".into(),
        action: builder.build().unwrap().balanced().unwrap(),
        truth: Estimate::new(vec![twin.truth], values),
    }
}

/// Conductances and thresholds of the neuron free, from its voltage.
fn nakl(seed: u64) -> Problem {
    let values = NaKl::VALUES;
    let grid = Grid::uniform(0.0, 0.02, 1501).unwrap();
    let current = |t: f64| 15.0 + 12.0 * (0.9 * t).sin() + 9.0 * (0.37 * t + 1.0).sin();
    let times: Vec<f64> = grid.times().to_vec();
    let stimulus = Array2::from_shape_fn((times.len(), 1), |(n, _)| current(times[n]));
    let inputs = Inputs::linear(times, stimulus).unwrap();
    let truth = Simulation::new(grid, values)
        .from_state([-65.0, 0.05, 0.6, 0.3])
        .inputs(inputs);
    let twin = observe(&truth.flow(&NaKl).unwrap(), &[0], 1.0, seed);
    let mut builder = Action::builder(NaKl, SimpsonHermite)
        .window(twin.window().unwrap())
        .state_bounds(0, Bounds::new(-120.0, 60.0).unwrap());
    for gate in 1..4 {
        builder = builder.state_bounds(gate, Bounds::new(0.0, 1.0).unwrap());
    }
    for (k, (name, value)) in NaKl::NAMES.iter().zip(values).enumerate() {
        builder = match k {
            0..3 | 6 | 10 | 14 => {
                let (a, b) = (0.5 * value, 1.5 * value);
                builder.parameter(*name, Bounds::new(a.min(b), a.max(b)).unwrap())
            }
            _ => builder.parameter(*name, Parameter::fixed(value)),
        };
    }
    Problem {
        name: "NaKL N 1501, V with noise 1".into(),
        action: builder.build().unwrap().balanced().unwrap(),
        truth: Estimate::new(vec![twin.truth], values),
    }
}

fn main() {
    let mut numbers = std::env::args().filter_map(|a| a.parse().ok());
    let (tries, peer) = (numbers.next().unwrap_or(20), numbers.next().unwrap_or(0));
    let seed = numbers.next().unwrap_or(1);
    println!("{:<34} {:>11} {:>11}", "twin", "lowest", "from truth");
    println!("    {:<16}{:>9}{:>9}{:>9}", "", "success", "CPU s", "99 %");
    for (sites, layers, observed, sigma) in [
        (20, 161, 10, 0.5),
        (20, 161, 8, 0.5),
        (20, 161, 6, 0.5),
        (20, 161, 5, 0.2),
        (20, 161, 5, 0.5),
        (20, 161, 5, 0.8),
        (20, 201, 7, 0.6),
        (20, 401, 7, 0.5),
        (40, 161, 16, 0.5),
        (40, 161, 12, 0.5),
        (40, 161, 10, 0.5),
        (40, 161, 8, 0.5),
    ] {
        lorenz96(sites, layers, observed, sigma, seed).print(tries, peer);
    }
    lorenz63(seed).print(tries, peer);
    colpitts(seed).print(tries, peer);
    nakl(seed).print(tries, peer);
}
