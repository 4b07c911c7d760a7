//! A verdict does not contradict itself, and blames what is wrong.

use crate::cases::{Case, blames_noise_or_model};
use deepest::prelude::*;
use deepest::{Finding, Verdict};
use ndarray::Array2;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

const SIGMA: f64 = 0.1;

fn normals(seed: u64) -> impl FnMut() -> f64 {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    move || StandardNormal.sample(&mut rng)
}

/// Values every fiftieth of a time unit.
fn window(values: &[f64]) -> Window {
    let grid = Grid::uniform(0.0, 0.02, values.len()).unwrap();
    let values = Array2::from_shape_fn((values.len(), 1), |(k, _)| values[k]);
    let precision = Precision::from_deviation(SIGMA).unwrap();
    let data = Observations::of_components(&[0], grid.times(), values, precision);
    Window::new(grid).observations(data.unwrap()).unwrap()
}

fn judged(values: &[f64], parameter: impl Into<Parameter>) -> Verdict {
    let action = Action::builder(Case::Relaxation, SimpsonHermite)
        .window(window(values))
        .parameter("level", parameter)
        .build()
        .unwrap()
        .balanced()
        .unwrap();
    let annealing = Annealer::new(Schedule::adaptive())
        .starts(2)
        .run(&action)
        .unwrap();
    annealing.verdict(&action).unwrap()
}

fn wide() -> Bounds {
    Bounds::new(-10.0, 10.0).unwrap()
}

/// White noise is called white. Noise of the same size whose neighbours lean against each
/// other, by −0.4 or −1/(1 + 4) of it, is not: 401 values tell 0.05.
#[test]
fn noise_that_alternates_is_not_white() {
    for seed in 0..3 {
        let mut normal = normals(seed);
        let white: Vec<f64> = (0..401).map(|_| normal()).collect();
        let values: Vec<f64> = white.iter().map(|e| 2.0 + SIGMA * e).collect();
        let verdict = judged(&values, wide());
        assert!(verdict.findings.is_empty(), "{seed}: {verdict}");
        let leaning = white
            .windows(2)
            .map(|e| (e[1] - 0.5 * e[0]) / 1.25_f64.sqrt());
        let values: Vec<f64> = leaning.map(|e| 2.0 + SIGMA * e).collect();
        let verdict = judged(&values[1..], wide());
        println!("{verdict}");
        let correlated = verdict.findings.contains(&Finding::CorrelatedResiduals);
        assert!(correlated, "{seed}: {verdict}");
        assert!(!verdict.to_string().contains("are white"), "{verdict}");
    }
}

/// A prior that is a million times wider than what the data know changes no finding and
/// no number of the level.
#[test]
fn a_wide_prior_changes_nothing() {
    for (seed, size) in [(0, 1.0), (1, 1.5), (2, 0.6)] {
        let mut normal = normals(seed);
        let values: Vec<f64> = (0..201).map(|_| 2.0 + size * SIGMA * normal()).collect();
        let without = judged(&values, wide());
        let prior = Gaussian::new(0.0, 1e4).unwrap();
        let with = judged(&values, Parameter::estimated().bounds(wide()).prior(prior));
        // How many starts there were is no matter of the prior's.
        let alone = |f: &&Finding| !matches!(f, Finding::FoundOnce { .. });
        let kinds = [&without, &with].map(|verdict| {
            let findings = verdict.findings.iter().filter(alone);
            findings.map(std::mem::discriminant).collect::<Vec<_>>()
        });
        assert_eq!(kinds[0], kinds[1], "{without}\n{with}");
        let [a, b] = [&without, &with].map(|verdict| verdict.level.as_ref().unwrap());
        // The ends of adaptive schedules move the action by a hundredth of a deviation.
        assert_eq!(a.freedom, b.freedom);
        assert!((a.z - b.z).abs() < 0.02, "{without}\n{with}");
    }
}

/// A level that walks, with its diffusion right, too small and too large.
#[test]
fn a_wrong_diffusion_is_not_blamed_on_the_measurements() {
    for seed in 1..4 {
        let mut normal = normals(seed);
        let (mut state, mut level) = (2.0, 2.0);
        let values: Vec<f64> = (0..401)
            .map(|_| {
                // Ten sub-steps of 0.002 with the diffusion 1.
                for _ in 0..10 {
                    state += 0.002 * (level - state);
                    level += 0.002_f64.sqrt() * normal();
                }
                state + SIGMA * normal()
            })
            .collect();
        let walk = |diffusion| Parameter::estimated().random_walk(diffusion).unwrap();
        let right = judged(&values, walk(1.0));
        println!("{right}\n");
        assert!(!blames_noise_or_model(&right), "{right}");
        let wrong = |f: &Finding| matches!(f, Finding::PriorsWrong { .. });
        assert!(!right.findings.iter().any(wrong), "{right}");
        for diffusion in [1e-2, 1e2] {
            let verdict = judged(&values, walk(diffusion));
            println!("{diffusion}: {verdict}\n");
            assert!(verdict.findings.iter().any(wrong), "{verdict}");
            assert!(!blames_noise_or_model(&verdict), "{verdict}");
        }
    }
}

/// A share that data pull to its end has no wider bounds; a bound that somebody chose has.
#[test]
fn wider_bounds_are_no_advice_for_a_share() {
    let mut normal = normals(5);
    let values: Vec<f64> = (0..201).map(|_| 2.0 + SIGMA * normal()).collect();
    for (high, widen) in [(1.0, false), (1.7, true)] {
        let verdict = judged(&values, Bounds::new(0.0, high).unwrap());
        let at = |f: &&Finding| matches!(f, Finding::ParameterAtBound { .. });
        let sentence = verdict.findings.iter().find(at).unwrap().to_string();
        assert_eq!(sentence.contains("widen"), widen, "{sentence}");
    }
}
