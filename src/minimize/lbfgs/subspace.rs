//! Minimization of the model over the free unknowns (direct primal method of
//! Byrd, Lu, Nocedal and Zhu 1995, section 5.1), with the projection of
//! Morales and Nocedal, ACM TOMS 38, 7 (2011).

use super::cauchy::{CauchyPoint, Place};
use super::compact::{Compact, Grams};
use super::vectors::dot;

/// Writes the scaled step from the iterate to the minimizer of the model over
/// the bounds as far as the Cauchy point tells which of them are active.
/// `None` where the model breaks down.
pub(super) fn subspace_step(
    place: &Place,
    compact: &Compact,
    grams: &mut Grams,
    cauchy: &CauchyPoint,
    step: &mut [f64],
) -> Option<()> {
    let index = &place.bounds.index;
    let restricted = compact.restricted(place.pairs, grams, index, &cauchy.fixed)?;
    let w = reduced_solution(compact, &restricted, cauchy);
    for (s, g) in step.iter_mut().zip(place.gradient) {
        *s = -g / compact.theta;
    }
    compact.add_columns(place.pairs, &w, -1.0 / compact.theta, step);
    for k in (0..index.len()).filter(|&k| cauchy.fixed[k]) {
        step[index[k]] = place.distance(k);
    }
    keep_inside(place, cauchy, step);
    step.iter().all(|s| s.is_finite()).then_some(())
}

/// The step on the free unknowns is −(g + W_F w)/θ; this is w.
///
/// With u = M c, the reduced gradient at the Cauchy point is
/// r = (1 − θt*) g − θ W_F u, the way from there −(r + W_F K⁻¹ W_Fᵀ r)/θ, and
/// the way to it −t* g: together w = K⁻¹ W_Fᵀ r − θu. Only small vectors.
fn reduced_solution(
    compact: &Compact,
    restricted: &super::compact::Restricted,
    cauchy: &CauchyPoint,
) -> Vec<f64> {
    let u = compact.middle_times(&cauchy.coefficients);
    let inner = restricted.inner_times(&u);
    let left = 1.0 - compact.theta * cauchy.time;
    let gradients = cauchy.free_gradient.iter().zip(&inner);
    let right: Vec<f64> = gradients
        .map(|(g, i)| left * g - compact.theta * i)
        .collect();
    let solution = restricted.kernel_solve(&right);
    solution
        .iter()
        .zip(&u)
        .map(|(v, u)| v - compact.theta * u)
        .collect()
}

/// Brings the step inside the bounds: by projection if that still goes down,
/// else by stopping at the first bound on the way from the Cauchy point.
fn keep_inside(place: &Place, cauchy: &CauchyPoint, step: &mut [f64]) {
    let bounds = place.bounds;
    let free = |k: &usize| !cauchy.fixed[*k];
    let mut part = 1.0_f64;
    let mut outside = Vec::new();
    for k in (0..bounds.index.len()).filter(free) {
        let i = bounds.index[k];
        let limit = |direction: f64| (bounds.ahead(k, direction) - place.x[i]) / place.scales[i];
        let from = -cauchy.time * place.gradient[i];
        let way = step[i] - from;
        let end = limit(way);
        // Not by the way from the Cauchy point: its rounding may hide a step
        // out of a bound that x stands at.
        if (way > 0.0 && step[i] > end) || (way < 0.0 && step[i] < end) {
            part = part.min(((end - from) / way).max(0.0));
            outside.push((i, step[i]));
            step[i] = end;
        }
    }
    if outside.is_empty() || dot(step, place.gradient) < 0.0 {
        return;
    }
    for (i, unlimited) in outside {
        step[i] = unlimited;
    }
    let fixed = |k: &usize| cauchy.fixed[*k];
    let kept: Vec<usize> = (0..bounds.index.len())
        .filter(fixed)
        .map(|k| bounds.index[k])
        .collect();
    let mut kept = kept.iter().peekable();
    for (i, (s, g)) in step.iter_mut().zip(place.gradient).enumerate() {
        if kept.next_if(|&&k| k == i).is_none() {
            let from = -cauchy.time * g;
            *s = from + part * (*s - from);
        }
    }
}
