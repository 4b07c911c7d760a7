//! Steps that are too long are found, and how many would do.

use crate::cases::{Case, action, blames_noise_or_model, run};
use deepest::prelude::*;
use deepest::verdict::LongSteps;
use deepest::{Annealing, Finding, StatePrior, Verdict};
use ndarray::Array2;

/// x₁ → x₂ → x₃ → ∅ with the rates 100, 20, 3 from (5, 0, 0), by partial fractions.
fn chain(t: f64) -> [f64; 3] {
    let k = [100.0, 20.0, 3.0];
    let e = k.map(|k: f64| (-k * t).exp());
    let second = 5.0 * k[0] / (k[1] - k[0]) * (e[0] - e[1]);
    let third = 5.0
        * k[0]
        * k[1]
        * (e[0] / ((k[1] - k[0]) * (k[2] - k[0]))
            + e[1] / ((k[0] - k[1]) * (k[2] - k[1]))
            + e[2] / ((k[0] - k[2]) * (k[1] - k[2])));
    [5.0 * e[0], second, third]
}

/// Exact values at 20 times with the deviation of a tenth of each, but not below `floor`,
/// on these layers.
fn measured(grid: Grid, floor: f64) -> Action {
    let times: Vec<f64> = (1..=20).map(|k| f64::from(k) / 20.0).collect();
    let values = Array2::from_shape_fn((20, 3), |(k, i)| chain(times[k])[i]);
    let precisions = values.rows().into_iter().map(|row| {
        let deviations = row.iter().map(|v| (0.1 * v).max(floor).powi(-2));
        Precision::diagonal(deviations.collect::<Vec<_>>()).unwrap()
    });
    let one = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0, 1, 2], times.clone(), values.clone(), one);
    let data = data.unwrap().precisions(precisions.collect()).unwrap();
    let known = Precision::from_deviation(1e-3).unwrap();
    let window = Window::new(grid).observations(data).unwrap();
    let window = window.prior(StatePrior::new([5.0, 0.0, 0.0], known).unwrap());
    action(Case::Chain, window, (0.1, 1000.0))
}

fn with_steps(steps: usize) -> (Annealing, Verdict) {
    let times: Vec<f64> = (0..=20).map(|k| f64::from(k) / 20.0).collect();
    // Below a millionth nobody measures.
    run(&measured(Grid::from_times(&times, steps).unwrap(), 1e-6))
}

/// Deviations down to 1e-44, with two steps an interval: the ladder ends by rounding, far
/// from any minimum of the flow's. Neither noise nor priors nor model are blamed, nobody is
/// sent to a larger R_f, and what cannot be told is said.
#[test]
fn nothing_is_concluded_where_rounding_ends_the_schedule_too_early() {
    let times: Vec<f64> = (0..=20).map(|k| f64::from(k) / 20.0).collect();
    let (_, verdict) = run(&measured(Grid::from_times(&times, 2).unwrap(), 0.0));
    println!("{verdict}");
    assert!(
        matches!(verdict.findings[0], Finding::EndedByRounding { .. }),
        "{verdict}"
    );
    assert!(verdict.level.is_none() && verdict.priors.is_none());
    assert!(!blames_noise_or_model(&verdict), "{verdict}");
    let wrong = |f: &Finding| {
        matches!(
            f,
            Finding::PriorsWrong { .. } | Finding::NotConverged { .. }
        )
    };
    assert!(!verdict.findings.iter().any(wrong), "{verdict}");
}

fn long_steps(verdict: &Verdict) -> Option<Vec<LongSteps>> {
    verdict.findings.iter().find_map(|finding| match finding {
        Finding::StepsTooLong { intervals, .. } => Some(intervals.clone()),
        _ => None,
    })
}

/// Shorter steps are the oracle: what the verdict predicts of the first rate is what they
/// find, to within 30 % where the error is small. (The rate is off by a tenth with four
/// steps, less than a hundredth with eight.)
#[test]
fn the_shift_by_exact_steps_is_predicted() {
    let rate = |annealing: &Annealing| annealing.best().unwrap().1.estimate.parameters[0];
    let (finest, verdict) = with_steps(32);
    println!("{verdict}\n");
    for steps in [4, 8] {
        let (annealing, verdict) = with_steps(steps);
        println!("{steps}: {}\n{verdict}\n", rate(&annealing));
        let shift = rate(&finest) - rate(&annealing);
        let predicted = verdict.steps.as_ref().unwrap().shifts[0];
        println!("{steps}: {predicted} for {shift}");
        if steps == 8 {
            assert!((predicted / shift - 1.0).abs() < 0.3, "{predicted} {shift}");
        }
        assert!(predicted * shift > 0.0, "{predicted} {shift}");
    }
}

/// Two steps between the times are far too few, and neither noise nor model is blamed.
/// With as many as the finding asks for, where it does, it is gone.
#[test]
fn steps_that_are_too_long_are_named_and_mended() {
    let (_, verdict) = with_steps(2);
    println!("{verdict}\n");
    assert!(!blames_noise_or_model(&verdict), "{verdict}");
    let intervals = long_steps(&verdict).unwrap();
    assert!(intervals.iter().all(|of| !of.switch), "{verdict}");
    let times: Vec<f64> = (0..=40).map(|k| f64::from(k) / 40.0).collect();
    let mut finer = vec![0.0];
    for pair in times.windows(2) {
        let middle = 0.5 * (pair[0] + pair[1]);
        let of = intervals
            .iter()
            .find(|of| of.from < middle && middle < of.to);
        let parts = of.map_or(1, |of| of.needed.div_ceil(of.steps));
        for part in 1..=parts {
            finer.push(pair[0] + (pair[1] - pair[0]) * part as f64 / parts as f64);
        }
    }
    let (_, verdict) = run(&measured(Grid::new(finer).unwrap(), 1e-6));
    println!("{verdict}\n");
    assert!(long_steps(&verdict).is_none(), "{verdict}");
    assert!(verdict.steps.unwrap().effect <= 0.5);
}

/// e^{−0.3 t} up to t = 5, then e^{−1.5 − 0.1 (t − 5)}, every half to 10.
fn switched(case: Case) -> Action {
    let times: Vec<f64> = (0..=20).map(|k| 0.5 * f64::from(k)).collect();
    let value = |t: f64| match t <= 5.0 {
        true => (-0.3 * t).exp(),
        false => (-1.5 - 0.1 * (t - 5.0)).exp(),
    };
    let values = Array2::from_shape_fn((21, 1), |(k, _)| value(times[k]));
    let grid = Grid::from_times(&times, 2).unwrap();
    let precision = Precision::from_deviation(1e-3).unwrap();
    let data = Observations::of_components(&[0], times, values, precision).unwrap();
    let mut window = Window::new(grid).observations(data).unwrap();
    if case == Case::Switched {
        let series = ndarray::array![[0.0], [1.0]];
        window = window
            .inputs(Inputs::constant([0.0, 5.0], series).unwrap())
            .unwrap();
    }
    action(case, window, (0.01, 2.0))
}

/// The last step before the switch sees its other side at its end: the action there is
/// 12.57, which no noise makes. As a held input the switch lies between two steps.
#[test]
fn a_step_across_a_switch_is_named() {
    let (annealing, verdict) = run(&switched(Case::Switch));
    println!("{verdict}\n");
    assert!(annealing.best().unwrap().1.action.total > 10.0);
    assert!(!blames_noise_or_model(&verdict), "{verdict}");
    let intervals = long_steps(&verdict).unwrap();
    let across = intervals.iter().filter(|of| of.switch);
    let across: Vec<(usize, f64, f64)> = across.map(|of| (of.window, of.from, of.to)).collect();
    assert_eq!(across, [(0, 4.5, 5.0)], "{verdict}");
    assert!(verdict.to_string().contains("switch"));

    let (annealing, verdict) = run(&switched(Case::Switched));
    println!("{verdict}\n");
    assert!(long_steps(&verdict).is_none(), "{verdict}");
    let rates = &annealing.best().unwrap().1.estimate.parameters;
    assert!((rates[0] - 0.3).abs() < 1e-3 && (rates[1] - 0.1).abs() < 1e-3);
}
