//! Lotka-Volterra on the lynx and the hare, as the `predator_prey` example does it:
//! the published optimum, the ladder, the verdict and the forecast.

use crate::example;
use crate::lynx_hare;

use deepest::models::LotkaVolterra;
use deepest::prelude::*;
use example::{Scratch, levels, number};
use lynx_hare::{numbers, optimum, rows};
use serde_json::Value;

/// Alpha, beta, gamma, delta and the first state at the optimum without model
/// error, R_m = 16, and half a unit of the last digit given.
const OPTIMUM: [(f64, f64); 6] = [
    (0.5402, 0.5e-4),
    (0.02717, 0.5e-5),
    (0.7964, 0.5e-4),
    (0.02369, 0.5e-5),
    (34.60, 0.5e-2),
    (5.845, 0.5e-3),
];

/// Errors of the logarithms of the data where the model is integrated with
/// these rates from this first state, one row a year.
fn errors(unknowns: &[f64]) -> Vec<[f64; 2]> {
    let grid = Grid::uniform(1900.0, 1.0, 21).unwrap();
    let simulation = Simulation::new(grid, &unknowns[..4])
        .from_state(&unknowns[4..])
        .substeps(100);
    let path = simulation.flow(&LotkaVolterra).unwrap().path;
    let rows = rows().into_iter().enumerate();
    rows.map(|(n, [_, prey, predator])| {
        let state = path.layer(n);
        [(prey / state[0]).ln(), (predator / state[1]).ln()]
    })
    .collect()
}

/// ½ · 16 · Σ(…)² of them.
fn misfit(unknowns: &[f64]) -> f64 {
    8.0 * errors(unknowns)
        .as_flattened()
        .iter()
        .map(|e| e * e)
        .sum::<f64>()
}

/// What is behind these words.
fn after_words<'a>(text: &'a str, words: &str) -> &'a str {
    let rest = text.split(words).nth(1);
    rest.unwrap_or_else(|| panic!("no {words:?} in {text}"))
}

/// The number behind these words.
fn after(text: &str, words: &str) -> f64 {
    let rest = after_words(text, words);
    let end = rest.find(|c: char| !"0123456789.e+-".contains(c));
    let number = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
    number
        .parse()
        .unwrap_or_else(|_| panic!("{words:?}: {number:?}"))
}

#[test]
fn without_model_error_the_published_optimum_is_reached_by_every_start() {
    let scratch = Scratch::new("predator_prey", "optimum");
    let report = scratch.report(&[]);
    let found = optimum(&report);
    for (k, (value, half)) in OPTIMUM.into_iter().enumerate() {
        assert!(
            (found[k] - value).abs() <= half,
            "{k}: {} {value}",
            found[k]
        );
    }
    let starts = report["starts"].as_array().unwrap();
    assert_eq!(starts.len(), 4);
    let lowest = number(&report["best"], "action");
    for start in starts {
        let last = number(levels(start).last().unwrap(), "action");
        // The minimizer stops at a relative predicted decrease far below this.
        assert!((last / lowest - 1.0).abs() < 1e-6, "{last} {lowest}");
    }
}

/// The oracle is the model integrated by Runge-Kutta: nothing of the action.
#[test]
fn the_optimum_is_a_minimum_of_the_misfit_of_simulations() {
    let scratch = Scratch::new("predator_prey", "misfit");
    let report = scratch.report(&["--steps", "64", "--starts", "1"]);
    let found = optimum(&report);
    let at_best = misfit(&found);
    // Simpson's rule with rates of about 2 a year: (2/64)⁴/180 a year, 1e-7 in
    // the logarithms of twenty years, times 16 Σ|error| < 16 · 42 · 0.25.
    assert!((number(&report["best"], "action") - at_best).abs() < 2e-5);
    for k in 0..6 {
        for factor in [0.99, 1.01] {
            let mut moved = found.clone();
            moved[k] *= factor;
            assert!(misfit(&moved) > at_best, "{k} {factor}");
        }
    }
}

#[test]
fn the_discretization_error_is_of_fourth_order_and_below_the_digits_compared() {
    let scratch = Scratch::new("predator_prey", "refinement");
    let run = |steps| optimum(&scratch.report(&["--steps", steps, "--starts", "1"]));
    let [coarse, default, fine] = ["8", "16", "32"].map(run);
    for (k, (_, half)) in OPTIMUM.into_iter().enumerate() {
        // What Richardson's extrapolation says of the error at 16 steps.
        let error = (default[k] - fine[k]).abs() * 16.0 / 15.0;
        assert!(error < 0.1 * half, "{k}: {error}");
    }
    // Halving the steps divides the error by 2⁴; the rate that the steps change
    // most is far above rounding. Half an order of allowance.
    let gamma = |a: &[f64], b: &[f64]| (a[2] - b[2]).abs();
    let order = (gamma(&coarse, &default) / gamma(&default, &fine)).log2();
    assert!((order - 4.0).abs() < 0.5, "{order}");
}

/// Along minima of M + R_f G the action grows and is concave in R_f, M grows and
/// G falls.
#[test]
fn measurement_and_model_term_trade_along_the_ladder() {
    let scratch = Scratch::new("predator_prey", "ladder");
    for rm in ["16", "100"] {
        let report = scratch.report(&["--rm", rm]);
        for start in report["starts"].as_array().unwrap() {
            let levels = levels(start);
            assert_eq!(levels.len(), 33);
            for level in levels {
                let word = level["termination"].as_str().unwrap();
                assert!(["Converged", "RoundingLimit"].contains(&word), "{word}");
            }
            let slack = 1e-6;
            let series = |key| levels.iter().map(|l| number(l, key)).collect::<Vec<_>>();
            let (rf, action) = (series("rf"), series("action"));
            let (measurement, model) = (series("measurement"), series("model"));
            for k in 1..levels.len() {
                assert!(action[k] > action[k - 1] * (1.0 - slack));
                assert!(measurement[k] > measurement[k - 1] * (1.0 - slack));
                assert!(model[k] / rf[k] < model[k - 1] / rf[k - 1] * (1.0 + slack));
                // Concave: the next level lies below the tangent, whose slope
                // is G.
                let tangent = action[k - 1] + model[k - 1] / rf[k - 1] * (rf[k] - rf[k - 1]);
                assert!(action[k] < tangent * (1.0 + slack));
            }
        }
    }
}

#[test]
fn the_table_says_how_much_model_error_the_data_ask_for() {
    let scratch = Scratch::new("predator_prey", "verdict");
    let output = |arguments: &[&str]| {
        let output = scratch.run(&[&["--json", "report.json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0));
        let report = std::fs::read_to_string(scratch.file("report.json")).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        (String::from_utf8(output.stdout).unwrap(), report)
    };
    let (text, report) = output(&[]);
    for words in [
        "start",
        "ladder",
        "published mean",
        "0.5402",
        "0.02717",
        "predator_prey.svg",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // 42 values less 6 unknowns, halved; half of twice them is the variance.
    let expected = 18.0;
    assert_eq!(after(&text, "nats, expected "), expected);
    let left = number(&report["best"], "action");
    assert!((after(&text, "level         ") - left).abs() < 0.051);
    // Forty pairs of successive rows.
    let errors = errors(&optimum(&report));
    let squares: f64 = errors.as_flattened().iter().map(|e| e * e).sum();
    let products = errors
        .windows(2)
        .map(|w| w[0][0] * w[1][0] + w[0][1] * w[1][1]);
    let correlation = (products.sum::<f64>() / 40.0) / (squares / 42.0);
    assert!((after(&text, "correlate by ") - correlation).abs() < 0.0051);
    assert!(
        (after(after_words(&text, "noise would by "), "± ") - 40_f64.powf(-0.5)).abs() < 0.0051
    );
    // The stated R_f lies between the levels where the action passes.
    let passes = |height: f64, levels: &[Value], rf: f64| {
        let above = levels
            .iter()
            .position(|l| number(l, "action") >= height)
            .unwrap();
        let (low, high) = (
            number(&levels[above - 1], "rf"),
            number(&levels[above], "rf"),
        );
        assert!(
            (low * 0.995..=high * 1.005).contains(&rf),
            "{low} {rf} {high}"
        );
    };
    let ladder = levels(&report["starts"][0]);
    let rf = after(&text[text.find("at most").unwrap()..], "(R_f = ");
    passes(expected - 2.0 * 18.0_f64.sqrt(), ladder, rf);

    // Data that are said to be better than they are ask for model error.
    let (text, report) = output(&["--rm", "100"]);
    assert!(number(&report["best"], "action") > expected);
    let asked = &text[text.find("model error ").unwrap()..];
    let rf = after(asked, "(R_f = ");
    passes(expected, levels(&report["starts"][0]), rf);
}

/// Lotka-Volterra keeps V = δu − γ ln u + βv − α ln v.
#[test]
fn the_forecast_goes_on_along_the_orbit() {
    let scratch = Scratch::new("predator_prey", "forecast");
    let report = scratch.report(&["--years", "12", "--starts", "1"]);
    let forecast = &report["forecast"];
    let [years, prey, predator] = ["years", "prey", "predator"].map(|key| numbers(&forecast[key]));
    assert_eq!((years[0], years[240], years.len()), (1920.0, 1932.0, 241));
    let unknowns = optimum(&report);
    let [a, b, c, d] = unknowns[..4] else {
        panic!("{unknowns:?}")
    };
    let kept = |u: f64, v: f64| d * u - c * u.ln() + b * v - a * v.ln();
    let first = kept(prey[0], predator[0]);
    for (u, v) in prey.iter().zip(&predator) {
        // Runge-Kutta with steps of 1/200 year.
        assert!((kept(*u, *v) - first).abs() < 1e-9);
    }
    // Simpson's rule: (2/16)⁴/180 · 20 years = 3e-5.
    assert!((kept(unknowns[4], unknowns[5]) - first).abs() < 1e-4);
}
