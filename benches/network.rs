//! What networks cost: action and gradient, Newton steps by each way to solve their
//! equations, a whole ladder of 436 levels, and digits in batches.
//!
//! `cargo bench --bench network`; with the path of a Python that has JAX in
//! `PEER_PYTHON`, JAX's time for action and gradient stands beside ours, measured
//! in the same run. CPU microseconds of one thread, medians.

use std::process::Command;
use std::time::Duration;

use cpu_time::ThreadTime;
use deepest::minimize::Curvature;
use deepest::models::{Network, one_hot};
use deepest::prelude::*;
use deepest::{Activation, Dense, Equations, Minibatches};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Median CPU time of one call, in microseconds.
fn median(mut call: impl FnMut()) -> f64 {
    let mut timed = |count: u32| {
        let began = ThreadTime::now();
        for _ in 0..count {
            call();
        }
        began.elapsed()
    };
    timed(1);
    let once = timed(1).max(Duration::from_nanos(100));
    let count = (5e-3 / once.as_secs_f64()).ceil().clamp(1.0, 1e3) as u32;
    let repeats = if once.as_secs_f64() > 0.1 { 3 } else { 31 };
    let mut times: Vec<f64> = (0..repeats)
        .map(|_| timed(count).as_secs_f64() * 1e6 / f64::from(count))
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A twin: pairs of a teacher of the same layers, weights to begin with drawn from
/// (−0.1, 0.1).
fn twin(widths: &[usize], pairs: usize, equations: Equations) -> Result<Action> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let layers = widths[1..].iter();
    let layers = layers.map(|&w| Dense::new(w, Activation::Logistic));
    let network = Network::new(widths[0], layers)?;
    let inputs = Array2::from_shape_fn((pairs, widths[0]), |_| rng.random::<f64>());
    let teacher = network.draw(inputs.view(), 5)?;
    let outputs = network.predict(&teacher, inputs.view())?;
    let one = Precision::scalar(1.0)?;
    let mut builder = Action::builder(network.clone(), Map)
        .windows(network.pairs((inputs.view(), &one), (outputs.view(), &one))?)
        .normalization(Normalization::Mean)
        .equations(equations);
    for (name, range) in network.blocks() {
        let mut guess = || Parameter::estimated().guess(0.2 * rng.random::<f64>() - 0.1);
        builder = builder.parameter_block(&name, range.map(|_| guess()));
    }
    Ok(builder.build()?)
}

fn steps(widths: &[usize], pairs: usize, jax: Option<f64>) -> Result<()> {
    let action = twin(widths, pairs, Equations::Automatic)?;
    let costs = action.newton_costs();
    let mut at = action.at(10.0)?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let x: Vec<f64> = (0..at.dimension()).map(|_| rng.random()).collect();
    let (mut gradient, mut step) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let ours = median(|| {
        at.value_and_gradient(&x, &mut gradient);
    });
    let name: Vec<String> = widths.iter().map(usize::to_string).collect();
    let name = match name.len() {
        0..5 => name.join("-"),
        n => format!("{n} × {}", name[0]),
    };
    let peer = jax.map_or("-".into(), |jax| format!("{jax:.0}"));
    let ratio = jax.map_or("-".into(), |jax| format!("{:.2}", ours / jax));
    let mut row = format!("| {name} | {pairs} | {ours:.0} | {peer} | {ratio} |");
    let ways = [
        (Equations::BlockArrow, Some(costs.block_arrow)),
        (Equations::ResidualSpace, costs.residual_space),
        (Equations::ConjugateGradients, costs.conjugate_gradients),
    ];
    for (way, cost) in ways {
        // Nobody would wait for these.
        if cost.is_none_or(|cost| cost > 3e11) {
            row += " - |";
            continue;
        }
        let asked = twin(widths, pairs, way)?;
        let mut at = asked.at(10.0)?;
        let damping = 1e-3;
        let time = median(|| {
            let solved = at.newton_step(&x, Curvature::GaussNewton, damping, &gradient, &mut step);
            assert!(solved.is_ok());
        });
        row += &format!(" {:.1} |", time / 1e3);
    }
    println!("{row} {:?} |", costs.cheapest());
    Ok(())
}

/// The ladder of varanneal's log: R_f = 5·10⁻¹⁰ · 1.1^β, β = 0..435, R_m = 1.
fn ladder() -> Result<()> {
    let action = twin(&[784, 30, 10], 2, Equations::Automatic)?;
    let fixed = |last: i32, stride: i32| {
        Schedule::geometric(5e-10, 1.1_f64.powi(stride), 0..=last / stride)
    };
    let newton = Annealer::new(fixed(435, 1)?);
    let adaptive = Annealer::new(Schedule::adaptive());
    let minimizer = Lbfgs::default().tolerance(1e-12)?.max_iterations(2000);
    let lbfgs = Annealer::new(fixed(435, 29)?).minimizer(minimizer);
    let by_errors = Annealer::new(fixed(435, 29)?)
        .minimizer(minimizer)
        .by_errors();
    println!(
        "\n| 784-30-10, M = 2 | levels | CPU s | factorizations | evaluations | action at the end |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, annealer) in [
        ("Gauss-Newton, fixed ladder", newton),
        ("Gauss-Newton, adaptive", adaptive),
        ("L-BFGS, every 29th level, 2000 steps each", lbfgs),
        ("the same by errors", by_errors),
    ] {
        let began = ThreadTime::now();
        let annealer = annealer.starts(1).start_with(Starts::Uniform);
        let annealing = annealer.run(&action)?;
        let start = &annealing.starts[0];
        let end = start.levels.last().ok_or("no level")?;
        let work = start.work();
        println!(
            "| {name} | {} | {:.2} | {} | {} | {:.1e} |",
            start.levels.len(),
            began.elapsed().as_secs_f64(),
            work.factorizations,
            work.evaluations,
            end.action.total
        );
    }
    Ok(())
}

/// JAX's medians, where there is a Python to ask.
fn peers(cases: &[(Vec<usize>, usize)]) -> Result<Vec<f64>> {
    let Ok(python) = std::env::var("PEER_PYTHON") else {
        return Ok(Vec::new());
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/network_jax.py");
    let names = cases.iter().map(|(widths, pairs)| {
        let widths: Vec<String> = widths.iter().map(usize::to_string).collect();
        format!("{}:{pairs}", widths.join("-"))
    });
    let output = Command::new(python).arg(script).args(names).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .lines()
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?)
}

/// A thousand of UCI's digits learned all at once and in ten batches, at the same
/// levels: the action at the end, and CPU seconds.
fn batches() -> Result<()> {
    const DIGITS: usize = 1000;
    const BATCHES: usize = 10;
    let rows = include_str!("../examples/data/digits.csv").lines().skip(1);
    let numbers = |row: &str| row.split(',').map(str::parse::<f64>).collect();
    let rows: Vec<Vec<f64>> = rows
        .take(DIGITS)
        .map(numbers)
        .collect::<std::result::Result<_, _>>()?;
    let pixels = Array2::from_shape_fn((DIGITS, 64), |(m, k)| rows[m][k + 1] / 16.0);
    let labels: Vec<usize> = rows.iter().map(|row| row[0] as usize).collect();
    let labels = one_hot(&labels, 10)?;
    let layers = [30, 10].map(|units| Dense::new(units, Activation::Logistic));
    let network = Network::new(64, layers)?;
    let guesses = network.draw(pixels.view(), 1)?;
    let action = |range: std::ops::Range<usize>| {
        let rows = ndarray::s![range, ..];
        let [input, output] = [1000.0, 100.0].map(Precision::scalar);
        let inputs = (pixels.slice(rows), &input?);
        let prior = Gaussian::new(0.0, 0.5)?;
        let weights = guesses.iter();
        let weights = weights.map(|&w| Parameter::estimated().prior(prior).guess(w));
        Action::builder(network.clone(), Map)
            .windows(network.pairs(inputs, (labels.slice(rows), &output?))?)
            .parameter_block("weights", weights)
            .build()
    };
    let schedule = Schedule::geometric(100.0, 4.0, 0..=5)?;
    println!("\n| digits | CPU s | action at the end |\n|---|---|---|");
    let minimizer = Lbfgs::default().tolerance(1e-4)?.max_iterations(1000);
    for name in ["states", "errors"] {
        let began = ThreadTime::now();
        let annealer = Annealer::new(schedule.clone())
            .starts(1)
            .start_with(Starts::Mean);
        let annealer = match name {
            "errors" => annealer.minimizer(minimizer).by_errors(),
            _ => annealer.minimizer(minimizer),
        };
        let annealing = annealer.run(&action(0..DIGITS)?)?;
        let (_, best) = annealing.best().ok_or("no level was reached")?;
        let seconds = began.elapsed().as_secs_f64();
        let total = best.action.total;
        println!("| all at once, L-BFGS by {name} | {seconds:.0} | {total:.0} |");
    }
    let each = DIGITS / BATCHES;
    let load = |b: usize| action(b * each..(b + 1) * each);
    let began = ThreadTime::now();
    let mut training = Minibatches::new(&schedule, BATCHES)?.passes(4);
    training.run(&load, &mut |_| std::ops::ControlFlow::Continue(()))?;
    let seconds = began.elapsed().as_secs_f64();
    let total = training.evaluate(&load)?.total;
    println!("| ten batches | {seconds:.0} | {total:.0} |");
    Ok(())
}

fn main() -> Result<()> {
    let cases = [
        (vec![10; 20], 10),
        (vec![10; 20], 100),
        (vec![64, 30, 10], 100),
        (vec![64, 30, 10], 1000),
        (vec![784, 30, 10], 2),
    ];
    let jax = peers(&cases)?;
    println!(
        "| layers | M | action and gradient, µs | JAX, µs | ratio | block arrow, ms | residual space, ms | conjugate gradients, ms | chosen |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    // One thread for all: what runs in a pool of one is timed whole.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| {
        for (k, (widths, pairs)) in cases.iter().enumerate() {
            steps(widths, *pairs, jax.get(k).copied()).map_err(|e| e.to_string())?;
        }
        ladder().map_err(|e| e.to_string())?;
        batches().map_err(|e| e.to_string())
    })?;
    Ok(())
}
