//! What one Gauss-Newton iteration costs, by its parts and by size.
//!
//! `cargo bench --bench iteration` prints CPU times of one thread, medians over
//! many repetitions: the action with its gradient, a whole Newton step
//! (derivatives, assembly, elimination, substitution), and the dense kernels
//! alone on fronts of the same shape, which is the lower bound. Then how an
//! iteration grows with the number of layers, by turns. With `-- --backends`, and
//! `--features openblas-system` or another provider, only what each dense kernel takes
//! for wide states.

use std::time::Duration;

use cpu_time::ThreadTime;
use deepest::ActionAt;
use deepest::linalg::{ArrowShape, Backend, BlockArrow, ChainShape};
use deepest::minimize::Curvature;
use deepest::models::Lorenz96;
use deepest::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Median CPU time of one call, in microseconds.
fn median(mut call: impl FnMut()) -> f64 {
    let timed = |call: &mut dyn FnMut(), count: u32| {
        let began = ThreadTime::now();
        for _ in 0..count {
            call();
        }
        began.elapsed()
    };
    call();
    let once = timed(&mut call, 1).max(Duration::from_nanos(100));
    let count = (5e-3 / once.as_secs_f64()).ceil().clamp(1.0, 1e4) as u32;
    let mut times: Vec<f64> = (0..31)
        .map(|_| timed(&mut call, count).as_secs_f64() * 1e6 / f64::from(count))
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Lorenz-96 with one unknown parameter, half of the components measured, at the
/// truth with another forcing.
fn problem(sites: usize, layers: usize) -> Result<(Action, Vec<f64>)> {
    problem_by(Backend::Auto, sites, layers)
}

fn problem_by(backend: Backend, sites: usize, layers: usize) -> Result<(Action, Vec<f64>)> {
    let grid = Grid::uniform(0.0, 0.025, layers)?;
    let truth = Simulation::new(grid, [8.17])
        .seed(1)
        .spin_up(5.0)
        .flow(&Lorenz96 { sites })?;
    let observed: Vec<usize> = (0..sites).step_by(2).collect();
    let twin = truth.observe(&Measurement::new(&observed, Noise::scalar(0.5)?).seed(2))?;
    let action = Action::builder(Lorenz96 { sites }, SimpsonHermite)
        .window(twin.window()?)
        .parameter("forcing", Bounds::new(0.0, 20.0)?)
        .backend(backend)
        .build()?;
    let x = action.pack(&Estimate::new(vec![twin.truth.clone()], vec![8.0]))?;
    Ok((action, x))
}

/// What an iteration does: a trial point is evaluated and the next step solved for.
struct Iteration<'a> {
    objective: ActionAt<'a>,
    x: &'a [f64],
    gradient: Vec<f64>,
    step: Vec<f64>,
}

impl<'a> Iteration<'a> {
    fn new((action, x): &'a (Action, Vec<f64>)) -> Result<Self> {
        Ok(Self {
            objective: action.at(1.0)?,
            x,
            gradient: vec![0.0; x.len()],
            step: vec![0.0; x.len()],
        })
    }

    fn evaluate(&mut self) {
        let Self { objective, x, .. } = self;
        std::hint::black_box(objective.value_and_gradient(x, &mut self.gradient));
    }

    fn solve(&mut self) {
        let Self {
            objective,
            x,
            gradient,
            step,
        } = self;
        let solved = objective.newton_step(x, Curvature::GaussNewton, 0.0, gradient, step);
        assert!(solved.is_ok());
    }
}

/// Times (gradient, Newton step, kernels alone).
fn measure(sites: usize, layers: usize) -> Result<[f64; 3]> {
    let problem = problem(sites, layers)?;
    let mut iteration = Iteration::new(&problem)?;
    iteration.evaluate();
    let newton = median(|| iteration.solve());
    let value = median(|| iteration.evaluate());
    Ok([value, newton, kernels(sites, layers)?])
}

/// Median, least and largest of how many times longer an iteration takes with 2561
/// layers than with 161, each of both in turn.
fn growth() -> Result<[f64; 3]> {
    let (short, long) = (problem(20, 161)?, problem(20, 2561)?);
    let mut both = [(Iteration::new(&short)?, 16), (Iteration::new(&long)?, 1)];
    let mut ratios: Vec<f64> = (0..60)
        .map(|_| {
            let [short, long] = both.each_mut().map(|(one, count)| {
                let began = ThreadTime::now();
                for _ in 0..*count {
                    one.evaluate();
                    one.solve();
                }
                began.elapsed().as_secs_f64() / f64::from(*count)
            });
            long / short
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    Ok([ratios.len() / 2, 0, ratios.len() - 1].map(|k| ratios[k]))
}

/// Elimination and substitution of well-conditioned fronts, nothing assembled
/// but their diagonals.
fn kernels(sites: usize, layers: usize) -> Result<f64> {
    let chain = ChainShape::uniform(layers.div_ceil(2), sites, sites);
    let shape = ArrowShape::new(vec![chain], 1)?;
    let n = shape.dimension();
    let mut arrow = BlockArrow::new(shape);
    let rhs = vec![1.0; n];
    let mut out = vec![0.0; n];
    let mut z = [0.0];
    Ok(median(|| {
        let solved = arrow
            .factor(&rhs, |_, _, front| {
                let sizes = front.sizes();
                let (buffer, bases) = front.parts();
                for (j, base) in bases.iter().enumerate() {
                    buffer[base + j] += 1.0;
                }
                assert!(sizes.total() == bases.len());
            })
            .and_then(|()| arrow.solve_border(&mut z));
        assert!(solved.is_ok() && arrow.back_substitute(&z, &mut out).is_ok());
    }))
}

/// A Newton step by each dense kernel of this build, by turns: milliseconds, and how many
/// times as long as by the first one.
fn backends() -> Result<()> {
    let all = [Backend::Auto, Backend::Tile, Backend::Faer, Backend::Lapack];
    println!(
        "Newton steps of Lorenz-96 (Simpson-Hermite, 21 layers), CPU milliseconds, one thread"
    );
    println!("    D  backend       ms  times Auto");
    for sites in [100, 200, 400] {
        let mut problems = Vec::new();
        for backend in all {
            match problem_by(backend, sites, 21) {
                Ok(problem) => problems.push((backend, problem)),
                Err(error) => println!("{sites:>5}  {error}"),
            }
        }
        let iterations = problems.iter().map(|(_, problem)| Iteration::new(problem));
        let mut iterations = iterations.collect::<Result<Vec<_>>>()?;
        let mut times = vec![Vec::new(); iterations.len()];
        for iteration in &mut iterations {
            iteration.evaluate();
            iteration.solve();
        }
        for _ in 0..15 {
            for (iteration, times) in iterations.iter_mut().zip(&mut times) {
                let began = ThreadTime::now();
                iteration.solve();
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
        let medians = times.iter_mut().map(|times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        let medians: Vec<f64> = medians.collect();
        for ((backend, _), time) in problems.iter().zip(&medians) {
            let ratio = time / medians[0];
            println!(
                "{sites:>5}  {:<8} {time:>9.2}  {ratio:>9.2}",
                format!("{backend:?}")
            );
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    if std::env::args().any(|a| a == "--backends") {
        return backends();
    }
    println!("Lorenz-96, Simpson-Hermite, one parameter; CPU microseconds, one thread");
    println!("    D      N   gradient  iteration    kernels  iteration/kernels");
    let quick = std::env::args().any(|a| a == "--quick");
    let mut all = vec![(20, 161)];
    if !quick {
        all.extend([
            (5, 161),
            (10, 161),
            (40, 161),
            (80, 161),
            (20, 641),
            (20, 2561),
        ]);
    }
    for (sites, layers) in all {
        let [gradient, newton, kernels] = measure(sites, layers)?;
        let iteration = gradient + newton;
        println!(
            "{sites:>5} {layers:>6} {gradient:>10.1} {iteration:>10.1} {kernels:>10.1} {:>18.2}",
            iteration / kernels
        );
    }
    if !quick {
        let [median, least, largest] = growth()?;
        println!(
            "\n2561 layers against 161 (D = 20): {median:.2} times as long, {least:.2} to {largest:.2}"
        );
    }
    Ok(())
}
