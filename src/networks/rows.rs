//! The Jacobian of a dense layer's residual, row by row: with s the slopes of the
//! activation, a unit's row is 1 for the unit itself, −s W for what it sees and
//! −s x for its weights.

use std::ops::Range;

use super::{Activation, DenseLayer, Seen};

/// Which parameters of a step are columns.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// The column of each parameter, none where it is fixed.
    places: Vec<Option<usize>>,
    all: bool,
}

impl Columns {
    pub(crate) fn new(places: Vec<Option<usize>>) -> Self {
        let all = places.iter().all(Option::is_some);
        Self { places, all }
    }
}

/// Entries in the order of the rows.
struct Entries<'a> {
    columns: &'a Columns,
    values: &'a mut [f64],
    count: usize,
}

impl Entries<'_> {
    #[inline(always)]
    fn push(&mut self, value: f64) {
        self.values[self.count] = value;
        self.count += 1;
    }

    /// −scale · v, an entry for each parameter from `first` on.
    #[inline(always)]
    fn push_parameters(&mut self, first: usize, scale: f64, v: &[f64]) {
        if self.columns.all {
            let slots = &mut self.values[self.count..self.count + v.len()];
            for (slot, v) in slots.iter_mut().zip(v) {
                *slot = -scale * v;
            }
            self.count += v.len();
        } else {
            for (v, place) in v.iter().zip(&self.columns.places[first..]) {
                if place.is_some() {
                    self.push(-scale * v);
                }
            }
        }
    }
}

impl DenseLayer {
    /// The units whose weighted inputs unit `i` depends on.
    fn through(&self, i: usize) -> Range<usize> {
        match self.dense.activation {
            Activation::Softmax => 0..self.units(),
            _ => i..i + 1,
        }
    }

    /// The columns of each row, increasing: states of the layer before, states of
    /// the layer itself, parameters.
    pub(crate) fn pattern(&self, columns: &Columns) -> Vec<Vec<usize>> {
        let (before, units) = (self.before, self.units());
        let row = |t: usize, i: usize| {
            let mut row: Vec<usize> = (t * before..(t + 1) * before).collect();
            let own = self.times * before;
            let recurrent = self.dense.recurrent && t > 0;
            if recurrent {
                row.extend(own + (t - 1) * units..own + t * units);
            }
            row.push(own + t * units + i);
            let through = self.through(i);
            let mut used: Vec<usize> = Vec::new();
            used.extend(through.start * before..through.end * before);
            if recurrent {
                let first = self.recurrent_weights().start;
                used.extend(first + through.start * units..first + through.end * units);
            }
            used.extend(through.map(|k| self.biases().start + k));
            row.extend(used.into_iter().filter_map(|p| columns.places[p]));
            row
        };
        let times = 0..self.times;
        times
            .flat_map(|t| (0..units).map(move |i| (t, i)))
            .map(|(t, i)| row(t, i))
            .collect()
    }

    /// Writes the residual, and the entries of its Jacobian in the order of
    /// [`pattern`](Self::pattern).
    pub(crate) fn write_jacobian(
        &self,
        columns: &Columns,
        (x, next): (&[f64], &[f64]),
        theta: &[f64],
        g: &mut [f64],
        values: &mut [f64],
    ) {
        let units = self.units();
        let (mut f, mut slopes) = (vec![0.0; units], vec![0.0; units]);
        let count = 0;
        let mut entries = Entries {
            columns,
            values,
            count,
        };
        for t in 0..self.times {
            let seen = self.see(t, x, next, theta);
            for (i, z) in f.iter_mut().enumerate() {
                *z = seen.weigh(i);
            }
            let activation = self.dense.activation;
            activation.apply_all(units, &mut f, &mut slopes);
            let step = self.dense.residual.unwrap_or(1.0);
            for i in 0..units {
                let direct = self.dense.residual.map_or(0.0, |_| seen.x[i]);
                g[t * units + i] = next[t * units + i] - direct - step * f[i];
                // ∂fᵢ/∂zₖ, which is all of softmax's.
                let through = self.through(i);
                let slope = |k: usize| match activation {
                    Activation::Softmax => step * f[i] * (f64::from(i == k) - f[k]),
                    _ => step * slopes[k],
                };
                self.write_row(i, &seen, (through, slope), &mut entries);
            }
        }
    }

    fn write_row(
        &self,
        i: usize,
        seen: &Seen<'_, f64>,
        (through, slope): (Range<usize>, impl Fn(usize) -> f64),
        entries: &mut Entries<'_>,
    ) {
        let first = entries.count;
        for (matrix, values) in [
            (seen.weights, seen.x),
            (seen.recurrent_weights, seen.earlier),
        ] {
            let (begin, width) = (entries.count, values.len());
            entries.count += width;
            let slots = &mut entries.values[begin..begin + width];
            slots.fill(0.0);
            for k in through.clone() {
                let (s, row) = (slope(k), &matrix[k * width..(k + 1) * width]);
                for (slot, w) in slots.iter_mut().zip(row) {
                    *slot -= s * w;
                }
            }
        }
        if self.dense.residual.is_some() {
            entries.values[first + i] -= 1.0;
        }
        entries.push(1.0);
        for (start, others) in [
            (self.weights().start, seen.x),
            (self.recurrent_weights().start, seen.earlier),
        ] {
            for k in through.clone() {
                entries.push_parameters(start + k * others.len(), slope(k), others);
            }
        }
        for k in through {
            entries.push_parameters(self.biases().start + k, slope(k), &[1.0]);
        }
    }
}
