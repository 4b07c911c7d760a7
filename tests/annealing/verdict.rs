//! Verdicts on twins that are good, under-observed, wrong in the model and wrong
//! in the noise.

use crate::fixtures;

use deepest::models::{Linear, Lorenz63, Lorenz96, LotkaVolterra};
use deepest::prelude::*;
use deepest::verdict::Further;
use deepest::{ActionBuilder, Finding, Twin, Verdict};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

const EIGHT: &[usize] = &[0, 2, 4, 6, 8, 10, 14, 16];
const SIGMA: f64 = 0.5;

/// Lorenz-96 on a ring whose sites are not all forced alike: what the model
/// below lacks.
struct Uneven;

impl Model for Uneven {
    fn parameter_count(&self) -> usize {
        1
    }
}

impl Flow for Uneven {
    fn width(&self) -> usize {
        20
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        Lorenz96 { sites: 20 }.flow(t, x, theta, input, dx);
        for (i, slot) in dx.iter_mut().enumerate() {
            *slot += S::from((0.2 * std::f64::consts::PI * i as f64).cos());
        }
    }
}

/// A Lorenz-96 twin, another truth and other noise for each seed.
fn twin(model: &impl Flow, observed: &[usize], declared: f64, seed: u64) -> Twin {
    let grid = Grid::uniform(0.0, 0.025, 161).unwrap();
    let truth = Simulation::new(grid, [8.17]).spin_up(20.0).seed(seed);
    let measurement = Measurement::new(observed, Noise::scalar(SIGMA).unwrap());
    let declared = Precision::from_deviation(declared).unwrap();
    let measurement = measurement.precision_declared(declared).seed(seed + 100);
    truth.flow(model).unwrap().observe(&measurement).unwrap()
}

fn problem(twin: &Twin) -> ActionBuilder {
    Action::builder(Lorenz96 { sites: 20 }, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
}

fn race() -> Annealer {
    Annealer::new(Schedule::adaptive()).race(8)
}

fn judged(twin: &Twin) -> Verdict {
    let action = problem(twin).build().unwrap();
    race().run(&action).unwrap().verdict(&action).unwrap()
}

fn correlated(verdict: &Verdict) -> bool {
    let residuals = verdict.residuals.unwrap();
    residuals.value > 3.0 * residuals.deviation
}

/// Each of two tests calls one good twin in a few hundred wrong.
#[test]
fn good_twins_are_called_good() {
    for seed in 0..6 {
        let verdict = judged(&twin(&Lorenz96 { sites: 20 }, EIGHT, SIGMA, seed));
        println!("{seed}:\n{verdict}\n");
        assert!(verdict.findings.is_empty(), "{seed}: {verdict}");
        let level = verdict.level.as_ref().unwrap();
        assert!(level.converged && level.freedom == 8 * 161 - 21);
        assert!((level.noise_factor - 1.0).abs() < 0.08, "{verdict}");
        assert!(verdict.minima.found >= 2, "{verdict}");
        // Twelve components, four quarters, as long again and everything again: that
        // doubles the information of all 21 unknowns, where the model is a constraint.
        assert_eq!(verdict.measurements.len(), 18);
        let mut gains = verdict.measurements.iter();
        let again = gains.find(|gain| gain.measurement == Further::Again);
        let doubled = 10.5 * 2.0_f64.ln();
        assert!(
            (again.unwrap().nats / doubled - 1.0).abs() < 0.01,
            "{verdict}"
        );
        assert!(level.model_error_limit.is_some(), "{verdict}");
        assert!(verdict.to_string().contains("Model, errors and data agree"));
    }
}

/// The standard deviation of √(χ²/ν) is 1/√(2ν), 2 % here.
#[test]
fn wrong_deviations_of_the_noise_are_told_with_their_factor() {
    for seed in 0..3 {
        for (declared, expected) in [(0.5 * SIGMA, 2.0), (2.0 * SIGMA, 0.5)] {
            let verdict = judged(&twin(&Lorenz96 { sites: 20 }, EIGHT, declared, seed));
            println!("{seed}, {declared}:\n{verdict}\n");
            let [finding] = &verdict.findings[..] else {
                panic!("{seed}, {declared}: {verdict}");
            };
            let (Finding::NoiseUnderestimated { factor } | Finding::NoiseOverestimated { factor }) =
                finding
            else {
                panic!("{seed}, {declared}: {verdict}");
            };
            assert!((factor / expected - 1.0).abs() < 0.1, "{verdict}");
            assert!(!correlated(&verdict), "{verdict}");
        }
    }
}

/// Forcings of the sites differ from their mean by up to 1.
#[test]
fn a_wrong_model_is_not_taken_for_wrong_noise() {
    let mut wrong = 0;
    for seed in 0..2 {
        let verdict = judged(&twin(&Uneven, EIGHT, SIGMA, seed));
        println!("{seed}:\n{verdict}\n");
        let level = verdict.level.as_ref().unwrap();
        assert!(level.z > 5.0 && correlated(&verdict), "{seed}: {verdict}");
        let missed = verdict.findings.contains(&Finding::MinimumMissed);
        wrong += usize::from(verdict.findings.contains(&Finding::ModelWrong));
        assert!(missed || verdict.findings.contains(&Finding::ModelWrong));
        assert!(level.model_error.is_some(), "{verdict}");
    }
    assert!(wrong >= 1);
}

/// With one of ten components there are many minima.
#[test]
fn too_few_components_leave_the_minimum_open() {
    for seed in 0..3 {
        let grid = Grid::uniform(0.0, 0.025, 81).unwrap();
        let truth = Simulation::new(grid, [8.17]).spin_up(20.0).seed(seed);
        let measurement = Measurement::new(&[0], Noise::scalar(SIGMA).unwrap());
        let truth = truth.flow(&Lorenz96 { sites: 10 }).unwrap();
        let twin = truth.observe(&measurement.seed(seed + 100)).unwrap();
        let action = Action::builder(Lorenz96 { sites: 10 }, SimpsonHermite)
            .window(twin.window().unwrap())
            .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
            .build()
            .unwrap();
        let annealing = Annealer::new(Schedule::adaptive()).race(4).run(&action);
        let verdict = annealing.unwrap().verdict(&action).unwrap();
        println!("{seed}:\n{verdict}\n");
        let open = verdict.findings.iter().any(|finding| {
            use Finding::{FoundOnce, MinimumMissed, Undecided};
            matches!(finding, MinimumMissed | Undecided { .. } | FoundOnce { .. })
        });
        assert!(open, "{seed}: {verdict}");
        let wrong = verdict.findings.contains(&Finding::ModelWrong);
        assert!(!wrong, "{seed}: {verdict}");
    }
}

/// Other normalizations are converted: the same numbers but for where the
/// adaptive schedules end, which moves the action by less than the hundredth of
/// a deviation that ends them.
#[test]
fn the_normalization_changes_nothing() {
    let twin = twin(&Lorenz96 { sites: 20 }, EIGHT, SIGMA, 1);
    let verdict = |normalization| {
        let action = problem(&twin).normalization(normalization).build().unwrap();
        race().run(&action).unwrap().verdict(&action).unwrap()
    };
    let sum = verdict(Normalization::Sum);
    for other in [Normalization::Mean, Normalization::Minaone] {
        let other = verdict(other);
        assert_eq!(sum.findings, other.findings);
        let [a, b] = [&sum, &other].map(|verdict| verdict.level.as_ref().unwrap());
        assert_eq!(
            (a.freedom, a.expected, a.deviation),
            (b.freedom, b.expected, b.deviation)
        );
        assert!(
            (a.action - b.action).abs() < 0.01 * a.deviation,
            "{sum}\n{other}"
        );
        for (a, b) in sum.measurements.iter().zip(&other.measurements) {
            assert_eq!(a.measurement, b.measurement);
            assert!((a.nats / b.nats - 1.0).abs() < 0.01, "{sum}\n{other}");
        }
        let [a, b] = [&sum, &other].map(|verdict| verdict.parameters[0].deviation.unwrap());
        assert!((a / b - 1.0).abs() < 0.01);
    }
}

/// x alone is measured and ρ unknown; z is held out. Over twenty seeds the
/// scores are those of a standard normal number: the mean of squares has the
/// deviation √(2/20).
#[test]
fn held_out_measurements_of_lorenz_63_agree_where_their_noise_is_right() {
    let grid = Grid::uniform(0.0, 0.01, 201).unwrap();
    let simulation = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0);
    let mut squares = 0.0;
    for seed in 0..20 {
        let truth = simulation.clone().seed(seed).flow(&Lorenz63).unwrap();
        let measured = |component, seed, noise| {
            let measurement = Measurement::new(&[component], Noise::scalar(noise).unwrap());
            let measurement = measurement.precision_declared(Precision::scalar(1.0).unwrap());
            truth.observe(&measurement.seed(seed)).unwrap()
        };
        let twin = measured(0, seed, 1.0);
        let action = Action::builder(Lorenz63, SimpsonHermite)
            .window(twin.window().unwrap())
            .parameter("sigma", Parameter::fixed(10.0))
            .parameter("rho", Bounds::new(0.0, 60.0).unwrap())
            .parameter("beta", Parameter::fixed(8.0 / 3.0))
            .build()
            .unwrap();
        let annealing = race().run(&action).unwrap();
        let (_, best) = annealing.best().unwrap();
        let held = |noise| {
            let set = measured(2, seed + 1000, noise).observations;
            action
                .held_out(best.rf, &best.estimate, &[(0, set)])
                .unwrap()
        };
        let right = held(1.0);
        println!("{seed}: {right}");
        assert_eq!(right.count, 201);
        assert!(
            right.expected > 1.0 && right.z.abs() < 4.0,
            "{seed}: {right}"
        );
        squares += right.z * right.z;
        // Nine times the variance leaves nine times the squares, by far more than
        // what errors of the path add or take away.
        assert!(held(3.0).z > 4.0, "{seed}");
        let verdict = annealing.verdict(&action).unwrap();
        assert_eq!(verdict.measurements.len(), 8, "{verdict}");
    }
    println!("{squares}");
    assert!(
        (squares / 20.0 - 1.0).abs() < 4.0 * (0.1_f64).sqrt(),
        "{squares}"
    );
}

/// Nothing changes: a random walk is what this model lacks.
struct Still;

impl Model for Still {
    fn parameter_count(&self) -> usize {
        0
    }
}

impl Flow for Still {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, _x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = S::from(0.0);
    }
}

/// The action has the deviation 32 and changes by about 300 as ln R_f does: that
/// makes 5 % of the deviation of a step.
#[test]
fn the_model_error_of_a_random_walk_is_found() {
    let (step, layers) = (0.3, 2001);
    for seed in 0..4 {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let mut state = 0.0;
        let values = ndarray::Array2::from_shape_simple_fn((layers, 1), || {
            state += step * normal();
            state + SIGMA * normal()
        });
        let grid = Grid::uniform(0.0, 1.0, layers).unwrap();
        let precision = Precision::from_deviation(SIGMA).unwrap();
        let data = Observations::of_components(&[0], grid.times(), values, precision).unwrap();
        let action = Action::builder(Still, Euler)
            .window(Window::new(grid).observations(data).unwrap())
            .build()
            .unwrap();
        let annealer = Annealer::new(Schedule::adaptive()).start_with(Starts::Mean);
        let verdict = annealer.run(&action).unwrap().verdict(&action).unwrap();
        println!("{seed}:\n{verdict}\n");
        let error = verdict.level.unwrap().model_error.unwrap();
        assert!((error.deviations[0] / step - 1.0).abs() < 0.2, "{error}");
        assert!((error.rf.powf(-0.5) / error.deviations[0] - 1.0).abs() < 1e-12);
    }
}

/// Without its numbers a predator's scale is unknown: predation and predators
/// change together.
#[test]
fn parameters_at_bounds_and_undetermined_ones_are_named() {
    let truth = [0.55, 0.028, 0.8, 0.024];
    let grid = Grid::uniform(0.0, 0.25, 121).unwrap();
    let simulation = Simulation::new(grid, truth).from_state([33.0, 6.0]);
    let simulated = simulation.flow(&LotkaVolterra).unwrap();
    let verdict = |observed: &[usize], birth: Bounds| {
        let measurement = Measurement::new(observed, Noise::scalar(1.0).unwrap());
        let twin = simulated.observe(&measurement).unwrap();
        let mut builder = Action::builder(LotkaVolterra, SimpsonHermite);
        builder = builder
            .window(twin.window().unwrap())
            .parameter("birth", birth);
        for (name, high) in [("predation", 0.1), ("death", 3.0), ("growth", 0.1)] {
            builder = builder.parameter(name, Bounds::new(0.0, high).unwrap());
        }
        let bounds = Bounds::new(0.1, 300.0).unwrap();
        let action = builder
            .state_bounds(0, bounds)
            .state_bounds(1, bounds)
            .build()
            .unwrap();
        let annealing = race().run(&action).unwrap();
        annealing.verdict(&action).unwrap()
    };
    let wide = Bounds::new(0.0, 3.0).unwrap();
    let good = verdict(&[0, 1], wide);
    println!("{good}\n");
    assert!(good.findings.is_empty(), "{good}");
    let blind = verdict(&[0], wide);
    println!("{blind}\n");
    // Where nothing holds it, it may stay anywhere between its bounds.
    let undetermined = blind.findings.iter().any(|finding| match finding {
        Finding::NotIdentifiable { name, .. } => name == "predation",
        Finding::ParameterAtBound { name, .. } => name == "predation",
        _ => false,
    });
    assert!(undetermined, "{blind}");
    assert_eq!(blind.measurements[0].measurement, Further::Component(1));
    let narrow = verdict(&[0, 1], Bounds::new(0.0, 0.5).unwrap());
    println!("{narrow}\n");
    let at_bound = Finding::ParameterAtBound {
        name: "birth".into(),
        window: None,
        bound: 0.5,
    };
    assert!(narrow.findings.contains(&at_bound), "{narrow}");
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let [good, other] = [EIGHT, &[0, 3]].map(|observed| {
        let twin = twin(&Lorenz96 { sites: 20 }, observed, SIGMA, 0);
        problem(&twin).build().unwrap()
    });
    let annealer = race().factorization_budget(1);
    let annealing = annealer.run(&good).unwrap();
    let cut = annealing.verdict(&good).unwrap();
    assert!(
        matches!(cut.findings[0], Finding::NotFinished { .. }),
        "{cut}"
    );
    let restful = annealer.begin(&good).unwrap();
    let (what, _) = fixtures::bad::empty(restful.annealing().verdict(&good));
    assert_eq!(what, "levels with a finite action");
    // The same model with fewer data is judged by what it has.
    assert!(annealing.verdict(&other).is_ok());
    let twin63 = Simulation::new(Grid::uniform(0.0, 0.01, 21).unwrap(), [10.0, 28.0, 3.0]);
    let twin63 = twin63.flow(&Lorenz63).unwrap();
    let twin63 = twin63
        .observe(&Measurement::new(&[0], Noise::scalar(1.0).unwrap()))
        .unwrap();
    let small = Action::builder(Lorenz63, Euler).window(twin63.window().unwrap());
    let names = ["sigma", "rho", "beta"];
    let small = names
        .into_iter()
        .fold(small, |b, name| b.parameter(name, Parameter::fixed(1.0)));
    let small = small.build().unwrap();
    assert!(matches!(
        annealing.verdict(&small),
        Err(deepest::Error::Length { .. })
    ));

    let (_, best) = annealing.best().unwrap();
    let set = |component, time: f64| {
        let values = ndarray::array![[0.0]];
        let precision = Precision::scalar(1.0).unwrap();
        Observations::of_components(&[component], [time], values, precision).unwrap()
    };
    let held = |w, set| good.held_out(best.rf, &best.estimate, &[(w, set)]);
    assert!(held(0, set(1, 0.025)).is_ok());
    let (what, ..) = fixtures::bad::range(held(1, set(1, 0.025)));
    assert_eq!(what, "window");
    fixtures::bad::range(held(0, set(20, 0.025)));
    let off = held(0, set(1, 0.026)).unwrap_err();
    assert!(matches!(off, deepest::Error::TimeOffGrid { .. }));
}

/// Of a state that does not change, n measured values hold the information n R_m:
/// what more of them tell is ½ ln of the ratio, where the model is a constraint.
#[test]
fn more_time_tells_what_it_tells_of_a_constant() {
    let still = || Linear::new(ndarray::array![[0.0]]).unwrap();
    let values = ndarray::Array2::from_shape_fn((21, 1), |(n, _)| 0.1 * (n as f64).sin());
    let ranked = |inputs_until: f64| {
        let grid = Grid::uniform(0.0, 0.5, 21).unwrap();
        let times = grid.times().to_vec();
        let inputs = ndarray::Array2::ones((2, 1));
        let data = Observations::of_components(
            &[0],
            times,
            values.clone(),
            Precision::scalar(4.0).unwrap(),
        );
        let window = Window::new(grid).observations(data.unwrap()).unwrap();
        let window = window
            .inputs(Inputs::linear([0.0, inputs_until], inputs).unwrap())
            .unwrap();
        let action = Action::builder(Driven(still()), SimpsonHermite)
            .window(window)
            .build()
            .unwrap();
        let schedule = Schedule::geometric(1e8, 10.0, [0]).unwrap();
        let annealing = Annealer::new(schedule).starts(1).run(&action).unwrap();
        annealing.verdict(&action).unwrap()
    };
    let verdict = ranked(20.0);
    println!("{verdict}");
    let expected = [
        (Further::Again, 42.0, 21),
        (Further::Longer, 41.0, 20),
        (Further::Quarter(0), 26.0, 5),
        (Further::Quarter(3), 27.0, 6),
    ];
    for (measurement, all, values) in expected {
        let mut gains = verdict.measurements.iter();
        let gain = gains.find(|gain| gain.measurement == measurement).unwrap();
        // Residuals of the model hold 1/(R_f …) of a deviation each: 10⁻⁶ in all.
        let exact = 0.5 * (all / 21.0_f64).ln();
        assert!((gain.nats - exact).abs() < 1e-5, "{gain}, exact {exact}");
        assert_eq!(gain.values, values);
    }
    assert_eq!(verdict.measurements.len(), 6);
    assert!(verdict.to_string().contains("as long again (+0.3 nats)"));
    // Where the inputs end nobody knows how it goes on.
    let until = ranked(10.0);
    let gains = until.measurements.iter();
    assert!(
        gains
            .clone()
            .all(|gain| gain.measurement != Further::Longer)
    );
    assert_eq!(gains.count(), 5);
}

/// A flow with an input that changes nothing.
struct Driven(Linear);

impl Model for Driven {
    fn parameter_count(&self) -> usize {
        0
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Driven {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        self.0.flow(t, x, theta, &[], dx);
        dx[0] += (input[0] - S::from(1.0)) * 0.0;
    }
}

/// A mode that dies out tells of its beginning at the beginning; one that grows, at
/// the end, and most of all later.
#[test]
fn the_time_that_tells_most_is_where_the_state_shows() {
    let first = |rate: f64| {
        let model = Linear::new(ndarray::array![[rate]]).unwrap();
        let grid = Grid::uniform(0.0, 0.1, 41).unwrap();
        let truth = Simulation::new(grid, [])
            .from_state([1.0])
            .flow(&model)
            .unwrap();
        let noise = Measurement::new(&[0], Noise::scalar(0.01).unwrap());
        let window = truth.observe(&noise).unwrap().window().unwrap();
        let action = Action::builder(model, Trapezoid)
            .window(window)
            .build()
            .unwrap();
        let schedule = Schedule::geometric(1e10, 10.0, [0]).unwrap();
        let annealing = Annealer::new(schedule).starts(1).run(&action).unwrap();
        let verdict = annealing.verdict(&action).unwrap();
        println!("{rate}: {verdict}");
        let mut order: Vec<_> = verdict
            .measurements
            .iter()
            .map(|gain| gain.measurement)
            .collect();
        order.retain(|further| *further != Further::Again);
        order[0]
    };
    assert_eq!(first(-2.0), Further::Quarter(0));
    assert_eq!(first(0.3), Further::Longer);
}
