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
    // Neighbours on the machine disturb both of a pair alike.
    let pairs: Vec<_> = (0..rounds).map(|_| [seconds(1), seconds(2)]).collect();
    for (k, what) in ["one thread", "two threads"].iter().enumerate() {
        let (least, median) = least_and_median(pairs.iter().map(|pair| pair[k]));
        println!("{what:<11} {median:.3} s, at least {least:.3} s");
    }
    let (_, efficiency) = least_and_median(pairs.iter().map(|[one, two]| one / (2.0 * two)));
    println!("efficiency  {:.0} %", 100.0 * efficiency);
}

fn least_and_median(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2])
}
