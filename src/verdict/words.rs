//! A verdict in words.

use std::fmt::{self, Formatter};

use super::{Finding, Further, Gain, HeldOut, LevelTest, Minima, ModelError, Verdict};
use crate::action::PrecisionUnit;

/// So many further measurements are named.
const NAMED: usize = 3;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.level {
            Some(level) => write!(f, "{level}")?,
            None if self.is_provisional() => f.write_str("level         not judged")?,
            None => f.write_str("level         nothing to compare with: too few measured values, or errors that are not Gaussian")?,
        }
        if let Some(priors) = &self.priors {
            write!(
                f,
                "\npriors        {:.1} nats, expected {:.1} (z = {:.1}, p = {:.2})",
                priors.action,
                0.5 * priors.freedom,
                priors.z,
                priors.probability
            )?;
        }
        if let Some(steps) = &self.steps {
            write!(
                f,
                "\nsteps         their errors change the action by {:.1e} deviations, parameters by {:.1e}, predictions by {:.1e}",
                steps.level, steps.parameters, steps.predictions
            )?;
            if steps.unknown > 0 {
                write!(f, "; {} could not be followed", steps.unknown)?;
            }
        }
        write!(f, "\nminima        {}", self.minima)?;
        if let Some(residuals) = self.residuals {
            let (value, deviation) = (residuals.value, residuals.deviation);
            let expected = residuals.expected;
            write!(
                f,
                "\nresiduals     correlate by {value:.2} from time to time; noise would by {expected:.2} ± {deviation:.2}"
            )?;
        }
        if self.states_at_bounds > 0 {
            write!(
                f,
                "\nstates        {} values at bounds",
                self.states_at_bounds
            )?;
        }
        if !self.measurements.is_empty() {
            let named = self.measurements.iter().enumerate();
            // What is to be compared with is always among them.
            let compared = |g: &Gain| matches!(g.measurement, Further::Again | Further::Longer);
            let named = named.filter(|(k, gain)| *k < NAMED || compared(gain));
            let named: Vec<String> = named.map(|(_, gain)| gain.to_string()).collect();
            write!(f, "\nmeasure next  {}", named.join(", "))?;
        }
        if self.findings.is_empty() {
            f.write_str("\n=> Model, errors and data agree, and the starts agree on the minimum.")?;
        }
        for finding in &self.findings {
            write!(f, "\n=> {finding}")?;
        }
        Ok(())
    }
}

impl Verdict {
    /// Whether the lowest start did not come to an end that can be judged.
    fn is_provisional(&self) -> bool {
        use Finding::{BeforeHill, NotFinished, NotMinimized};
        let mut findings = self.findings.iter();
        findings.any(|finding| {
            matches!(
                finding,
                NotFinished { .. } | NotMinimized { .. } | BeforeHill { .. }
            )
        })
    }
}

impl fmt::Display for LevelTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            action,
            expected,
            deviation,
            z,
            probability,
            ..
        } = self;
        write!(
            f,
            "level         {action:.1} nats, expected {expected:.1} ± {deviation:.1} (z = {z:.1}, p = {probability:.2})"
        )?;
        match (&self.model_error, &self.model_error_limit) {
            (Some(error), _) => write!(f, "\nmodel error   {error} makes it as expected"),
            (None, Some(limit)) => write!(f, "\nmodel error   at most {limit}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let deviations: Vec<String> = self.deviations.iter().map(|d| format!("{d:.2e}")).collect();
        let unit = match self.unit {
            PrecisionUnit::PerStep => "a step",
            PrecisionUnit::PerTime => "a √time",
        };
        write!(
            f,
            "{} {unit} (R_f = {:.2e})",
            deviations.join(", "),
            self.rf
        )
    }
}

impl fmt::Display for Minima {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the lowest was found by {} of {} starts",
            self.found, self.starts
        )?;
        match self.gap {
            Some(gap) => write!(f, ", the next one is {gap:.2} nats higher or more")?,
            None if self.found == self.starts => {}
            None => f.write_str(", no other was followed to the end")?,
        }
        match self.open {
            0 => Ok(()),
            open => write!(f, "; {open} stopped too early to tell"),
        }
    }
}

impl fmt::Display for Gain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.measurement {
            Further::Component(i) => write!(f, "component {i}")?,
            Further::Again => f.write_str("all again")?,
            Further::Quarter(k) => write!(f, "all again in quarter {} of the time", k + 1)?,
            Further::Longer => f.write_str("as long again")?,
        }
        write!(f, " (+{:.1} nats)", self.nats)
    }
}

impl fmt::Display for HeldOut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            mean_square,
            expected,
            z,
            probability,
        } = self;
        write!(
            f,
            "{count} values held out: mean square error {mean_square:.2} σ², expected {expected:.2} (z = {z:.1}, p = {probability:.2})"
        )
    }
}
