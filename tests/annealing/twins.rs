//! Twins of Lorenz-96 with unknown forcing, σ = 0.5.

use deepest::models::Lorenz96;
use deepest::prelude::*;

/// Components of 20, a quarter and a half of them.
pub const SPARSE: [usize; 5] = [0, 4, 8, 12, 16];
pub const HALF: [usize; 10] = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18];

/// With so many sites and the truth of a seed.
pub fn lorenz96(sites: usize, seed: u64, observed: &[usize]) -> (Twin, Action) {
    let model = Lorenz96 { sites };
    let grid = Grid::uniform(0.0, 0.025, 161).unwrap();
    let truth = Simulation::new(grid, [8.17]).spin_up(20.0).seed(seed);
    let truth = truth.flow(&model).unwrap();
    let measurement = Measurement::new(observed, Noise::scalar(0.5).unwrap()).seed(seed + 1);
    let twin = truth.observe(&measurement).unwrap();
    let action = Action::builder(model, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .build()
        .unwrap();
    (twin, action)
}

/// The lowest level that is known: of a path that begins at the truth.
pub fn from_truth(twin: &Twin, action: &Action) -> f64 {
    let known = Estimate::new(vec![twin.truth.clone()], [8.17]);
    let schedule = Schedule::geometric(1e6, 10.0, 0..=2).unwrap();
    let annealer = Annealer::new(schedule).start_with(Starts::Given(known));
    let annealing = annealer.run(action).unwrap();
    annealing.best().unwrap().1.action.total
}
