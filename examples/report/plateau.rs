//! Where action levels end when model and noise are what they are said to be.

use deepest::{Counts, Normalization};

/// The range of two standard deviations around the action expected at R_f → ∞.
///
/// A path without model error that has `unknowns` free numbers (first states
/// and parameters) leaves R_m Σ(…)² with a χ² distribution of K_y − `unknowns`
/// degrees of freedom: mean K_y − `unknowns`, variance twice that. `None` with
/// fewer measured values than unknowns.
pub fn expected(
    counts: Counts,
    normalization: Normalization,
    unknowns: usize,
) -> Option<(f64, f64)> {
    let freedom = counts.measured.checked_sub(unknowns).filter(|f| *f > 0)? as f64;
    let divisor = match normalization {
        Normalization::Sum => 2.0,
        Normalization::Mean => counts.measured as f64,
        Normalization::Minaone => counts.measured_layers as f64,
    };
    let spread = 2.0 * (2.0 * freedom).sqrt();
    let low = (freedom - spread).max(0.0);
    Some((low / divisor, (freedom + spread) / divisor))
}
