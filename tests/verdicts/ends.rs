//! Ends that are no ends, minima that are one, and rounding.

use std::ops::ControlFlow;

use crate::cases::{Case, action, blames_noise_or_model, run};
use deepest::Finding;
use deepest::prelude::*;
use ndarray::Array2;

/// Values of a state that rests at 2, every half of a time unit.
fn resting(errors: &[f64], deviation: f64) -> Window {
    let times: Vec<f64> = (0..errors.len()).map(|k| 0.5 * k as f64).collect();
    let grid = Grid::from_times(&times, 2).unwrap();
    let values = Array2::from_shape_fn((errors.len(), 1), |(k, _)| 2.0 + errors[k]);
    let precision = Precision::from_deviation(deviation).unwrap();
    let data = Observations::of_components(&[0], times, values, precision);
    Window::new(grid).observations(data.unwrap()).unwrap()
}

/// Errors of ±0.1 that follow no order.
fn errors(count: usize) -> Vec<f64> {
    let sign = |k: usize| (1.7 * (k * k) as f64 + 0.3).sin();
    (0..count).map(|k| 0.1 * sign(k).signum()).collect()
}

/// The ends of all starts are one minimum, also where the action is rounding; a constant
/// x₀ = a = 2 is the exact solution. The information of a in 21 values at steps of 0.5 is
/// Σ (1 − e^{−t})² − (Σ (1 − e^{−t}) e^{−t})²/Σ e^{−2t} = 16.92 units of 1/0.1²: its
/// deviation is 0.0243.
#[test]
fn constant_data_have_one_minimum() {
    let action = action(Case::Relaxation, resting(&[0.0; 21], 0.1), (-10.0, 10.0));
    let (annealing, verdict) = run(&action);
    println!("{verdict}");
    let open = |f: &Finding| matches!(f, Finding::Undecided { .. } | Finding::FoundOnce { .. });
    assert!(!verdict.findings.iter().any(open), "{verdict}");
    let spread = &verdict.parameters[0];
    assert!(spread.identifiable && !spread.hidden, "{verdict}");
    assert!(
        (spread.deviation.unwrap() / 0.0243 - 1.0).abs() < 0.01,
        "{spread:?}"
    );
    let value = annealing.best().unwrap().1.estimate.parameters[0];
    assert!((value - 2.0).abs() < 1e-6, "{value}");
}

/// Four starts from the same estimate are the same start; those that draw the parameter
/// are different ones, also where the problem is linear and all come to the same bits.
#[test]
fn identical_starts_count_as_one() {
    let action = action(Case::Relaxation, resting(&errors(101), 0.1), (-10.0, 10.0));
    let annealer = Annealer::new(Schedule::adaptive()).starts(4);
    let minima = |starts: Starts| {
        let annealing = annealer.clone().start_with(starts).run(&action).unwrap();
        let mut annealing = annealing;
        // Whoever makes the same start twice gives it the same fingerprint.
        annealing.starts.push(annealing.starts[0].clone());
        annealing.verdict(&action).unwrap().minima
    };
    let path = deepest::Path::from_layers((0..201).map(|_| [2.0]));
    let given = minima(Starts::Given(Estimate::new(vec![path], [2.0])));
    assert_eq!((given.starts, given.found), (1, 1));
    let drawn = minima(Starts::Mean);
    assert_eq!((drawn.starts, drawn.found), (4, 4));
}

/// Neither noise nor model is judged from a level before the hill, from one that is no
/// minimum, or from a start that was cut; and what is said tells what to do.
#[test]
fn nothing_is_concluded_before_the_end() {
    // Ten times the declared errors: a level that is judged would be far too high.
    let loud: Vec<f64> = errors(101).iter().map(|e| 10.0 * e).collect();
    let action = action(Case::Relaxation, resting(&loud, 0.1), (-10.0, 10.0));
    let (_, judged) = run(&action);
    assert!(blames_noise_or_model(&judged), "{judged}");

    let early = Schedule::geometric(1e-12, 1.5, 0..=3).unwrap();
    let verdict = Annealer::new(early).starts(1).run(&action).unwrap();
    let verdict = verdict.verdict(&action).unwrap();
    assert_eq!(verdict.findings, [Finding::BeforeHill { rounding: false }]);
    assert!(verdict.level.is_none());
    assert!(verdict.to_string().contains("go on to a larger R_f"));

    let cut = Annealer::new(Schedule::adaptive())
        .starts(2)
        .factorization_budget(3);
    let verdict = cut.run(&action).unwrap().verdict(&action).unwrap();
    assert!(
        matches!(verdict.findings[..], [Finding::NotFinished { .. }]),
        "{verdict}"
    );
    assert!(!verdict.to_string().contains("nats, expected"), "{verdict}");

    let schedule = Schedule::geometric(1e-3, 1e4, 0..=2).unwrap();
    let short = GaussNewton::default().max_factorizations(1);
    assert_eq!(short.name(), GaussNewton::default().name());
    let annealer = Annealer::new(schedule).starts(1).minimizer(short);
    let annealing = annealer.run(&action).unwrap();
    let verdict = annealing.verdict(&action).unwrap();
    if annealing.best().unwrap().1.termination == deepest::Termination::IterationLimit {
        assert!(
            matches!(verdict.findings[..], [Finding::NotMinimized { .. }]),
            "{verdict}"
        );
    }
}

/// The deviation of a parameter is that of exact arithmetic, 0.0243, at every R_f that
/// does not let the model err; rounding never makes it undetermined.
#[test]
fn rounding_does_not_hide_a_parameter() {
    let action = action(Case::Relaxation, resting(&[0.0; 21], 0.1), (-10.0, 10.0));
    let mut x = vec![2.0; 42];
    let mut objective = action.at(1e6).unwrap();
    let outcome =
        GaussNewton::default().minimize(&mut objective, &mut x, &mut |_| ControlFlow::Continue(()));
    assert!(outcome.value < 1e-20);
    let path = deepest::Path::from_layers((0..41).map(|_| [2.0]));
    let estimate = Estimate::new(vec![path], [2.0]);
    for exponent in [6, 8, 10, 12, 14, 15, 16, 17, 18] {
        let spreads = action.parameter_spreads(10.0_f64.powi(exponent), &estimate);
        let spread = &spreads.unwrap()[0];
        println!("1e{exponent}: {spread:?}");
        assert!(
            spread.identifiable && !spread.hidden,
            "1e{exponent}: {spread:?}"
        );
        let deviation = spread.deviation.unwrap();
        assert!(
            (deviation / 0.0243 - 1.0).abs() < 0.01,
            "1e{exponent}: {deviation}"
        );
    }
}
