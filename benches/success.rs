//! How often an annealing with the default starts, or a race, comes to the lowest
//! level, and what it costs.
//!
//! `cargo bench --bench success -- [SEEDS]`: Lorenz-96 of varanneal's tutorial
//! with ten to six of twenty components observed, β to 60 and to 100, single starts on
//! adaptive schedules, and races with seven to four, for the seeds 0, 1, … (100 of them).
//! With `DEEPEST_DATA` the folder of the published data, else a seeded twin.
#![allow(clippy::unwrap_used)]

mod tutorial;

use cpu_time::ThreadTime;
use deepest::prelude::*;
use ndarray::Array2;

/// Components of twenty, by their number.
const OBSERVED: [(&str, &[usize]); 5] = [
    ("10", &[0, 2, 4, 6, 8, 10, 12, 14, 16, 18]),
    ("8 A", &[0, 2, 4, 6, 8, 10, 14, 16]),
    ("8 B", &[0, 2, 4, 8, 10, 12, 14, 16]),
    ("7", &[0, 2, 4, 8, 10, 14, 16]),
    ("6", &[0, 3, 6, 9, 12, 15]),
];

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

fn anneal(action: &Action, annealer: &Annealer, seed: u64) -> Try {
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
    println!("{seeds} annealings of 4 starts; medians of factorizations and CPU seconds");
    println!("observed  beta  lowest level  forcing  of annealings  of starts   work  CPU s");
    let all = OBSERVED.iter().map(|of| (of, 60));
    let longer = OBSERVED[1..3].iter().map(|of| (of, 100));
    for (&(name, observed), last) in all.chain(longer) {
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
    adaptive(seeds, &table);
}

/// Single nudged starts, and races, on adaptive schedules to β = 60.
fn adaptive(seeds: u64, table: &Array2<f64>) {
    println!("{seeds} annealings on adaptive schedules");
    println!("observed  starts  lowest level      found   work  CPU s: median, most");
    let row = |name: &str, observed: &[usize], race: Option<usize>| {
        let action = tutorial::action(observed, table);
        let schedule = Schedule::adaptive_to(4e-6, 1.5, 60.0).unwrap();
        let annealer = Annealer::new(schedule);
        let annealer = match race {
            Some(count) => annealer.race(count),
            None => annealer.starts(1),
        };
        let tries: Vec<Try> = (0..seeds).map(|s| anneal(&action, &annealer, s)).collect();
        let ends = tries.iter().map(|t| t.lowest().0);
        let lowest = ends.clone().fold(f64::INFINITY, f64::min);
        println!(
            "{name:>8} {:>7} {lowest:>13.6} {:>10} {:>6} {:>6.3} {:>6.3}",
            race.map_or("nudged".into(), |count| format!("race {count}")),
            ends.filter(|end| *end <= lowest + 1e-6).count(),
            median(tries.iter().map(|t| t.factorizations as f64)),
            median(tries.iter().map(|t| t.seconds)),
            tries.iter().map(|t| t.seconds).fold(0.0, f64::max),
        );
    };
    for (name, observed) in OBSERVED {
        row(name, observed, None);
    }
    let sparse: [(&str, &[usize]); 2] = [("5", &[0, 4, 8, 12, 16]), ("4", &[0, 5, 10, 15])];
    row(OBSERVED[3].0, OBSERVED[3].1, Some(1));
    for count in [1, 2] {
        row(OBSERVED[4].0, OBSERVED[4].1, Some(count));
    }
    for (name, observed) in sparse {
        for count in [1, 2, 4] {
            row(name, observed, Some(count));
        }
    }
}
