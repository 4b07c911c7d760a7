//! A law for one measured series of which no model is known: delay and dimension of
//! Lorenz-63's x, networks from delay vector to delay vector trained by annealing,
//! how many pairs they need, and how far they predict. `--help` lists the flags;
//! docs/embedding.md has what was found.

// Of what examples share, this one needs flags and printing only.
#[path = "delay_embedding/learnt.rs"]
mod learnt;
#[allow(dead_code)]
mod report;
#[path = "delay_embedding/series.rs"]
mod series;

use std::process::ExitCode;

use deepest::plot::{Figure, Panel};

use learnt::{Learning, Learnt};
use report::Failure;
use report::flags::Flags;
use series::{LYAPUNOV, Series};

const HELP: &str = "\
Learns to predict Lorenz-63 from x alone, of which 200 time units are measured.

The delay is the first minimum of the average mutual information, the dimension the
first with less than 1 % of false nearest neighbours. A network maps the vector of
delayed values to the one some samples later. It is trained by variational annealing
on more and more pairs; as many are enough as bring the action up to its expected
plateau. It then runs freely from measured vectors that it has not seen.

  --noise S              standard deviation of the measurement; x has 7.9 [0.1]
  --ahead K              samples of 0.01 time units from input to output [12]
  --hidden 10,10         units of the hidden layers (tanh) [10,10]
  --pairs 10,30          numbers of pairs [10,30,100,300]
  --starts K             starts of each annealing [2]
  --seed S               seed of noise, first weights and starts [1]
  --threads T            threads [all cores]
  --full                 hidden layers 14,14, up to 1000 pairs, 4 starts: minutes
  --plot OUT.svg         where to draw [delay_embedding.svg]
  --help                 print this
";

fn main() -> ExitCode {
    report::run("delay_embedding", study)
}

fn study() -> Result<(), Failure> {
    let Some(flags) = Flags::read(HELP)? else {
        return report::print(HELP);
    };
    let plot = flags.text("--plot").unwrap_or("delay_embedding.svg");
    let full = flags.is_set("--full");
    let (hidden, pairs, starts): (&[usize], &[usize], usize) = match full {
        true => (&[14, 14], &[10, 30, 100, 300, 1000], 4),
        false => (&[10, 10], &[10, 30, 100, 300], 2),
    };
    let seed = flags.value("--seed", 1)?;
    let pairs = flags.list("--pairs", pairs)?;
    if pairs.is_empty() || pairs.contains(&0) {
        return Err("--pairs: expected positive numbers, found 0".into());
    }
    let threads = match flags.text("--threads") {
        Some(_) => Some(flags.count("--threads", 1)?),
        None => None,
    };
    let learning = Learning {
        ahead: flags.count("--ahead", 12)?,
        hidden: flags.list("--hidden", hidden)?,
        starts: flags.count("--starts", starts)?,
        seed,
        threads,
    };
    let series = Series::measure(flags.value("--noise", 0.1)?, seed)?;
    learning.check(&series, &pairs)?;
    report::check_writable(plot)?;

    let learnt = pairs.iter().map(|&m| learning.learn(&series, m));
    let learnt: Vec<Learnt> = learnt.collect::<Result<_, _>>()?;
    figure(&series, &learnt)?.write(plot)?;
    let tables = [
        series.table(),
        levels(&learnt),
        counts(&series, &learnt),
        growth(&learnt),
    ];
    report::print(&format!("{}\nfigure: {plot}\n", tables.join("\n")))
}

/// Action levels: rows of R_f, a column for each number of pairs.
fn levels(learnt: &[Learnt]) -> String {
    let mut text = "action levels: 2A/ν, with 1 to be expected\n     R_f".to_string();
    for one in learnt {
        text += &format!("{:>10}", format!("M = {}", one.pairs));
    }
    let rows = learnt.iter().map(|one| one.levels().len()).min();
    for k in 0..rows.unwrap_or(0) {
        text += &format!("\n{:>8.1e}", learnt[0].levels()[k].0);
        for one in learnt {
            text += &format!("{:>10.3}", one.levels()[k].1);
        }
    }
    text + "\n"
}

/// What each number of pairs came to.
fn counts(series: &Series, learnt: &[Learnt]) -> String {
    let noise = series.noise / series.deviation;
    let mut text = format!(
        "{:>6} {:>8} {:>7} {:>7} {:>11} {:>15} {:>15}\n",
        "pairs", "weights", "2A", "misfit", "ν ± √2ν", "one step ahead", "useful, in 1/λ"
    );
    for one in learnt {
        let (freedom, [action, misfit]) = (one.freedom, one.action());
        text += &format!(
            "{:>6} {:>8} {action:>7.0} {misfit:>7.0} {:>11} {:>15.4} {:>8.2} ± {:.2}\n",
            one.pairs,
            one.weights,
            format!("{freedom:.0} ± {:.0}", (2.0 * freedom).sqrt()),
            one.one_step,
            one.runs.useful().0,
            one.runs.useful().1,
        );
    }
    text + &format!(
        "misfit: 2A without the prior of the weights; ν: the 2A that is to be expected\n\
         one step ahead: root mean square error of held-out vectors, in deviations of x\n\
         (the measurement: {noise:.4}); useful: until |error| > 0.4 deviations, mean of {}\n\
         free runs from measured vectors\n",
        series::RUNS
    )
}

/// How errors of free runs grow, for the most pairs.
fn growth(learnt: &[Learnt]) -> String {
    let Some(most) = learnt.iter().max_by_key(|one| one.pairs) else {
        return String::new();
    };
    let errors = most.runs.errors();
    let mut text = format!(
        "free runs after M = {}\n{:>8} {:>8} {:>12} {:>8}\n",
        most.pairs, "time", "in 1/λ", "typical |e|", "rms e"
    );
    let stride = errors.len().div_ceil(14).max(1);
    for row in errors.iter().skip(stride - 1).step_by(stride) {
        text += &format!(
            "{:>8.2} {:>8.2} {:>12.4} {:>8.4}\n",
            row.time,
            LYAPUNOV * row.time,
            row.typical,
            row.rms
        );
    }
    text +=
        "typical: geometric mean; in deviations of x, two independent values differ by 1.41 rms\n";
    if let Some(rate) = most.runs.rate() {
        text += &format!("growth while it is small: exp({rate:.2} t); λ = {LYAPUNOV}\n");
    }
    text
}

/// Delay, dimension, levels, growth of errors, and two predictions.
fn figure(series: &Series, learnt: &[Learnt]) -> Result<Figure, Failure> {
    let names: Vec<String> = learnt.iter().map(|l| format!("M = {}", l.pairs)).collect();
    let curves = |points: &dyn Fn(&Learnt) -> Vec<(f64, f64)>| -> Vec<(&str, Vec<(f64, f64)>)> {
        let points = learnt.iter().map(points);
        names.iter().map(String::as_str).zip(points).collect()
    };
    let most = learnt.iter().max_by_key(|one| one.pairs);
    let most = most.ok_or("no network was trained")?;
    let spread = 2.0 * (2.0 / most.freedom).sqrt();
    let levels = Panel::convergence(&curves(&Learnt::levels))
        .title("action levels")
        .x_label("model precision R_f")
        .y_label("2A / ν")
        .band("expected ± 2σ", 1.0 - spread, 1.0 + spread);
    let lyapunov = |l: &Learnt| -> Vec<(f64, f64)> {
        let rows = l.runs.errors().into_iter();
        rows.map(|row| (LYAPUNOV * row.time, row.typical)).collect()
    };
    let mut kinds = curves(&lyapunov);
    kinds.push(("exp(λt)", most.runs.reference()));
    let errors = Panel::growth(&kinds)
        .title("error of free runs, geometric mean")
        .x_label("time (1/λ)")
        .y_label("|error| / deviation of x");
    let [delay, dimension] = series.panels()?;
    let mut figure = Figure::new()
        .columns(2)
        .size(1100, 300)
        .panel(delay)
        .panel(dimension)
        .panel(levels)
        .panel(errors);
    for run in most.runs.shown(series) {
        let panel = Panel::path(&run.predicted.0, &run.predicted.1)?
            .legend("free run")
            .truth(&run.truth.0, &run.truth.1)?
            .title(format!("held-out x from t = {:.2}", run.start))
            .x_label("time (1/λ)")
            .y_label("x");
        figure = figure.panel(panel);
    }
    Ok(figure)
}
