//! The `neuron` example as a program: its report, its table and figure, its
//! flags and its files. What it refuses is in `neuron_example_refusals.rs`.

use crate::example;

use deepest::models::{Lorenz63, NaKl};
use deepest::prelude::*;
use example::{Scratch, check_form, check_well_formed, columns, keys, levels, number, texts};
use serde_json::Value;

/// Lower bound, upper bound and truth, from the table of the published run.
const PARAMETERS: [(f64, f64, f64); 18] = [
    (60.0, 180.0, 120.0),
    (10.0, 30.0, 20.0),
    (0.15, 0.45, 0.3),
    (47.5, 52.5, 50.0),
    (-80.85, -73.15, -77.0),
    (-56.7, -51.3, -54.0),
    (-42.0, -38.0, -40.0),
    (14.25, 15.75, 15.0),
    (0.095, 0.105, 0.1),
    (0.38, 0.42, 0.4),
    (-63.0, -57.0, -60.0),
    (-15.75, -14.25, -15.0),
    (0.95, 1.05, 1.0),
    (6.65, 7.35, 7.0),
    (-57.75, -52.25, -55.0),
    (28.5, 31.5, 30.0),
    (0.95, 1.05, 1.0),
    (4.75, 5.25, 5.0),
];

/// Samples of the twin.
const SAMPLES: usize = 4001;

/// A row of the table of parameters.
#[derive(Debug)]
struct Row {
    name: String,
    estimate: f64,
    deviation: Option<f64>,
    lower: f64,
    upper: f64,
    truth: Option<f64>,
    remark: String,
}

/// The rows of the table: a name of five letters, five numbers of nine digits
/// with a space before them, a remark.
fn rows(text: &str) -> Vec<Row> {
    let lines = text.lines().skip_while(|l| !l.starts_with("parameters at"));
    let lines = lines.skip(2).take_while(|l| !l.starts_with("at a bound:"));
    let row = |line: &str| {
        let cell = |k: usize| line[5 + 10 * k..15 + 10 * k].trim().parse().ok();
        Row {
            name: line[..5].trim().into(),
            estimate: cell(0).unwrap(),
            deviation: cell(1),
            lower: cell(2).unwrap(),
            upper: cell(3).unwrap(),
            truth: cell(4),
            remark: line[55..].trim().into(),
        }
    };
    lines.map(row).collect()
}

fn parameters(level: &Value) -> Vec<f64> {
    let values = level["parameters"].as_array().unwrap();
    values.iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The table tells of each parameter what the report and the bounds tell.
fn check_rows(rows: &[Row], best: &Value) {
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, NaKl::NAMES);
    for ((row, value), (lower, upper, _)) in rows.iter().zip(parameters(best)).zip(PARAMETERS) {
        assert!((row.estimate - value).abs() <= 0.5001e-4, "{row:?}");
        assert_eq!((row.lower, row.upper), (lower, upper));
        assert!((lower..=upper).contains(&value), "{row:?}");
        // A uniform density between the bounds has the deviation width/√12.
        let known = (upper - lower) / 12.0_f64.sqrt();
        let expected = match row.deviation {
            None => "at a bound",
            Some(deviation) if deviation >= known => "not identifiable",
            Some(_) => "",
        };
        assert_eq!(row.remark, expected, "{row:?}");
        // Bounds are kept and reached exactly.
        let at_bound = value == lower || value == upper;
        assert_eq!(row.deviation.is_none(), at_bound, "{row:?}");
    }
}

/// A ladder from where model and data weigh about the same to a hard
/// constraint, in few steps.
const SHORT: [&str; 4] = ["--alpha", "4", "--betas", "20..27"];
/// The first levels, which take no time.
const FIRST: [&str; 2] = ["--betas", "0..3"];

#[test]
fn the_model_has_the_published_table() {
    assert_eq!(NaKl::BOUNDS, PARAMETERS.map(|(low, high, _)| (low, high)));
    assert_eq!(NaKl::VALUES, PARAMETERS.map(|(.., truth)| truth));
}

#[test]
fn a_twin_ends_on_the_plateau_with_a_report_a_table_and_a_figure() {
    let scratch = Scratch::new("neuron", "twin");
    let outputs = ["--json", "report.json", "--plot", "own.svg"];
    let output = scratch.run(&[&SHORT[..], &outputs].concat());
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    let report = std::fs::read_to_string(scratch.file("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let ladder: Vec<(f64, f64)> = (20..28)
        .map(|k| (f64::from(k), 1e-8 * 4.0_f64.powi(k)))
        .collect();
    assert_eq!(
        keys(&report),
        ["best", "cpu_seconds", "peak_bytes", "starts"]
    );
    check_form(&report, 1, &ladder, 18);
    check_levels(levels(&report["starts"][0]));

    // With σ² R_m = 1 the level's mean is 1 − (D + P)/K_y and its deviation
    // √(2/K_y): one chance in 16,000 to be further away than four of these.
    let (best, samples) = (&report["best"], SAMPLES as f64);
    let plateau = 1.0 - 22.0 / samples;
    assert!((number(best, "action") - plateau).abs() < 4.0 * (2.0 / samples).sqrt());

    let text = String::from_utf8(output.stdout).unwrap();
    let rows = rows(&text);
    check_rows(&rows, best);
    // Each remark and none of them, so that nothing above is empty.
    for remark in ["at a bound", "not identifiable", ""] {
        assert!(rows.iter().any(|row| row.remark == remark), "{remark}");
    }
    for (row, (_, _, truth)) in rows.iter().zip(PARAMETERS) {
        assert_eq!(row.truth, Some(truth));
    }
    // The parameter that misled other tools.
    let sodium = &rows[0];
    let deviation = sodium.deviation.expect("inside its bounds");
    assert!((sodium.estimate - 120.0).abs() < 3.0 * deviation);
    assert!(text.ends_with("figure: own.svg\n"));

    assert!(!scratch.file("neuron.svg").exists());
    check_figure(&std::fs::read_to_string(scratch.file("own.svg")).unwrap());
}

/// A minimum's action is at most what the path of any other level costs at its
/// R_f, where only the model term changes, by the ratio of the R_f. That makes
/// the levels increasing and concave in R_f.
fn check_levels(levels: &[Value]) {
    for level in levels {
        assert_ne!(level["termination"], "IterationLimit");
        for other in levels {
            let ratio = number(level, "rf") / number(other, "rf");
            let cost = number(other, "measurement") + ratio * number(other, "model");
            // Minima are known to about 1e-9 of the action.
            assert!(number(level, "action") <= cost * (1.0 + 1e-8));
        }
    }
}

/// Voltage, gates and levels with their data and the truth.
fn check_figure(svg: &str) {
    assert!(svg.starts_with("<svg"));
    check_well_formed(svg);
    let texts = texts(svg);
    let count = |words: &str| texts.iter().filter(|t| **t == words).count();
    for (words, expected) in [
        ("action levels", 1),
        ("expected plateau ± 2σ", 1),
        ("sodium conductance gNa", 1),
        ("voltage, observed", 1),
        ("gate, unobserved", 3),
        ("V (mV)", 1),
        ("m", 1),
        ("h", 1),
        ("n", 1),
        ("time (ms)", 4),
        ("data", 1),
        ("estimate", 4),
        ("truth", 5),
    ] {
        assert_eq!(count(words), expected, "{words}");
    }
    // More samples than dots that can be told apart.
    let dots = svg.matches("<circle").count();
    assert!((200..1000).contains(&dots), "{dots}");
}

#[test]
fn flags_change_what_they_say() {
    let scratch = Scratch::new("neuron", "words");
    let run = |more: &[&str]| scratch.report(&[&FIRST[..], more].concat());
    let twin = run(&[]);
    let first = |report: &Value| levels(&report["starts"][0]).clone();
    let actions = |report: &Value| -> Vec<f64> {
        let levels = first(report);
        levels.iter().map(|level| number(level, "action")).collect()
    };
    // What one starts from is known to its rounding; minima to 1e-9.
    let proportional = |report: &Value, factor: f64| {
        for (found, expected) in actions(report).iter().zip(actions(&twin)) {
            assert!(
                (found / (factor * expected) - 1.0).abs() < 1e-7,
                "{found} {expected} {factor}"
            );
        }
    };
    // K_y = K_t = 4001 values; eight residuals for every two steps. *Mean* is
    // the sum at R_f K_y/K_g times 2/K_y, *minaone* the sum times 2/K_t.
    let (values, residuals) = (SAMPLES as f64, 4.0 * (SAMPLES as f64 - 1.0));
    let same_rf = (1e-8 * values / residuals).to_string();
    let with_rf = |word| run(&["--normalization", word, "--rf0", &same_rf]);
    proportional(&with_rf("sum"), values / 2.0);
    proportional(&with_rf("minaone"), 1.0);
    assert_eq!(run(&["--normalization", "mean"])["best"], twin["best"]);
    // Both precisions by one factor multiply the action.
    proportional(&run(&["--rm", "4", "--rf0", "4e-8"]), 4.0);
    // The model costs more where the gates' equations weigh more.
    let tight = actions(&run(&["--gate-rf", "1e5"]));
    assert!(tight.iter().zip(actions(&twin)).all(|(a, b)| *a > b));

    assert_ne!(run(&["--seed", "1"])["best"], twin["best"]);
    let two = run(&["--starts", "2", "--threads", "1", "--seed", "0"]);
    assert_eq!(two["starts"].as_array().unwrap().len(), 2);
    assert_eq!(first(&two), first(&twin));
}

#[test]
fn help_names_every_flag() {
    let scratch = Scratch::new("neuron", "help");
    let help = scratch.run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = "voltage stimulus truth rm rf0 gate-rf alpha betas normalization starts seed \
                 threads json plot help";
    for flag in flags.split_whitespace() {
        assert!(help.contains(&format!("\n  --{flag} ")), "{flag}");
    }
}

/// Times, noisy voltage and current of the example's own twin.
fn twin() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let oscillator = Grid::uniform(0.0, 0.02 / 25.0, SAMPLES).unwrap();
    let chaos = Simulation::new(oscillator, [10.0, 28.0, 8.0 / 3.0])
        .from_state([-8.0, 7.0, 27.0])
        .flow(&Lorenz63)
        .unwrap();
    let component = chaos.path.component(0).into_iter();
    let current: Vec<f64> = component.map(|x| 3.0 + 0.6 * x).collect();
    let grid = Grid::uniform(0.0, 0.02, SAMPLES).unwrap();
    let times = grid.times().to_vec();
    let inputs = Inputs::linear(times.clone(), columns(&[&current])).unwrap();
    let truth = Simulation::new(grid, PARAMETERS.map(|(_, _, truth)| truth))
        .from_state([-70.0, 0.05, 0.5, 0.4])
        .inputs(inputs)
        .flow(&NaKl)
        .unwrap();
    let measurement = Measurement::new(&[0], Noise::scalar(1.0).unwrap());
    let twin = truth.observe(&measurement).unwrap();
    (
        times,
        twin.observations.values().column(0).to_vec(),
        current,
    )
}

/// The twin's data in files are the same problem: to the last digit, whatever
/// else stands in the files.
#[test]
fn files_are_read_as_the_twin_is() {
    let scratch = Scratch::new("neuron", "data");
    let (times, voltage, current) = twin();
    let other = vec![f64::NAN; SAMPLES];
    scratch.write("v.npy", &[&times, &voltage, &other]);
    scratch.write("i.npy", &[&times, &current, &other]);
    // The same lines between more samples, beyond both ends of the window.
    let middle = |v: &[f64]| -> Vec<f64> {
        let pairs = v.windows(2).flat_map(|p| [p[0], 0.5 * (p[0] + p[1])]);
        pairs.chain(v.last().copied()).collect()
    };
    let beyond = |v: &[f64], first: f64, last: f64| [&[first], v, &[last]].concat();
    let fine_times = beyond(&middle(&times), -1.0, 100.0);
    let fine_current = beyond(&middle(&current), 7.0, 7.0);
    scratch.write("fine.npy", &[&fine_times, &fine_current]);
    let with = |stimulus, more: &[&str]| {
        let files = ["--voltage", "v.npy", "--stimulus", stimulus];
        scratch.report(&[&FIRST[..], &files, more].concat())
    };
    let twin = scratch.report(&FIRST);
    assert_eq!(with("i.npy", &[])["best"], twin["best"]);
    let fine = number(&with("fine.npy", &[])["best"], "action");
    // The times between samples are rounded.
    assert!((fine / number(&twin["best"], "action") - 1.0).abs() < 1e-9);

    // Only what is told is in the table.
    let truth = PARAMETERS.map(|(_, _, truth)| truth.to_string()).join(",");
    let files = ["--voltage", "v.npy", "--stimulus", "i.npy"];
    let printed = |more: &[&str]| {
        let output = scratch.run(&[&FIRST[..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = printed(&[&files[..], &["--truth", &truth]].concat());
    let untold = printed(&files);
    for (row, (_, _, truth)) in rows(&told).iter().zip(PARAMETERS) {
        assert_eq!(row.truth, Some(truth));
    }
    assert!(told.contains("truth") && !untold.contains("truth"));
    assert!(rows(&untold).iter().all(|row| row.truth.is_none()));
    check_rows(&rows(&untold), &twin["best"]);
}

/// A voltage that does not move for 0.4 ms tells next to nothing of 18
/// parameters; the table says so.
#[test]
fn a_recording_that_tells_nothing_identifies_nothing() {
    let scratch = Scratch::new("neuron", "still");
    let times: Vec<f64> = (0..21).map(|n| 0.02 * f64::from(n)).collect();
    scratch.write("v.npy", &[&times, &[-65.0; 21]]);
    scratch.write("i.npy", &[&times, &[3.0; 21]]);
    let files = ["--voltage", "v.npy", "--stimulus", "i.npy"];
    for rf0 in ["1e-8", "1e4", "1e8"] {
        let output = scratch.run(&[&FIRST[..], &files, &["--rf0", rf0]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let rows = rows(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(rows.len(), 18);
        assert!(rows.iter().all(|row| !row.remark.is_empty()), "{rows:?}");
    }
}
