//! How well starts share two threads.
//!
//! `cargo bench --bench threads -- [ROUNDS]`: wall seconds of an annealing of 16
//! nudged starts (Lorenz-96 of varanneal's tutorial, 8 of 20 components) on one
//! thread and on two, by turns, 15 rounds. With `DEEPEST_DATA` the folder of the
//! published data, else a seeded twin.
#![allow(clippy::unwrap_used)]

mod tutorial;

use std::time::Instant;

use deepest::prelude::*;

fn main() {
    let rounds: usize = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(15);
    let action = tutorial::action(&[0, 2, 4, 6, 8, 10, 14, 16], &tutorial::table());
    let schedule = Schedule::geometric(4e-6, 1.5, (0..=60).map(f64::from)).unwrap();
    let seconds = |threads: usize| {
        let annealer = Annealer::new(schedule.clone()).starts(16).threads(threads);
        let began = Instant::now();
        annealer.run(&action).unwrap();
        began.elapsed().as_secs_f64()
    };
    let pairs: Vec<_> = (0..rounds).map(|_| [seconds(1), seconds(2)]).collect();
    let [one, two] = [0, 1].map(|k| least_and_median(pairs.iter().map(|pair| pair[k])));
    println!("threads  median s  least s");
    println!("1        {:8.3}  {:7.3}", one.1, one.0);
    println!("2        {:8.3}  {:7.3}", two.1, two.0);
    // Neighbours on the machine only ever add to a time.
    let efficiency = |one: f64, two: f64| 100.0 * one / (2.0 * two);
    println!(
        "efficiency {:.0} % by medians, {:.0} % by the least times",
        efficiency(one.1, two.1),
        efficiency(one.0, two.0)
    );
}

fn least_and_median(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2])
}
