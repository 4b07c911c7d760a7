//! The tables that an example ends with: all starts, and the best one's ladder.

use std::fmt::Write;

use deepest::{Annealing, Level, Stop};

use super::progress::CpuSeconds;

/// Rows of a ladder, at most; the last level is always one of them.
const MOST_ROWS: usize = 14;

/// A quantity of a level that an example adds to the tables.
pub struct Column<'a> {
    pub heading: String,
    pub decimals: usize,
    pub value: Box<dyn Fn(&Level) -> f64 + 'a>,
}

impl<'a> Column<'a> {
    pub fn new(
        heading: impl Into<String>,
        decimals: usize,
        value: impl Fn(&Level) -> f64 + 'a,
    ) -> Self {
        Self {
            heading: heading.into(),
            decimals,
            value: Box::new(value),
        }
    }

    /// The column of parameter `k`.
    pub fn parameter(name: &str, k: usize, decimals: usize) -> Self {
        let value = move |level: &Level| level.estimate.parameters.get(k).copied();
        Self::new(name, decimals, move |level| {
            value(level).unwrap_or(f64::NAN)
        })
    }

    fn width(&self) -> usize {
        self.heading.chars().count().max(self.decimals + 6)
    }
}

/// One row a start, at its last level.
pub fn starts(annealing: &Annealing, cpu: &CpuSeconds, columns: &[Column<'_>]) -> String {
    let mut text = format!(
        "{:>5} {:<8} {:>6} {:>11}",
        "start", "kind", "beta", "action"
    );
    headings(&mut text, columns);
    text += &format!(" {:>14} {:>6}\n", "factorizations", "CPU s");
    let seconds = cpu
        .starts
        .iter()
        .copied()
        .chain(std::iter::repeat(f64::NAN));
    for (start, seconds) in annealing.starts.iter().zip(seconds) {
        let Some(level) = start.levels.last() else {
            let _ = writeln!(text, "{:>5} {:<8} no level", start.index, start.kind);
            continue;
        };
        let (beta, action) = (level.beta, level.action.total);
        let beta = of_beta(beta);
        text += &format!("{:>5} {:<8} {beta:>6}", start.index, start.kind);
        text += &format!(" {action:>11.6}");
        cells(&mut text, columns, level);
        let factorizations = start.work().factorizations;
        text += &format!(" {factorizations:>14} {seconds:>6.2}");
        text += start.stopped.map_or("", remark);
        text += "\n";
    }
    text
}

/// Whole numbers of a fixed schedule as they are, others with a decimal.
fn of_beta(beta: f64) -> String {
    match beta.fract() {
        0.0 => beta.to_string(),
        _ => format!("{beta:.1}"),
    }
}

/// Why a start did not come to the end.
fn remark(stop: Stop) -> &'static str {
    match stop {
        Stop::TimeBudget => "  out of time",
        Stop::NonFinite => "  not finite",
        Stop::Dropped => "  dropped",
        Stop::Duplicate => "  as another",
        Stop::Crawling => "  too slow",
        _ => "  stopped",
    }
}

/// Levels of the best start from first to last.
pub fn ladder(annealing: &Annealing, columns: &[Column<'_>]) -> String {
    let Some((start, _)) = annealing.best() else {
        return "no start reached a level\n".into();
    };
    let mut text = format!("ladder of start {}\n", start.index);
    let terms = ["action", "measurement", "model"];
    text += &format!("{:>6} {:>9}", "beta", "R_f");
    terms.iter().for_each(|t| text += &format!(" {t:>11}"));
    headings(&mut text, columns);
    text += "\n";
    let last = start.levels.len().saturating_sub(1);
    let stride = last.div_ceil(MOST_ROWS - 1).max(1);
    let chosen = |k: usize| (last - k).is_multiple_of(stride);
    let levels = start.levels.iter().enumerate();
    for (_, level) in levels.filter(|(k, _)| chosen(*k)) {
        text += &format!("{:>6} {:>9.2e}", of_beta(level.beta), level.rf);
        let terms = level.action;
        for term in [terms.total, terms.measurement, terms.model] {
            text += &format!(" {term:>11.4e}");
        }
        cells(&mut text, columns, level);
        text += "\n";
    }
    text
}

fn headings(text: &mut String, columns: &[Column<'_>]) {
    for column in columns {
        *text += &format!(" {:>width$}", column.heading, width = column.width());
    }
}

fn cells(text: &mut String, columns: &[Column<'_>], level: &Level) {
    for column in columns {
        let (value, width) = ((column.value)(level), column.width());
        *text += &format!(" {value:>width$.decimals$}", decimals = column.decimals);
    }
}
