//! Annealing of published data, where they are at hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use deepest::models::Lorenz96;
use deepest::prelude::*;
use fixtures::ladder::schedule;

/// Lorenz-96 of the varanneal tutorial, when the folder of its data is named
/// in DEEPEST_DATA: the lowest levels known, to their last digit. (Below β = 20
/// the action is flat, and lower minima than the published ones exist.)
#[test]
fn published_levels_of_the_varanneal_tutorial() {
    let Some(folder) = std::env::var_os("DEEPEST_DATA") else {
        println!("skipped: DEEPEST_DATA names no folder with lorenz96_data.npy");
        return;
    };
    let table = deepest::io::read_npy(std::path::Path::new(&folder).join("lorenz96_data.npy"));
    let table = table.unwrap();
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
        let columns: Vec<usize> = components.iter().map(|c| c + 1).collect();
        let values = table.select(ndarray::Axis(1), &columns);
        let times = table.column(0).to_vec();
        let precision = Precision::scalar(4.0).unwrap();
        let grid = Grid::new(times.clone()).unwrap();
        let data = Observations::of_components(components, times, values, precision).unwrap();
        let action = Action::builder(Lorenz96 { sites: 20 }, SimpsonHermite)
            .window(Window::new(grid).observations(data).unwrap())
            .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
            .normalization(Normalization::Mean)
            .build()
            .unwrap();
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
