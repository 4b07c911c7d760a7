//! Whether the priors agree with what the data say.

use super::influence::Influence;
use super::normal::{both_tails, deviation_of};

/// The priors' term against what it should be: that of first states and parameters, and
/// of the changes of parameters that drift. They are tested apart from the measurements,
/// so that neither is blamed for the other.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PriorTest {
    /// The priors' term in nats.
    pub action: f64,
    /// The terms of priors less what the estimate follows of them.
    pub freedom: f64,
    /// How many standard deviations of a normal number the term is too high, or too low
    /// where negative.
    pub z: f64,
    /// The probability of a term at least as far from its median.
    pub probability: f64,
    /// √(term/½freedom): times this, the priors' deviations (and the square roots of
    /// diffusions) would put the term where it should be.
    pub factor: f64,
    /// Whether parameters drift. A prior that is wider than needed lowers the term and
    /// is no mistake; a diffusion that is larger than needed is one.
    pub drifts: bool,
}

impl PriorTest {
    /// `freedom` is that of all terms of the action. `None` where no prior is left to
    /// test.
    pub(super) fn new(
        action: f64,
        freedom: usize,
        influence: &Influence,
        drifts: bool,
    ) -> Option<Self> {
        let freedom = freedom as f64 - influence.freedom();
        let there = freedom >= 1.0;
        let z = deviation_of(2.0 * action, freedom);
        there.then(|| Self {
            action,
            freedom,
            z,
            probability: both_tails(z),
            factor: (2.0 * action / freedom).sqrt(),
            drifts,
        })
    }

    /// Whether the term is one that right priors have more rarely than with the
    /// probability `rare`.
    pub(super) fn is_surprising(&self, rare: f64) -> bool {
        self.probability < rare && (self.drifts || self.z > 0.0)
    }
}
