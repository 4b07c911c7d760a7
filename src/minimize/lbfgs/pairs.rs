//! The memory: the last few steps and changes of gradient.

use super::vectors::{add_scaled, add_scaled_dot, dot};

/// Least cosine between a step and its change of gradient for the pair to
/// count as curvature: ε^⅔. A quadratic of condition κ gives at least
/// 2√κ/(κ+1), so this drops noise and keeps every κ below 10²¹.
const LEAST_COSINE: f64 = 3.7e-11;

/// Steps s and changes of gradient y of the newest iterations, each a row of
/// one contiguous array. One row more than the memory holds takes the pair
/// that is being judged.
pub(super) struct Pairs {
    dimension: usize,
    memory: usize,
    steps: Vec<f64>,
    changes: Vec<f64>,
    /// sᵀy of each row.
    products: Vec<f64>,
    /// Serial number of the pair in each row.
    serials: Vec<u64>,
    /// Rows in use, oldest first.
    order: Vec<usize>,
    /// Rows that are free.
    spare: Vec<usize>,
    next_serial: u64,
    /// yᵀy / sᵀy of the newest pair: the curvature of the model off the pairs.
    theta: f64,
    weights: Vec<f64>,
}

impl Pairs {
    pub(super) fn new(dimension: usize, memory: usize) -> Self {
        Pairs {
            dimension,
            memory,
            steps: Vec::new(),
            changes: Vec::new(),
            products: Vec::new(),
            serials: Vec::new(),
            order: Vec::new(),
            spare: Vec::new(),
            next_serial: 1,
            theta: 1.0,
            weights: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Rows in use, oldest first.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Rows that exist, in use or not.
    pub(super) fn rows(&self) -> usize {
        self.products.len()
    }

    pub(super) fn step(&self, row: usize) -> &[f64] {
        &self.steps[row * self.dimension..][..self.dimension]
    }

    pub(super) fn change(&self, row: usize) -> &[f64] {
        &self.changes[row * self.dimension..][..self.dimension]
    }

    /// sᵀy of a row.
    pub(super) fn product(&self, row: usize) -> f64 {
        self.products[row]
    }

    /// Tells one pair from the next that takes the same row.
    pub(super) fn serial(&self, row: usize) -> u64 {
        self.serials[row]
    }

    /// θ: the initial matrix of the model is θ times the identity.
    pub(super) fn theta(&self) -> f64 {
        self.theta
    }

    /// Sets θ while there is no pair to give it.
    pub(super) fn set_theta(&mut self, theta: f64) {
        self.theta = theta;
    }

    /// Forgets every pair; θ stays as the best known curvature.
    pub(super) fn clear(&mut self) {
        self.spare.append(&mut self.order);
    }

    /// Adds the pair that `fill` writes into the two rows it is given, unless
    /// its curvature is not sufficiently positive; then the pair is skipped and
    /// the memory stays as it was. `slope` is gᵀs at the start of the step.
    pub(super) fn offer(&mut self, slope: f64, fill: impl FnOnce(&mut [f64], &mut [f64])) {
        let row = self.spare_row();
        let range = row * self.dimension..(row + 1) * self.dimension;
        let (s, y) = (&mut self.steps[range.clone()], &mut self.changes[range]);
        fill(s, y);
        let (sy, ss, yy) = (dot(s, y), dot(s, s), dot(y, y));
        let theta = yy / sy;
        // Squares apart: their product may underflow.
        let positive = sy > LEAST_COSINE * ss.sqrt() * yy.sqrt() && sy > f64::EPSILON * slope.abs();
        if !(positive && theta.is_finite() && theta > 0.0) {
            self.spare.push(row);
            return;
        }
        self.products[row] = sy;
        self.serials[row] = self.next_serial;
        self.next_serial += 1;
        self.theta = theta;
        self.order.push(row);
        if self.order.len() > self.memory {
            let oldest = self.order.remove(0);
            self.spare.push(oldest);
        }
    }

    fn spare_row(&mut self) -> usize {
        if let Some(row) = self.spare.pop() {
            return row;
        }
        let row = self.rows();
        self.steps.resize((row + 1) * self.dimension, 0.0);
        self.changes.resize((row + 1) * self.dimension, 0.0);
        self.products.push(0.0);
        self.serials.push(0);
        row
    }

    /// Writes H g to `out` and returns gᵀHg: the two-loop recursion
    /// (Nocedal, Math. Comp. 35, 1980), each update fused with the inner
    /// product that follows it.
    pub(super) fn apply_inverse(&mut self, g: &[f64], out: &mut [f64]) -> f64 {
        let mut weights = std::mem::take(&mut self.weights);
        weights.resize(self.order.len(), 0.0);
        out.copy_from_slice(g);
        let (Some(&oldest), Some(&newest)) = (self.order.first(), self.order.last()) else {
            scale(out, 1.0 / self.theta);
            return dot(g, out);
        };
        let mut product = dot(self.step(newest), out);
        for k in (0..self.order.len()).rev() {
            let row = self.order[k];
            weights[k] = product / self.products[row];
            let follower = match k {
                0 => self.change(oldest),
                _ => self.step(self.order[k - 1]),
            };
            product = add_scaled_dot(out, -weights[k], self.change(row), follower);
        }
        // Here `out` lacks the factor 1/θ: it joins the steps only at the end.
        for (k, &row) in self.order.iter().enumerate() {
            let weight = weights[k] * self.theta - product / self.products[row];
            let follower = match self.order.get(k + 1) {
                Some(&next) => self.change(next),
                None => g,
            };
            product = add_scaled_dot(out, weight, self.step(row), follower);
        }
        self.weights = weights;
        scale(out, 1.0 / self.theta);
        product / self.theta
    }

    /// target += Σ a_j y_j + b_j s_j over the pairs, oldest first.
    pub(super) fn combine(&self, target: &mut [f64], of_changes: &[f64], of_steps: &[f64]) {
        for ((&row, &a), &b) in self.order.iter().zip(of_changes).zip(of_steps) {
            add_scaled(target, a, self.change(row));
            add_scaled(target, b, self.step(row));
        }
    }
}

fn scale(v: &mut [f64], factor: f64) {
    for x in v {
        *x *= factor;
    }
}
