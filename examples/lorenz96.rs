//! Lorenz-96 from 8 of its 20 variables: states and forcing by annealing.
//!
//! The steps of every estimation are below, in their order: a model, data, an
//! action, an annealer, and what comes out. `--help` lists the flags.

mod report;

use std::process::ExitCode;

use deepest::models::Lorenz96;
use deepest::plot::{Figure, Panel};
use deepest::prelude::*;
use ndarray::{Array2, Axis};

use report::annealer::Defaults;
use report::flags::Flags;
use report::progress::Progress;
use report::table::{self, Column};
use report::{Failure, json};

const HELP: &str = "\
Estimates states and forcing of Lorenz-96 by variational annealing.

Without --data the data are a twin: a simulation with 20 variables and forcing
8.17, 161 times 0.025 apart, noise of standard deviation 0.5.

  --data FILE.npy          column 0 time, then the variables; NaN is a missing value
  --observe 0,2,4          observed variables [0,2,4,6,8,10,14,16]
  --rm R                   measurement precision, one over the variance [4]
  --rf0 R                  model precision at beta = 0 [4e-6]
  --alpha A                R_f = rf0 * alpha^beta [1.5]; a fixed schedule
  --betas 0..60            values and ranges, both ends included; a fixed schedule
  --adaptive               steps chosen on the way, up to the last of --betas;
                           the default where neither --alpha nor --betas is given
  --normalization WORD     sum, mean or minaone [mean]
  --start WORD             nudged, mean, uniform, smooth, growing or coarse-to-fine
                           [nudged; in a race growing, and of five one nudged
                           and one mean]
  --race K                 starts of which those that lag behind are dropped [8]
  --starts K               starts that all go to the end [4 on a fixed schedule]
  --seed S                 seed of the twin's noise and of the starts [0]
  --threads T              threads [all cores]
  --minimizer WORD         gauss-newton or lbfgs [gauss-newton]
  --forcing-bounds LO,HI   bounds of the forcing [0,20]
  --time-budget S          stop after so many seconds
  --checkpoint FILE        keep the state here, and go on from it where it is there
  --resume FILE            the same, but it must be there
  --json OUT               write a report as JSON
  --plot OUT.svg           where to draw [lorenz96.svg]
  --help                   print this
";

fn main() -> ExitCode {
    report::run("lorenz96", estimate)
}

fn estimate() -> Result<(), Failure> {
    let Some(flags) = Flags::read(HELP)? else {
        return report::print(HELP);
    };
    let json = flags.text("--json");
    let plot = flags.text("--plot").unwrap_or("lorenz96.svg");
    let files = [
        ("--data", flags.text("--data")),
        ("--checkpoint", report::annealer::checkpoint(&flags)?),
        ("--json", json),
        ("--plot", Some(plot)),
    ];
    report::check_distinct(&files)?;
    let data = data(&flags)?;
    let action = action(&flags, &data)?;
    let (annealer, progress) = annealer(&flags)?;
    for output in json.into_iter().chain([plot]) {
        report::check_writable(output)?;
    }
    let (annealing, cpu) = report::annealer::run(&annealer, &action, progress)?;

    // What comes out: a report, a figure, and tables.
    if let Some(file) = json {
        json::save(file, &json::report(&annealing, &cpu))?;
    }
    figure(&action, &annealing, &data)?.write(plot)?;
    let columns = columns(data.twin.as_ref());
    let starts = table::starts(&annealing, &cpu, &columns);
    let ladder = table::ladder(&annealing, &columns);
    let verdict = annealing.verdict(&action)?;
    report::print(&format!(
        "{starts}\n{ladder}\n{verdict}\n\nfigure: {plot}\n"
    ))
}

/// The data: measured values of some variables at known times.
fn data(flags: &Flags) -> Result<Data, Failure> {
    let observed = flags.list("--observe", &[0, 2, 4, 6, 8, 10, 14, 16])?;
    let precision = Precision::scalar(flags.value("--rm", 4.0)?)?;
    match flags.text("--data") {
        Some(file) => load(file, &observed, precision),
        None => simulate(&observed, precision, flags.value("--seed", 0)?),
    }
}

/// The action: the model between the layers of a grid, and the data.
fn action(flags: &Flags, data: &Data) -> Result<Action, Failure> {
    let times = data.observations.times().to_vec();
    let window = Window::new(Grid::new(times)?).observations(data.observations.clone())?;
    let bounds = flags.list("--forcing-bounds", &[0.0, 20.0])?;
    let [low, high] = bounds[..] else {
        return Err("--forcing-bounds: expected LO,HI".into());
    };
    let model = Lorenz96 { sites: data.sites };
    Ok(Action::builder(model, SimpsonHermite)
        .window(window)
        .parameter("forcing", Bounds::new(low, high)?)
        .normalization(flags.normalization(Normalization::Mean)?)
        .build()?)
}

/// The annealer: follows the minimum from small to large model precision.
fn annealer(flags: &Flags) -> Result<(Annealer, Progress), Failure> {
    let defaults = Defaults {
        rf0: 4e-6,
        alpha: 1.5,
        betas: "0..60",
        starts: 4,
        race: Some(8),
    };
    let (mut annealer, progress) = report::annealer::annealer(flags, &defaults)?;
    let minimizers = [("gauss-newton", false), ("lbfgs", true)];
    if flags.choice("--minimizer", &minimizers, false)? {
        annealer = annealer.minimizer(Lbfgs::default());
    }
    Ok((annealer, progress))
}

const TWIN_SITES: usize = 20;
const TWIN_FORCING: f64 = 8.17;

/// What is observed, and what else is known.
struct Data {
    sites: usize,
    observations: Observations,
    /// All columns of a file, also those that are not used.
    file: Option<Array2<f64>>,
    twin: Option<Twin>,
}

/// A simulation and noisy measurements of it.
fn simulate(observed: &[usize], declared: Precision, seed: u64) -> Result<Data, Failure> {
    // Near the resting state; the spin-up ends on the attractor.
    let first: Vec<f64> = (0..TWIN_SITES).map(|i| 8.0 + 0.01 * i as f64).collect();
    let truth = Simulation::new(Grid::uniform(0.0, 0.025, 161)?, [TWIN_FORCING])
        .from_state(first)
        .spin_up(20.0)
        .flow(&Lorenz96 { sites: TWIN_SITES })?;
    let measurement = Measurement::new(observed, Noise::scalar(0.5)?)
        .precision_declared(declared)
        .seed(seed);
    let twin = truth.observe(&measurement)?;
    Ok(Data {
        sites: TWIN_SITES,
        observations: twin.observations.clone(),
        file: None,
        twin: Some(twin),
    })
}

/// Time and variables from a file.
fn load(file: &str, observed: &[usize], precision: Precision) -> Result<Data, Failure> {
    let table: Array2<f64> = deepest::io::read_npy(file)?;
    let sites = table.ncols().saturating_sub(1);
    if sites < 4 {
        let found = table.ncols();
        return Err(format!(
            "file {file}: expected time and at least 4 variables, found {found} columns"
        )
        .into());
    }
    if let Some(outside) = observed.iter().find(|&&i| i >= sites) {
        let last = sites - 1;
        return Err(format!("--observe: expected variables 0 to {last}, found {outside}").into());
    }
    let times = table.column(0).to_vec();
    let columns: Vec<usize> = observed.iter().map(|i| i + 1).collect();
    let values = table.select(Axis(1), &columns);
    let observations = Observations::of_components(observed, times, values, precision)
        .map_err(|error| format!("file {file}: {error}"))?;
    Ok(Data {
        sites,
        observations,
        file: Some(table),
        twin: None,
    })
}

/// The forcing and, where the truth is known, the distances from it.
fn columns(twin: Option<&Twin>) -> Vec<Column<'_>> {
    let mut columns = vec![Column::parameter("forcing", 0, 4)];
    if let Some(twin) = twin {
        columns.push(Column::new("RMSE observed", 4, |level| {
            let score = twin.score(&level.estimate);
            score.map_or(f64::NAN, |s| s.observed_rmse)
        }));
        columns.push(Column::new("RMSE unobserved", 4, |level| {
            let score = twin.score(&level.estimate).ok();
            score.and_then(|s| s.unobserved_rmse).unwrap_or(f64::NAN)
        }));
    }
    columns
}

/// Action levels and errors, forcing, one observed and two unobserved variables.
fn figure(action: &Action, annealing: &Annealing, data: &Data) -> Result<Figure, Failure> {
    let (_, best) = annealing.best().ok_or("no start reached a finite action")?;
    let mut forcing = Panel::parameter(action, annealing, 0);
    if data.twin.is_some() {
        forcing = forcing.reference("truth", TWIN_FORCING);
    }
    let mut figure = Figure::new()
        .columns(2)
        .size(1100, 320)
        .panel(Panel::levels(action, annealing))
        .panel(Panel::errors(action, annealing))
        .panel(forcing);
    let observed = data.observations.components().unwrap_or_default();
    let hidden = (0..data.sites).filter(|i| !observed.contains(i)).take(2);
    for i in observed.first().copied().into_iter().chain(hidden) {
        figure = figure.panel(variable(i, action, data, &best.estimate)?);
    }
    Ok(figure)
}

/// The estimate of variable `i` against its data, used or not, and the truth.
fn variable(i: usize, action: &Action, data: &Data, estimate: &Estimate) -> Result<Panel, Failure> {
    let times = data.observations.times();
    let mut panel = Panel::state(action, estimate, 0, i)?;
    let observed = data.observations.components().unwrap_or_default();
    if let Some(table) = data.file.as_ref().filter(|_| !observed.contains(&i)) {
        let title = format!("component {i}, unobserved (data not used)");
        panel = panel
            .title(title)
            .data(times, &table.column(i + 1).to_vec())?;
    }
    if let Some(twin) = &data.twin {
        panel = panel.truth(times, &twin.truth.component(i))?;
    }
    Ok(panel)
}
