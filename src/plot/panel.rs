use crate::anneal::{Annealing, Level, StartResult};
use crate::error::{Error, Result};

/// One pair of axes with what is drawn between them.
///
/// NaN, infinity and, on logarithmic axes, values that are not positive are left
/// out and interrupt a line. A logarithmic axis ends twelve decades below the
/// largest value.
/// Of more than 400 data points every k-th is drawn; lines keep their extremes.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a panel is drawn as a part of a figure"]
pub struct Panel {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) marks: Vec<Mark>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) logarithmic: bool,
}

/// Something drawn, with its line in the legend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub(super) legend: Option<String>,
    pub(super) role: Role,
    pub(super) shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Curve(Vec<(f64, f64)>),
    Dots(Vec<(f64, f64)>),
    /// From the left to the right side.
    Across {
        low: f64,
        high: f64,
    },
    /// From the lower to the upper side.
    Upright(f64),
}

/// What is drawn, which decides how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Estimate,
    Start,
    Measurement,
    Model,
    Data,
    Truth,
    Forecast,
    Instant,
    Band,
    /// One of several that are compared.
    Method(usize),
}

impl Panel {
    pub(super) fn new(title: &str, x: Axis, y: Axis) -> Self {
        Self {
            title: title.into(),
            x,
            y,
            marks: Vec::new(),
        }
    }

    /// Action levels of all starts against R_f, both logarithmic, with the
    /// measurement and model terms of the best start.
    pub fn levels(annealing: &Annealing) -> Self {
        let axes = (Axis::logarithmic("R_f"), Axis::logarithmic("action"));
        let mut panel = Self::new("action levels", axes.0, axes.1);
        panel.ladders(annealing, |level| level.action.total);
        if let Some((best, _)) = annealing.best() {
            let measurement = ladder(best, |level| level.action.measurement);
            panel.curve("measurement term", Role::Measurement, measurement);
            let model = ladder(best, |level| level.action.model);
            panel.curve("model term", Role::Model, model);
        }
        panel
    }

    /// Parameter `k` of all starts against R_f (logarithmic). A parameter that
    /// does not exist leaves the panel empty.
    pub fn parameter(annealing: &Annealing, k: usize) -> Self {
        let title = format!("parameter {k}");
        let axes = (Axis::logarithmic("R_f"), Axis::linear("value"));
        let mut panel = Self::new(&title, axes.0, axes.1);
        panel.ladders(annealing, |level| {
            let value = level.estimate.parameters.get(k);
            value.copied().unwrap_or(f64::NAN)
        });
        panel
    }

    /// Errors of several methods against the number of layers, both logarithmic: a
    /// method of order q falls with the slope −q. Each has a name and points
    /// (layers, error).
    pub fn convergence(methods: &[(&str, Vec<(f64, f64)>)]) -> Self {
        let axes = (Axis::logarithmic("layers"), Axis::logarithmic("error"));
        let mut panel = Self::new("convergence with depth", axes.0, axes.1);
        for (number, (name, points)) in methods.iter().enumerate() {
            panel.curve(name, Role::Method(number), points.clone());
        }
        panel
    }

    /// One component of an estimated path against time.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one value a time.
    pub fn path(times: &[f64], values: &[f64]) -> Result<Self> {
        let mut panel = Self::new("path", Axis::linear("time"), Axis::linear("state"));
        panel.curve("estimate", Role::Estimate, pairs(times, values)?);
        Ok(panel)
    }

    /// Adds measured values as dots; missing values are NaN.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one value a time.
    pub fn data(mut self, times: &[f64], values: &[f64]) -> Result<Self> {
        self.marks.push(Mark {
            legend: Some("data".into()),
            role: Role::Data,
            shape: Shape::Dots(pairs(times, values)?),
        });
        Ok(self)
    }

    /// Adds the true path, dashed.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one value a time.
    pub fn truth(mut self, times: &[f64], values: &[f64]) -> Result<Self> {
        self.curve("truth", Role::Truth, pairs(times, values)?);
        Ok(self)
    }

    /// Adds a path beyond the estimate, dashed in a lighter colour.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one value a time.
    pub fn forecast(mut self, times: &[f64], values: &[f64]) -> Result<Self> {
        self.curve("forecast", Role::Forecast, pairs(times, values)?);
        Ok(self)
    }

    /// Adds a thin vertical line, such as at the time where a forecast begins.
    pub fn instant(mut self, legend: &str, x: f64) -> Self {
        self.marks.push(Mark {
            legend: Some(legend.into()),
            role: Role::Instant,
            shape: Shape::Upright(x),
        });
        self
    }

    /// Adds a dashed line at one height, such as the true parameter.
    pub fn reference(mut self, legend: &str, value: f64) -> Self {
        self.marks.push(Mark {
            legend: Some(legend.into()),
            role: Role::Truth,
            shape: Shape::Across {
                low: value,
                high: value,
            },
        });
        self
    }

    /// Adds a band across the panel, such as the expected plateau of the
    /// action.
    pub fn band(mut self, legend: &str, low: f64, high: f64) -> Self {
        // Below everything else.
        let mark = Mark {
            legend: Some(legend.into()),
            role: Role::Band,
            shape: Shape::Across { low, high },
        };
        self.marks.insert(0, mark);
        self
    }

    /// Sets the title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets what the legend calls the first curve, such as the estimate.
    pub fn legend(mut self, words: impl Into<String>) -> Self {
        if let Some(first) = self.marks.first_mut() {
            first.legend = Some(words.into());
        }
        self
    }

    /// Sets the label of the horizontal axis, with its unit.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x.label = label.into();
        self
    }

    /// Sets the label of the vertical axis, with its unit.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y.label = label.into();
        self
    }

    /// A quantity of all starts along their ladders, the best one on top.
    fn ladders(&mut self, annealing: &Annealing, value: impl Fn(&Level) -> f64 + Copy) {
        let best = annealing.best().map(|(start, _)| start.index);
        let others = annealing.starts.iter().filter(|s| Some(s.index) != best);
        for (number, start) in others.enumerate() {
            self.marks.push(Mark {
                legend: (number == 0).then(|| "other starts".into()),
                role: Role::Start,
                shape: Shape::Curve(ladder(start, value)),
            });
        }
        if let Some((start, _)) = annealing.best() {
            self.curve("best start", Role::Estimate, ladder(start, value));
        }
    }

    pub(super) fn curve(&mut self, legend: &str, role: Role, points: Vec<(f64, f64)>) {
        self.marks.push(Mark {
            legend: Some(legend.into()),
            role,
            shape: Shape::Curve(points),
        });
    }
}

impl Axis {
    pub(super) fn linear(label: &str) -> Self {
        Self {
            label: label.into(),
            logarithmic: false,
        }
    }

    pub(super) fn logarithmic(label: &str) -> Self {
        Self {
            label: label.into(),
            logarithmic: true,
        }
    }
}

fn ladder(start: &StartResult, value: impl Fn(&Level) -> f64) -> Vec<(f64, f64)> {
    let levels = start.levels.iter();
    levels.map(|level| (level.rf, value(level))).collect()
}

fn pairs(times: &[f64], values: &[f64]) -> Result<Vec<(f64, f64)>> {
    if times.len() != values.len() {
        return Err(Error::Length {
            what: "values",
            place: "panel, against its times".into(),
            expected: times.len(),
            found: values.len(),
        });
    }
    Ok(times.iter().copied().zip(values.iter().copied()).collect())
}
