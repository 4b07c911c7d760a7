//! Lynx and hare: a real series, and how far Lotka-Volterra explains it.
//!
//! The pelts of twenty-one years, log-normal measurement errors by an
//! observation operator of one's own, positive states by bounds, and a forecast.
//! `--help` lists the flags.

#[path = "predator_prey/series.rs"]
mod series;

mod report;

use std::process::ExitCode;

use deepest::models::LotkaVolterra;
use deepest::plot::{Figure, Panel};
use deepest::prelude::*;

use report::flags::Flags;
use report::progress::Progress;
use report::table::{self, Column};
use report::{Failure, json, plateau};
use series::Series;

const HELP: &str = "\
Estimates the Lotka-Volterra model of a prey and its predator by variational
annealing, and forecasts the years to come.

Without --data the series is that of hare and lynx, 1900 to 1920.

  --data FILE.csv          a header, then year, prey, predator; NaN is missing
  --rm R                   precision of the logarithms of the data [16]
  --steps K                steps from each year of the data to the next, even [16]
  --rate-bounds LO,HI      bounds of the rates alpha and gamma, per year [0,3]
  --rf0 R                  model precision at beta = 0, in years [0.1]
  --alpha A                R_f = rf0 * alpha^beta [2]
  --betas 0..32            values and ranges, both ends included [0..32]
  --start WORD             nudged, mean or uniform [nudged]
  --starts K               number of starts [4]
  --seed S                 seed of the starts [0]
  --threads T              threads [all cores]
  --years Y                years of forecast [10]
  --json OUT               write a report as JSON
  --plot OUT.svg           where to draw [predator_prey.svg]
  --help                   print this
";

fn main() -> ExitCode {
    report::run("predator_prey", estimate)
}

fn estimate() -> Result<(), Failure> {
    let Some(flags) = Flags::read(HELP)? else {
        return report::print(HELP);
    };
    let series = match flags.text("--data") {
        Some(file) => Series::load(file)?,
        None => Series::parse(include_str!("data/lynx_hare.csv"))?,
    };
    let action = action(&flags, &series)?;
    let (annealer, progress) = annealer(&flags)?;
    let annealing = annealer.run_observed(&action, &|event| progress.see(event))?;
    let cpu = progress.finish();
    let columns = columns(&action);
    let starts = table::starts(&annealing, &cpu, &columns);
    let ladder = table::ladder(&annealing, &columns);
    report::print(&format!("{starts}\n{ladder}\n"))
}

/// What is measured: the logarithms of both populations.
struct Logarithms;

impl Observe for Logarithms {
    fn len(&self, _k: usize) -> usize {
        2
    }
    fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], _theta: &[S], out: &mut [S]) {
        out[0] = x[0].ln();
        out[1] = x[1].ln();
    }
}

type Problem = Action<LotkaVolterra, SimpsonHermite>;

fn action(flags: &Flags, series: &Series) -> Result<Problem, Failure> {
    let steps = flags.count("--steps", 16)?;
    let rows = series.years.iter().enumerate();
    let rows = rows.map(|(k, _)| series.populations.iter().map(|p| p[k].ln()).collect());
    let rows: Vec<Vec<f64>> = rows.collect();
    let precision = Precision::scalar(flags.value("--rm", 16.0)?)?;
    let years = series.years.clone();
    let observations = Observations::of_operator(Logarithms, years, &rows, precision)?;
    let grid = Grid::from_times(&series.years, steps)?;
    let bounds = flags.list("--rate-bounds", &[0.0, 3.0])?;
    let [low, high] = bounds[..] else {
        return Err("--rate-bounds: expected LO,HI".into());
    };
    let typical = [0, 1].map(|k| series.typical(k));
    let mut builder = Action::builder(LotkaVolterra, SimpsonHermite)
        .window(Window::new(grid).observations(observations)?)
        .parameter("alpha", Bounds::new(low, high)?)
        .parameter("beta", Bounds::new(low / typical[1], high / typical[1])?)
        .parameter("gamma", Bounds::new(low, high)?)
        .parameter("delta", Bounds::new(low / typical[0], high / typical[0])?)
        .precision_unit(PrecisionUnit::PerTime)
        .model_precision(Precision::diagonal(typical.map(|t| t.powi(-2)))?);
    for k in 0..2 {
        let (smallest, largest) = series.range(k);
        builder = builder.state_bounds(k, Bounds::new(0.01 * smallest, 2.0 * largest)?);
    }
    Ok(builder.build()?)
}

/// The annealer: follows the minimum from small to large model precision.
fn annealer(flags: &Flags) -> Result<(Annealer, Progress), Failure> {
    let betas = flags.betas("--betas", "0..32")?;
    let starts = flags.count("--starts", 4)?;
    let progress = Progress::new(starts, betas.len());
    let (rf0, alpha) = (flags.value("--rf0", 0.1)?, flags.value("--alpha", 2.0)?);
    let kinds = [Starts::Nudged, Starts::Mean, Starts::Uniform].map(|s| (s.name(), s));
    let mut annealer = Annealer::new(Schedule::geometric(rf0, alpha, betas)?)
        .start_with(flags.choice("--start", &kinds, Starts::Nudged)?)
        .starts(starts)
        .seed(flags.value("--seed", 0)?);
    if flags.text("--threads").is_some() {
        annealer = annealer.threads(flags.count("--threads", 1)?);
    }
    Ok((annealer, progress))
}

fn columns(action: &Problem) -> Vec<Column<'_>> {
    let mut c: Vec<Column> = action
        .parameters()
        .enumerate()
        .map(|(k, (name, _))| Column::parameter(name, k, 8))
        .collect();
    for k in 0..2 {
        c.push(Column::new("x0", 5, move |l| l.estimate.paths[0].layer(0)[k]));
    }
    c.push(Column::new("it", 0, |l| l.work.iterations as f64));
    c
}
