//! What each result of a function depends on, found by running it with a tracing
//! scalar.
//!
//! A function that never looks at a value does the same operations at every point,
//! so that one run tells all. One that looks may do something else elsewhere: of it
//! nothing is known but what is declared, and a declaration can be checked at points.

use num_traits::Zero;

use super::any::STRICT_LANES;
use super::generic::{Arguments, Generic};
use super::trace::Trace;
use crate::dual::Dual;
use crate::model::{Pattern, Sparsity};

/// What a run with a tracing scalar tells of a function.
#[derive(Debug)]
pub(crate) struct Structure {
    /// The columns that each result depends on: variables, then free parameters.
    pub(crate) rows: Vec<Vec<usize>>,
    /// Whether a value was looked at: compared, or asked for. What the function
    /// does then depends on the point, and `rows` are those of one point.
    pub(crate) looks: bool,
    /// Whether the larger or smaller of numbers was taken, or an absolute value.
    /// `rows` have all that these may give.
    pub(crate) chooses: bool,
}

impl Structure {
    /// Runs `f` at one point, with `free` the parameters that have a column.
    pub(crate) fn at<F: Generic>(f: &F, free: &[usize], (x, theta): (&[f64], &[f64])) -> Self {
        let columns = f.inputs() + free.len();
        let mut rows = vec![Vec::new(); f.outputs()];
        let mut arguments = Arguments::<Trace>::default();
        let identity: Vec<usize> = (0..columns).collect();
        let seen = Trace::watch(|| {
            for batch in (0..columns.max(1)).step_by(Trace::BATCH) {
                let last = (batch + Trace::BATCH).min(columns);
                arguments.out.clear();
                arguments.call(f, (x, theta), (&identity, free), |v, column| {
                    if (batch..last).contains(&column) {
                        Trace::unknown(v, column - batch)
                    } else {
                        Trace::from(v)
                    }
                });
                for (row, result) in rows.iter_mut().zip(&arguments.out) {
                    row.extend((batch..last).filter(|column| result.depends_on(column - batch)));
                }
            }
        });
        Self {
            rows,
            looks: seen.looked,
            chooses: seen.chose,
        }
    }

    /// The same at a point of no special values.
    pub(crate) fn of<F: Generic>(f: &F, parameters: usize, free: &[usize]) -> Self {
        let (x, theta) = probe_point(f, parameters);
        Self::at(f, free, (&x, &theta))
    }
}

/// A point of no special values and without symmetry: variables and parameters.
pub(super) fn probe_point<F: Generic>(f: &F, parameters: usize) -> (Vec<f64>, Vec<f64>) {
    // Deterministic: (fractional part of k·golden) − ½.
    let value = |k: usize| 0.1 * (((k + 1) as f64 * 0.618_033_988_749_894_9).fract() - 0.5);
    let inputs = f.inputs();
    let x = (0..inputs).map(value).collect();
    let theta = (0..parameters).map(|p| value(p + inputs)).collect();
    (x, theta)
}

/// The pattern of a Jacobian, known in one of the ways; that of a function which
/// looks at values is dense, unless declared.
pub(super) fn find_pattern<F: Generic>(
    f: &F,
    parameters: usize,
    free: &[usize],
    sparsity: &Sparsity,
) -> (Pattern, bool) {
    let columns = f.inputs() + free.len();
    let dense = || Pattern::from_rows(columns, (0..f.outputs()).map(|_| (0..columns).collect()));
    match sparsity {
        Sparsity::Dense => (dense(), false),
        Sparsity::Declared(pairs) => {
            let mut rows = vec![Vec::new(); f.outputs()];
            // Parameters that are not free have no column.
            for &(row, column) in pairs.iter().filter(|(_, column)| *column < columns) {
                rows[row].push(column);
            }
            (Pattern::from_rows(columns, rows), false)
        }
        Sparsity::Traced => match Structure::of(f, parameters, free) {
            Structure { looks: true, .. } => (dense(), false),
            Structure { rows, .. } => (Pattern::from_rows(columns, rows), true),
        },
    }
}

/// The first entry that a pattern lacks at a point: row, column, and what it is
/// there. A slope that is no number tells nothing.
pub(crate) fn lacking<F: Generic>(
    f: &F,
    pattern: &Pattern,
    free: &[usize],
    (x, theta): (&[f64], &[f64]),
) -> Option<(usize, usize, f64)> {
    let there = Structure::at(f, free, (x, theta)).rows;
    let missing = |row: usize, column: usize| pattern.find(row, column).is_none();
    let of_row = |row: usize| there[row].iter().filter(move |&&c| missing(row, c));
    let mut columns: Vec<usize> = (0..there.len()).flat_map(of_row).copied().collect();
    columns.sort_unstable();
    columns.dedup();
    let mut lane_of = vec![usize::MAX; f.inputs() + free.len()];
    let mut arguments = Arguments::<Dual<f64, STRICT_LANES>>::default();
    for chunk in columns.chunks(STRICT_LANES) {
        lane_of.fill(usize::MAX);
        for (lane, &column) in chunk.iter().enumerate() {
            lane_of[column] = lane;
        }
        arguments.out.clear();
        arguments.out.resize(f.outputs(), Dual::zero());
        arguments.call(f, (x, theta), (&lane_of, free), Dual::variable);
        for (row, result) in arguments.out.iter().enumerate() {
            for (&column, &slope) in chunk.iter().zip(&result.lanes) {
                if slope != 0.0 && slope.is_finite() && missing(row, column) {
                    return Some((row, column, slope));
                }
            }
        }
    }
    None
}
