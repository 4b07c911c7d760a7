//! The `delay_embedding` example as a program: its figure, its tables and its
//! refusals.

use crate::example;

use example::{Scratch, check_well_formed, texts};

/// The numbers of a line.
fn numbers(line: &str) -> Vec<f64> {
    let words = line.split_whitespace();
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn few_pairs_are_learnt_by_heart_and_more_predict_better() {
    let scratch = Scratch::new("delay_embedding", "figure");
    let arguments = ["--hidden", "6", "--starts", "1", "--plot", "own.svg"];
    let output = scratch.run(&[&arguments[..], &["--pairs", "5,80"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let svg = std::fs::read_to_string(scratch.file("own.svg")).unwrap();
    check_well_formed(&svg);
    let words = texts(&svg);
    for (title, times) in [
        ("average mutual information", 1),
        ("first minimum, τ = 0.17", 1),
        ("below 1 %: D_E = 3", 1),
        ("action levels", 1),
        ("M = 80", 2),
        ("exp(λt)", 1),
        ("truth", 2),
    ] {
        let found = words.iter().filter(|t| **t == title).count();
        assert_eq!(found, times, "{title}");
    }
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("delay: 0.17") && table.contains("dimension: 3"));
    let mut rows = table
        .lines()
        .skip_while(|line| !line.contains("one step ahead"));
    rows.next();
    let rows: Vec<Vec<f64>> = rows.by_ref().take(2).map(numbers).collect();
    // Pairs, weights, 2A, misfit, ν with its deviation, error of a step, useful time.
    assert_eq!(rows[0][..2], [5.0, 45.0]);
    assert_eq!(rows[1][..2], [80.0, 45.0]);
    for row in &rows {
        // Of six values a pair three are left for the weights, whose priors count too.
        assert_eq!(row[4], 3.0 * row[0]);
        assert_eq!(row[5], (6.0 * row[0]).sqrt().round());
    }
    // The 45 weights bend to five pairs, and hardly to 80.
    assert!(rows[0][3] < 0.5 * rows[0][4], "{rows:?}");
    assert!(rows[1][3] > 0.5 * rows[1][4], "{rows:?}");
    assert!(rows[1][6] < 0.5 * rows[0][6], "{rows:?}");
    assert!(rows[1][7] > rows[0][7], "{rows:?}");
}

#[test]
fn what_makes_no_problem_is_refused() {
    let scratch = Scratch::new("delay_embedding", "refusals");
    for (arguments, culprit) in [
        (["--noise", "0"], "noise"),
        (["--noise", "-1"], "noise"),
        (["--noise", "nan"], "noise"),
        (["--noise", "50"], "too much noise"),
        (["--ahead", "0"], "--ahead"),
        (["--ahead", "2000"], "--ahead"),
        (["--hidden", "0"], "units"),
        (["--pairs", "10,0"], "--pairs"),
        (["--pairs", "30000"], "--pairs"),
        (["--starts", "0"], "--starts"),
        (["--threads", "0"], "--threads"),
        (["--seed", "x"], "--seed"),
        (["--plot", "no/such/folder.svg"], "no/such/folder.svg"),
        (["--depth", "3"], "--depth"),
    ] {
        scratch.refuses(&arguments, culprit);
    }
    assert_eq!(scratch.run(&["--help"]).status.code(), Some(0));
}
