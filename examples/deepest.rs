//! The continuous problem: paths, momenta with their jumps and the Hamiltonian of
//! a double well and of Lorenz-63, on as many layers as the action asks for, and how
//! fast layers converge. `--help` lists the flags; docs/hamilton.md has the theory.

// Of what examples share, this one needs flags and printing only.
#[allow(dead_code)]
mod report;

use std::process::ExitCode;

use deepest::hamiltonian::{BoundaryProblem, Convergence, Extremal, Hamiltonian, Refined};
use deepest::models::Lorenz63;
use deepest::plot::{Figure, Panel};
use deepest::prelude::*;
use deepest::{Action, Error, FlowRule, Path};
use ndarray::Array2;

use report::Failure;
use report::flags::Flags;

const HELP: &str = "\
Solves the continuous problem behind two small ones and shows its momenta.

A ball in a double well, seen three times, and Lorenz-63, of which x alone is
measured. R_f is the model precision per time.

  --tolerance T      error of the action that is tolerated [1e-4]
  --well-rf R        model precision of the double well [5]
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
    let plot = flags.text("--plot").unwrap_or("deepest.svg");
    report::check_writable(plot)?;
    let tolerance = flags.value("--tolerance", 1e-4)?;
    let well = flags.value("--well-rf", 5.0)?;
    let over_the_hill = double_well(well, tolerance)?;
    let lorenz = flags.value("--lorenz-rf", 1.0)?;
    let butterfly = butterfly(lorenz, flags.value("--seed", 1)?, tolerance)?;
    let depth = Depth::measure(well)?;
    let [mut left, mut right] = [over_the_hill.panels()?, butterfly.panels()?];
    left.push(depth.panel());
    right.push(butterfly.density()?);
    let rows = left.into_iter().zip(right);
    let figure = Figure::new().columns(2).size(1000, 260);
    rows.fold(figure, |figure, (left, right)| {
        figure.panel(left).panel(right)
    })
    .write(plot)?;
    let tables = [over_the_hill.jumps(), butterfly.jumps(), depth.table()?];
    report::print(&format!("{}\nfigure: {plot}\n", tables.join("\n")))
}

/// Times and values of the first component.
type Series = (Vec<f64>, Vec<f64>);

/// A path that solves the boundary value problem, with what belongs to it.
struct Solution {
    name: &'static str,
    data: Series,
    truth: Option<Series>,
    times: Vec<f64>,
    solved: Extremal,
    /// The estimated error of the action.
    error: f64,
    hamiltonian: Hamiltonian,
}

impl Solution {
    fn new(
        name: &'static str,
        rf: f64,
        refined: Refined,
        truth: Option<Series>,
    ) -> deepest::Result<Self> {
        let window = &refined.action.windows()[0];
        let set = window.observation_sets().next();
        let data = set.map(|set| (set.times().to_vec(), set.values().column(0).to_vec()));
        Ok(Self {
            name,
            data: data.unwrap_or_default(),
            truth,
            times: window.grid().times().to_vec(),
            hamiltonian: Hamiltonian::along(&refined.action, rf, &refined.solved.estimate)?,
            solved: refined.solved,
            error: refined.error,
        })
    }

    /// The state of the first component, its momentum and H against time; at
    /// measurements the values on both sides are drawn.
    fn panels(&self) -> deepest::Result<Vec<Panel>> {
        let path = self.solved.estimate.paths[0].component(0);
        let mut states = Panel::path(&self.times, &path)?.data(&self.data.0, &self.data.1)?;
        if let Some((times, values)) = &self.truth {
            states = states.truth(times, values)?;
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
            momentum
                .title("its momentum, which jumps where x is measured")
                .legend("p")
                .y_label("p of x"),
            energy
                .title("Hamiltonian, kept between measurements")
                .legend("H = ½ pᵀR_f⁻¹p + pᵀF")
                .y_label("H"),
        ])
    }

    /// How dense the layers are that the action asks for.
    fn density(&self) -> deepest::Result<Panel> {
        let density = self.times.windows(2).map(|pair| 1.0 / (pair[1] - pair[0]));
        let drawn: Vec<f64> = density.flat_map(|value| [value, value]).collect();
        let ends: Vec<f64> = self.times.windows(2).flatten().copied().collect();
        let panel = Panel::path(&ends, &drawn)?;
        Ok(panel
            .title("layers that the action asks for")
            .legend("one over the step")
            .y_label("layers per unit of time"))
    }

    /// Momentum and H at each measurement.
    fn jumps(&self) -> String {
        let momenta = &self.solved.momenta.windows[0];
        let energy = &self.hamiltonian.windows[0];
        let mut text = format!(
            "{}: A = {:.6} ± {:.0e} with {} layers\n{:>6} {:>9} {:>9} {:>21} {:>23}\n",
            self.name,
            self.solved.action.total,
            self.error,
            self.times.len(),
            "t",
            "y",
            "x",
            "p before → after",
            "H before → after"
        );
        for (t, y) in self.data.0.iter().zip(&self.data.1) {
            // Every measurement is a node: intervals are halves of those between them.
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

/// ẋ = x − x³.
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

/// From one valley to the other, over the hill.
const SEEN: [f64; 3] = [0.0, 5.0, 16.0];
const SEEN_AT: [f64; 3] = [-1.1, 0.3, 0.8];

/// The double well, with so many steps in a unit of time, and a straight guess.
fn valley<R: FlowRule<Valley>>(rule: R, steps: usize) -> deepest::Result<(Action, Estimate)> {
    let grid = Grid::uniform(0.0, 1.0 / steps as f64, 16 * steps + 1)?;
    let line = grid.times().iter().map(|t| [t / 8.0 - 1.0]);
    let guess = Estimate::new(vec![Path::from_layers(line)], []);
    let values = Array2::from_shape_fn((3, 1), |(k, _)| SEEN_AT[k]);
    let noise = Precision::from_deviation(0.2)?;
    let data = Observations::of_components(&[0], SEEN, values, noise)?;
    let action = Action::builder(Valley, rule)
        .window(Window::new(grid).observations(data)?)
        .precision_unit(PrecisionUnit::PerTime)
        .build()?;
    Ok((action, guess))
}

fn double_well(rf: f64, tolerance: f64) -> deepest::Result<Solution> {
    let (action, guess) = valley(SimpsonHermite, 2)?;
    let refined = BoundaryProblem::new(&action, rf).refine(&guess, tolerance)?;
    Solution::new("double well", rf, refined, None)
}

/// Lorenz-63 with x measured eleven times: annealed first, because one of many
/// minima has to be found.
fn butterfly(rf: f64, seed: u64, tolerance: f64) -> deepest::Result<Solution> {
    let (every, steps) = (0.15, 8);
    let grid = Grid::uniform(0.0, every / steps as f64, 10 * steps + 1)?;
    let theta = [10.0, 28.0, 8.0 / 3.0];
    let truth = Simulation::new(grid.clone(), theta)
        .spin_up(20.0)
        .flow(&Lorenz63)?;
    let measurement = Measurement::new(&[0], Noise::scalar(0.3)?);
    let twin = truth.observe(&measurement.every(steps).seed(seed))?;
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
    let refined = BoundaryProblem::new(&action, rf).refine(&best.estimate, tolerance)?;
    let truth = (grid.times().to_vec(), truth.path.component(0));
    Solution::new("Lorenz-63", rf, refined, Some(truth))
}

/// Steps in a unit of time.
const STEPS: [usize; 5] = [2, 4, 8, 16, 32];

/// What the double well has converged to, rule by rule.
struct Depth {
    /// x, p and A of each number of steps.
    rules: Vec<(&'static str, u32, Vec<[f64; 3]>)>,
    /// Layers and A of a refinement.
    adaptive: Vec<(f64, f64)>,
    limit: f64,
}

impl Depth {
    fn measure(rf: f64) -> deepest::Result<Self> {
        let (action, guess) = valley(Midpoint, 2)?;
        let refined = BoundaryProblem::new(&action, rf).refine(&guess, 1e-6)?;
        let rounds = refined.rounds.iter();
        let finest = uniform(SimpsonHermite, 256, rf)?[2];
        let finer = uniform(SimpsonHermite, 512, rf)?[2];
        Ok(Self {
            rules: vec![
                of_rule(Euler, rf)?,
                of_rule(Rk4, rf)?,
                of_rule(Trapezoid, rf)?,
                of_rule(Midpoint, rf)?,
                of_rule(SimpsonHermite, rf)?,
            ],
            adaptive: rounds.map(|r| (r.layers as f64, r.action)).collect(),
            // By extrapolation.
            limit: finer + (finer - finest) / 3.0,
        })
    }

    fn panel(&self) -> Panel {
        let error = |action: f64| (action - self.limit).abs();
        let rules = self.rules.iter().map(|(name, _, values)| {
            let points = STEPS.iter().zip(values);
            let points = points.map(|(steps, [.., a])| ((16 * steps + 1) as f64, error(*a)));
            (*name, points.collect::<Vec<_>>())
        });
        let adaptive = self.adaptive.iter().map(|(layers, a)| (*layers, error(*a)));
        let adaptive = [("midpoint, refined", adaptive.collect())];
        Panel::convergence(&rules.chain(adaptive).collect::<Vec<_>>())
            .title("error of the action with depth, double well")
            .y_label("error of A")
    }

    /// The last three doublings, with the order that they show.
    fn table(&self) -> deepest::Result<String> {
        let [.., coarse, middle, fine] = STEPS;
        let mut text = format!(
            "double well with so many steps in a unit of time\n\
             {:<16} {:<12} {coarse:>12} {middle:>12} {fine:>12} {:>6} {:>12}\n",
            "rule", "", "order", "limit"
        );
        for (rule, order, values) in &self.rules {
            for (i, what) in ["x(5)", "p(5) after", "A"].into_iter().enumerate() {
                let column: Vec<f64> = values.iter().map(|row| row[i]).collect();
                text += &format!("{:<16} {what:<12}", if i == 0 { rule } else { "" });
                for value in &column[column.len() - 3..] {
                    text += &format!(" {value:>12.7}");
                }
                text += &match Convergence::of(&column, *order) {
                    Ok(found) => format!(" {:>6.2} {:>12.7}\n", found.order, found.limit),
                    Err(Error::GridTooCoarse { found, .. }) => {
                        format!(" {found:>6.2}   too coarse\n")
                    }
                    Err(other) => return Err(other),
                };
            }
        }
        Ok(text)
    }
}

fn of_rule<R: FlowRule<Valley>>(
    rule: R,
    rf: f64,
) -> deepest::Result<(&'static str, u32, Vec<[f64; 3]>)> {
    let values = STEPS.iter().map(|&steps| uniform(rule, steps, rf));
    Ok((
        rule.name(),
        rule.order(),
        values.collect::<deepest::Result<_>>()?,
    ))
}

/// x, p after the measurement in the middle, and A.
fn uniform<R: FlowRule<Valley>>(rule: R, steps: usize, rf: f64) -> deepest::Result<[f64; 3]> {
    let (action, guess) = valley(rule, steps)?;
    let solved = BoundaryProblem::new(&action, rf).solve(&guess)?;
    let momenta = &solved.momenta.windows[0];
    // The measurement in the middle is a node of every grid used here.
    let middle = momenta.times.iter().position(|t| *t == SEEN[1]);
    let middle = middle.unwrap_or_default();
    let x = solved.estimate.paths[0].layer(momenta.layers[middle])[0];
    Ok([x, momenta.after.layer(middle)[0], solved.action.total])
}
