//! Results in files: what is written is what was found.

use crate::fixtures::scratch::Scratch;
use deepest::io::{self, Table, varanneal};
use deepest::models::Lorenz63;
use deepest::prelude::*;
use deepest::{Error, StartResult};
use ndarray::{Array2, Array3, s};

const LAYERS: usize = 21;

/// Lorenz-63 with its second parameter unknown, the third walking where asked.
fn anneal(walking: bool) -> (Action, Annealing) {
    let grid = Grid::uniform(0.5, 0.02, LAYERS).unwrap();
    let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(5.0);
    let truth = truth.flow(&Lorenz63).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0, 1], Noise::scalar(0.5).unwrap()))
        .unwrap();
    let third = if walking {
        Parameter::estimated().guess(2.5).random_walk(1.0).unwrap()
    } else {
        Parameter::fixed(8.0 / 3.0)
    };
    let action = Action::builder(Lorenz63, Trapezoid)
        .window(twin.window().unwrap())
        .model_precision(Precision::diagonal([4.0, 1.0, 1.0]).unwrap())
        .parameter("sigma, \"Prandtl\"", Parameter::fixed(10.0))
        .parameter("rho", Bounds::new(20.0, 35.0).unwrap())
        .parameter("beta", third)
        .build()
        .unwrap();
    let schedule = Schedule::geometric(1e-2, 4.0, 0..5).unwrap();
    let annealing = Annealer::new(schedule).starts(2).run(&action).unwrap();
    (action, annealing)
}

/// A CSV of numbers without quoted names.
fn read(path: &std::path::Path) -> (Vec<String>, Vec<Vec<f64>>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let names = lines.next().unwrap().split(',').map(String::from);
    let row = |line: &str| line.split(',').map(|v| v.parse().unwrap()).collect();
    (names.collect(), lines.map(row).collect())
}

#[test]
fn levels_as_csv_keep_every_bit_of_every_level() {
    let scratch = Scratch::new("levels");
    let (_, annealing) = anneal(false);
    let path = &scratch.0;
    io::write_csv(path, &Table::levels(&annealing)).unwrap();
    let (names, rows) = read(path);
    assert_eq!(names[..5], ["start", "beta", "rf", "action", "measurement"]);
    let levels = annealing.starts.iter().flat_map(|start| &start.levels);
    assert_eq!(rows.len(), 2 * 5);
    for (row, level) in rows.iter().zip(levels) {
        assert_eq!(row.len(), names.len());
        let terms = level.action;
        assert_eq!(row[1..3], [level.beta, level.rf]);
        assert_eq!(row[3..6], [terms.total, terms.measurement, terms.model]);
        assert_eq!(row[7], 1.0);
        assert_eq!(row[10], level.work.factorizations as f64);
    }
}

#[test]
fn names_with_commas_are_quoted_and_bad_numbers_are_words() {
    let scratch = Scratch::new("names");
    let (action, annealing) = anneal(false);
    let mut table = Table::parameters(&action, &annealing).unwrap();
    table.values[[0, 3]] = f64::NAN;
    table.values[[0, 4]] = f64::NEG_INFINITY;
    table.values[[0, 5]] = 1e300;
    let path = &scratch.0;
    io::write_csv(path, &table).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let names = "start,beta,rf,\"sigma, \"\"Prandtl\"\"\",rho,beta";
    assert_eq!(lines.next(), Some(names));
    assert_eq!(lines.next(), Some("0.0,0.0,0.01,NaN,-inf,1e300"));
    let level = &annealing.starts[1].levels[4];
    let end = format!(",10.0,{:?},{:?}", level.estimate.parameters[1], 8.0 / 3.0);
    assert!(lines.last().unwrap().ends_with(&end));
}

#[test]
fn paths_stand_beside_their_times_and_walking_parameters() {
    let (action, annealing) = anneal(true);
    let (_, best) = annealing.best().unwrap();
    let table = Table::path(&action, &best.estimate, 0).unwrap();
    assert_eq!(table.columns, ["time", "x0", "x1", "x2", "beta"]);
    assert_eq!(table.values.dim(), (LAYERS, 5));
    for n in 0..LAYERS {
        let row = table.values.row(n).to_vec();
        assert_eq!(row[0], action.windows()[0].grid().times()[n]);
        assert_eq!(row[1..4], *best.estimate.paths[0].layer(n));
        assert_eq!(row[4..], *best.estimate.varying[0].layer(n));
    }
    // Layers of different widths leave gaps.
    let short = [vec![1.0, 2.0], vec![3.0]].into_iter().cycle().take(LAYERS);
    let short = Estimate::new(vec![Path::from_layers(short)], [10.0, 28.0, 2.0]);
    let table = Table::path(&action, &short, 0).unwrap();
    assert_eq!(table.columns, ["time", "x0", "x1"]);
    assert!(table.values[[1, 2]].is_nan() && table.values[[2, 2]] == 2.0);
}

#[test]
fn results_come_back_from_json_as_they_were() {
    let scratch = Scratch::new("json");
    let (_, annealing) = anneal(true);
    let path = &scratch.0;
    io::write_json(path, &annealing).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    assert!(serde_json::from_str::<Annealing>(&text).unwrap() == annealing);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let level = &json["starts"][1]["levels"][4];
    assert_eq!(level["termination"], "Converged");
    // A path is a list of layers.
    let expected = annealing.starts[1].levels[4].estimate.paths[0].layer(20)[2];
    assert_eq!(level["estimate"]["paths"][0][20][2], expected);
    io::write_json(path, &[f64::NAN, 1.0]).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "[null,1.0]");
}

#[test]
fn files_of_varanneal_have_its_shapes_and_columns() {
    let scratch = Scratch::new("varanneal");
    let (action, annealing) = anneal(false);
    let start = &annealing.starts[1];
    let path = &scratch.0;

    varanneal::save_paths(path, &action, start).unwrap();
    let paths: Array3<f64> = ndarray_npy::read_npy(path).unwrap();
    assert_eq!(paths.dim(), (5, LAYERS, 1 + 3));
    varanneal::save_params(path, &action, start).unwrap();
    let parameters = io::read_npy(path).unwrap();
    assert_eq!(parameters.dim(), (5, 3));
    varanneal::save_action_errors(path, &action, start).unwrap();
    let errors = io::read_npy(path).unwrap();
    assert_eq!(errors.dim(), (5, 5));
    for (b, level) in start.levels.iter().enumerate() {
        let times = paths.slice(s![b, .., 0]).to_vec();
        assert_eq!(times, action.windows()[0].grid().times());
        let states = paths.slice(s![b, .., 1..]);
        assert_eq!(states, level.estimate.paths[0].to_array().unwrap());
        assert_eq!(parameters.row(b).to_vec(), level.estimate.parameters);
        let row = errors.row(b).to_vec();
        let terms = level.action;
        let expected = [b as f64, terms.total, terms.measurement, terms.model];
        assert_eq!(row[..4], expected);
        // R_f of the first component, 4 · 0.01 · 4^β.
        let rf = 0.04 * 4_f64.powi(b as i32);
        approx::assert_relative_eq!(row[4], terms.model / rf, max_relative = 1e-14);
    }

    let text = &scratch.0;
    varanneal::save_as_minaone(text, &action, start).unwrap();
    let text = std::fs::read_to_string(text).unwrap();
    assert_eq!(text.lines().count(), 5);
    let begin = "1.000000000000000000e+00 0.000000000000000000e+00 ";
    assert!(text.lines().nth(1).unwrap().starts_with(begin));
    for (line, level) in text.lines().zip(&start.levels) {
        let numbers: Vec<f64> = line.split(' ').map(|v| v.parse().unwrap()).collect();
        let mut expected = vec![level.beta, 0.0, level.action.total];
        expected.extend(level.estimate.paths[0].values());
        expected.extend(&level.estimate.parameters);
        assert_eq!(numbers, expected);
    }
}

#[test]
fn walking_parameters_have_varanneals_third_axis() {
    let scratch = Scratch::new("walking");
    let (action, annealing) = anneal(true);
    let start = &annealing.starts[0];
    let path = &scratch.0;
    varanneal::save_params(path, &action, start).unwrap();
    let parameters: Array3<f64> = ndarray_npy::read_npy(path).unwrap();
    assert_eq!(parameters.dim(), (5, LAYERS, 3));
    for (b, level) in start.levels.iter().enumerate() {
        let estimate = &level.estimate;
        assert_eq!(
            parameters.slice(s![b, .., 2]).to_vec(),
            estimate.varying[0].values()
        );
        let rho = parameters.slice(s![b, .., 1]);
        assert!(rho.iter().all(|value| *value == estimate.parameters[1]));
    }
}

#[test]
fn what_cannot_be_written_is_a_typed_error_and_leaves_the_file() {
    let scratch = Scratch::new("refused");
    let (action, annealing) = anneal(false);
    let table = Table::levels(&annealing);
    let nowhere = scratch.0.join("a");
    let file = |error: Error| matches!(error, Error::File { path, .. } if path.ends_with("/a"));
    assert!(file(io::write_csv(&nowhere, &table).unwrap_err()));
    assert!(file(io::write_json(&nowhere, &annealing).unwrap_err()));
    assert!(file(
        io::write_npy(&nowhere, table.values.view()).unwrap_err()
    ));
    // A value that JSON cannot say leaves what was there.
    let path = &scratch.0;
    io::write_json(path, &1).unwrap();
    let unspeakable = std::collections::HashMap::from([(vec![0], 1)]);
    assert!(io::write_json(path, &unspeakable).is_err());
    assert_eq!(std::fs::read_to_string(path).unwrap(), "1");

    let length = |error: Error| matches!(error, Error::Length { .. });
    let (start, best) = annealing.best().unwrap();
    assert!(length(Table::path(&action, &best.estimate, 1).unwrap_err()));
    let other = Estimate::new(
        vec![Path::from_array(Array2::zeros((7, 3)).view())],
        [0.0; 3],
    );
    assert!(length(Table::path(&action, &other, 0).unwrap_err()));
    // A start that was read from elsewhere.
    let mut foreign: StartResult = start.clone();
    foreign.levels[1].estimate = other;
    assert!(length(
        varanneal::save_paths(path, &action, &foreign).unwrap_err()
    ));
    assert!(length(
        varanneal::save_as_minaone(path, &action, &foreign).unwrap_err()
    ));
    foreign.levels[1].estimate.parameters.pop();
    assert!(length(
        varanneal::save_params(path, &action, &foreign).unwrap_err()
    ));
    let mut foreign = annealing.clone();
    foreign.starts[0].levels[0].estimate.parameters.pop();
    assert!(length(Table::parameters(&action, &foreign).unwrap_err()));
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_devices_written() {
    let (_, annealing) = anneal(false);
    let table = Table::levels(&annealing);
    let (scratch, other) = (Scratch::new("target"), Scratch::new("link"));
    let (target, link) = (&scratch.0, &other.0);
    std::fs::write(target, "old").unwrap();
    std::os::unix::fs::symlink(target, link).unwrap();
    io::write_csv(link, &table).unwrap();
    assert!(link.is_symlink());
    assert!(
        std::fs::read_to_string(target)
            .unwrap()
            .starts_with("start,")
    );
    io::write_csv("/dev/null", &table).unwrap();
}
