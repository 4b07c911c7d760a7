//! What is drawn: axes, lines, points and bands as data.

use crate::action::{Action, Estimate, Plateau};
use crate::anneal::{Annealing, Level, StartResult};
use crate::error::{Error, Result};

/// The label of an axis along the ladder.
const PRECISION: &str = "model precision R_f";

/// One pair of axes with what is drawn between them.
///
/// ```
/// use deepest::plot::{Figure, Panel};
///
/// let times = [0.0, 0.1, 0.2];
/// let panel = Panel::path(&times, &[1.0, 1.4, 1.7])?.data(&times, &[1.1, f64::NAN, 1.6])?;
/// let panel = panel.title("prey").x_label("time (years)").reference("equilibrium", 1.5);
/// assert!(Figure::new().panel(panel).to_svg()?.contains("equilibrium"));
/// # Ok::<(), deepest::Error>(())
/// ```
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

    /// Action levels of all starts against R_f, both logarithmic, and as a band
    /// where the lowest one ends if model and errors are what they are said to
    /// be: two standard deviations around [`Action::expected_plateau`]. Levels
    /// below a thousandth of the best one's end, from small R_f where all are
    /// alike, are left out.
    pub fn levels(action: &Action, annealing: &Annealing) -> Self {
        let axes = (Axis::logarithmic(PRECISION), terms_axis("action", action));
        let mut panel = Self::new("action levels", axes.0, axes.1);
        let end = annealing.best().map_or(0.0, |(_, best)| best.action.total);
        panel.ladders(annealing, |level| level.action.total, 1e-3 * end);
        match action.expected_plateau() {
            Some(Plateau { mean, deviation }) => {
                let (low, high) = (mean - 2.0 * deviation, mean + 2.0 * deviation);
                panel.band("expected plateau ± 2σ", low.max(0.0), high)
            }
            None => panel,
        }
    }

    /// Measurement and model error of the best start, the terms of its action,
    /// against R_f, both logarithmic.
    pub fn errors(action: &Action, annealing: &Annealing) -> Self {
        let axes = (
            Axis::logarithmic(PRECISION),
            terms_axis("error term", action),
        );
        let mut panel = Self::new("measurement and model error", axes.0, axes.1);
        if let Some((best, _)) = annealing.best() {
            let measurement = ladder(best, |level| level.action.measurement);
            panel.curve("measurement error", Role::Measurement, measurement);
            let model = ladder(best, |level| level.action.model);
            panel.curve("model error", Role::Model, model);
        }
        panel
    }

    /// Parameter `k` of all starts against R_f (logarithmic), under its name. A
    /// parameter that does not exist leaves the panel empty.
    pub fn parameter(action: &Action, annealing: &Annealing, k: usize) -> Self {
        let name = action.parameters().nth(k).map_or("", |(name, _)| name);
        let axes = (Axis::logarithmic(PRECISION), Axis::linear(name));
        let mut panel = Self::new(name, axes.0, axes.1);
        let value = |level: &Level| level.estimate.parameters.get(k).copied();
        let value = |level: &Level| value(level).unwrap_or(f64::NAN);
        panel.ladders(annealing, value, f64::NEG_INFINITY);
        panel
    }

    /// Component `i` of the estimated state in one window against time, with its
    /// data where it is observed as it is.
    ///
    /// # Errors
    /// [`Error::Length`] where there is no such window, or the estimate is not
    /// one of this action.
    pub fn state(action: &Action, estimate: &Estimate, window: usize, i: usize) -> Result<Self> {
        let (window, path) = action.window_with_path(estimate, window)?;
        let mut panel = Self::path(window.grid().times(), &path.component(i))?;
        let mut observed = false;
        for set in window.observation_sets() {
            let column = set
                .components()
                .and_then(|c| c.iter().position(|c| *c == i));
            if let Some(column) = column {
                observed = true;
                panel = panel.data(set.times(), &set.values().column(column).to_vec())?;
            }
        }
        let kind = if observed { "observed" } else { "unobserved" };
        Ok(panel
            .title(format!("component {i}, {kind}"))
            .y_label(format!("component {i}")))
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

    /// How errors of several kinds grow in time, on a logarithmic axis: what grows
    /// exponentially is straight. Each has a name and points (time, error).
    pub fn growth(errors: &[(&str, Vec<(f64, f64)>)]) -> Self {
        let axes = (Axis::linear("time"), Axis::logarithmic("error"));
        let mut panel = Self::new("growth of errors", axes.0, axes.1);
        for (number, (name, points)) in errors.iter().enumerate() {
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
        let more = self.marks.iter().any(|mark| mark.role == Role::Data);
        self.marks.push(Mark {
            legend: (!more).then(|| "data".into()),
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
    #[doc(alias = "prediction")]
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

    /// A quantity of all starts along their ladders, where it is not below
    /// `least`; the best start on top.
    fn ladders(&mut self, annealing: &Annealing, value: impl Fn(&Level) -> f64 + Copy, least: f64) {
        let shown = |start: &StartResult| {
            let mut points = ladder(start, value);
            points.retain(|(_, value)| value.is_nan() || *value >= least);
            points
        };
        let best = annealing.best().map(|(start, _)| start.index);
        let others = annealing.starts.iter().filter(|s| Some(s.index) != best);
        for (number, start) in others.enumerate() {
            self.marks.push(Mark {
                legend: (number == 0).then(|| "other starts".into()),
                role: Role::Start,
                shape: Shape::Curve(shown(start)),
            });
        }
        if let Some((start, _)) = annealing.best() {
            self.curve("best start", Role::Estimate, shown(start));
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

/// The axis of terms of the action, which mean little without their divisor.
fn terms_axis(label: &str, action: &Action) -> Axis {
    let normalization = action.normalization().name();
    Axis::logarithmic(&format!("{label} ({normalization} normalization)"))
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
