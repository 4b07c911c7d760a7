//! The Lorenz-96 problem of varanneal's tutorial: 20 sites, 161 layers 0.025
//! apart, noise of 0.5, the forcing unknown.
//!
//! With `DEEPEST_DATA` the published data, `lorenz96_data.npy` in the folder that
//! it names; else a seeded twin.

use deepest::models::Lorenz96;
use deepest::prelude::*;
use ndarray::{Array2, Axis};

/// Time in column 0, then the sites.
pub fn table() -> Array2<f64> {
    if let Some(folder) = std::env::var_os("DEEPEST_DATA") {
        let path = std::path::Path::new(&folder).join("lorenz96_data.npy");
        return ndarray_npy::read_npy(path).unwrap();
    }
    let grid = Grid::uniform(0.0, 0.025, 161).unwrap();
    let truth = Simulation::new(grid.clone(), [8.17]).spin_up(20.0).seed(1);
    let truth = truth.flow(&Lorenz96 { sites: 20 }).unwrap();
    let all: Vec<usize> = (0..20).collect();
    let twin = truth
        .observe(&Measurement::new(&all, Noise::scalar(0.5).unwrap()).seed(2))
        .unwrap();
    let mut table = Array2::zeros((161, 21));
    table.column_mut(0).assign(&ndarray::arr1(grid.times()));
    table
        .slice_mut(ndarray::s![.., 1..])
        .assign(twin.observations.values());
    table
}

/// The action with some components of the table observed.
pub fn action(observed: &[usize], table: &Array2<f64>) -> Action {
    let times = table.column(0).to_vec();
    let columns: Vec<usize> = observed.iter().map(|c| c + 1).collect();
    let values = table.select(Axis(1), &columns);
    let precision = Precision::scalar(4.0).unwrap();
    let observations =
        Observations::of_components(observed, times.clone(), values, precision).unwrap();
    let sites = table.ncols() - 1;
    Action::builder(Lorenz96 { sites }, SimpsonHermite)
        .window(
            Window::new(Grid::new(times).unwrap())
                .observations(observations)
                .unwrap(),
        )
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .normalization(Normalization::Mean)
        .build()
        .unwrap()
}
