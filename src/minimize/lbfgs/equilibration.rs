//! New scales for the unknowns, from a few gradients.
//!
//! Rows of the scaled Hessian D A D get the norm 1 without the Hessian being
//! known: with random signs u, |(D A D u)ᵢ| is about the norm of row i, and
//! each round divides dᵢ by its root (Ruiz, RAL-TR-2001-034; matrix-free:
//! Bradley and Murray, arXiv 1110.0895).

use super::walk::Walk;

/// Gradients spent: the logarithm of a wrong scale halves with each, so that
/// a factor of 10⁶ comes down to 1.004.
const ROUNDS: u64 = 12;
/// A probe may change the value by about this part of it: far above its
/// rounding, far below what is worth going.
const PROBE: f64 = 1e-8;
/// Most that one round changes a scale by: a row may cancel by chance.
const MOST: f64 = 1e3;

impl Walk<'_> {
    /// Factors for the scales at the present iterate, the curvature being at
    /// most `steepest` in the present ones; `size` measures the value.
    pub(super) fn equilibrate(&mut self, steepest: f64, size: f64) -> Vec<f64> {
        let mut factors = vec![steepest.sqrt().recip(); self.x.len()];
        let mut reach = (2.0 * PROBE * size).sqrt();
        for round in 0..ROUNDS {
            self.place_probe(round, reach, &factors);
            self.work.evaluations += 1;
            let probe = &mut self.trial;
            probe.value = self
                .objective
                .value_and_gradient(&probe.x, &mut probe.gradient);
            if !probe.gradient.iter().all(|g| g.is_finite()) {
                reach /= 16.0;
                continue;
            }
            for i in 0..factors.len() {
                let change = probe.gradient[i] * self.scales[i] - self.gradient[i];
                let row = (change * (factors[i] / reach)).abs().sqrt();
                let factor = factors[i] / row.clamp(MOST.recip(), MOST);
                // A flat direction is probed no farther than this.
                let farthest = self.x[i].abs().max(self.objective.scales()[i]);
                factors[i] = factor.min(farthest / (reach * self.scales[i]));
            }
        }
        factors
    }

    /// The iterate moved by `reach` along every scaled unknown, up or down by
    /// chance, unless a bound is in the way.
    fn place_probe(&mut self, round: u64, reach: f64, factors: &[f64]) {
        let mut bounded = (0..self.bounds.index.len()).peekable();
        for i in 0..factors.len() {
            let way = sign(round, i) * reach * factors[i] * self.scales[i];
            let ends = [self.x[i] + way, self.x[i] - way, self.x[i]];
            let k = bounded.next_if(|&k| self.bounds.index[k] == i);
            let inside = |end: &&f64| k.is_none_or(|k| self.bounds.contains(k, **end));
            self.trial.x[i] = *ends.iter().find(inside).unwrap_or(&self.x[i]);
        }
    }
}

/// 1 or −1 by SplitMix64 (Steele, Lea, Flood 2014): the same in every run.
fn sign(round: u64, unknown: usize) -> f64 {
    let mut z = (round << 40)
        .wrapping_add(unknown as u64 + 1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    if (z ^ (z >> 31)) & 1 == 0 { 1.0 } else { -1.0 }
}
