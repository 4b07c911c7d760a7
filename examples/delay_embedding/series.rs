//! The series: Lorenz-63's x, measured, with its delay and dimension.

use deepest::embedding::{
    Criteria, DelayEmbedding, FalseNeighbours, MutualInformation, false_neighbours,
    mutual_information,
};
use deepest::models::Lorenz63;
use deepest::plot::Panel;
use deepest::prelude::*;
use ndarray::{Array1, ArrayView1, s};

use super::report::Failure;

/// Time from sample to sample.
pub const STEP: f64 = 0.01;

/// The largest Lyapunov exponent at σ = 10, ρ = 28, β = 8/3: J. C. Sprott, *Chaos
/// and Time-Series Analysis* (Oxford, 2003).
pub const LYAPUNOV: f64 = 0.906;

/// Free runs, and how long they are, in 1/λ.
pub const RUNS: usize = 100;
pub const HORIZON: f64 = 8.0;

/// Samples that are learnt from; half as many more are held out.
const LEARNT: usize = 20_000;

const MOST_LAGS: usize = 60;
const MOST_DIMENSIONS: usize = 6;
/// False neighbours that are tolerated.
const SHARE: f64 = 0.01;

/// What was measured and what is true, both without their unit: x / deviation.
pub struct Series {
    pub noise: f64,
    /// Of the measured x.
    pub deviation: f64,
    measured: Array1<f64>,
    truth: Array1<f64>,
    information: MutualInformation,
    neighbours: FalseNeighbours,
    pub embedding: DelayEmbedding,
}

impl Series {
    pub fn measure(noise: f64, seed: u64) -> Result<Self, Failure> {
        let grid = Grid::uniform(0.0, STEP, LEARNT + LEARNT / 2)?;
        let simulation = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(50.0);
        let truth = simulation.flow(&Lorenz63)?;
        let measurement = Measurement::new(&[0], Noise::scalar(noise)?).seed(seed);
        let twin = truth.observe(&measurement)?;
        let measured = twin.observations.values().column(0).to_owned();
        let learnt = measured.slice(s![..LEARNT]);
        let information = mutual_information(learnt, MOST_LAGS)?;
        let lag = information.first_minimum();
        let lag = lag.ok_or("the mutual information has no minimum: too much noise")?;
        let neighbours = false_neighbours(learnt, lag, MOST_DIMENSIONS, &Criteria::default())?;
        let dimension = neighbours.dimension_below(SHARE);
        let dimension = dimension.ok_or("neighbours are false in 6 dimensions: too much noise")?;
        let deviation = learnt.std(0.0);
        Ok(Self {
            noise,
            deviation,
            truth: Array1::from(truth.path.component(0)) / deviation,
            measured: measured / deviation,
            information,
            neighbours,
            embedding: DelayEmbedding::new(lag, dimension)?,
        })
    }

    /// Samples to learn from.
    pub fn learnt(&self) -> ArrayView1<'_, f64> {
        self.measured.slice(s![..LEARNT])
    }

    /// Samples that are held out, as measured and as they are.
    pub fn held_out(&self) -> [ArrayView1<'_, f64>; 2] {
        [&self.measured, &self.truth].map(|series| series.slice(s![LEARNT..]))
    }

    pub fn table(&self) -> String {
        let lag = self.embedding.lag();
        let mut text = format!(
            "delay: {:.2} time units, where the mutual information is {:.3} nats\ndimension: {}\n",
            lag as f64 * STEP,
            self.information.nats[lag],
            self.embedding.dimension()
        );
        text += "false neighbours:";
        for (k, share) in self.neighbours.shares.iter().enumerate() {
            text += &format!("  D = {}: {:.2} %", k + 1, 100.0 * share);
        }
        text + "\n"
    }

    /// Mutual information against the delay, false neighbours against the dimension.
    pub fn panels(&self) -> Result<[Panel; 2], Failure> {
        let times: Vec<f64> = (1..=MOST_LAGS).map(|k| k as f64 * STEP).collect();
        let delay = self.embedding.lag() as f64 * STEP;
        let information = Panel::path(&times, &self.information.nats[1..])?
            .legend("x(t) and x(t − τ)")
            .instant(&format!("first minimum, τ = {delay:.2}"), delay)
            .title("average mutual information")
            .x_label("delay τ (time units)")
            .y_label("nats");
        let shares = self.neighbours.shares.iter().enumerate();
        let shares = shares.map(|(k, share)| ((k + 1) as f64, 100.0 * share));
        let dimension = self.embedding.dimension();
        let neighbours = Panel::growth(&[("share", shares.collect())])
            .instant(&format!("below 1 %: D_E = {dimension}"), dimension as f64)
            .title("false nearest neighbours")
            .x_label("dimension")
            .y_label("%");
        Ok([information, neighbours])
    }
}
