//! The `predator_prey` example as a program: the published optimum, the ladder,
//! the forecast, its figure, its flags and its refusals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "fixtures/example.rs"]
mod example;

use deepest::models::LotkaVolterra;
use deepest::prelude::*;
use example::{Scratch, levels, number};
use serde_json::Value;

const SERIES: &str = include_str!("../examples/data/lynx_hare.csv");

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

/// Years and two populations.
fn rows() -> Vec<[f64; 3]> {
    let lines = SERIES.lines().filter(|line| !line.starts_with('#'));
    let cells = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(|c| c.parse().unwrap()).collect();
        cells.try_into().unwrap()
    };
    lines.skip(1).map(cells).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let array = value.as_array().unwrap().iter();
    array.map(|v| v.as_f64().unwrap()).collect()
}

/// Rates and first state of the best level.
fn optimum(report: &Value) -> Vec<f64> {
    let best = &report["best"];
    [
        numbers(&best["parameters"]),
        numbers(&best["initial_state"]),
    ]
    .concat()
}

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

/// The number behind these words.
fn after(text: &str, words: &str) -> f64 {
    let rest = text.split(words).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no {words:?} in {text}"));
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
    assert_eq!(after(&text, "leave a measurement term of "), expected);
    let left = number(&report["best"], "measurement");
    assert!((after(&text, "after the fit; the data\nleave ") - left).abs() < 0.051);
    assert!(left < expected && text.contains("ask for no model error"));
    // Forty pairs of successive rows.
    let errors = errors(&optimum(&report));
    let squares: f64 = errors.as_flattened().iter().map(|e| e * e).sum();
    let products = errors
        .windows(2)
        .map(|w| w[0][0] * w[1][0] + w[0][1] * w[1][1]);
    let correlation = products.sum::<f64>() / squares;
    assert!((after(&text, "from row to row by ") - correlation).abs() < 0.0051);
    assert!((after(&text, "by 0 ± ") - 40_f64.powf(-0.5)).abs() < 0.0051);
    // The stated R_f lies between the levels where the action passes.
    let ladder = levels(&report["starts"][0]);
    let passes = |key: &str, height: f64, levels: &[Value], rf: f64| {
        let above = levels
            .iter()
            .position(|l| number(l, key) >= height)
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
    let last = text.rsplit("(R_f = ").next().unwrap();
    let rf = after(&format!("at {last}"), "at ");
    passes("action", expected - 2.0 * 18.0_f64.sqrt(), ladder, rf);
    let percent = after(
        &text[text.rfind("With a model error").unwrap()..],
        "error of ",
    );
    assert!((percent - 100.0 / rf.sqrt()).abs() < 0.051 + 0.0026 * percent);

    // Data that are said to be better than they are ask for model error.
    let (text, report) = output(&["--rm", "100"]);
    assert!(number(&report["best"], "measurement") > expected);
    let asked = text.split("they ask for a model error of ").nth(1).unwrap();
    passes(
        "measurement",
        expected,
        levels(&report["starts"][0]),
        after(asked, "(R_f = "),
    );
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

/// Elements are closed in order, attributes quoted and texts escaped.
fn check_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "{text}");
        for entity in text.split('&').skip(1) {
            let name = entity.split(';').next().unwrap();
            assert!(
                ["lt", "gt", "amp", "quot", "apos"].contains(&name),
                "{entity}"
            );
        }
        let end = start + rest[start..].find('>').expect("an end of the tag");
        let tag = &rest[start + 1..end];
        assert!(
            !tag.contains('<') && tag.matches('"').count() % 2 == 0,
            "{tag}"
        );
        let name = |tag: &str| tag.split_whitespace().next().unwrap().to_string();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name(closed)));
        } else if !tag.ends_with('/') && !tag.starts_with(['?', '!']) {
            open.push(name(tag));
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}

#[test]
fn the_figure_holds_data_estimate_forecast_and_levels() {
    let scratch = Scratch::new("predator_prey", "figure");
    let output = scratch.run(&["--plot", "own.svg", "--starts", "2"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!scratch.file("predator_prey.svg").exists());
    let svg = std::fs::read_to_string(scratch.file("own.svg")).unwrap();
    assert!(svg.starts_with("<svg"));
    check_well_formed(&svg);
    // 21 values and one in the legend, twice.
    assert_eq!(svg.matches("<circle").count(), 2 * 22);
    let texts: Vec<&str> = svg
        .split("</text>")
        .filter_map(|t| t.rsplit('>').next())
        .collect();
    let count = |words: &str| texts.iter().filter(|t| t.trim() == words).count();
    for twice in [
        "estimate",
        "forecast",
        "data",
        "last year of the data",
        "best start",
    ] {
        assert_eq!(count(twice), 2, "{twice}");
    }
    for once in [
        "hare",
        "lynx",
        "hare (thousands of pelts)",
        "lynx (thousands of pelts)",
        "action levels",
        "measurement term",
        "model term",
        "expected plateau",
        "growth rate of the prey",
        "published mean ± deviation",
    ] {
        assert_eq!(count(once), 1, "{once}");
    }
}

#[test]
fn words_of_flags_and_help() {
    let scratch = Scratch::new("predator_prey", "words");
    let short = ["--betas", "0..12", "--starts", "1", "--threads", "1"];
    let run = |more: &[&str]| scratch.report(&[&short[..], more].concat());
    for kind in ["nudged", "mean", "uniform"] {
        let report = run(&["--start", kind]);
        assert_eq!(report["starts"][0]["start"], kind);
    }
    assert_ne!(
        run(&["--seed", "5"])["starts"][0]["seed"],
        run(&[])["starts"][0]["seed"]
    );
    for level in levels(&run(&["--rf0", "3", "--alpha", "1.5"])["starts"][0]) {
        let expected = 3.0 * 1.5_f64.powf(number(level, "beta"));
        assert!((number(level, "rf") / expected - 1.0).abs() < 1e-12);
    }
    // The rates of the optimum lie outside.
    let narrow = run(&["--rate-bounds", "0.6,0.7"]);
    let rates = optimum(&narrow);
    assert!((0.6..=0.7).contains(&rates[0]) && (0.6..=0.7).contains(&rates[2]));
    let help = scratch.run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = "data rm steps rate-bounds rf0 alpha betas start starts seed threads years json \
                 plot help";
    for flag in flags.split_whitespace() {
        assert!(help.contains(&format!("\n  --{flag} ")), "{flag}");
    }
}

/// The series with each row changed.
fn altered(change: impl Fn([f64; 3]) -> [f64; 3]) -> String {
    let mut text = String::from("# changed\n\nyear, prey, predator\n");
    for row in rows() {
        text += &change(row).map(|v| v.to_string()).join(", ");
        text += "\n";
    }
    text
}

#[test]
fn own_series_may_have_any_unit_and_missing_values() {
    let scratch = Scratch::new("predator_prey", "series");
    let run = |name: &str, text: String| {
        std::fs::write(scratch.file(name), text).unwrap();
        scratch.report(&["--data", name, "--starts", "1"])
    };
    let same = run("same.csv", altered(|row| row));
    // Pelts instead of thousands: only beta, delta and the states have a unit.
    let pelts = run("pelts.csv", altered(|[t, u, v]| [t, 1e3 * u, 1e3 * v]));
    let (thousands, pelts) = (optimum(&same), optimum(&pelts));
    for (k, factor) in [1.0, 1e-3, 1.0, 1e-3, 1e3, 1e3].into_iter().enumerate() {
        assert!((pelts[k] / thousands[k] / factor - 1.0).abs() < 1e-5, "{k}");
    }
    // The least misfit of fewer values is less.
    let gaps = altered(|[t, u, v]| match t {
        1904.0 => [t, f64::NAN, v],
        1910.0 => [t, f64::NAN, f64::NAN],
        _ => [t, u, v],
    });
    let gaps = run("gaps.csv", gaps);
    assert!(number(&gaps["best"], "measurement") < number(&same["best"], "measurement"));
    // Six values of three years: as many as unknowns.
    let few = altered(|row| row)
        .lines()
        .take(6)
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(scratch.file("few.csv"), few).unwrap();
    let output = scratch.run(&["--data", "few.csv"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("too few values")
    );
}

#[test]
fn bad_flags_are_refused_in_one_line() {
    let scratch = Scratch::new("predator_prey", "flags");
    std::fs::write(scratch.file("own.csv"), SERIES).unwrap();
    for (arguments, culprit) in [
        (&["--nonsense", "1"][..], "--nonsense"),
        (&["--rm"], "--rm"),
        (&["--rm", "0"], "found 0"),
        (&["--rm", "-16"], "-16"),
        (&["--rm", "NaN"], "NaN"),
        (&["--rm", "much"], "--rm"),
        (&["--rf0", "0"], "R_f0"),
        (&["--alpha", "1"], "alpha"),
        (&["--betas", "5..1"], "--betas"),
        (&["--betas", "3,2"], "beta"),
        (&["--steps", "0"], "--steps"),
        (&["--steps", "5"], "--steps"),
        (&["--years", "0"], "--years"),
        (&["--years", "1.5"], "--years"),
        (&["--rate-bounds", "1"], "--rate-bounds"),
        (&["--rate-bounds", "3,0"], "bounds"),
        (&["--start", "random"], "--start"),
        (&["--starts", "0"], "--starts"),
        (&["--seed", "-1"], "--seed"),
        (&["--threads", "0"], "--threads"),
        (&["--json", "no-such-directory/a.json"], "no-such-directory"),
        (&["--plot", "no-such-directory/a.svg"], "no-such-directory"),
        (&["--json", "a", "--plot", "a"], "--plot"),
        (&["--data", "own.csv", "--json", "own.csv"], "--json"),
    ] {
        scratch.refuses(arguments, culprit);
    }
    assert_eq!(
        std::fs::read_to_string(scratch.file("own.csv")).unwrap(),
        SERIES
    );
}

#[test]
fn bad_files_are_refused_in_one_line() {
    let scratch = Scratch::new("predator_prey", "files");
    let header = "year,hare,lynx\n1900,30,4\n";
    for (name, text, culprit) in [
        ("empty.csv", String::new(), "found no line"),
        ("comments.csv", "# only\n\n".into(), "found no line"),
        (
            "headless.csv",
            "1900,30,4\n1901,47,6\n".into(),
            "line 1: expected a header",
        ),
        (
            "narrow.csv",
            "year,hare\n1900,30\n".into(),
            "line 1: expected 3 cells, found 2",
        ),
        (
            "wide.csv",
            format!("{header}1901,47,6,1\n"),
            "line 3: expected 3 cells, found 4",
        ),
        (
            "words.csv",
            format!("{header}1901,many,6\n"),
            "line 3: hare: expected a number",
        ),
        (
            "blank.csv",
            format!("{header}1901,47,\n"),
            "line 3: lynx: expected a number",
        ),
        (
            "date.csv",
            format!("{header}May,47,6\n"),
            "line 3: year: expected a number",
        ),
        (
            "negative.csv",
            format!("{header}1901,-47,6\n"),
            "line 3: hare: expected a positive",
        ),
        (
            "zero.csv",
            format!("{header}1901,47,0\n"),
            "line 3: lynx: expected a positive",
        ),
        (
            "infinite.csv",
            format!("{header}1901,inf,6\n"),
            "line 3: hare: expected a positive",
        ),
        (
            "unsorted.csv",
            format!("{header}1899,47,6\n"),
            "line 3: expected a year after 1900",
        ),
        (
            "again.csv",
            format!("{header}1900,47,6\n"),
            "line 3: expected a year after 1900",
        ),
        ("nan-year.csv", format!("{header}NaN,47,6\n"), "found NaN"),
        (
            "short.csv",
            header.into(),
            "expected at least 2 years, found 1",
        ),
        (
            "silent.csv",
            "year,hare,lynx\n1900,NaN,4\n1901,NaN,6\n".into(),
            "hare: expected at least one value",
        ),
    ] {
        std::fs::write(scratch.file(name), text).unwrap();
        scratch.refuses(&["--data", name], culprit);
        scratch.refuses(&["--data", name], &format!("file {name}"));
    }
    std::fs::write(scratch.file("latin.csv"), b"year,li\xe8vre,lynx\n").unwrap();
    for name in ["latin.csv", "missing.csv", "."] {
        scratch.refuses(&["--data", name], &format!("file {name}"));
    }
}
