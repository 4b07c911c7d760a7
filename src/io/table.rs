//! Results as numbers with named columns.

use ndarray::{Array2, ArrayView1};

use crate::action::{Action, Estimate};
use crate::anneal::{Annealing, Level, StartResult};
use crate::error::{Error, Result};
use crate::minimize::Termination;

/// Rows of numbers with a name for each column.
///
/// ```
/// # use deepest::{io::Table, models::Lorenz63, prelude::*};
/// # fn main() -> deepest::Result<()> {
/// # let grid = Grid::uniform(0.0, 0.01, 201)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?).seed(2))?;
/// # let action = Action::builder(Lorenz63, SimpsonHermite)
/// #     .window(twin.window()?)
/// #     .parameter("sigma", Parameter::fixed(10.0))
/// #     .parameter("rho", Bounds::new(0.0, 60.0)?)
/// #     .parameter("beta", Parameter::fixed(8.0 / 3.0))
/// #     .build()?;
/// # let annealing = Annealer::new(Schedule::adaptive()).starts(2).run(&action)?;
/// let (_, best) = annealing.best().expect("a start that reached the end");
/// let table = Table::path(&action, &best.estimate, 0)?;
/// assert_eq!(table.columns, ["time", "x0", "x1", "x2"]);
/// assert_eq!(table.values.dim(), (201, 4));
/// // `write_csv("path.csv", &table)` writes it to a file.
/// # Ok(())
/// # }
/// ```
#[doc(alias("csv", "export"))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The numbers, one row after the other.
    pub values: Array2<f64>,
}

impl Table {
    /// The action levels: a row for every level of every start, with the columns
    /// `start`, `beta`, `rf`, `action`, `measurement`, `model`, `prior` (the
    /// action's terms in its own normalization), `converged` (1 where the
    /// minimization came to its minimum, as far as rounding allows), and the
    /// work that it took: `iterations`, `evaluations`, `factorizations`.
    #[must_use]
    pub fn levels(annealing: &Annealing) -> Self {
        let columns = [
            "start",
            "beta",
            "rf",
            "action",
            "measurement",
            "model",
            "prior",
            "converged",
            "iterations",
            "evaluations",
            "factorizations",
        ];
        let row = |(start, level): (&StartResult, &Level)| {
            let (action, work) = (level.action, level.work);
            let minimum = [Termination::Converged, Termination::RoundingLimit];
            [
                start.index as f64,
                level.beta,
                level.rf,
                action.total,
                action.measurement,
                action.model,
                action.prior,
                f64::from(minimum.contains(&level.termination)),
                work.iterations as f64,
                work.evaluations as f64,
                work.factorizations as f64,
            ]
        };
        let rows: Vec<_> = levels(annealing).map(row).collect();
        Self {
            columns: columns.map(String::from).to_vec(),
            values: Array2::from(rows),
        }
    }

    /// The parameters along the ladders: a row for every level of every start,
    /// with the columns `start`, `beta`, `rf`, and one for each parameter, the
    /// fixed ones included, by its name. A parameter that has several values
    /// shows their mean over windows or layers, as in [`Estimate::parameters`].
    ///
    /// # Errors
    /// [`Error::Length`] where a level has another number of parameters.
    pub fn parameters(action: &Action, annealing: &Annealing) -> Result<Self> {
        let names = action.parameters().map(|(name, _)| name);
        let columns = ["start", "beta", "rf"].into_iter().chain(names);
        let rows = levels(annealing).map(|(start, level)| {
            let mut row = vec![start.index as f64, level.beta, level.rf];
            row.extend(&level.estimate.parameters);
            row
        });
        Self::from_rows(columns.map(String::from).collect(), rows)
    }

    /// The path of one window: a row for every layer, with the columns `time`,
    /// `x0`, `x1`, … for the components of the state (NaN where a layer is
    /// narrower than others) and one for each parameter that changes in time, by
    /// its name. Units are those of the grid and the model.
    ///
    /// # Errors
    /// [`Error::Length`] where there is no such window, or the estimate is not
    /// one of this action.
    pub fn path(action: &Action, estimate: &Estimate, window: usize) -> Result<Self> {
        let (shown, path) = action.window_with_path(estimate, window)?;
        let times = shown.grid().times();
        let widths = (0..path.layers()).map(|n| path.layer(n).len());
        let width = widths.max().unwrap_or(0);
        let states = (0..width).map(|i| format!("x{i}"));
        let varying = estimate.varying.get(window);
        let names: Vec<&str> = action.parameters().map(|(name, _)| name).collect();
        let drifting = action.layout().scope.drifting.iter();
        let drifting = drifting.filter(|_| varying.is_some());
        let names = drifting.map(|(p, _)| names[*p].into());
        let columns = std::iter::once("time".into()).chain(states).chain(names);
        let rows = times.iter().enumerate().map(|(n, time)| {
            let mut row = vec![*time];
            row.extend(path.layer(n));
            row.resize(1 + width, f64::NAN);
            row.extend(varying.map_or(&[][..], |varying| varying.layer(n)));
            row
        });
        Self::from_rows(columns.collect(), rows)
    }

    fn from_rows(columns: Vec<String>, rows: impl Iterator<Item = Vec<f64>>) -> Result<Self> {
        let mut values = Array2::zeros((0, columns.len()));
        for (k, row) in rows.enumerate() {
            let row = ArrayView1::from(&row);
            values.push_row(row).map_err(|_| Error::Length {
                what: "values",
                place: format!("table, row {k}"),
                expected: columns.len(),
                found: row.len(),
            })?;
        }
        Ok(Self { columns, values })
    }
}

fn levels(annealing: &Annealing) -> impl Iterator<Item = (&StartResult, &Level)> {
    let starts = annealing.starts.iter();
    starts.flat_map(|start| start.levels.iter().map(move |level| (start, level)))
}
