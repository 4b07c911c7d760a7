//! What the `neuron` example refuses: flags and files one by one, each in one
//! line that says what is wrong, where, what was expected and what was found.

use crate::example;

use std::path::Path;

use example::{Scratch, columns};
use ndarray::Array2;

fn write(path: &Path, table: &Array2<f64>) {
    deepest::io::write_npy(path, table.view()).unwrap();
}

#[test]
fn bad_flags_are_refused_in_one_line() {
    let scratch = Scratch::new("neuron", "flags");
    let good: [&[f64]; 2] = [&[0.0, 0.02, 0.04], &[-65.0; 3]];
    scratch.write("v.npy", &good);
    scratch.write("i.npy", &good);
    let own = ["--voltage", "v.npy", "--stimulus", "i.npy"];
    let truths = ["1"; 18].join(",");
    for (arguments, culprit) in [
        (&["--nonsense", "1"][..], "--nonsense: unknown flag"),
        (&["stray"], "stray: unknown flag"),
        (&["--start", "mean"], "--start: unknown flag"),
        (&["--rm"], "--rm: expected a value, found none"),
        (&["--rm="], "--rm: expected a value, found none"),
        (&["--rm", "--rf0", "1"], "--rm: expected a value"),
        (&["--rm", "1", "--rm", "2"], "--rm: given twice"),
        (
            &["--rm", "many"],
            "--rm: invalid float literal, found \"many\"",
        ),
        (&["--rm", "0"], "expected a positive number, found 0"),
        (&["--rm", "-1"], "expected a positive number, found -1"),
        (&["--rm", "NaN"], "expected a finite number, found NaN"),
        (&["--rm", "inf"], "expected a finite number, found infinity"),
        (&["--rf0", "0"], "R_f0 (schedule): expected a positive"),
        (&["--rf0", "-1"], "found -1"),
        (&["--rf0", "1e400"], "found inf"),
        (
            &["--gate-rf", "0"],
            "component 1): expected a positive number, found 0",
        ),
        (&["--gate-rf", "-2"], "found -2"),
        (&["--gate-rf", "some"], "--gate-rf"),
        (
            &["--alpha", "1"],
            "alpha (schedule): expected a value from 1.0000000000000002 to inf, found 1",
        ),
        (&["--alpha", "-1.5"], "found -1.5"),
        (&["--alpha", "NaN"], "found NaN"),
        (
            &["--betas", "5..1"],
            "--betas: expected a value or FIRST..LAST",
        ),
        (&["--betas", "0..2.5"], "found \"0..2.5\""),
        (&["--betas", "0.."], "--betas"),
        (&["--betas", "0,,2"], "--betas"),
        (&["--betas", "0..1e18"], "--betas"),
        (
            &["--betas", "3,2"],
            "beta (schedule): expected strictly increasing values, found 2",
        ),
        (
            &["--normalization", "median"],
            "--normalization: expected one of sum, mean, minaone, found \"median\"",
        ),
        (&["--starts", "0"], "--starts: expected a number from 1"),
        (&["--starts", "-1"], "--starts"),
        (&["--seed", "1.5"], "--seed"),
        (&["--threads", "0"], "--threads"),
        (
            &["--voltage", "v.npy"],
            "--voltage: expected --stimulus too, found none",
        ),
        (
            &["--stimulus", "i.npy"],
            "--stimulus: expected --voltage too, found none",
        ),
        (&["--truth", "1,2"], "--truth: expected 18 values, found 2"),
        (
            &["--truth", "1,x"],
            "--truth: invalid float literal, found \"x\"",
        ),
        (&["--truth", &truths], "--truth: the twin has its own"),
        (&["--json", "none/a.json"], "file none/a.json"),
        (&["--plot", "none/a.svg"], "file none/a.svg"),
        (&["--plot", "."], "file ."),
        (
            &["--json", "out", "--plot", "./out"],
            "--plot: expected another file than --json, found ./out",
        ),
        (&["--json", "neuron.svg"], "neuron.svg"),
        (
            &["--voltage", "v.npy", "--stimulus", "v.npy"],
            "--stimulus: expected another file than --voltage",
        ),
        (
            &[&own[..], &["--json", "v.npy"]].concat(),
            "--json: expected another file than --voltage",
        ),
        (
            &[&own[..], &["--plot", "i.npy"]].concat(),
            "--plot: expected another file than --stimulus",
        ),
    ] {
        scratch.refuses(arguments, culprit);
    }
    for file in ["v.npy", "i.npy"] {
        let found = deepest::io::read_npy(scratch.file(file)).unwrap();
        assert_eq!(found, columns(&good));
    }
}

#[test]
fn bad_files_are_refused_in_one_line() {
    let scratch = Scratch::new("neuron", "files");
    let samples = |count: usize, first: f64| {
        let times = (0..count).map(|n| first + 0.02 * n as f64);
        let times: Vec<f64> = times.collect();
        columns(&[&times, &vec![-65.0; count]])
    };
    let good = samples(21, 0.0);
    write(&scratch.file("good.npy"), &good);
    std::fs::write(scratch.file("text.npy"), "time,V\n0,1\n").unwrap();
    std::fs::write(scratch.file("empty.npy"), "").unwrap();
    let vector = good.column(1).to_owned();
    ndarray_npy::write_npy(scratch.file("vector.npy"), &vector).unwrap();
    let integers = good.mapv(|v| v as i32);
    ndarray_npy::write_npy(scratch.file("integers.npy"), &integers).unwrap();
    scratch.write("narrow.npy", &[&[0.0, 0.02, 0.04]]);
    write(&scratch.file("none.npy"), &samples(0, 0.0));
    write(&scratch.file("single.npy"), &samples(1, 0.0));
    write(&scratch.file("even.npy"), &samples(20, 0.0));
    write(&scratch.file("short.npy"), &samples(15, 0.0));
    write(&scratch.file("late.npy"), &samples(21, 0.1));
    let altered = |name: &str, row: usize, column: usize, value: f64| {
        let mut table = good.clone();
        table[(row, column)] = value;
        write(&scratch.file(name), &table);
    };
    altered("nan-time.npy", 3, 0, f64::NAN);
    altered("backwards.npy", 3, 0, 0.01);
    altered("uneven.npy", 3, 0, 0.07);
    altered("infinite.npy", 3, 1, f64::INFINITY);
    altered("gap.npy", 3, 1, f64::NAN);
    let mut silent = good.clone();
    silent.column_mut(1).fill(f64::NAN);
    write(&scratch.file("silent.npy"), &silent);

    let anywhere = [
        ("missing.npy", "file missing.npy: "),
        (".", "file .: "),
        ("text.npy", "file text.npy: "),
        ("empty.npy", "file empty.npy: "),
        (
            "vector.npy",
            "file vector.npy: expected an array of 2 dimensions, found one of shape [21]",
        ),
        (
            "integers.npy",
            "file integers.npy: expected 64-bit floats ('<f8'), found '<i4'",
        ),
        ("none.npy", "file none.npy: times"),
        (
            "nan-time.npy",
            "file nan-time.npy: times (\u{2026}, index 3): expected a finite number, found NaN",
        ),
        ("backwards.npy", "file backwards.npy: times"),
        ("infinite.npy", "file infinite.npy: "),
    ];
    let of_voltage = [
        (
            "narrow.npy",
            "file narrow.npy: expected time and voltage, found 1 columns",
        ),
        ("single.npy", "layers, at least (grid): expected 2, found 1"),
        (
            "even.npy",
            "the number of layers must be 1 plus a multiple of 2, found 20",
        ),
        ("uneven.npy", "needs equal steps inside an interval"),
        (
            "silent.npy",
            "file silent.npy: observed values that are not missing",
        ),
    ];
    let of_stimulus = [
        (
            "narrow.npy",
            "file narrow.npy: expected time and current, found 1 columns",
        ),
        (
            "short.npy",
            "last time of the inputs (inputs of a window): expected a value from 0.4 to inf, found 0.28",
        ),
        (
            "late.npy",
            "first time of the inputs (inputs of a window): expected a value from -inf to 0, found 0.1",
        ),
        (
            "gap.npy",
            "file gap.npy: input (row 3, column 0): expected a finite number, found NaN",
        ),
    ];
    let words = |text: &str, place: &str| text.replace('\u{2026}', place);
    for (file, culprit) in anywhere.iter().chain(&of_voltage) {
        let culprit = words(culprit, "observations");
        scratch.refuses(&["--voltage", file, "--stimulus", "good.npy"], &culprit);
    }
    for (file, culprit) in anywhere.iter().chain(&of_stimulus) {
        let culprit = words(culprit, "inputs");
        scratch.refuses(&["--voltage", "good.npy", "--stimulus", file], &culprit);
    }
}
