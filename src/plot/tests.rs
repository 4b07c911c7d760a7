//! Panels and what is drawn of them, against what the SVG files say.

use super::panel::{Axis, Panel, Role};
use super::scale::Scale;
use super::*;
use crate::models::Lorenz63;
use crate::prelude::*;

fn axis(logarithmic: bool) -> Axis {
    Axis {
        label: String::new(),
        logarithmic,
    }
}

fn labels(scale: &Scale, most: usize) -> Vec<String> {
    let ticks = scale.ticks(most).into_iter();
    ticks.map(|(_, label)| label).collect()
}

#[test]
fn linear_scales_map_evenly_and_have_round_ticks() {
    let scale = Scale::around(&axis(false), [3.0, -1.0, f64::NAN].into_iter(), 0.0);
    for (value, fraction) in [(-1.0, 0.0), (0.0, 0.25), (1.0, 0.5), (3.0, 1.0)] {
        assert_eq!(scale.fraction(value), Some(fraction));
    }
    assert_eq!(scale.fraction(3.1), None);
    assert_eq!(scale.fraction(f64::NAN), None);
    assert_eq!(labels(&scale, 4), ["−1", "0", "1", "2", "3"]);
    assert_eq!(labels(&scale, 2), ["0", "2"]);
    let small = Scale::around(&axis(false), [0.31, 0.52].into_iter(), 0.0);
    assert_eq!(labels(&small, 5), ["0.35", "0.40", "0.45", "0.50"]);
}

#[test]
fn logarithmic_scales_count_decades_and_leave_out_what_has_no_logarithm() {
    let values = [1e-6, 1.0, 0.0, -3.0, f64::INFINITY];
    let scale = Scale::around(&axis(true), values.into_iter(), 0.0);
    assert_eq!(scale.fraction(1e-6), Some(0.0));
    let middle = scale.fraction(1e-3).unwrap();
    assert!((middle - 0.5).abs() < 1e-15);
    assert_eq!(scale.fraction(0.0), None);
    assert_eq!(labels(&scale, 3), ["10⁻⁶", "10⁻⁴", "10⁻²", "1"]);
    // Twelve decades below the largest value is where an axis ends.
    let long = Scale::around(&axis(true), [1e-300, 1.0].into_iter(), 0.0);
    assert_eq!(long.fraction(1e-12), Some(0.0));
    assert_eq!(long.fraction(0.9e-12), None);
    let short = Scale::around(&axis(true), [1.0, 4.0].into_iter(), 0.0);
    assert_eq!(labels(&short, 3), ["1", "2", "3", "4"]);
}

#[test]
fn ranges_without_width_or_beyond_numbers_have_an_inside() {
    for values in [
        vec![],
        vec![5.0],
        vec![0.0, 0.0],
        vec![-2.0],
        vec![f64::MAX, -f64::MAX],
        vec![1e-300],
    ] {
        for logarithmic in [false, true] {
            let axis = axis(logarithmic);
            let scale = Scale::around(&axis, values.iter().copied(), 0.05);
            for &value in values.iter().filter(|v| v.abs() < 1e300) {
                let shown = scale.fraction(value);
                assert_eq!(shown.is_some(), !logarithmic || value > 0.0, "{value}");
            }
            assert!(scale.ticks(5).len() <= 6);
        }
    }
}

/// The points of every line that is no straight grid line.
fn curves(svg: &str) -> Vec<Vec<(i32, i32)>> {
    let lines = svg.split("<polyline ").skip(1);
    let points = lines.map(|line| {
        let points = line.split("points=\"").nth(1).unwrap();
        let points = points.split('"').next().unwrap().split_whitespace();
        let pair = |p: &str| {
            let (x, y) = p.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        points.map(pair).collect()
    });
    points.filter(|line: &Vec<_>| line.len() > 2).collect()
}

#[test]
fn data_are_dots_and_missing_values_interrupt_lines() {
    let times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let values = [0.0, 1.0, 2.0, f64::NAN, 2.0, 1.0, 4.0];
    let panel = Panel::path(&times, &values).unwrap();
    let panel = panel.data(&times, &values).unwrap();
    let svg = Figure::new().panel(panel).to_svg().unwrap();
    // One more dot stands in the legend.
    assert_eq!(svg.matches("<circle").count(), 6 + 1);
    let curves = curves(&svg);
    assert_eq!(curves.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
    // Equal steps in time and value are equal steps of the line, whose y runs
    // downwards; pixels are rounded.
    let [a, b, c] = curves[0][..] else {
        panic!("{:?}", curves[0])
    };
    assert!((b.0 - a.0 - (c.0 - b.0)).abs() <= 1);
    assert!((b.1 - a.1 - (c.1 - b.1)).abs() <= 1);
    assert!(b.1 < a.1);
}

#[test]
fn methods_have_colours_and_names_of_their_own() {
    let methods: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| (*name, vec![(10.0, 1e-2), (100.0, 1e-4)]))
        .collect();
    let panel = Panel::convergence(&methods).legend("first");
    assert!(panel.x.logarithmic && panel.y.logarithmic);
    let svg = Figure::new().panel(panel).to_svg().unwrap();
    for text in ["first", ">\nb", ">\nc", "layers", "error"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(!svg.contains(">\na\n"));
    // A line and its swatch.
    for colour in ["#E69F00", "#D55E00", "#56B4E9"] {
        assert_eq!(svg.matches(colour).count(), 2, "{colour}");
    }
}

#[test]
fn forecasts_are_dashed_from_an_upright_line_on() {
    let panel = Panel::path(&[0.0, 4.0, 8.0], &[1.0, 2.0, 1.0]).unwrap();
    let panel = panel.forecast(&[8.0, 12.0], &[1.0, 1.0]).unwrap();
    let marked = |x| panel.clone().instant("1920", x);
    let draw = |panel| Figure::new().panel(panel).to_svg().unwrap();
    let svg = draw(marked(8.0));
    assert!(svg.contains("forecast") && svg.contains("1920"));
    let plain = draw(panel.clone());
    // An upright line within the axes and one in the legend, in its own colour.
    let grey = |svg: &str| svg.matches("#787878").count();
    assert_eq!((grey(&svg), grey(&plain)), (2, 0));
    // Two thirds along an axis of 0 to 12, over the whole height of the frame:
    // 72 + (800 − 18 − 72) · 2/3 pixels of four parts each.
    let upright = svg
        .split("<polyline ")
        .find(|line| line.contains("#787878"));
    let points = upright.unwrap().split("points=\"").nth(1).unwrap();
    let points = points.split('"').next().unwrap();
    let x = (4.0 * (72.0 + 710.0 * 2.0 / 3.0_f64)).round() as i32;
    // The legend takes one row, 18 pixels, below the 32 of the title.
    let (bottom, top) = (4 * (300 - 52), 4 * (32 + 18));
    assert_eq!(points.trim(), format!("{x},{bottom} {x},{top}"));
    // The axis reaches to where the line stands: an estimate that took all of
    // the width before 12 ends at half of 16.
    let last = |svg: &str| curves(svg)[0][2].0;
    assert_eq!(last(&draw(marked(16.0))), 4 * (72 + 710 / 2));
    // The forecast is cut into dashes, of one colour with the estimate.
    let dashes = |svg: &str| svg.matches("#0072B2").count();
    assert!(dashes(&svg) > 20, "{}", dashes(&svg));
    let short = panel.clone().forecast(&[8.0], &[]).unwrap_err();
    assert!(matches!(
        short,
        Error::Length {
            expected: 1,
            found: 0,
            ..
        }
    ));
}

#[test]
fn lines_are_cut_where_they_leave_a_logarithmic_axis() {
    let (x, y) = (Axis::linear("x"), Axis::logarithmic("y"));
    let mut panel = Panel::new("", x, y);
    // Half of the first step lies below the twelve decades that are shown.
    let points = vec![(0.0, 1e-14), (1.0, 1e-10), (2.0, 1e-5), (3.0, 1.0)];
    panel.curve("c", Role::Model, points);
    let curves = curves(&Figure::new().panel(panel).to_svg().unwrap());
    assert_eq!(curves.len(), 1);
    let x: Vec<i32> = curves[0].iter().map(|p| p.0).collect();
    let step = x[2] - x[1];
    assert_eq!(x.len(), 4);
    // The margin of a twentieth below 1e-12 reaches down to 1e-12.6.
    let cut = f64::from(x[1] - x[0]) / f64::from(step);
    assert!((cut - 2.6 / 4.0).abs() < 2.0 / f64::from(step), "{cut}");
}

#[test]
fn long_series_are_thinned_without_losing_extremes() {
    let times: Vec<f64> = (0..50_000).map(f64::from).collect();
    let mut values: Vec<f64> = times.iter().map(|t| (0.01 * t).sin()).collect();
    values[31_234] = 9.0;
    let draw = |values: &[f64]| {
        let panel = Panel::path(&times, values).unwrap();
        let panel = panel.data(&times, values).unwrap();
        Figure::new().panel(panel).to_svg().unwrap()
    };
    let svg = draw(&values);
    assert!(svg.matches("<circle").count() <= 401);
    let curve = &curves(&svg)[0];
    // At most four points in each half pixel of the 800.
    assert!(curve.len() <= 4 * 1600);
    let top = curve.iter().map(|p| p.1).min().unwrap();
    let second = curve
        .iter()
        .map(|p| p.1)
        .filter(|y| *y > top)
        .min()
        .unwrap();
    // The spike takes eight tenths of the height of the plot.
    let bottom = curve.iter().map(|p| p.1).max().unwrap();
    let share = f64::from(second - top) / f64::from(bottom - top);
    assert!((share - 0.8).abs() < 0.01, "{share}");
}

#[test]
fn figures_have_their_size_and_escape_text() {
    let panel = || Panel::path(&[0.0, 1.0], &[0.0, 1.0]).unwrap();
    let figure = Figure::new().columns(2).size(900, 250);
    let named = panel().title("a < b & c").y_label("V (mV)");
    let svg = figure.panel(named).panel(panel()).panel(panel());
    let svg = svg.to_svg().unwrap();
    assert!(svg.starts_with("<svg width=\"900\" height=\"500\" viewBox=\"0 0 3600 2000\""));
    assert!(svg.contains("a &lt; b &amp; c") && svg.contains("V (mV)"));
}

#[test]
fn wrong_figures_are_typed_errors() {
    let times = [0.0, 1.0];
    let panel = Panel::path(&times, &[0.0, 1.0]).unwrap();
    let length = |error: Error| {
        matches!(
            error,
            Error::Length {
                expected: 2,
                found: 1,
                ..
            }
        )
    };
    assert!(length(Panel::path(&times, &[0.0]).unwrap_err()));
    assert!(length(panel.clone().data(&times, &[0.0]).unwrap_err()));
    assert!(length(panel.clone().truth(&times, &[0.0]).unwrap_err()));
    let empty = |figure: Figure| matches!(figure.to_svg().unwrap_err(), Error::Empty { .. });
    assert!(empty(Figure::new()));
    let figure = Figure::new().panel(panel);
    assert!(empty(figure.clone().columns(0)));
    for small in [
        figure.clone().size(100, 300),
        figure.clone().size(800, 20),
        figure.clone().columns(4),
        figure.clone().size(u32::MAX, 300),
    ] {
        let error = small.to_svg().unwrap_err();
        assert!(matches!(error, Error::OutOfRange { .. }), "{error}");
    }
    let nowhere = std::env::temp_dir().join("deepest-no-such-directory/a.svg");
    let error = figure.write(&nowhere).unwrap_err();
    assert!(matches!(error, Error::File { path, .. } if path == nowhere.display().to_string()));
}

#[test]
fn ladders_draw_every_start_with_the_best_ones_terms() {
    let grid = Grid::uniform(0.0, 0.02, 41).unwrap();
    let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(5.0);
    let truth = truth.flow(&Lorenz63).unwrap();
    let measurement = Measurement::new(&[0], Noise::scalar(1.0).unwrap());
    let twin = truth.observe(&measurement).unwrap();
    let action = Action::builder(Lorenz63, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("sigma", Parameter::fixed(10.0))
        .parameter("rho", Bounds::new(20.0, 35.0).unwrap())
        .parameter("beta", Parameter::fixed(8.0 / 3.0))
        .build()
        .unwrap();
    let schedule = Schedule::geometric(1e-2, 4.0, 0..5).unwrap();
    let annealing = Annealer::new(schedule).starts(3).run(&action).unwrap();
    let draw = |panel| Figure::new().panel(panel).to_svg().unwrap();
    let levels = draw(Panel::levels(&action, &annealing));
    assert!(levels.contains("expected plateau") && levels.contains("action (sum normalization)"));
    let levels = curves(&levels);
    assert_eq!(levels.len(), 3);
    assert!(levels.iter().all(|curve| curve.len() == 5));
    // Powers of one factor stand at equal distances.
    let x = |k: usize| levels[0][k].0;
    assert!((1..5).all(|k| (x(k) - x(0) - k as i32 * (x(4) - x(0)) / 4).abs() <= 1));
    // The measurement error rises with R_f.
    let errors = curves(&draw(Panel::errors(&action, &annealing)));
    assert_eq!(errors.len(), 2);
    assert!(errors[0].is_sorted_by(|a, b| a.1 > b.1));
    let named = draw(Panel::parameter(&action, &annealing, 1).reference("truth", 28.0));
    assert!(named.contains("rho") && curves(&named).len() == 3);
    assert!(curves(&draw(Panel::parameter(&action, &annealing, 7))).is_empty());

    // The 41 data and one in the legend stand at the observed component only.
    let (_, best) = annealing.best().unwrap();
    let state = |i| draw(Panel::state(&action, &best.estimate, 0, i).unwrap());
    assert_eq!(state(0).matches("<circle").count(), 41 + 1);
    assert!(state(0).contains("component 0, observed"));
    assert_eq!(state(1).matches("<circle").count(), 0);
    assert!(state(1).contains("component 1, unobserved"));
    let error = Panel::state(&action, &best.estimate, 1, 0).unwrap_err();
    assert!(matches!(
        error,
        Error::Length {
            expected: 2,
            found: 1,
            ..
        }
    ));

    // A ladder from where all are alike.
    let schedule = Schedule::geometric(1e-8, 10.0, 0..=8).unwrap();
    let annealing = Annealer::new(schedule).starts(1).run(&action).unwrap();
    let levels = &annealing.starts[0].levels;
    let end = levels[8].action.total;
    let shown = levels
        .iter()
        .filter(|l| l.action.total >= 1e-3 * end)
        .count();
    assert!(shown < 9);
    let drawn = curves(&draw(Panel::levels(&action, &annealing)));
    assert_eq!(drawn[0].len(), shown);
}

#[test]
fn bands_from_zero_begin_at_the_bottom_of_a_logarithmic_axis() {
    let axis = || Axis::logarithmic("");
    let mut panel = Panel::new("", axis(), axis());
    panel.curve("", Role::Model, vec![(1.0, 1e-2), (2.0, 1.0), (3.0, 1.0)]);
    let bands = |panel: Panel| {
        let svg = Figure::new().panel(panel).to_svg().unwrap();
        let band = svg.split("<rect ").filter(|rect| rect.contains("#F0E442"));
        band.map(String::from).collect::<Vec<_>>()
    };
    let height = |rect: &String| {
        let height = rect.split("height=\"").nth(1).unwrap();
        height.split('"').next().unwrap().parse::<i32>().unwrap()
    };
    // The margins are a twentieth of the two decades.
    let [from_zero, _] = &bands(panel.clone().band("band", 0.0, 1.0))[..] else {
        panic!("the band and its swatch")
    };
    let [from_curve, _] = &bands(panel.band("band", 1e-2, 1.0))[..] else {
        panic!("the band and its swatch")
    };
    let (whole, part) = (f64::from(height(from_zero)), f64::from(height(from_curve)));
    assert!((part / whole - 2.0 / 2.1).abs() < 1e-2, "{part} of {whole}");
}
