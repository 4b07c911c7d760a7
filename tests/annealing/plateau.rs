//! The expected minimum of the action against Monte-Carlo experiments with a
//! linear model and Gaussian errors, where it is exactly a χ².

use crate::fixtures::Affine;
use crate::fixtures::ladder::go;
use deepest::Action;
use deepest::models::Linear;
use deepest::prelude::*;
use ndarray::{Array2, array};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

const LAYERS: usize = 12;
const STEP: f64 = 0.5;
const EXPERIMENTS: u64 = 200;

/// What is drawn in one experiment.
struct Draws(Xoshiro256PlusPlus);

impl Draws {
    fn normal(&mut self, deviation: f64) -> f64 {
        let z: f64 = StandardNormal.sample(&mut self.0);
        deviation * z
    }
}

/// Two components, three parameters.
fn model() -> Affine {
    Affine {
        matrix: array![[0.8, 0.3], [-0.4, 0.7]],
        constant: vec![0.1, -0.2],
        drift: array![[0.5, 0.0, 0.3], [0.2, 1.0, -0.4]],
    }
}

/// How the truth of an experiment is drawn, and what the action knows of it.
#[derive(Clone, Copy, PartialEq)]
enum Setting {
    /// No priors, model errors of precision R_f.
    Noisy,
    /// No priors and no model errors.
    Perfect,
    /// First states and two parameters from priors, the third one walks.
    Priors,
}

impl Setting {
    fn rf(self) -> f64 {
        if self == Self::Perfect { 1e9 } else { 7.0 }
    }

    /// A window's states, layer by layer, given the shared parameter.
    fn states(self, shared: f64, draws: &mut Draws) -> Vec<[f64; 2]> {
        let priors = self == Self::Priors;
        let mut state = [1.0, -0.5];
        let mut theta = [shared, 0.4, 0.9];
        if priors {
            state = state.map(|v| v + draws.normal(0.3));
            theta[1] += draws.normal(0.2);
        }
        let affine = model();
        let mut all = vec![state];
        for _ in 1..LAYERS {
            let deviation = match self {
                Self::Perfect => 0.0,
                _ => self.rf().sqrt().recip(),
            };
            state = [0, 1].map(|i| {
                let by_state = affine.matrix.row(i);
                let by_theta = affine.drift.row(i);
                let linear: f64 = by_state.iter().zip(&state).map(|(m, x)| m * x).sum();
                let forced: f64 = by_theta.iter().zip(&theta).map(|(b, p)| b * p).sum();
                affine.constant[i] + linear + forced + draws.normal(deviation)
            });
            if priors {
                theta[2] += draws.normal((0.05 * STEP).sqrt());
            }
            all.push(state);
        }
        all
    }

    fn window(self, shared: f64, draws: &mut Draws) -> Window {
        let states = self.states(shared, draws);
        let grid = Grid::uniform(0.0, STEP, LAYERS).unwrap();
        let times = grid.times().to_vec();
        let single = Array2::from_shape_fn((LAYERS, 1), |(n, _)| match n {
            3 | 4 => f64::NAN,
            _ => states[n][0] + draws.normal(0.25),
        });
        let deviation = Precision::from_deviation(0.25).unwrap();
        let single = Observations::of_components(&[0], times, single, deviation).unwrap();
        // Correlated errors e = Lz of both components, R_m = (LLᵀ)⁻¹.
        let both = Array2::from_shape_fn((2, 2), |(k, i)| states[5 * k + 1][i]);
        let errors = Array2::from_shape_fn((2, 2), |_| draws.normal(1.0));
        let lower = array![[0.5, 0.0], [0.3, 0.4]];
        let both = both + errors.dot(&lower.t());
        // L⁻¹ = ((2, 0), (−1.5, 2.5)).
        let inverse = array![[2.0, 0.0], [-1.5, 2.5]];
        let precision = Precision::full(inverse.t().dot(&inverse)).unwrap();
        let both = Observations::of_components(&[0, 1], [STEP, 6.0 * STEP], both, precision);
        let window = Window::new(grid).observations(single).unwrap();
        let window = window.observations(both.unwrap()).unwrap();
        if self != Self::Priors {
            return window;
        }
        let known = Precision::from_deviation(0.3).unwrap();
        window.prior(StatePrior::new([1.0, -0.5], known).unwrap())
    }

    fn action(self, seed: u64) -> Action {
        let mut draws = Draws(Xoshiro256PlusPlus::seed_from_u64(seed));
        let mut shared = 0.6;
        let mut parameters = [Parameter::estimated(); 3];
        match self {
            Self::Priors => {
                shared += draws.normal(0.5);
                parameters[0] = parameters[0].prior(Gaussian::new(0.6, 0.5).unwrap());
                let own = parameters[1].prior(Gaussian::new(0.4, 0.2).unwrap());
                parameters[1] = own.per_window();
                parameters[2] = parameters[2].random_walk(0.05).unwrap();
            }
            _ => parameters[2] = Parameter::fixed(0.9),
        }
        let mut builder = Action::builder(model(), Map);
        for (k, parameter) in parameters.into_iter().enumerate() {
            builder = builder.parameter(format!("p{k}"), parameter);
        }
        for _ in 0..2 {
            builder = builder.window(self.window(shared, &mut draws));
        }
        builder.build().unwrap()
    }
}

fn minimum(action: &Action, rf: f64) -> f64 {
    let mut at = action.at(rf).unwrap();
    let mut x = vec![0.0; action.counts().unknowns];
    let outcome = GaussNewton::default().minimize(&mut at, &mut x, &mut go);
    assert!(outcome.value.is_finite());
    outcome.value
}

#[test]
fn minima_have_the_mean_and_the_deviation_of_their_chi_square() {
    // Measured values: two windows of 12 − 2 single ones and twice two; then
    // ν = 28 − two first states of two − two parameters; with priors 28 + their
    // four terms of states, one of the shared parameter and two of the own ones
    // − four states − one − two − two first values of the walks.
    for (setting, freedom) in [
        (Setting::Noisy, 28 - 4 - 2),
        (Setting::Perfect, 28 - 4 - 2),
        (Setting::Priors, 28 + 4 + 1 + 2 - 4 - 1 - 2 - 2),
    ] {
        let mut values = Vec::new();
        for seed in 0..EXPERIMENTS {
            let action = setting.action(seed);
            assert_eq!(action.counts().measured, 28);
            assert_eq!(action.degrees_of_freedom(), Some(freedom));
            values.push(minimum(&action, setting.rf()));
        }
        let plateau = setting.action(0).expected_plateau().unwrap();
        let count = EXPERIMENTS as f64;
        let mean = values.iter().sum::<f64>() / count;
        // Five standard deviations of a mean of so many, and of their variance
        // (excess kurtosis of χ²: 12/ν).
        let error = (mean - plateau.mean).abs() / (plateau.deviation / count.sqrt());
        assert!(error < 5.0, "{mean} {plateau:?}: {error} deviations");
        let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        let variance = squares / (count - 1.0);
        let expected = plateau.deviation.powi(2);
        let relative = ((2.0 + 12.0 / freedom as f64) / count).sqrt();
        let error = (variance / expected - 1.0).abs() / relative;
        assert!(error < 5.0, "{variance} {expected}: {error} deviations");
    }
}

/// The other normalizations are the sum times 2/K_y and 2/K_t.
#[test]
fn a_plateau_has_the_normalization_of_its_action() {
    let build = |normalization, loss| {
        let grid = Grid::uniform(0.0, 0.1, 5).unwrap();
        let values = Array2::zeros((4, 2));
        let times = grid.times()[..4].to_vec();
        let one = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0, 1], times, values, one).unwrap();
        let window = Window::new(grid).observations(data.loss(loss)).unwrap();
        let model = Linear::new(array![[0.0, 1.0], [-1.0, 0.0]]).unwrap();
        let builder = Action::builder(model, SimpsonHermite).window(window);
        builder.normalization(normalization).build().unwrap()
    };
    // K_y = 8, K_t = 4, ν = 8 − 2.
    for (normalization, half) in [
        (Normalization::Sum, 0.5),
        (Normalization::Mean, 1.0 / 8.0),
        (Normalization::Minaone, 1.0 / 4.0),
    ] {
        let action = build(normalization, Loss::gaussian());
        assert_eq!(action.degrees_of_freedom(), Some(6));
        let plateau = action.expected_plateau().unwrap();
        approx::assert_relative_eq!(plateau.mean, half * 6.0, max_relative = 1e-15);
        let deviation = half * 12.0_f64.sqrt();
        approx::assert_relative_eq!(plateau.deviation, deviation, max_relative = 1e-15);
    }
    // Robust errors leave no χ².
    let robust = build(Normalization::Sum, Loss::huber(1.5).unwrap());
    assert_eq!(robust.expected_plateau(), None);
}

#[test]
fn too_few_data_expect_nothing() {
    let one = || Precision::scalar(1.0).unwrap();
    let build = |count: usize| {
        let grid = Grid::uniform(0.0, 0.1, 5).unwrap();
        let times = grid.times()[..count].to_vec();
        let values = Array2::zeros((count, 1));
        let data = Observations::of_components(&[0], times, values, one()).unwrap();
        let window = Window::new(grid).observations(data).unwrap();
        let model = Linear::new(array![[0.0, 1.0], [-1.0, 0.0]]).unwrap();
        Action::builder(model, Euler)
            .window(window)
            .build()
            .unwrap()
    };
    for (count, freedom) in [(1, None), (2, Some(0)), (3, Some(1))] {
        let action = build(count);
        assert_eq!(action.degrees_of_freedom(), freedom);
        assert_eq!(action.expected_plateau().is_some(), count > 2);
    }
}
