//! What was measured, as the model has it.

use ndarray::Array2;

use super::Action;
use crate::problem::operators::Place;
use crate::problem::windows::Contact;

impl Action {
    /// The values of a window's observation set along a vector of unknowns:
    /// rows and columns as measured, NaN where nothing was. A smooth measurement
    /// is the mean over its layers, by its shares of them.
    pub(crate) fn predicted(&self, x: &[f64], w: usize, set: usize) -> Array2<f64> {
        let (set, contacts) = &self.windows[w].sets()[set];
        let layout = &self.layout.windows[w];
        let mut theta = vec![0.0; self.parameters.len()];
        self.window_parameters(x, w, &mut theta);
        let mut all = set.values().mapv(|y| 0.0 * y);
        for &Contact {
            row: k,
            layer: n,
            weight,
        } in contacts
        {
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
            for (slot, value) in all.row_mut(k).iter_mut().zip(values) {
                *slot += weight * value;
            }
        }
        all
    }
}
