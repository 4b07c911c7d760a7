//! Where action levels end when model and noise are what they are said to be.

use deepest::{Action, Model, Rule};

/// Two standard deviations around the expected plateau, cut at zero.
pub fn band<M: Model, R: Rule<M>>(action: &Action<M, R>) -> Option<(f64, f64)> {
    let plateau = action.expected_plateau()?;
    let (mean, spread) = (plateau.mean, 2.0 * plateau.deviation);
    Some(((mean - spread).max(0.0), mean + spread))
}
