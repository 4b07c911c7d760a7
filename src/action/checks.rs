//! Whether the parts of an action fit each other.

use std::collections::HashMap;

use super::builder::ActionBuilder;
use super::conventions::Normalization;
use crate::error::{Error, Result, check_count};
use crate::model::{MOST_COMPONENTS, check_parameters_of};
use crate::problem::inputs::check_given;
use crate::problem::parameters::Reach;
use crate::problem::precision::Precision;
use crate::problem::windows::Window;

impl ActionBuilder {
    pub(super) fn check_parameters(&self) -> Result<()> {
        if self.parameters.len() != self.dynamics.parameter_count() {
            return Err(Error::Length {
                what: "parameters",
                place: "action".into(),
                expected: self.dynamics.parameter_count(),
                found: self.parameters.len(),
            });
        }
        self.check_names()?;
        for (name, parameter) in &self.parameters {
            parameter.check(name)?;
            if parameter.prior.is_some() {
                self.check_prior_allowed("a prior of a parameter")?;
            }
            if matches!(parameter.reach, Reach::Layer(_)) {
                self.check_prior_allowed("a parameter that changes in time")?;
            }
        }
        Ok(())
    }

    /// Results are found by names, so that each is there once.
    pub(super) fn check_names(&self) -> Result<()> {
        let mut places = HashMap::new();
        for (second, (name, _)) in self.parameters.iter().enumerate() {
            if name.trim().is_empty() {
                return Err(Error::Empty {
                    what: "characters of a parameter's name",
                    place: format!("action, parameter {second}"),
                });
            }
            if let Some(first) = places.insert(name.as_str(), second) {
                return Err(Error::DuplicateName {
                    what: "names of parameters",
                    place: "action".into(),
                    name: name.clone(),
                    first,
                    second,
                });
            }
        }
        Ok(())
    }

    pub(super) fn check_prior_allowed(&self, what: &'static str) -> Result<()> {
        if self.normalization == Normalization::Sum {
            return Ok(());
        }
        Err(Error::Normalization {
            what,
            expected: Normalization::Sum.name(),
            found: self.normalization.name(),
        })
    }

    /// Checks one window and gives the widths of its layers.
    pub(super) fn check_window(&self, w: usize, window: &Window) -> Result<Vec<usize>> {
        let layers = window.grid().layers();
        let (name, steps) = (self.dynamics.rule_name(), self.dynamics.steps());
        window
            .grid()
            .check_intervals(name, steps, || format!("window {w}"))?;
        let widths: Vec<usize> = (0..layers).map(|n| self.dynamics.width(n)).collect();
        for (n, &width) in widths.iter().enumerate() {
            let place = || format!("model, layer {n}");
            check_count("components", place, width, MOST_COMPONENTS)?;
        }
        if let Some(n) = widths.iter().position(|&width| width == 0) {
            return Err(Error::Empty {
                what: "components",
                place: format!("model, layer {n}"),
            });
        }
        for (set, (observations, contacts)) in window.sets().iter().enumerate() {
            for contact in contacts {
                let n = contact.layer;
                let place = || format!("window {w}, observation set {set}, layer {n}");
                observations.check_width(widths[n], place)?;
            }
        }
        for k in 0..(layers - 1) / steps {
            let range = self.dynamics.parameters(k);
            let place = || format!("window {w}, layer {k}");
            check_parameters_of(&range, self.parameters.len(), place)?;
            if let Some(layer) = self.dynamics.dense(k) {
                layer.check([widths[k], widths[k + 1]], range.len(), place)?;
            }
        }
        let inputs = window.known_inputs();
        check_given(inputs, self.dynamics.input_count(), || {
            format!("window {w}")
        })?;
        if let Some(prior) = window.state_prior() {
            self.check_prior_allowed("a prior of the first state")?;
            if prior.mean.len() != widths[0] {
                return Err(Error::Length {
                    what: "mean of the prior of the first state",
                    place: format!("window {w}"),
                    expected: widths[0],
                    found: prior.mean.len(),
                });
            }
        }
        Ok(widths)
    }

    pub(super) fn check_state_bounds(&self, widths: &[Vec<usize>]) -> Result<()> {
        for (second, (component, bounds)) in self.state_bounds.iter().enumerate() {
            let first = self.state_bounds.iter().position(|(c, _)| c == component);
            if let Some(first) = first.filter(|&first| first < second) {
                return Err(Error::Duplicate {
                    what: "bounded components",
                    place: "action".into(),
                    value: *component,
                    first,
                    second,
                });
            }
            for (w, widths) in widths.iter().enumerate() {
                if let Some(n) = widths.iter().position(|width| width <= component) {
                    return Err(Error::OutOfRange {
                        what: "bounded component",
                        place: format!("window {w}, layer {n}"),
                        low: 0.0,
                        high: (widths[n] - 1) as f64,
                        found: *component as f64,
                    });
                }
                let prior = self.windows[w].state_prior();
                if let Some(mean) = prior.map(|prior| prior.mean[*component])
                    && !bounds.contain(mean)
                {
                    return Err(Error::OutOfRange {
                        what: "mean of the prior of the first state",
                        place: format!("window {w}, component {component}"),
                        low: bounds.lower(),
                        high: bounds.upper(),
                        found: mean,
                    });
                }
            }
        }
        Ok(())
    }

    pub(super) fn check_model_precision(
        &self,
        precision: &Precision,
        widths: &[Vec<usize>],
    ) -> Result<()> {
        for (w, widths) in widths.iter().enumerate() {
            for (n, &width) in widths.iter().enumerate().skip(1) {
                precision.check_size(width, || format!("of the model, window {w}, layer {n}"))?;
            }
        }
        Ok(())
    }
}
