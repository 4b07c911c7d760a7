//! The `lorenz96` example as a program: its report, its flags and its refusals.

use crate::example;

use std::path::Path;
use std::process::Stdio;

use example::{Scratch, check_form, keys, levels, number};
use ndarray::{Array1, Array2, array};
use serde_json::Value;

/// Nothing but times and sizes may differ between runs.
fn without_costs(mut report: Value) -> Value {
    let costs = |value: &mut Value| value.as_object_mut().unwrap().remove("cpu_seconds");
    assert!(costs(&mut report).is_some());
    assert!(
        report
            .as_object_mut()
            .unwrap()
            .remove("peak_bytes")
            .is_some()
    );
    for start in report["starts"].as_array_mut().unwrap() {
        assert!(costs(start).is_some());
    }
    report
}

#[test]
fn the_report_has_its_form_and_threads_change_only_costs() {
    let scratch = Scratch::new("lorenz96", "report");
    let short = ["--betas", "0..20", "--starts", "2"];
    let report = scratch.report(&short);
    assert_eq!(
        keys(&report),
        ["best", "cpu_seconds", "peak_bytes", "starts"]
    );
    let ladder: Vec<(f64, f64)> = (0..21)
        .map(|k| (f64::from(k), 4e-6 * 1.5_f64.powi(k)))
        .collect();
    check_form(&report, 2, &ladder, 1);
    let starts = report["starts"].as_array().unwrap();
    assert!(starts.iter().all(|start| start["start"] == "nudged"));
    let cpu: f64 = starts.iter().map(|s| number(s, "cpu_seconds")).sum();
    // The process did at least what its starts did.
    assert!(number(&report, "cpu_seconds") >= cpu * 0.99);
    if cfg!(target_os = "linux") {
        // One start's paths alone take 21 levels of 161 layers of 20 numbers.
        assert!(number(&report, "peak_bytes") > (21 * 161 * 20 * 8) as f64);
    }
    let one = scratch.report(&[&short[..], &["--threads", "1"]].concat());
    let three = scratch.report(&[&short[..], &["--threads", "3"]].concat());
    let report = without_costs(report);
    assert_eq!(report, without_costs(one));
    assert_eq!(report, without_costs(three));
    let other = scratch.report(&[&short[..], &["--seed", "1"]].concat());
    assert_ne!(report["best"]["action"], other["best"]["action"]);
}

#[test]
fn the_best_start_is_the_lowest_at_the_last_common_level() {
    let scratch = Scratch::new("lorenz96", "best");
    let report = scratch.report(&["--betas", "0..60", "--starts", "4"]);
    let starts = report["starts"].as_array().unwrap();
    let last = |start: &Value| number(levels(start).last().unwrap(), "action");
    let lowest = starts.iter().map(last).fold(f64::INFINITY, f64::min);
    let best = &report["best"];
    assert_eq!(number(best, "action"), lowest);
    let index = best["start_index"].as_u64().unwrap() as usize;
    let level = levels(&starts[index]).last().unwrap();
    for key in keys(best).into_iter().filter(|k| *k != "start_index") {
        assert_eq!(best[key], level[key], "{key}");
    }
    // The truth's model error is that of the discretization, far below one, so
    // that the minimum lies below the truth's measurement error, which has mean
    // 1 and deviation √(2/1288).
    assert!(lowest < 1.0 + 4.0 * (2.0_f64 / 1288.0).sqrt());
    assert_eq!(number(best, "beta"), 60.0);
    assert!(scratch.file("lorenz96.svg").exists());
}

#[test]
fn every_word_of_a_flag_works() {
    let scratch = Scratch::new("lorenz96", "words");
    let short = ["--betas", "5..12", "--starts", "1", "--threads", "1"];
    let run = |more: &[&str]| scratch.report(&[&short[..], more].concat());
    for kind in ["nudged", "mean", "uniform"] {
        assert_eq!(run(&["--start", kind])["starts"][0]["start"], kind);
    }
    // One factor lies between the normalizations: K_y = 8·161, K_t = 161. Where
    // measurements weigh alike, minaone is 2/K_t times sum.
    let action = |word| number(&run(&["--normalization", word])["best"], "action");
    let (sum, minaone) = (action("sum"), action("minaone"));
    assert!(
        (minaone / (sum * 2.0 / 161.0) - 1.0).abs() < 1e-6,
        "{sum} {minaone}"
    );
    assert!(action("mean").is_finite());
    for minimizer in ["gauss-newton", "lbfgs"] {
        let report = run(&["--minimizer", minimizer]);
        let factorizations = |level: &Value| number(level, "factorizations");
        let total: f64 = levels(&report["starts"][0])
            .iter()
            .map(factorizations)
            .sum();
        // L-BFGS never factorizes the Hessian.
        assert_eq!(total > 0.0, minimizer == "gauss-newton");
    }
    let betas = run(&["--seed=3"]);
    assert_eq!(number(&betas["best"], "beta"), 12.0);
    for (text, expected) in [("7", vec![7.0]), ("0.5..2.5,4", vec![0.5, 1.5, 2.5, 4.0])] {
        let report = scratch.report(&["--betas", text, "--starts", "1"]);
        let found = levels(&report["starts"][0])
            .iter()
            .map(|l| number(l, "beta"));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
    let narrow = run(&["--forcing-bounds", "9,9.5", "--rm", "1", "--rf0", "1e-5"]);
    for level in levels(&narrow["starts"][0]) {
        let forcing = level["parameters"][0].as_f64().unwrap();
        assert!((9.0..=9.5).contains(&forcing));
        let beta = number(level, "beta");
        assert!((number(level, "rf") / (1e-5 * 1.5_f64.powf(beta)) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn plots_and_help_go_where_they_should() {
    let scratch = Scratch::new("lorenz96", "outputs");
    let short = ["--betas", "0..3", "--starts", "1"];
    let output = scratch.run(&[&short[..], &["--plot", "own.svg"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let table = String::from_utf8(output.stdout).unwrap();
    for word in ["forcing", "RMSE observed", "RMSE unobserved", "own.svg"] {
        assert!(table.contains(word), "{table}");
    }
    assert!(!scratch.file("lorenz96.svg").exists());
    let svg = std::fs::read_to_string(scratch.file("own.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for words in [
        "action levels",
        "component 0, observed",
        "component 1, unobserved",
    ] {
        assert!(svg.contains(words), "{words}");
    }
    let help = scratch.run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = "data observe rm rf0 alpha betas normalization start starts seed threads \
                 minimizer forcing-bounds time-budget checkpoint resume json plot help";
    for flag in flags.split_whitespace() {
        assert!(help.contains(&format!("\n  --{flag} ")), "{flag}");
    }
}

#[test]
fn an_annealing_goes_on_from_its_checkpoint() {
    let scratch = Scratch::new("lorenz96", "checkpoint");
    let run = |more: &[&str]| {
        let short = ["--betas", "0..20", "--starts", "2"];
        scratch.run(&[&short[..], &["--json", "report.json"], more].concat())
    };
    let report = || {
        let report = std::fs::read_to_string(scratch.file("report.json")).unwrap();
        without_costs(serde_json::from_str(&report).unwrap())
    };
    assert_eq!(run(&[]).status.code(), Some(0));
    let whole = report();
    // No time for a level: nothing to draw, but where to go on.
    let none = run(&["--checkpoint", "state", "--time-budget", "0"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(report()["best"].is_null());
    // The second reads the result of the first.
    for flag in ["--resume", "--checkpoint"] {
        assert_eq!(run(&[flag, "state"]).status.code(), Some(0));
        assert_eq!(report(), whole);
    }
    std::fs::remove_file(scratch.file("lorenz96.svg")).unwrap();
    let short = ["--betas", "0..20", "--starts", "2", "--resume", "state"];
    scratch.refuses(&[&short[..], &["--rm", "5"]].concat(), "the action");
    scratch.refuses(&[&short[..], &["--checkpoint", "other"]].concat(), "other");
}

/// A closed pipe ends the output, nothing else.
#[test]
fn a_reader_that_leaves_is_no_failure() {
    let scratch = Scratch::new("lorenz96", "pipe");
    for arguments in [&["--help"][..], &["--betas", "0..2", "--starts", "1"]] {
        let mut command = scratch.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{errors}");
        assert!(errors.is_empty(), "{errors}");
    }
}

#[test]
fn bad_flags_are_refused_in_one_line() {
    let scratch = Scratch::new("lorenz96", "flags");
    for (arguments, culprit) in [
        (&["--nonsense", "1"][..], "--nonsense"),
        (&["stray"], "stray"),
        (&["--rm"], "--rm"),
        (&["--rm", "--rf0", "1"], "--rm"),
        (&["--rm", "1", "--rm", "2"], "--rm"),
        (&["--rm", "many"], "--rm"),
        (&["--rm", "0"], "found 0"),
        (&["--rm", "NaN"], "NaN"),
        (&["--rf0", "-1"], "-1"),
        (&["--rf0", "0"], "R_f0"),
        (&["--alpha", "1"], "alpha"),
        (&["--betas", "5..1"], "--betas"),
        (&["--betas", "0..2.5"], "--betas"),
        (&["--betas", "0..x"], "--betas"),
        (&["--betas", "0..1e18"], "--betas"),
        (&["--betas", "0..inf"], "--betas"),
        (&["--betas", "3,2"], "beta"),
        (&["--normalization", "median"], "--normalization"),
        (&["--start", "random"], "--start"),
        (&["--minimizer", "newton"], "--minimizer"),
        (&["--starts", "0"], "starts"),
        (&["--starts", "-1"], "--starts"),
        (&["--starts", "18446744073709551615"], "--starts"),
        (&["--seed", "1.5"], "--seed"),
        (&["--threads", "0"], "threads"),
        (&["--threads", "two"], "--threads"),
        (&["--observe", "0,20"], "20"),
        (&["--observe", "1,1"], "twice"),
        (&["--observe", "0,,2"], "--observe"),
        (&["--observe", "-1"], "--observe"),
        (&["--forcing-bounds", "1"], "--forcing-bounds"),
        (&["--forcing-bounds", "1,2,3"], "--forcing-bounds"),
        (&["--forcing-bounds", "2,1"], "bounds"),
        (
            &["--json", "no-such-directory/a.json"],
            "no-such-directory/a.json",
        ),
        (
            &["--plot", "no-such-directory/a.svg"],
            "no-such-directory/a.svg",
        ),
        (&["--plot", "."], "file ."),
        (&["--json", "out", "--plot", "out"], "--plot"),
        (&["--json", "out", "--plot", "./out"], "--plot"),
        (&["--json", "lorenz96.svg"], "lorenz96.svg"),
        (&["--data", "in.npy", "--json", "in.npy"], "--json"),
        (&["--time-budget", "-1"], "--time-budget"),
        (&["--time-budget", "soon"], "--time-budget"),
        (&["--resume", "nowhere"], "nowhere"),
        (&["--checkpoint", "a", "--json", "a"], "--json"),
        (
            &["--checkpoint", "no-such-directory/a"],
            "no-such-directory/a",
        ),
    ] {
        scratch.refuses(arguments, culprit);
    }
}

fn table(layers: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((layers, columns), |(n, i)| match i {
        0 => 0.025 * n as f64,
        _ => 8.0 + (0.3 * n as f64 + i as f64).sin(),
    })
}

fn write(path: &Path, table: &Array2<f64>) {
    deepest::io::write_npy(path, table.view()).unwrap();
}

#[test]
fn files_are_read_and_missing_values_left_out() {
    let scratch = Scratch::new("lorenz96", "data");
    let mut values = table(11, 6);
    write(&scratch.file("all.npy"), &values);
    values[(4, 1)] = f64::NAN;
    values[(5, 2)] = f64::NAN;
    write(&scratch.file("gaps.npy"), &values);
    let run = |file| {
        let fixed = [
            "--observe",
            "0,2",
            "--betas",
            "0..3",
            "--starts",
            "1",
            "--data",
        ];
        scratch.report(&[&fixed[..], &[file]].concat())
    };
    let (all, gaps) = (run("all.npy"), run("gaps.npy"));
    assert_ne!(all["best"]["action"], gaps["best"]["action"]);
    // A missing value of a variable that is not observed changes nothing.
    values[(4, 1)] = 8.0 + (0.3 * 4.0_f64 + 1.0).sin();
    write(&scratch.file("unused.npy"), &values);
    assert_eq!(run("unused.npy")["best"], all["best"]);
}

#[test]
fn bad_files_are_refused_in_one_line() {
    let scratch = Scratch::new("lorenz96", "files");
    let good = table(11, 6);
    write(&scratch.file("good.npy"), &good);
    std::fs::write(scratch.file("text.npy"), "time,x\n0,1\n").unwrap();
    std::fs::write(scratch.file("empty.npy"), "").unwrap();
    let vector: Array1<f64> = array![0.0, 1.0, 2.0];
    ndarray_npy::write_npy(scratch.file("vector.npy"), &vector).unwrap();
    let integers = good.mapv(|v| v as i64);
    ndarray_npy::write_npy(scratch.file("integers.npy"), &integers).unwrap();
    write(&scratch.file("narrow.npy"), &table(11, 4));
    write(&scratch.file("none.npy"), &table(0, 6));
    write(&scratch.file("short.npy"), &table(1, 6));
    write(&scratch.file("even.npy"), &table(10, 6));
    let altered = |name: &str, row: usize, column: usize, value: f64| {
        let mut table = good.clone();
        table[(row, column)] = value;
        write(&scratch.file(name), &table);
    };
    altered("nan-time.npy", 3, 0, f64::NAN);
    altered("backwards.npy", 3, 0, 0.01);
    altered("infinite.npy", 3, 1, f64::INFINITY);
    let mut silent = good.clone();
    silent.column_mut(1).fill(f64::NAN);
    write(&scratch.file("silent.npy"), &silent);
    for (file, culprit) in [
        ("missing.npy", "missing.npy"),
        (".", "file ."),
        ("text.npy", "text.npy"),
        ("empty.npy", "empty.npy"),
        ("vector.npy", "vector.npy"),
        ("integers.npy", "integers.npy"),
        ("narrow.npy", "narrow.npy"),
        ("none.npy", "none.npy"),
        ("short.npy", "layers"),
        ("even.npy", "layers"),
        ("nan-time.npy", "NaN"),
        ("backwards.npy", "times"),
        ("infinite.npy", "infinite.npy"),
        ("silent.npy", "silent.npy"),
    ] {
        scratch.refuses(&["--observe", "0", "--data", file], culprit);
    }
    scratch.refuses(&["--observe", "5", "--data", "good.npy"], "found 5");
}
