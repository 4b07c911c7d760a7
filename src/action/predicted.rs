//! What was measured, as the model has it.

use ndarray::Array2;

use super::Action;
use crate::discretization::Rule;
use crate::model::Model;
use crate::operators::Place;

impl<M: Model, R: Rule<M>> Action<M, R> {
    /// The values of a window's observation set along a vector of unknowns:
    /// rows and columns as measured, NaN where nothing was.
    pub(crate) fn predicted(&self, x: &[f64], w: usize, set: usize) -> Array2<f64> {
        let (set, layers) = &self.windows[w].sets()[set];
        let layout = &self.layout.windows[w];
        let mut theta = vec![0.0; self.parameters.len()];
        self.window_parameters(x, w, &mut theta);
        let mut all = Array2::from_elem(set.values().dim(), f64::NAN);
        for (k, &n) in layers.iter().enumerate() {
            let drifting = self.layout.scope.drifting.iter();
            for ((p, _), value) in drifting.zip(&x[layout.drifting(n)]) {
                theta[*p] = *value;
            }
            let mut values = vec![0.0; set.operator().len(k)];
            let place = Place {
                k,
                time: set.times()[k],
                state: &x[layout.state(n)],
                theta: &theta,
            };
            set.operator().values(place, &mut values);
            let measured = set.values().row(k).to_owned();
            for ((slot, value), y) in all.row_mut(k).iter_mut().zip(values).zip(measured) {
                if !y.is_nan() {
                    *slot = value;
                }
            }
        }
        all
    }
}
