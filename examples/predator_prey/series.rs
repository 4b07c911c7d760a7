//! Yearly numbers of a prey and its predator, from a CSV file.

use deepest::Path;

use super::Failure;

/// Two populations at the same times.
pub struct Series {
    /// Prey, predator.
    pub names: [String; 2],
    /// In years, increasing; at least two.
    pub years: Vec<f64>,
    /// Positive, in one unit of any size; NaN where missing.
    pub populations: [Vec<f64>; 2],
}

impl Series {
    /// Reads a file.
    pub fn load(file: &str) -> Result<Self, Failure> {
        let text =
            std::fs::read_to_string(file).map_err(|error| format!("file {file}: {error}"))?;
        Self::parse(&text).map_err(|error| format!("file {file}{error}").into())
    }

    /// A header with three names, then rows of year, prey, predator; lines that
    /// begin with `#` are comments. The place that an error begins with follows
    /// the name of the file.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let lines = text.lines().map(str::trim).zip(1..);
        let mut rows = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        let (header, number) = rows.next().ok_or(": expected a header, found no line")?;
        let [first, prey, predator] = cells(header, number)?;
        if first.parse::<f64>().is_ok() {
            let expected = "a header with the names of year, prey and predator";
            return Err(format!(", line {number}: expected {expected}, found {header:?}").into());
        }
        let mut series = Self {
            names: [prey, predator].map(String::from),
            years: Vec::new(),
            populations: [Vec::new(), Vec::new()],
        };
        for (line, number) in rows {
            let place = |error| format!(", line {number}: {error}");
            series.push(cells(line, number)?).map_err(place)?;
        }
        series.check()?;
        Ok(series)
    }

    fn push(&mut self, [year, prey, predator]: [&str; 3]) -> Result<(), String> {
        let year = number("year", year)?;
        let after = self.years.last().copied().unwrap_or(f64::NEG_INFINITY);
        if !(year.is_finite() && year > after) {
            return Err(format!("expected a year after {after}, found {year}"));
        }
        self.years.push(year);
        for (k, cell) in [prey, predator].into_iter().enumerate() {
            let value = number(&self.names[k], cell)?;
            // A logarithm will be taken.
            if value <= 0.0 || value.is_infinite() {
                let expected = "a positive number, or NaN where it is missing";
                return Err(format!(
                    "{}: expected {expected}, found {cell}",
                    self.names[k]
                ));
            }
            self.populations[k].push(value);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        let found = self.years.len();
        if found < 2 {
            return Err(format!(": expected at least 2 years, found {found}").into());
        }
        for (name, values) in self.names.iter().zip(&self.populations) {
            if values.iter().all(|v| v.is_nan()) {
                return Err(format!(": {name}: expected at least one value, found none").into());
            }
        }
        Ok(())
    }

    /// The geometric mean of population `k`.
    pub fn typical(&self, k: usize) -> f64 {
        let known = self.populations[k].iter().filter(|v| !v.is_nan());
        let (count, sum) = known.fold((0, 0.0), |(n, sum), v| (n + 1, sum + v.ln()));
        (sum / f64::from(count)).exp()
    }

    /// The smallest and the largest value of population `k`.
    pub fn range(&self, k: usize) -> (f64, f64) {
        let none = (f64::INFINITY, 0.0_f64);
        let values = self.populations[k].iter();
        // `min` and `max` pass over NaN.
        values.fold(none, |(low, high), v| (low.min(*v), high.max(*v)))
    }

    /// The correlation of the errors of the logarithms with those of the row
    /// before, both populations together. The layers of `path` are equally many
    /// between all rows.
    pub fn correlation(&self, path: &Path) -> f64 {
        let steps = (path.layers() - 1) / (self.years.len() - 1);
        let (mut products, mut pairs) = (0.0, 0.0);
        let (mut squares, mut count) = (0.0, 0.0);
        for (k, values) in self.populations.iter().enumerate() {
            let mut before = f64::NAN;
            for (row, value) in values.iter().enumerate() {
                let error = (value / path.layer(row * steps)[k]).ln();
                if !error.is_nan() {
                    squares += error * error;
                    count += 1.0;
                }
                if !(error * before).is_nan() {
                    products += error * before;
                    pairs += 1.0;
                }
                before = error;
            }
        }
        (products / pairs) / (squares / count)
    }

    /// Number of values that are not missing.
    pub fn count(&self) -> usize {
        let values = self.populations.iter().flatten();
        values.filter(|v| !v.is_nan()).count()
    }
}

fn cells(line: &str, number: usize) -> Result<[&str; 3], Failure> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let found = cells.len();
    let three = cells.try_into();
    three.map_err(|_| format!(", line {number}: expected 3 cells, found {found}").into())
}

fn number(name: &str, cell: &str) -> Result<f64, String> {
    let value = cell.parse();
    value.map_err(|_| format!("{name}: expected a number, found {cell:?}"))
}
