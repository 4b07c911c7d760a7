//! Twin experiments with deep networks: what students learn from pairs.
//!
//! A teacher network answers random inputs; both sides are measured with noise.
//! Students of fewer, equal and more layers are trained by variational annealing,
//! and asked about pairs that were kept back. `--help` lists the flags.

#[allow(dead_code)] // this example has its own table
mod report;
#[path = "network/study.rs"]
mod study;

use std::process::ExitCode;

use deepest::plot::{Figure, Panel};
use report::Failure;
use report::flags::Flags;
use study::{Effort, Kind, Learned, Lesson, Teacher, UNITS};

const HELP: &str = "\
Trains networks of 10 units a layer on input/output pairs of a teacher network by
variational annealing, and asks them about pairs that were kept back.

  --teacher N              layers of the teacher [20]
  --students N,N           layers of the students [5,10,20,40]
  --pairs M,M              numbers of pairs [1,10,100]
  --observed L,L           numbers of outputs observed [10,5,1]
  --depths N,N             layers of residual students, each from the last [3,5,9,17]
  --sigma S                noise of inputs and outputs [0.05]
  --seed S                 seed of teacher, pairs and first weights [1]
  --iterations K           most Gauss-Newton steps a level, 20 times more of L-BFGS [100]
  --full                   teachers of 20, 50 and 100 layers, with students of half,
                           equal and twice as many
  --plot OUT.svg           where to draw [network.svg]
  --help                   print this
";

fn main() -> ExitCode {
    report::run("network", study)
}

fn study() -> Result<(), Failure> {
    let Some(flags) = Flags::read(HELP)? else {
        return report::print(HELP);
    };
    let full = flags.is_set("--full");
    let pairs = counts(&flags, "--pairs", &[1, 10, 100], 1)?;
    let observed = counts(&flags, "--observed", &[UNITS, 5, 1], 1)?;
    if let Some(l) = observed.iter().find(|&&l| l > UNITS) {
        return Err(format!("--observed: expected at most {UNITS}, found {l}").into());
    }
    let students = counts(&flags, "--students", &[5, 10, 20, 40], 2)?;
    let depths = counts(&flags, "--depths", &[3, 5, 9, 17], 2)?;
    let teachers = match full {
        true => vec![20, 50, 100],
        false => counts(&flags, "--teacher", &[20], 2)?,
    };
    let sigma: f64 = flags.value("--sigma", 0.05)?;
    let seed = flags.value("--seed", 1)?;
    let newton = flags.count("--iterations", 100)?;
    let effort = Effort {
        levels: 8,
        iterations: [newton, 20 * newton],
    };
    let most = pairs.iter().copied().max().unwrap_or(1);
    let plot = flags.text("--plot").unwrap_or("network.svg");
    let mut figure = Figure::new().columns(2);
    for &layers in &teachers {
        let teacher = Teacher::new((Kind::Logistic, layers), most, sigma, seed)?;
        let depths = match full {
            true => vec![layers / 2, layers, 2 * layers],
            false => students.clone(),
        };
        report::print(&format!(
            "\nA teacher of {layers} layers; outputs spread by {:.3}, noise {sigma}\n{HEADER}",
            teacher.spread()
        ))?;
        let lessons = Lessons {
            layers,
            pairs: &pairs,
            observed: &observed,
            students: &depths,
        };
        let mut done: Vec<Learned> = Vec::new();
        for lesson in lessons.all() {
            let learned = teacher.teach(lesson, effort, None)?;
            report::print(&row(&learned))?;
            done.push(learned);
        }
        figure = lessons.panels(figure, &done, teacher.spread());
        // What is known so far: all of it takes long.
        figure.write(plot)?;
    }
    figure = figure.panel(doubling(&depths, (most, sigma, seed), effort)?);
    figure.write(plot)?;
    report::print(&format!("\n{LEGEND}picture: {plot}\n"))
}

const HEADER: &str = "
 layers  pairs  observed   action  expected  learned  held out  unfinished  minimizer      cpu s
";

const LEGEND: &str = "\
action: at the end of the ladder, by measured value; expected: its mean if all is right
learned, held out: errors of the forward pass, root mean square, of the pairs learned
(as measured) and of 200 others (without noise); unfinished: levels that met the limit
";

fn row(learned: &Learned) -> String {
    let Lesson {
        layers,
        pairs,
        observed,
    } = learned.lesson;
    let end = learned.levels.last().map_or(f64::NAN, |level| level.1);
    let expected = learned.expected.map_or("-".into(), |e| format!("{e:.3}"));
    format!(
        "{layers:7} {pairs:6} {observed:9} {end:8.4} {expected:>9} {:8.3} {:9.3} {:11}  {:12} {:7.1}\n",
        learned.learned,
        learned.held_out,
        learned.unfinished,
        learned.minimizer,
        learned.cpu.as_secs_f64(),
    )
}

/// Numbers of at least `least`.
fn counts(
    flags: &Flags,
    flag: &str,
    default: &[usize],
    least: usize,
) -> Result<Vec<usize>, Failure> {
    let list = flags.list(flag, default)?;
    match list.iter().find(|&&n| n < least || n > 10_000) {
        Some(n) => Err(format!("{flag}: expected numbers from {least} to 10000, found {n}").into()),
        None => Ok(list),
    }
}

/// The lessons of one teacher.
struct Lessons<'a> {
    layers: usize,
    pairs: &'a [usize],
    observed: &'a [usize],
    students: &'a [usize],
}

impl Lessons<'_> {
    fn most(&self) -> usize {
        self.pairs.iter().copied().max().unwrap_or(1)
    }

    fn by_pairs(&self, observed: usize) -> impl Iterator<Item = Lesson> + '_ {
        let layers = self.layers;
        let lesson = move |&pairs| Lesson {
            layers,
            pairs,
            observed,
        };
        self.pairs.iter().map(lesson)
    }

    fn by_depth(&self) -> impl Iterator<Item = Lesson> + '_ {
        let pairs = self.most();
        let lesson = move |&layers| Lesson {
            layers,
            pairs,
            observed: UNITS,
        };
        self.students.iter().map(lesson)
    }

    /// Every one once.
    fn all(&self) -> Vec<Lesson> {
        let observed = self.observed.iter().flat_map(|&l| self.by_pairs(l));
        let mut all: Vec<Lesson> = Vec::new();
        for lesson in observed.chain(self.by_depth()) {
            if !all.contains(&lesson) {
                all.push(lesson);
            }
        }
        all
    }

    fn panels(&self, figure: Figure, done: &[Learned], spread: f64) -> Figure {
        let of = |lesson: Lesson| done.iter().find(|l| l.lesson == lesson);
        let levels = |lessons: Vec<Lesson>, name: &dyn Fn(Lesson) -> String| {
            let curves: Vec<(String, Vec<(f64, f64)>)> = lessons
                .into_iter()
                .filter_map(|lesson| Some((name(lesson), of(lesson)?.levels.clone())))
                .collect();
            let curves: Vec<_> = curves
                .iter()
                .map(|(n, c)| (n.as_str(), c.clone()))
                .collect();
            Panel::convergence(&curves)
                .x_label("R_f / R_m")
                .y_label("action by measured value")
        };
        let layers = self.layers;
        let by_pairs = levels(self.by_pairs(UNITS).collect(), &|l| {
            format!("M = {}", l.pairs)
        })
        .title(format!("teacher and student of {layers} layers"));
        let by_depth = levels(self.by_depth().collect(), &|l| {
            format!("{} layers", l.layers)
        })
        .title(format!(
            "students of a teacher of {layers} layers, M = {}",
            self.most()
        ));
        let errors = |lessons: Vec<Lesson>, x: &dyn Fn(Lesson) -> usize| -> Vec<(f64, f64)> {
            let found = lessons
                .into_iter()
                .filter_map(|l| Some((x(l) as f64, of(l)?.held_out)));
            found.collect()
        };
        let curves = self.observed.iter().map(|&l| {
            let lessons = self.by_pairs(l).collect();
            (format!("L = {l}"), errors(lessons, &|lesson| lesson.pairs))
        });
        let curves: Vec<_> = curves.collect();
        let curves: Vec<_> = curves
            .iter()
            .map(|(n, c)| (n.as_str(), c.clone()))
            .collect();
        let generalization = Panel::convergence(&curves)
            .title(format!("pairs kept back, student of {layers} layers"))
            .x_label("pairs learned, M")
            .y_label("error of observed outputs")
            .reference("outputs' spread", spread);
        let depth = errors(self.by_depth().collect(), &|lesson| lesson.layers);
        let by_layers = Panel::convergence(&[("held out", depth)])
            .title(format!("pairs kept back, M = {}", self.most()))
            .x_label("layers of the student")
            .y_label("error of observed outputs")
            .reference("outputs' spread", spread);
        let panels = [by_pairs, generalization, by_depth, by_layers];
        panels.into_iter().fold(figure, Figure::panel)
    }
}

/// Residual students of more and more layers towards the continuous limit: each
/// begins with the weights of the last, every layer's twice.
fn doubling(
    depths: &[usize],
    (most, sigma, seed): (usize, f64, u64),
    effort: Effort,
) -> Result<Panel, Failure> {
    let finest = depths.iter().copied().max().unwrap_or(2);
    let teacher = Teacher::new((Kind::Residual, 4 * (finest - 1) + 1), most, sigma, seed)?;
    report::print(&format!(
        "\nResidual layers, a teacher of {} steps; outputs spread by {:.3}\n{HEADER}",
        4 * (finest - 1),
        teacher.spread()
    ))?;
    let mut last: Option<(usize, Vec<f64>)> = None;
    let mut curves = Vec::new();
    for &layers in depths {
        let from = last.take().map(|(before, weights)| {
            let block = UNITS * (UNITS + 1);
            let from = |k: usize| k * (before - 1) / (layers - 1) * block;
            let steps = (0..layers - 1).map(from);
            steps
                .flat_map(|at| weights[at..at + block].to_vec())
                .collect()
        });
        let lesson = Lesson {
            layers,
            pairs: most,
            observed: UNITS,
        };
        let learned = teacher.teach(lesson, effort, from)?;
        report::print(&row(&learned))?;
        curves.push((format!("{} steps", layers - 1), learned.levels.clone()));
        last = Some((layers, learned.weights));
    }
    let curves: Vec<_> = curves
        .iter()
        .map(|(n, c)| (n.as_str(), c.clone()))
        .collect();
    Ok(Panel::convergence(&curves)
        .title("layer doubling, R_f per time")
        .x_label("R_f / R_m")
        .y_label("action by measured value"))
}
