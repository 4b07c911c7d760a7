//! The first thirty of the twins of `benches/verdicts.rs`.

use crate::judged::{Judged, Worth, right, worth, wrong};

fn has(judged: &Judged, wanted: Worth) -> bool {
    let mut findings = judged.verdict.findings.iter();
    findings.any(|finding| worth(finding, judged.fault) == wanted)
}

/// The tests of level, residuals and steps come out false once in a hundred each at
/// most: of thirty twins the binomial distribution with p = 0.02 has its 99 % point at 3.
#[test]
fn twins_that_are_right_are_called_right() {
    let all = (0..30).map(right);
    let called: Vec<String> = all
        .filter(|judged| has(judged, Worth::Contradicts))
        .map(|judged| format!("{:?}\n{}", judged.kind, judged.verdict))
        .collect();
    assert!(called.len() <= 3, "{}", called.join("\n"));
}

/// The right finding in nine of ten, a contradicting one in one of a hundred, whose 99 %
/// point is at 2 of thirty.
#[test]
fn what_is_wrong_is_found() {
    let all: Vec<Judged> = (0..30).map(wrong).collect();
    let many: Vec<&Judged> = all.iter().filter(|judged| judged.values >= 200).collect();
    let say =
        |judged: &&Judged| format!("{:?} {:?}\n{}", judged.kind, judged.fault, judged.verdict);
    let missed = many
        .iter()
        .copied()
        .filter(|judged| !has(judged, Worth::Right));
    let missed: Vec<String> = missed.map(|judged| say(&judged)).collect();
    assert!(10 * missed.len() <= many.len(), "{}", missed.join("\n"));
    let bad = many
        .iter()
        .copied()
        .filter(|judged| has(judged, Worth::Contradicts));
    let bad: Vec<String> = bad.map(|judged| say(&judged)).collect();
    assert!(bad.len() <= 2, "{}", bad.join("\n"));
}

/// What is known of the first states is wider than all that was measured a time later,
/// and far from it: starts begin there all the same, and so end in a minimum.
#[test]
fn one_noisy_value_a_window_ends_in_a_minimum() {
    for number in [146, 181, 230] {
        let judged = right(number);
        assert!(judged.noise > 0.6, "{}", judged.noise);
        assert!(!has(&judged, Worth::Contradicts), "{}", judged.verdict);
    }
}
