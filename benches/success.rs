//! How often an annealing with the default starts, or a race, comes to the lowest
//! level, and what it costs.
//!
//! `cargo bench --bench success -- [SEEDS]`: Lorenz-96 of varanneal's tutorial
//! with ten to six of twenty components observed, β to 60 and to 100, and races with
//! seven to four, for the seeds 0, 1, … (100 of them). With `DEEPEST_DATA` the folder of the published
//! data, else a seeded twin.
#![allow(clippy::unwrap_used)]

mod tutorial;

use cpu_time::ThreadTime;
use deepest::models::Lorenz96;
use deepest::prelude::*;
use ndarray::Array2;

/// What one annealing came to.
struct Try {
    /// The last level and the forcing of each start.
    ends: Vec<(f64, f64)>,
    factorizations: usize,
    seconds: f64,
}

impl Try {
    /// The lowest level, with its forcing.
    fn lowest(&self) -> (f64, f64) {
        let ends = self.ends.iter().copied();
        ends.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
    }
}

fn anneal(action: &Action<Lorenz96, SimpsonHermite>, annealer: &Annealer, seed: u64) -> Try {
    let annealer = annealer.clone().seed(seed).threads(1);
    let began = ThreadTime::now();
    let annealing = annealer.run(action).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let finished = annealing.starts.iter().filter(|start| start.finished);
    let ends = finished.map(|start| {
        let level = start.levels.last().unwrap();
        (level.action.total, level.estimate.parameters[0])
    });
    Try {
        ends: ends.collect(),
        factorizations: annealing.work().factorizations,
        seconds,
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let seeds: u64 = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(100);
    let table = tutorial::table();
    let cases: [(&str, &[usize], i32); 7] = [
        ("10", &[0, 2, 4, 6, 8, 10, 12, 14, 16, 18], 60),
        ("8 A", &[0, 2, 4, 6, 8, 10, 14, 16], 60),
        ("8 B", &[0, 2, 4, 8, 10, 12, 14, 16], 60),
        ("7", &[0, 2, 4, 8, 10, 14, 16], 60),
        ("6", &[0, 3, 6, 9, 12, 15], 60),
        ("8 A", &[0, 2, 4, 6, 8, 10, 14, 16], 100),
        ("8 B", &[0, 2, 4, 8, 10, 12, 14, 16], 100),
    ];
    println!("{seeds} annealings of 4 starts; medians of factorizations and CPU seconds");
    println!("observed  beta  lowest level  forcing  of annealings  of starts   work  CPU s");
    for (name, observed, last) in cases {
        let action = tutorial::action(observed, &table);
        let schedule = Schedule::geometric(4e-6, 1.5, (0..=last).map(f64::from)).unwrap();
        let annealer = Annealer::new(schedule);
        let tries: Vec<Try> = (0..seeds).map(|s| anneal(&action, &annealer, s)).collect();
        let lowest = tries.iter().map(Try::lowest);
        let lowest = lowest.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        let reached = |level: f64| level <= lowest.0 + 1e-6;
        let runs = tries.iter().filter(|t| reached(t.lowest().0)).count();
        let starts = tries.iter().flat_map(|t| &t.ends);
        let all = starts.clone().count();
        println!(
            "{name:>8} {last:>5} {:>13.6} {:>8.5} {:>14.2} {:>10.2} {:>6} {:>6.3}",
            lowest.0,
            lowest.1,
            runs as f64 / seeds as f64,
            starts.filter(|end| reached(end.0)).count() as f64 / all as f64,
            median(tries.iter().map(|t| t.factorizations as f64)),
            median(tries.iter().map(|t| t.seconds)),
        );
    }
    races(seeds, &table);
}

/// Races on adaptive schedules to β = 60.
fn races(seeds: u64, table: &Array2<f64>) {
    println!("{seeds} races");
    println!("observed  of  lowest level      found   work  CPU s: median, most");
    let cases: [(&[usize], usize); 9] = [
        (&[0, 2, 4, 8, 10, 14, 16], 1),
        (&[0, 3, 6, 9, 12, 15], 1),
        (&[0, 3, 6, 9, 12, 15], 2),
        (&[0, 4, 8, 12, 16], 1),
        (&[0, 4, 8, 12, 16], 2),
        (&[0, 4, 8, 12, 16], 4),
        (&[0, 5, 10, 15], 1),
        (&[0, 5, 10, 15], 2),
        (&[0, 5, 10, 15], 4),
    ];
    for (observed, count) in cases {
        let action = tutorial::action(observed, table);
        let schedule = Schedule::adaptive_to(4e-6, 1.5, 60.0).unwrap();
        let annealer = Annealer::new(schedule).race(count);
        let tries: Vec<Try> = (0..seeds).map(|s| anneal(&action, &annealer, s)).collect();
        let ends = tries.iter().map(|t| t.lowest().0);
        let lowest = ends.clone().fold(f64::INFINITY, f64::min);
        println!(
            "{:>8} {count:>3} {lowest:>13.6} {:>10} {:>6} {:>6.3} {:>6.3}",
            observed.len(),
            ends.filter(|end| *end <= lowest + 1e-6).count(),
            median(tries.iter().map(|t| t.factorizations as f64)),
            median(tries.iter().map(|t| t.seconds)),
            tries.iter().map(|t| t.seconds).fold(0.0, f64::max),
        );
    }
}
