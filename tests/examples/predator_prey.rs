//! The `predator_prey` example as a program: its figure, its flags, its files and
//! its refusals.

use crate::example;
use crate::lynx_hare;

use example::{Scratch, check_well_formed, levels, number, texts};
use lynx_hare::{SERIES, optimum, rows};

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
    let texts = texts(&svg);
    let count = |words: &str| texts.iter().filter(|t| **t == words).count();
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
        "expected plateau ± 2σ",
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
    let output = scratch.run(&[&short[..], &["--rate-bounds", "0.6,0.7"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    // Beta and delta are bounded in units of the populations' geometric means.
    let mean = |k: usize| {
        let logarithms = rows().into_iter().map(|row| row[k].ln());
        (logarithms.sum::<f64>() / 21.0).exp()
    };
    let units = [1.0, mean(2), 1.0, mean(1)];
    let scaled = rates.iter().zip(units).map(|(rate, unit)| rate * unit);
    let at_bound = |v: &f64| (v - 0.6).abs() < 1e-9 || (v - 0.7).abs() < 1e-9;
    let bounded = scaled.filter(at_bound).count();
    assert!(
        bounded > 0 && text.matches("at bound").count() == bounded,
        "{text}"
    );
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
            .contains("measured values more than unknowns: the level cannot tell right from wrong")
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
