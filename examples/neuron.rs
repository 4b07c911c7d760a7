//! The NaKL neuron from its voltage alone: gates and 18 parameters.
//!
//! The steps of every estimation are below, in their order: a model, data, an
//! action, an annealer, and what comes out. `--help` lists the flags.

mod report;

use std::fmt::Write;
use std::process::ExitCode;

use deepest::models::{Lorenz63, NaKl};
use deepest::plot::{Figure, Panel};
use deepest::prelude::*;
use ndarray::{Array2, s};

use report::annealer::Defaults;
use report::flags::Flags;
use report::progress::Progress;
use report::table::{self, Column};
use report::{Failure, json};

const HELP: &str = "\
Estimates the gates and all 18 parameters of a NaKL neuron from its voltage by
variational annealing.

Without --voltage and --stimulus the data are a twin: a simulation with a
chaotic current, sampled every 0.02 ms with noise of 1 mV.

  --voltage FILE.npy       time in ms, then V in mV; more columns are not used
  --stimulus FILE.npy      time in ms, then the current; linear between samples
  --truth V1,...,V18       the true parameters of these data, for the table
  --rm R                   measurement precision, one over the variance in mV^2 [1]
  --rf0 R                  model precision of V at beta = 0 [1e-8]
  --gate-rf R              model precision of the gates by that of V [1e4]
  --alpha A                R_f = rf0 * alpha^beta [1.5]
  --betas 0..94            values and ranges, both ends included [0..94]
  --normalization WORD     sum, mean or minaone [mean]
  --starts K               number of nudged starts [1]
  --seed S                 seed of the twin's noise and of the starts [0]
  --threads T              threads [all cores]
  --time-budget S          stop after so many seconds
  --checkpoint FILE        keep the state here, and go on from it where it is there
  --resume FILE            the same, but it must be there
  --json OUT               write a report as JSON
  --plot OUT.svg           where to draw [neuron.svg]
  --help                   print this
";

const STATES: [&str; 4] = ["V (mV)", "m", "h", "n"];

fn main() -> ExitCode {
    report::run("neuron", estimate)
}

fn estimate() -> Result<(), Failure> {
    let Some(flags) = Flags::read(HELP)? else {
        return report::print(HELP);
    };
    let json = flags.text("--json");
    let plot = flags.text("--plot").unwrap_or("neuron.svg");
    let files = [
        ("--voltage", flags.text("--voltage")),
        ("--stimulus", flags.text("--stimulus")),
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
    let columns = [
        Column::parameter("gNa", 0, 3),
        Column::parameter("gK", 1, 3),
    ];
    let starts = table::starts(&annealing, &cpu, &columns);
    let ladder = table::ladder(&annealing, &columns);
    let parameters = parameters(&action, &annealing, &data)?;
    report::print(&format!(
        "{starts}\n{ladder}\n{parameters}\nfigure: {plot}\n"
    ))
}

/// The action: the model between the layers of a grid, and the data.
fn action(flags: &Flags, data: &Data) -> Result<Action, Failure> {
    let grid = Grid::new(data.observations.times().to_vec())?;
    let window = Window::new(grid)
        .observations(data.observations.clone())?
        .inputs(data.stimulus.clone())?;
    let gates = flags.value("--gate-rf", 1e4)?;
    let mut builder = Action::builder(NaKl, SimpsonHermite)
        .window(window)
        .model_precision(Precision::diagonal([1.0, gates, gates, gates])?)
        .state_bounds(0, Bounds::new(-100.0, 100.0)?)
        .normalization(flags.normalization(Normalization::Mean)?);
    for gate in 1..4 {
        builder = builder.state_bounds(gate, Bounds::new(0.0, 1.0)?);
    }
    for (name, (low, high)) in NaKl::NAMES.into_iter().zip(NaKl::BOUNDS) {
        builder = builder.parameter(name, Bounds::new(low, high)?);
    }
    Ok(builder.build()?)
}

/// The annealer: follows the minimum from small to large model precision.
fn annealer(flags: &Flags) -> Result<(Annealer, Progress), Failure> {
    let defaults = Defaults {
        rf0: 1e-8,
        alpha: 1.5,
        betas: "0..94",
        starts: 1,
        race: None,
    };
    report::annealer::annealer(flags, &defaults)
}

/// What is observed, and what else is known.
struct Data {
    observations: Observations,
    stimulus: Inputs,
    truth: Option<Vec<f64>>,
    /// The true path of a twin.
    path: Option<Path>,
}

/// The data: measured voltage and injected current at known times.
fn data(flags: &Flags) -> Result<Data, Failure> {
    let precision = Precision::scalar(flags.value("--rm", 1.0)?)?;
    let truth = flags.list("--truth", &[])?;
    let (expected, found) = (NaKl::NAMES.len(), truth.len());
    if found != 0 && found != expected {
        return Err(format!("--truth: expected {expected} values, found {found}").into());
    }
    match (flags.text("--voltage"), flags.text("--stimulus")) {
        (None, None) if found > 0 => Err("--truth: the twin has its own".into()),
        (None, None) => simulate(precision, flags.value("--seed", 0)?),
        (Some(_), None) => Err("--voltage: expected --stimulus too, found none".into()),
        (None, Some(_)) => Err("--stimulus: expected --voltage too, found none".into()),
        (Some(voltage), Some(stimulus)) => Ok(Data {
            observations: load_voltage(voltage, precision)?,
            stimulus: load_stimulus(stimulus)?,
            truth: (found > 0).then_some(truth),
            path: None,
        }),
    }
}

/// A simulation of 80 ms and noisy measurements of its voltage.
fn simulate(declared: Precision, seed: u64) -> Result<Data, Failure> {
    let grid = Grid::uniform(0.0, 0.02, 4001)?;
    // The current follows a Lorenz-63 oscillator, slowed to the neuron's time.
    let oscillator = Grid::uniform(0.0, 0.02 / 25.0, 4001)?;
    let chaos = Simulation::new(oscillator, [10.0, 28.0, 8.0 / 3.0])
        .from_state([-8.0, 7.0, 27.0])
        .flow(&Lorenz63)?;
    let current = chaos.path.component(0).into_iter().map(|x| 3.0 + 0.6 * x);
    let values = Array2::from_shape_vec((grid.layers(), 1), current.collect())?;
    let stimulus = Inputs::linear(grid.times(), values)?;
    let truth = Simulation::new(grid, NaKl::VALUES)
        .from_state([-70.0, 0.05, 0.5, 0.4])
        .inputs(stimulus.clone())
        .flow(&NaKl)?;
    let measurement = Measurement::new(&[0], Noise::scalar(1.0)?)
        .precision_declared(declared)
        .seed(seed);
    let twin = truth.observe(&measurement)?;
    Ok(Data {
        observations: twin.observations,
        stimulus,
        truth: Some(twin.parameters),
        path: Some(twin.truth),
    })
}

fn load_voltage(file: &str, precision: Precision) -> Result<Observations, Failure> {
    let (times, values) = series(file, "voltage")?;
    let observations = Observations::of_components(&[0], times, values, precision);
    observations.map_err(|error| format!("file {file}: {error}").into())
}

fn load_stimulus(file: &str) -> Result<Inputs, Failure> {
    let (times, values) = series(file, "current")?;
    Inputs::linear(times, values).map_err(|error| format!("file {file}: {error}").into())
}

/// The first two columns of a file: time, and one value.
fn series(file: &str, what: &str) -> Result<(Vec<f64>, Array2<f64>), Failure> {
    let table: Array2<f64> = deepest::io::read_npy(file)?;
    let columns = table.ncols();
    if columns < 2 {
        let expected = format!("expected time and {what}, found {columns} columns");
        return Err(format!("file {file}: {expected}").into());
    }
    let times = table.column(0).to_vec();
    Ok((times, table.slice(s![.., 1..2]).to_owned()))
}

/// The parameters at the last level of the best start.
fn parameters(action: &Action, annealing: &Annealing, data: &Data) -> Result<String, Failure> {
    let (_, best) = annealing.best().ok_or("no start reached a finite action")?;
    let spreads = action.parameter_spreads(best.rf, &best.estimate)?;
    let mut text = format!("parameters at R_f = {:.2e}\n", best.rf);
    let truth_heading = if data.truth.is_some() { "truth" } else { "" };
    let headings = ["estimate", "deviation", "lower", "upper", truth_heading];
    text += &format!("{:<5}", "");
    for heading in headings {
        text += &format!(" {heading:>9}");
    }
    text += "\n";
    for (k, (spread, (low, high))) in spreads.iter().zip(NaKl::BOUNDS).enumerate() {
        let deviation = spread.deviation.map_or("".into(), |d| match d {
            0.0..1e4 => format!("{d:.4}"),
            _ => format!("{d:.2e}"),
        });
        let truth = data.truth.as_ref().map(|t| format!("{:.4}", t[k]));
        let remark = match (spread.at_bound, spread.identifiable) {
            (Some(_), _) => "at a bound",
            (None, false) => "not identifiable",
            _ => "",
        };
        let (name, value, truth) = (&spread.name, spread.value, truth.unwrap_or_default());
        let _ = writeln!(
            text,
            "{name:<5} {value:>9.4} {deviation:>9} {low:>9} {high:>9} {truth:>9}  {remark}"
        );
    }
    text += "at a bound: the action would be lower outside; the deviations of the others hold \
             it there.\nnot identifiable: data and model tell less of it than its bounds do.\n";
    Ok(text)
}

/// Action levels, the sodium conductance, voltage and gates.
fn figure(action: &Action, annealing: &Annealing, data: &Data) -> Result<Figure, Failure> {
    let (_, best) = annealing.best().ok_or("no start reached a finite action")?;
    let mut sodium = Panel::parameter(action, annealing, 0)
        .title("sodium conductance gNa")
        .y_label("gNa (1/ms)");
    if let Some(truth) = &data.truth {
        sodium = sodium.reference("truth", truth[0]);
    }
    let mut figure = Figure::new().columns(2).size(1100, 300);
    figure = figure.panel(Panel::levels(action, annealing)).panel(sodium);
    let times = data.observations.times();
    for (i, name) in STATES.iter().enumerate() {
        let mut panel = Panel::state(action, &best.estimate, 0, i)?
            .title(if i == 0 {
                "voltage, observed"
            } else {
                "gate, unobserved"
            })
            .x_label("time (ms)")
            .y_label(*name);
        if let Some(path) = &data.path {
            panel = panel.truth(times, &path.component(i))?;
        }
        figure = figure.panel(panel);
    }
    Ok(figure)
}
