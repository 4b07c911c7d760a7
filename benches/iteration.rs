//! What one Gauss-Newton iteration costs, by its parts and by size.
//!
//! `cargo bench --bench iteration` prints CPU times of one thread, medians over
//! many repetitions: the action with its gradient, a whole Newton step
//! (derivatives, assembly, elimination, substitution), and the dense kernels
//! alone on fronts of the same shape, which is the lower bound.

use std::time::Duration;

use cpu_time::ThreadTime;
use deepest::linalg::{ArrowShape, BlockArrow, ChainShape};
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

/// Times (gradient, Newton step, kernels alone) for Lorenz-96 with one unknown
/// parameter, half of the components measured.
fn measure(sites: usize, layers: usize) -> Result<[f64; 3]> {
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
        .build()?;
    let x = action.pack(&Estimate::new(vec![twin.truth.clone()], vec![8.0]))?;
    let mut objective = action.at(1.0)?;
    let mut gradient = vec![0.0; x.len()];
    let mut step = vec![0.0; x.len()];
    objective.value_and_gradient(&x, &mut gradient);
    let newton = median(|| {
        let solved = objective.newton_step(&x, Curvature::GaussNewton, 0.0, &gradient, &mut step);
        assert!(solved.is_ok());
    });
    let value = median(|| {
        std::hint::black_box(objective.value_and_gradient(&x, &mut gradient));
    });
    Ok([value, newton, kernels(sites, layers)?])
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

fn main() -> Result<()> {
    println!("Lorenz-96, Simpson-Hermite, one parameter; CPU microseconds, one thread");
    println!("    D      N   gradient  iteration    kernels  iteration/kernels");
    let mut all = vec![(20, 161)];
    if std::env::args().all(|a| a != "--quick") {
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
        // An iteration evaluates its trial point and solves for the next step.
        let iteration = gradient + newton;
        println!(
            "{sites:>5} {layers:>6} {gradient:>10.1} {iteration:>10.1} {kernels:>10.1} {:>18.2}",
            iteration / kernels
        );
    }
    Ok(())
}
