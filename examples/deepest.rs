//! The continuous problem: paths, momenta with their jumps and the Hamiltonian of
//! a double well and of Lorenz-63, and how fast layers converge to it.
//! `--help` lists the flags; docs/hamilton.md has the theory.

// Of what examples share, this one needs flags and printing only.
#[allow(dead_code)]
mod report;

use std::process::ExitCode;

use deepest::hamiltonian::{BoundaryProblem, Convergence, Extremal, Hamiltonian};
use deepest::models::Lorenz63;
use deepest::plot::{Figure, Panel};
use deepest::prelude::*;
use deepest::{Error, FlowRule, Path};
use ndarray::Array2;

use report::Failure;
use report::flags::Flags;

const HELP: &str = "\
Solves the continuous problem behind two small ones and shows its momenta.

A ball in a double well, seen three times, and Lorenz-63, of which x alone is
measured. R_f is the model precision per time.

  --steps K          steps from each measurement to the next, even [40]
  --well-rf R        model precision of the double well [20]
  --lorenz-rf R      model precision of Lorenz-63 [1]
  --seed S           seed of the measurements of Lorenz-63 [1]
  --plot OUT.svg     where to draw [deepest.svg]
  --help             print this
";

fn main() -> ExitCode {
    report::run("deepest", study)
}

fn study() -> Result<(), Failure> {
    let Some(flags) = Flags::read(HELP)? else {
        return report::print(HELP);
    };
    let steps = flags.count("--steps", 40)?;
    if steps % 2 == 1 {
        return Err(format!("--steps: expected an even number, found {steps}").into());
    }
    let plot = flags.text("--plot").unwrap_or("deepest.svg");
    report::check_writable(plot)?;
    let well = Well {
        rf: flags.value("--well-rf", 20.0)?,
    };
    let over_the_hill = well.solve(SimpsonHermite, steps)?;
    let butterfly = butterfly(
        flags.value("--lorenz-rf", 1.0)?,
        flags.value("--seed", 1)?,
        steps,
    )?;
    let figure = Figure::new().columns(2).size(1000, 260);
    let [mut left, mut right] = [over_the_hill.panels()?, butterfly.panels()?];
    let rows = left.drain(..).zip(right.drain(..));
    rows.fold(figure, |figure, (left, right)| {
        figure.panel(left).panel(right)
    })
    .write(plot)?;
    let tables = [
        over_the_hill.jumps(),
        butterfly.jumps(),
        orders(&well, steps)?,
    ];
    report::print(&format!("{}\nfigure: {plot}\n", tables.join("\n")))
}

/// A path that solves the boundary value problem, with what belongs to it.
struct Solution {
    name: &'static str,
    /// What is measured: times and values of the first component.
    data: (Vec<f64>, Vec<f64>),
    times: Vec<f64>,
    truth: Option<Vec<f64>>,
    solved: Extremal,
    hamiltonian: Hamiltonian,
}

impl Solution {
    /// The state of the first component, its momentum and H against time; at
    /// measurements both values are drawn.
    fn panels(&self) -> deepest::Result<Vec<Panel>> {
        let path = self.solved.estimate.paths[0].component(0);
        let mut states = Panel::path(&self.times, &path)?.data(&self.data.0, &self.data.1)?;
        if let Some(truth) = &self.truth {
            states = states.truth(&self.times, truth)?;
        }
        let momenta = &self.solved.momenta.windows[0];
        let energy = &self.hamiltonian.windows[0];
        let twice = |values: [&[f64]; 2]| -> Vec<f64> {
            let pairs = values[0].iter().zip(values[1]);
            pairs
                .flat_map(|(before, after)| [*before, *after])
                .collect()
        };
        let times = twice([&momenta.times, &momenta.times]);
        let jumping = [momenta.before.component(0), momenta.after.component(0)];
        let momentum = Panel::path(&times, &twice([&jumping[0], &jumping[1]]))?;
        let energy = Panel::path(&times, &twice([&energy.before, &energy.after]))?;
        Ok(vec![
            states.title(format!("{}: path", self.name)).y_label("x"),
            momentum.title("momentum").y_label("p of x"),
            energy.title("Hamiltonian").y_label("H"),
        ])
    }

    /// Momentum and H at each measurement.
    fn jumps(&self) -> String {
        let momenta = &self.solved.momenta.windows[0];
        let energy = &self.hamiltonian.windows[0];
        let mut text = format!(
            "{}: A = {:.6}\n{:>6} {:>9} {:>9} {:>21} {:>23}\n",
            self.name,
            self.solved.action.total,
            "t",
            "y",
            "x",
            "p before → after",
            "H before → after"
        );
        for (t, y) in self.data.0.iter().zip(&self.data.1) {
            // Measurements stand on nodes: their distances are even in steps.
            let Some(k) = momenta.times.iter().position(|time| time == t) else {
                continue;
            };
            let x = self.solved.estimate.paths[0].layer(momenta.layers[k])[0];
            let (before, after) = (momenta.before.layer(k)[0], momenta.after.layer(k)[0]);
            text += &format!(
                "{t:>6.2} {y:>9.4} {x:>9.4} {before:>9.4} → {after:>9.4} {:>11.4} → {:>9.4}\n",
                energy.before[k], energy.after[k]
            );
        }
        text
    }
}

/// ẋ = x − x³, from one valley to the other.
struct Well {
    rf: f64,
}

struct Valley;

impl Model for Valley {}

impl Flow for Valley {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = x[0] - x[0].powi(3);
    }
}

impl Well {
    const TIMES: [f64; 3] = [0.0, 5.0, 12.0];
    const VALUES: [f64; 3] = [-1.1, -0.2, 0.9];
    /// σ = 0.1.
    const RM: f64 = 100.0;

    fn solve<R: FlowRule<Valley>>(&self, rule: R, steps: usize) -> deepest::Result<Solution> {
        let grid = Grid::from_times(&Self::TIMES, steps)?;
        let times = grid.times().to_vec();
        let values = Array2::from_shape_fn((3, 1), |(k, _)| Self::VALUES[k]);
        let precision = Precision::scalar(Self::RM)?;
        let data = Observations::of_components(&[0], Self::TIMES, values, precision)?;
        let action = Action::builder(Valley, rule)
            .window(Window::new(grid).observations(data)?)
            .precision_unit(PrecisionUnit::PerTime)
            .build()?;
        let line = times.iter().map(|t| [t / 6.0 - 1.0]);
        let guess = Estimate::new(vec![Path::from_layers(line)], []);
        let solved = BoundaryProblem::new(&action, self.rf).solve(&guess)?;
        Ok(Solution {
            name: "double well",
            data: (Self::TIMES.to_vec(), Self::VALUES.to_vec()),
            hamiltonian: Hamiltonian::along(&action, self.rf, &solved.estimate)?,
            times,
            truth: None,
            solved,
        })
    }
}

/// Lorenz-63 with x measured eleven times: annealed first, because one of many
/// minima has to be found.
fn butterfly(rf: f64, seed: u64, steps: usize) -> deepest::Result<Solution> {
    let sparse: Vec<f64> = (0..11).map(|k| 0.15 * f64::from(k)).collect();
    let grid = Grid::from_times(&sparse, steps)?;
    let theta = [10.0, 28.0, 8.0 / 3.0];
    let truth = Simulation::new(grid.clone(), theta)
        .spin_up(20.0)
        .flow(&Lorenz63)?;
    let twin = truth.observe(
        &Measurement::new(&[0], Noise::scalar(0.3)?)
            .every(steps)
            .seed(seed),
    )?;
    let mut builder = Action::builder(Lorenz63, SimpsonHermite)
        .window(twin.window()?)
        .precision_unit(PrecisionUnit::PerTime);
    for (name, value) in ["sigma", "rho", "beta"].into_iter().zip(theta) {
        builder = builder.parameter(name, Parameter::fixed(value));
    }
    let action = builder.build()?;
    // Up to the R_f that is asked for.
    let schedule = Schedule::geometric(rf * 2.0_f64.powi(-12), 2.0, 0..=12)?;
    let annealing = Annealer::new(schedule).starts(4).run(&action)?;
    let Some((_, best)) = annealing.best() else {
        return Err(Error::Empty {
            what: "annealed starts",
            place: "Lorenz-63".into(),
        });
    };
    let solved = BoundaryProblem::new(&action, rf).solve(&best.estimate)?;
    let window = &action.windows()[0];
    let data = window.observation_sets().next();
    let data = data.map(|set| (set.times().to_vec(), set.values().column(0).to_vec()));
    Ok(Solution {
        name: "Lorenz-63",
        data: data.unwrap_or_default(),
        times: grid.times().to_vec(),
        truth: Some(truth.path.component(0)),
        hamiltonian: Hamiltonian::along(&action, rf, &solved.estimate)?,
        solved,
    })
}

/// Path, momentum and action of the double well for every rule when layers double.
fn orders(well: &Well, steps: usize) -> deepest::Result<String> {
    let mut text = format!(
        "double well with {steps}, {} and {} steps between measurements\n\
         {:<16} {:<14} {:>12} {:>12} {:>12} {:>6} {:>12}\n",
        2 * steps,
        4 * steps,
        "rule",
        "",
        steps,
        2 * steps,
        4 * steps,
        "order",
        "limit"
    );
    rows(&mut text, well, ("euler", Euler, 1), steps)?;
    rows(&mut text, well, ("rk4", Rk4, 1), steps)?;
    rows(&mut text, well, ("trapezoid", Trapezoid, 2), steps)?;
    rows(&mut text, well, ("midpoint", Midpoint, 2), steps)?;
    rows(
        &mut text,
        well,
        ("simpson-hermite", SimpsonHermite, 2),
        steps,
    )?;
    Ok(text)
}

fn rows<R: FlowRule<Valley>>(
    text: &mut String,
    well: &Well,
    (name, rule, order): (&str, R, u32),
    steps: usize,
) -> deepest::Result<()> {
    let mut columns = Vec::new();
    for steps in [steps, 2 * steps, 4 * steps] {
        let solved = well.solve(rule, steps)?.solved;
        let momenta = &solved.momenta.windows[0];
        let middle = (momenta.layers.len() - 1) / 2;
        columns.push([
            solved.estimate.paths[0].layer(momenta.layers[middle])[0],
            momenta.after.layer(middle)[0],
            solved.action.total,
        ]);
    }
    for (i, what) in ["x(5)", "p(5) after", "A"].into_iter().enumerate() {
        let values: Vec<f64> = columns.iter().map(|column| column[i]).collect();
        let name = if i == 0 { name } else { "" };
        *text += &format!("{name:<16} {what:<14}");
        values.iter().for_each(|v| *text += &format!(" {v:>12.7}"));
        *text += &match Convergence::of(&values, order) {
            Ok(found) => format!(" {:>6.2} {:>12.7}\n", found.order, found.limit),
            Err(Error::GridTooCoarse { found, .. }) => format!(" {found:>6.2}   too coarse\n"),
            Err(other) => return Err(other),
        };
    }
    Ok(())
}
