//! Lynx and hare: a real series, and how far Lotka-Volterra explains it.
//!
//! The pelts of twenty-one years, log-normal measurement errors by an
//! observation operator of one's own, positive states by bounds, and a forecast.
//! `--help` lists the flags.

mod report;
#[path = "predator_prey/series.rs"]
mod series;

use std::process::ExitCode;

use deepest::models::LotkaVolterra;
use deepest::plot::{Figure, Panel};
use deepest::{Truth, prelude::*};

use report::annealer::Defaults;
use report::flags::Flags;
use report::progress::Progress;
use report::table::{self, Column};
use report::{Failure, json};
use series::Series;

/// Mean and standard deviation of the posterior of alpha, beta, gamma, delta and
/// the first state, for hare and lynx: posteriordb,
/// `hudson_lynx_hare-lotka_volterra`; its deviations by a Metropolis run. It has
/// no model error, weak priors, and estimates the deviations of the errors,
/// 0.248 and 0.251.
const PUBLISHED: [(f64, f64); 6] = [
    (0.546864, 0.062),
    (0.0277473, 0.0041),
    (0.800095, 0.088),
    (0.0240859, 0.0035),
    (34.0352, 2.8),
    (5.93590, 0.52),
];

const LEGEND: &str = "\
misfit: root mean square error of the logarithms; corr.: its correlation from row to row;
error %: model error in % of the typical population (geometric mean) for a square root of a year
";

const HELP: &str = "\
Estimates the Lotka-Volterra model of a prey and its predator by variational
annealing, and forecasts the years to come.

Without --data the series is that of hare and lynx, 1900 to 1920.

  --data FILE.csv          a header, then year, prey, predator; NaN is missing
  --rm R                   precision of the logarithms of the data [16]
  --steps K                steps from each year of the data to the next, even [16]
  --rate-bounds LO,HI      bounds of the rates alpha and gamma, per year [0,3]
  --rf0 R                  model precision at beta = 0, in years [1]
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
    let (file, json) = (flags.text("--data"), flags.text("--json"));
    let plot = flags.text("--plot").unwrap_or("predator_prey.svg");
    report::check_distinct(&[("--data", file), ("--json", json), ("--plot", Some(plot))])?;
    let series = match file {
        Some(file) => Series::load(file)?,
        None => Series::parse(include_str!("data/lynx_hare.csv"))?,
    };
    let precision = flags.value("--rm", 16.0)?;
    let action = action(&flags, &series, precision)?;
    let (annealer, progress) = annealer(&flags)?;
    let years = flags.count("--years", 10)?;
    let published = file.is_none().then_some(&PUBLISHED);

    for output in json.into_iter().chain([plot]) {
        report::check_writable(output)?;
    }
    let (annealing, cpu) = report::annealer::run(&annealer, &action, progress)?;

    // What comes out: a forecast, a report, a figure, and tables.
    let (_, best) = annealing.best().ok_or("no start reached a finite action")?;
    let forecast = forecast(&series, &best.estimate, years)?;
    if let Some(file) = json {
        let mut report = json::report(&annealing, &cpu);
        report["best"]["initial_state"] = best.estimate.paths[0].layer(0).into();
        report["forecast"] = serde_json::json!({
            "years": forecast.grid.times(),
            "prey": forecast.path.component(0),
            "predator": forecast.path.component(1),
        });
        json::save(file, &report)?;
    }
    figure(&action, &annealing, &series, &forecast, published)?.write(plot)?;
    let mut columns = rates(&action);
    let starts = table::starts(&annealing, &cpu, &columns);
    columns.extend(errors(&series, precision));
    let ladder = table::ladder(&annealing, &columns);
    let estimates = estimates(&action, best, published)?;
    let verdict = annealing.verdict(&action)?;
    report::print(&format!(
        "{starts}\n{ladder}{LEGEND}\n{estimates}\n{verdict}\n\nfigure: {plot}\n"
    ))
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

type Problem = Action;

/// The action: the model between the layers of a grid, and the data. An error of
/// the model counts as a part of the typical population, prey or predator.
///
/// With 16 steps a year the discretization moves rates and first state by less
/// than 1e-6 of themselves, and that falls with the fourth power of the steps.
fn action(flags: &Flags, series: &Series, precision: f64) -> Result<Problem, Failure> {
    let steps = flags.count("--steps", 16)?;
    if steps % 2 == 1 {
        return Err(format!("--steps: expected an even number, found {steps}").into());
    }
    let rows = series.years.iter().enumerate();
    let rows = rows.map(|(k, _)| series.populations.iter().map(|p| p[k].ln()).collect());
    let rows: Vec<Vec<f64>> = rows.collect();
    let precision = Precision::scalar(precision)?;
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
    let defaults = Defaults {
        rf0: 1.0,
        alpha: 2.0,
        betas: "0..32",
        starts: 4,
        race: None,
    };
    report::annealer::annealer(flags, &defaults)
}

/// The columns of the four rates.
fn rates(action: &Problem) -> Vec<Column<'static>> {
    let names = action.parameters().map(|(name, _)| name).enumerate();
    let decimals = [4, 5, 4, 5];
    names
        .map(|(k, name)| Column::parameter(name, k, decimals[k]))
        .collect()
}

/// How far the path is from the data and how the errors of successive rows
/// correlate, beside the model error that a level allows.
fn errors(series: &Series, precision: f64) -> [Column<'_>; 3] {
    let count = precision * series.count() as f64;
    [
        Column::new("misfit", 3, move |level| {
            (2.0 * level.action.measurement / count).sqrt()
        }),
        Column::new("corr.", 2, |level| {
            series.correlation(&level.estimate.paths[0])
        }),
        Column::new("error %", 3, |level| 100.0 / level.rf.sqrt()),
    ]
}

/// Rates, with their deviations from the Hessian, and first state beside what is
/// published of them.
fn estimates(
    action: &Problem,
    best: &Level,
    published: Option<&[(f64, f64); 6]>,
) -> Result<String, Failure> {
    let estimate = &best.estimate;
    let spreads = action.parameter_spreads(best.rf, estimate)?;
    let deviations = spreads.into_iter().map(|spread| Some(spread.deviation));
    let names = action.parameters().map(|(name, _)| name);
    let names = names.chain(["prey, first", "predator, first"]);
    let values = estimate.parameters.iter().chain(estimate.paths[0].layer(0));
    let rows = names.zip(values).zip(deviations.chain([None, None]));
    let mut text = format!("{:<16} {:>9} {:>8}", "", "estimate", "sd");
    if published.is_some() {
        text += &format!("{:>16} {:>8}", "published mean", "sd");
    }
    for (k, (((name, value), own), decimals)) in rows.zip([4, 5, 4, 5, 2, 3]).enumerate() {
        let own = match own {
            Some(Some(deviation)) => format!("{deviation:.decimals$}"),
            Some(None) => "at bound".into(),
            None => String::new(),
        };
        text += &format!("\n{name:<16} {value:>9.decimals$} {own:>8}");
        if let Some((mean, deviation)) = published.map(|p| p[k]) {
            text += &format!("{mean:>16.decimals$} {deviation:>8.decimals$}");
        }
    }
    Ok(text + "\n")
}

/// The model run on from the last state, twenty times a year.
fn forecast(series: &Series, estimate: &Estimate, years: usize) -> Result<Truth, Failure> {
    let last = series.years[series.years.len() - 1];
    let path = &estimate.paths[0];
    let grid = Grid::uniform(last, 0.05, 20 * years + 1)?;
    let simulation = Simulation::new(grid, &estimate.parameters[..]);
    let simulation = simulation.from_state(path.layer(path.layers() - 1));
    Ok(simulation.flow(&LotkaVolterra)?)
}

/// Both populations with their forecast, action levels, and a rate.
fn figure(
    action: &Problem,
    annealing: &Annealing,
    series: &Series,
    forecast: &Truth,
    published: Option<&[(f64, f64); 6]>,
) -> Result<Figure, Failure> {
    let (_, best) = annealing.best().ok_or("no start reached a finite action")?;
    let mut figure = Figure::new().columns(2).size(1100, 320);
    let times = action.windows()[0].grid().times();
    let last = series.years[series.years.len() - 1];
    let unit = published.map_or("", |_| " (thousands of pelts)");
    for (k, name) in series.names.iter().enumerate() {
        let panel = Panel::path(times, &best.estimate.paths[0].component(k))?
            .forecast(forecast.grid.times(), &forecast.path.component(k))?
            .data(&series.years, &series.populations[k])?
            .instant("last year of the data", last)
            .title(name)
            .x_label("year")
            .y_label(format!("{name}{unit}"));
        figure = figure.panel(panel);
    }
    let levels = Panel::levels(action, annealing).x_label("model precision R_f (years)");
    let mut rate = Panel::parameter(action, annealing, 0)
        .title("growth rate of the prey")
        .x_label("model precision R_f (years)")
        .y_label("alpha (per year)");
    if let Some((mean, deviation)) = published.map(|p| p[0]) {
        let (low, high) = (mean - deviation, mean + deviation);
        rate = rate.band("published mean ± deviation", low, high);
    }
    Ok(figure.panel(levels).panel(rate))
}
