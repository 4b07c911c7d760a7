//! Second-order adjoints that know what depends on what.
//!
//! Where a partial derivative of an operation is infinite, plain sweeps over the tape
//! multiply it by the zeros of directions that never reach the operation, and by the
//! adjoints of operations that no result needs. Here such products are not made. A
//! number that is zero only at this point still gives NaN, which is the truth.

use super::tape::{Operation, Taped};

/// Directions of one pass.
pub(super) const LANES: usize = 8;

pub(super) type Lanes = [f64; LANES];

/// Adjoints of a tape for a weighted sum of results, where there are any.
pub(super) struct Structural<'a> {
    operations: &'a [Operation],
    adjoint: Vec<Option<f64>>,
}

impl Operation {
    /// The arguments that its result changes with at this point: not those of a
    /// linear function with the factor zero, such as the branch not taken.
    fn changing(&self) -> impl Iterator<Item = (usize, usize)> {
        let linear = |k: usize| self.live().all(|(m, _)| self.straight[k + m]);
        self.live()
            .filter(move |(k, _)| self.first[*k] != 0.0 || !linear(*k))
    }
}

impl<'a> Structural<'a> {
    /// Results of weight zero count for nothing.
    pub(super) fn new(operations: &'a [Operation], (out, weights): (&[Taped], &[f64])) -> Self {
        let mut adjoint = vec![None; operations.len()];
        for (result, &weight) in out.iter().zip(weights).filter(|(_, w)| **w != 0.0) {
            if let Some(slot) = result.node().and_then(|node| adjoint.get_mut(node)) {
                *slot = Some(slot.unwrap_or(0.0) + weight);
            }
        }
        for (node, operation) in operations.iter().enumerate().rev() {
            if let Some(weight) = adjoint[node] {
                for (k, argument) in operation.changing() {
                    let sum = adjoint[argument].unwrap_or(0.0);
                    adjoint[argument] = Some(sum + weight * operation.first[k]);
                }
            }
        }
        Self {
            operations,
            adjoint,
        }
    }

    /// The Hessian's products with the directions from `first` on: each is the sum of
    /// the unit vectors of the variables that have its colour.
    pub(super) fn bend(&self, color: &[usize], first: usize) -> Vec<Lanes> {
        let tangent = self.tangent(color, first);
        let mut bend = vec![[None; LANES]; self.operations.len()];
        for (node, operation) in self.operations.iter().enumerate().rev() {
            let Some(weight) = self.adjoint[node] else {
                continue;
            };
            for (k, argument) in operation.changing() {
                for l in 0..LANES {
                    let own = bend[node][l].map(|own: f64| operation.first[k] * own);
                    let mut sum = own;
                    for (m, other) in operation.live() {
                        if let Some(other) = tangent[other][l]
                            && !operation.straight[k + m]
                        {
                            let second = weight * operation.second[k + m] * other;
                            sum = Some(sum.unwrap_or(0.0) + second);
                        }
                    }
                    if let Some(sum) = sum {
                        bend[argument][l] = Some(bend[argument][l].unwrap_or(0.0) + sum);
                    }
                }
            }
        }
        let lanes = bend.into_iter();
        lanes
            .map(|lanes| lanes.map(|lane: Option<f64>| lane.unwrap_or(0.0)))
            .collect()
    }

    /// How nodes change along the directions, where they do.
    fn tangent(&self, color: &[usize], first: usize) -> Vec<[Option<f64>; LANES]> {
        let mut tangent = vec![[None; LANES]; self.operations.len()];
        for (slot, color) in tangent.iter_mut().zip(color) {
            if let Some(one) = slot.get_mut(color.wrapping_sub(first)) {
                *one = Some(1.0);
            }
        }
        for (node, operation) in self.operations.iter().enumerate() {
            for (k, argument) in operation.changing() {
                for l in 0..LANES {
                    if let Some(change) = tangent[argument][l] {
                        let sum = tangent[node][l].unwrap_or(0.0);
                        tangent[node][l] = Some(sum + operation.first[k] * change);
                    }
                }
            }
        }
        tangent
    }
}
