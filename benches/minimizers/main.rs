//! Counts of work of trust-region rules over annealings.
//!
//! `cargo bench --bench minimizers -- [RULE ...]`; with `DEEPEST_DATA` the folder
//! of the published Lorenz-96 data, else a seeded twin.
#![allow(clippy::unwrap_used)]

mod dogleg;
mod rules;
#[path = "../tutorial/mod.rs"]
mod tutorial;

use deepest::minimize::Work;
use deepest::models::{Lorenz63, LotkaVolterra};
use deepest::prelude::*;
use dogleg::Dogleg;
use rules::{Damping, Marquardt, SecondOrder};

fn lorenz63() -> Action {
    let grid = Grid::uniform(0.0, 0.01, 401).unwrap();
    let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0])
        .spin_up(10.0)
        .seed(1);
    let truth = truth.flow(&Lorenz63).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0], Noise::scalar(1.0).unwrap()).seed(2))
        .unwrap();
    Action::builder(Lorenz63, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("sigma", Bounds::new(1.0, 30.0).unwrap())
        .parameter("rho", Bounds::new(1.0, 60.0).unwrap())
        .parameter("beta", Bounds::new(0.1, 10.0).unwrap())
        .normalization(Normalization::Mean)
        .build()
        .unwrap()
}

fn lotka_volterra() -> Action {
    let grid = Grid::uniform(0.0, 0.1, 201).unwrap();
    let truth = Simulation::new(grid, [0.55, 0.028, 0.8, 0.024]).from_state([34.0, 6.0]);
    let truth = truth.flow(&LotkaVolterra).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0, 1], Noise::scalar(2.0).unwrap()).seed(2))
        .unwrap();
    let wide = |v: f64| Bounds::new(0.0, 4.0 * v).unwrap();
    Action::builder(LotkaVolterra, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("alpha", wide(0.55))
        .parameter("beta", wide(0.028))
        .parameter("gamma", wide(0.8))
        .parameter("delta", wide(0.024))
        .normalization(Normalization::Mean)
        .build()
        .unwrap()
}

const SEEDS: [u64; 3] = [0, 1, 2];
const STARTS: usize = 4;

/// One annealing for each seed: levels, work, and the most factorizations of a start.
struct Count {
    levels: Vec<f64>,
    work: Work,
    each: Vec<usize>,
}

fn count(action: &Action, rf0: f64, minimizer: impl Minimizer + Clone + 'static) -> Count {
    let mut all = Count {
        levels: vec![],
        work: Work::default(),
        each: vec![],
    };
    for seed in SEEDS {
        let schedule = Schedule::geometric(rf0, 1.5, 0..=60).unwrap();
        let annealer = Annealer::new(schedule).starts(STARTS).seed(seed).threads(1);
        let annealing = annealer.minimizer(minimizer.clone()).run(action).unwrap();
        for start in &annealing.starts {
            all.levels.push(start.levels.last().unwrap().action.total);
            all.each.push(start.work().factorizations);
        }
        all.work.add(annealing.work());
    }
    all
}

/// `lowest`: the level that counts as success.
fn report(rule: &str, case: &str, lowest: Option<f64>, c: &Count) {
    let found = c.levels.iter().copied().fold(f64::INFINITY, f64::min);
    let lowest = lowest.unwrap_or(found);
    let good: Vec<bool> = c
        .levels
        .iter()
        .map(|l| *l <= lowest * (1.0 + 2e-6) + 1e-12)
        .collect();
    let seeds = good.chunks(STARTS).filter(|s| s.contains(&true)).count();
    let easy: usize = c
        .each
        .iter()
        .zip(&good)
        .filter(|(_, g)| **g)
        .map(|(e, _)| *e)
        .sum();
    println!(
        "{rule:14} {case:6} seeds {seeds}/{} starts {:2}/{} lowest {found:.7} factorizations {:6} (good starts {easy:5}, most {:5}) evaluations {:6}",
        SEEDS.len(),
        good.iter().filter(|g| **g).count(),
        good.len(),
        c.work.factorizations,
        c.each.iter().max().unwrap(),
        c.work.evaluations,
    );
}

fn study(name: &str, minimizer: impl Minimizer + Clone + 'static) {
    let data = tutorial::table();
    let given = std::env::var("DEEPEST_DATA").is_ok();
    let cases: [(&str, &[usize], f64); 5] = [
        ("10", &[0, 2, 4, 6, 8, 10, 12, 14, 16, 18], 0.963955),
        ("8A", &[0, 2, 4, 6, 8, 10, 14, 16], 0.973995),
        ("8B", &[0, 2, 4, 8, 10, 12, 14, 16], 0.947753),
        ("7", &[0, 2, 4, 8, 10, 14, 16], 0.943810),
        ("6", &[0, 3, 6, 9, 12, 15], 0.992057),
    ];
    let mut total = Work::default();
    for (case, observed, lowest) in cases {
        let c = count(&tutorial::action(observed, &data), 4e-6, minimizer.clone());
        report(name, case, given.then_some(lowest), &c);
        total.add(c.work);
    }
    let c = count(&lorenz63(), 1e-6, minimizer.clone());
    report(name, "L63", None, &c);
    total.add(c.work);
    let c = count(&lotka_volterra(), 1e-6, minimizer);
    report(name, "LV", None, &c);
    total.add(c.work);
    println!(
        "{name:14} total factorizations {} evaluations {}\n",
        total.factorizations, total.evaluations
    );
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let rule = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if rule("library") {
        study("library", GaussNewton::default());
    }
    if rule("dogleg") {
        let dogleg = Dogleg {
            tolerance: 1e-9,
            near: 0.0,
            foresee: false,
        };
        study("dogleg", dogleg);
    }
    if rule("dogleg near") {
        let dogleg = Dogleg {
            tolerance: 1e-9,
            near: 1e-2,
            foresee: true,
        };
        study("dogleg near", dogleg);
    }
    let nielsen = Marquardt::default();
    let foreseeing = Marquardt {
        foresee: true,
        ..nielsen.clone()
    };
    let second_order = |second_order| Marquardt {
        second_order,
        ..foreseeing.clone()
    };
    let rules = [
        ("nielsen", nielsen.clone()),
        ("foresee", foreseeing.clone()),
        ("exact", second_order(SecondOrder::Always)),
        ("near 1e-2", second_order(SecondOrder::Near(1e-2))),
        ("near 1e-4", second_order(SecondOrder::Near(1e-4))),
        ("slow", second_order(SecondOrder::Slow(1e-2))),
        (
            "first 1e-2",
            Marquardt {
                first: 1e-2,
                ..second_order(SecondOrder::Near(1e-2))
            },
        ),
        (
            "first 1e-6",
            Marquardt {
                first: 1e-6,
                ..second_order(SecondOrder::Near(1e-2))
            },
        ),
        (
            "delayed",
            Marquardt {
                damping: Damping::Fixed(2.0, 3.0),
                ..foreseeing.clone()
            },
        ),
        (
            "chord",
            Marquardt {
                chords: 1,
                ..foreseeing.clone()
            },
        ),
        (
            "nonmonotone",
            Marquardt {
                memory: 5,
                ..second_order(SecondOrder::Near(1e-4))
            },
        ),
    ];
    for (name, minimizer) in rules {
        if rule(name) {
            study(name, minimizer);
        }
    }
}
