//! Input/output pairs: as windows, and forward passes.

use ndarray::{Array2, ArrayView2};

use super::{Network, check_size};
use crate::error::{Error, Result, check_length};
use crate::model::{Layers, Model};
use crate::problem::grid::Grid;
use crate::problem::observations::Observations;
use crate::problem::path::Path;
use crate::problem::precision::Precision;
use crate::problem::windows::Window;

impl Network {
    /// The layers as times: 0 for the input, steps of length 1, and of length Δ
    /// to a residual layer, so that a model precision
    /// [`PerTime`](crate::PrecisionUnit::PerTime) weighs its residual with
    /// R_f/Δ.
    ///
    /// # Errors
    /// [`Error::NotIncreasing`] where steps vanish by rounding.
    pub fn grid(&self) -> Result<Grid> {
        let mut times = vec![0.0];
        for (n, layer) in self.layers.iter().enumerate() {
            times.push(times[n] + layer.dense.residual.unwrap_or(1.0));
        }
        Grid::new(times)
    }

    /// A window for each input/output pair: row m of `inputs`, measured at the
    /// first layer with one precision, and row m of `outputs`, measured at the
    /// last with another. Inputs that are known exactly get a precision far above
    /// all others. Missing values are NaN. Rows have the width of their layer:
    /// all units of the first time, then those of the next, for networks of
    /// sequences.
    ///
    /// # Errors
    /// [`Error::Length`] for columns that are not as many as the layer has
    /// units, or for another number of outputs than of inputs;
    /// [`Error::Empty`] without pairs; with the pair [`Error::NotFinite`] for
    /// an infinite value and [`Error::Empty`] for one whose input or output is
    /// missing as a whole; [`Error::Length`] for precisions that do not fit.
    pub fn pairs(
        &self,
        (inputs, input_precision): (ArrayView2<'_, f64>, &Precision),
        (outputs, output_precision): (ArrayView2<'_, f64>, &Precision),
    ) -> Result<Vec<Window>> {
        let place = || String::from("pairs of a network");
        let last = self.depth() - 1;
        check_length("columns of inputs", place, self.width(0), inputs.ncols())?;
        check_length(
            "columns of outputs",
            place,
            self.width(last),
            outputs.ncols(),
        )?;
        check_length("rows of outputs", place, inputs.nrows(), outputs.nrows())?;
        if inputs.nrows() == 0 {
            return Err(Error::Empty {
                what: "pairs",
                place: place(),
            });
        }
        let grid = self.grid()?;
        let time = grid.times()[last];
        let sides = [
            ("input", 0.0, inputs, input_precision),
            ("output", time, outputs, output_precision),
        ];
        (0..inputs.nrows())
            .map(|m| {
                let mut window = Window::new(grid.clone());
                for (what, time, values, precision) in &sides {
                    let row = values.row(m);
                    check_row(row.iter(), || format!("{what} of pair {m}"))?;
                    let row = row.to_owned().insert_axis(ndarray::Axis(0));
                    let components: Vec<usize> = (0..row.ncols()).collect();
                    let precision = (*precision).clone();
                    let set = Observations::of_components(&components, [*time], row, precision)?;
                    window = window.observations(set)?;
                }
                Ok(window)
            })
            .collect()
    }

    /// The forward pass from an input: the states of all layers.
    ///
    /// # Errors
    /// [`Error::Length`] for parameters or an input that do not fit the network.
    pub fn forward(&self, theta: &[f64], input: &[f64]) -> Result<Path> {
        let place = || String::from("forward pass of a network");
        check_length("parameters", place, self.parameter_count(), theta.len())?;
        check_length("inputs", place, self.width(0), input.len())?;
        let mut layers = vec![input.to_vec()];
        for n in 0..self.layers.len() {
            layers.push(self.layers[n].forward(&layers[n], &theta[self.parameters_of(n)]));
        }
        Ok(Path::from_layers(layers))
    }

    /// The outputs of forward passes, a row for each row of `inputs`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn predict(&self, theta: &[f64], inputs: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let last = self.depth() - 1;
        let mut outputs = Array2::zeros((inputs.nrows(), self.width(last)));
        for (input, mut output) in inputs.rows().into_iter().zip(outputs.rows_mut()) {
            let path = self.forward(theta, &input.to_vec())?;
            for (slot, &y) in output.iter_mut().zip(path.layer(last)) {
                *slot = y;
            }
        }
        Ok(outputs)
    }

    pub(super) fn check_inputs(&self, inputs: ArrayView2<'_, f64>) -> Result<()> {
        let place = || String::from("network");
        check_length("columns of inputs", place, self.width(0), inputs.ncols())?;
        if inputs.nrows() == 0 {
            return Err(Error::Empty {
                what: "inputs",
                place: place(),
            });
        }
        match inputs.indexed_iter().find(|(_, v)| !v.is_finite()) {
            None => Ok(()),
            Some(((row, column), &found)) => Err(Error::NotFinite {
                what: "input",
                place: format!("network, row {row}, column {column}"),
                found,
            }),
        }
    }
}

/// What [`Observations`] would say of one row, with the pair.
fn check_row<'a>(
    row: impl Iterator<Item = &'a f64> + Clone,
    place: impl Fn() -> String,
) -> Result<()> {
    if row.clone().all(|v| v.is_nan()) {
        return Err(Error::Empty {
            what: "values that are not missing",
            place: place(),
        });
    }
    match row.enumerate().find(|(_, v)| v.is_infinite()) {
        None => Ok(()),
        Some((column, &found)) => Err(Error::NotFinite {
            what: "value",
            place: format!("{}, column {column}", place()),
            found,
        }),
    }
}

/// Labels as outputs of a network of so many classes: row m is 1 in column
/// `labels[m]` and 0 elsewhere.
///
/// ```
/// let outputs = deepest::models::one_hot(&[2, 0], 3)?;
/// assert_eq!(outputs, ndarray::array![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]);
/// # Ok::<(), deepest::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`] with the position of a label that is no class, and for more
/// than 10¹² numbers.
pub fn one_hot(labels: &[usize], classes: usize) -> Result<Array2<f64>> {
    let numbers = labels.len() as f64 * classes as f64;
    check_size("classes", || "labels".into(), numbers)?;
    let mut outputs = Array2::zeros((labels.len(), classes));
    for (m, &label) in labels.iter().enumerate() {
        if label >= classes {
            return Err(Error::OutOfRange {
                what: "label",
                place: format!("pair {m}"),
                low: 0.0,
                high: classes as f64 - 1.0,
                found: label as f64,
            });
        }
        outputs[(m, label)] = 1.0;
    }
    Ok(outputs)
}
