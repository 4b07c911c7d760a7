//! How often a verdict is right: 300 twins that are right in everything, and 300 that
//! are wrong in one known way.
//!
//! `cargo bench --bench verdicts -- [COUNT]`: the first so many twins of each (300 of
//! them). Every twin that gets a finding it should not have, or none that it should, is
//! written with its findings; then the table of `docs/verdict.md`.
#![allow(clippy::unwrap_used)]

#[path = "../tests/fixtures/judged.rs"]
mod judged;

use judged::{FAULTS, Judged, KINDS, Worth, worth};

/// Judged values from so many on.
const MANY: usize = 200;

fn has(judged: &Judged, wanted: Worth) -> bool {
    let mut findings = judged.verdict.findings.iter();
    findings.any(|finding| worth(finding, judged.fault) == wanted)
}

fn show(number: u64, judged: &Judged) {
    let Judged {
        kind,
        fault,
        noise,
        values,
        verdict,
    } = judged;
    println!("{number} {kind:?} {fault:?}, noise {noise:.3}, {values} values:");
    for line in verdict.to_string().lines() {
        println!("    {line}");
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.find_map(|a| a.parse().ok()).unwrap_or(300);
    let right: Vec<Judged> = (0..count).map(judged::right).collect();
    for (number, judged) in right.iter().enumerate() {
        if has(judged, Worth::Contradicts) {
            show(number as u64, judged);
        }
    }
    let wrong: Vec<Judged> = (0..count).map(judged::wrong).collect();
    for (number, judged) in wrong.iter().enumerate() {
        if has(judged, Worth::Contradicts) || !has(judged, Worth::Right) {
            show(number as u64, judged);
        }
    }
    println!("\n| right twins | all | with a false finding |");
    println!("|---|---|---|");
    for kind in KINDS {
        let of: Vec<&Judged> = right.iter().filter(|j| j.kind == kind).collect();
        let bad = of.iter().filter(|j| has(j, Worth::Contradicts)).count();
        println!("| {kind:?} | {} | {bad} |", of.len());
    }
    let bad = right.iter().filter(|j| has(j, Worth::Contradicts)).count();
    println!("| all | {count} | {bad} |");
    println!("\n| wrong twins | with {MANY} values | right finding | contradicting finding |");
    println!("|---|---|---|---|");
    let row = |name: String, of: &dyn Fn(&&Judged) -> bool| {
        let of: Vec<&Judged> = wrong.iter().filter(of).collect();
        let found = of.iter().filter(|j| has(j, Worth::Right)).count();
        let bad = of.iter().filter(|j| has(j, Worth::Contradicts)).count();
        println!("| {name} | {} | {found} | {bad} |", of.len());
    };
    for fault in FAULTS {
        row(format!("{fault:?}"), &|j| {
            j.fault == Some(fault) && j.values >= MANY
        });
    }
    row("all".into(), &|j| j.values >= MANY);
    row("fewer values".into(), &|j| j.values < MANY);
}
