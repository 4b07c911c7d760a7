//! Annealing of published data, where they are at hand.

use crate::fixtures::ladder::schedule;
use deepest::Finding;
use deepest::models::Lorenz96;
use deepest::prelude::*;
use ndarray::{Array2, Axis};

/// Lorenz-96 of the varanneal tutorial, when the folder of its data is named
/// in DEEPEST_DATA.
fn table() -> Option<Array2<f64>> {
    let Some(folder) = std::env::var_os("DEEPEST_DATA") else {
        println!("skipped: DEEPEST_DATA names no folder with lorenz96_data.npy");
        return None;
    };
    let path = std::path::Path::new(&folder).join("lorenz96_data.npy");
    Some(deepest::io::read_npy(path).unwrap())
}

fn action(table: &Array2<f64>, components: &[usize]) -> Action {
    let columns: Vec<usize> = components.iter().map(|c| c + 1).collect();
    let values = table.select(Axis(1), &columns);
    let times = table.column(0).to_vec();
    let precision = Precision::scalar(4.0).unwrap();
    let grid = Grid::new(times.clone()).unwrap();
    let data = Observations::of_components(components, times, values, precision).unwrap();
    Action::builder(Lorenz96 { sites: 20 }, SimpsonHermite)
        .window(Window::new(grid).observations(data).unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .normalization(Normalization::Mean)
        .build()
        .unwrap()
}

/// Nineteen of twenty annealings with the default starts come to the lowest
/// level known, to its last digit.
#[test]
fn published_data_are_solved_from_nineteen_of_twenty_seeds() {
    let Some(table) = table() else { return };
    let known: [(&[usize], f64, f64); 5] = [
        (&[0, 2, 4, 6, 8, 10, 12, 14, 16, 18], 0.963955, 1e-6),
        (&[0, 2, 4, 6, 8, 10, 14, 16], 0.973995, 1e-6),
        (&[0, 2, 4, 8, 10, 12, 14, 16], 0.947753, 1e-6),
        (&[0, 2, 4, 8, 10, 14, 16], 0.9438, 1e-4),
        (&[0, 3, 6, 9, 12, 15], 0.9921, 1e-4),
    ];
    for (components, level, digit) in known {
        let action = action(&table, components);
        let found = (0..20).filter(|&seed| {
            let annealing = Annealer::new(schedule(60)).seed(seed).run(&action).unwrap();
            let (_, best) = annealing.best().unwrap();
            (best.action.total - level).abs() <= 0.51 * digit
        });
        let found = found.count();
        assert!(found >= 19, "{components:?}: {found} of 20");
    }
}

/// Races come to the lowest level known from five and from four of the twenty
/// components, to its last digit.
#[test]
fn races_solve_a_quarter_and_a_fifth_of_the_components_from_nineteen_of_twenty_seeds() {
    let Some(table) = table() else { return };
    let known: [(&[usize], f64); 2] = [(&[0, 4, 8, 12, 16], 0.893896), (&[0, 5, 10, 15], 0.992722)];
    for (components, level) in known {
        let action = action(&table, components);
        let found = (0..20).filter(|&seed| {
            let schedule = Schedule::adaptive_to(4e-6, 1.5, 60.0).unwrap();
            let annealing = Annealer::new(schedule).race(16).seed(seed).run(&action);
            let annealing = annealing.unwrap();
            let (_, best) = annealing.best().unwrap();
            (best.action.total - level).abs() <= 0.51e-6
        });
        let found = found.count();
        assert!(found >= 19, "{components:?}: {found} of 20");
    }
}

/// With three of the twenty components there are two lowest levels, 0.44 nats apart.
/// Each race finds the lower one; where it finds both, the verdict says that the data
/// do not decide between them.
#[test]
fn three_components_do_not_decide() {
    let Some(table) = table() else { return };
    let action = action(&table, &[0, 7, 14]);
    let mut both = 0;
    for seed in 0..4 {
        let schedule = Schedule::adaptive_to(4e-6, 1.5, 60.0).unwrap();
        let annealer = Annealer::new(schedule).race(128).seed(seed);
        let annealing = annealer.run(&action).unwrap();
        let finished = annealing.starts.iter().filter(|start| start.finished);
        let levels = finished.map(|start| start.levels.last().unwrap().action.total);
        let levels: Vec<f64> = levels.collect();
        let found = |level: f64, digit: f64| {
            let mut levels = levels.iter();
            levels.any(|found| (found - level).abs() <= 0.51 * digit)
        };
        assert!(found(0.9100, 1e-4), "seed {seed}: {levels:?}");
        if found(0.911837, 1e-6) {
            both += 1;
            let verdict = annealing.verdict(&action).unwrap();
            let undecided = |finding: &Finding| match finding {
                Finding::Undecided { gap } => (gap - 0.44).abs() < 0.02,
                _ => false,
            };
            assert!(verdict.findings.iter().any(undecided), "{verdict}");
        }
    }
    assert!(both >= 1, "{both}");
}

/// The lowest levels known along the ladder, to their last digit. (Below β = 20
/// the action is flat, and lower minima than the published ones exist.)
#[test]
fn published_levels_of_the_varanneal_tutorial() {
    let Some(table) = table() else { return };
    /// β, the lowest level known, and its last digit.
    type Known = (usize, f64, f64);
    let known: [(&[usize], &[Known]); 2] = [
        (
            &[0, 2, 4, 6, 8, 10, 12, 14, 16, 18],
            &[(60, 0.963955, 1e-6)],
        ),
        (
            &[0, 2, 4, 6, 8, 10, 14, 16],
            &[
                (20, 2.186e-3, 1e-6),
                (30, 0.105917, 1e-6),
                (40, 0.735030, 1e-6),
                (50, 0.943736, 1e-6),
                (60, 0.973995, 1e-6),
                (100, 0.976402, 1e-6),
            ],
        ),
    ];
    for (components, levels) in known {
        let action = action(&table, components);
        let last = levels[levels.len() - 1].0 as i32;
        let annealing = Annealer::new(schedule(last))
            .starts(2)
            .run(&action)
            .unwrap();
        for &(beta, expected, digit) in levels {
            let all = annealing.starts.iter().map(|s| s.levels[beta].action.total);
            let lowest = all.fold(f64::INFINITY, f64::min);
            assert!(
                (lowest - expected).abs() <= 0.51 * digit,
                "beta {beta}: {lowest}"
            );
        }
        let (_, best) = annealing.best().unwrap();
        assert!((best.estimate.parameters[0] - 8.17).abs() < 0.02);
    }
}
