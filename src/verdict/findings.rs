//! What a verdict comes to, each with what to do about it.

use std::fmt;

use crate::anneal::Stop;

/// Something that a user should know or do. Each says so in a sentence
/// (`Display`).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Finding {
    /// No start came to the end of the schedule.
    NotFinished {
        /// Why the best one ended.
        stopped: Option<Stop>,
    },
    /// The schedule ended where the model error still counts.
    NotConverged {
        /// That model error, in nats.
        model_error: f64,
    },
    /// There are too few measurements for the level to say anything: two of its
    /// standard deviations reach down to zero.
    TooFewMeasurements {
        /// ν; `None` where there are more unknowns than measured values and
        /// priors.
        freedom: Option<usize>,
    },
    /// The level is too low.
    NoiseOverestimated {
        /// What to multiply the declared standard deviations with.
        factor: f64,
    },
    /// The level is too high, and the residuals are white.
    NoiseUnderestimated {
        /// What to multiply the declared standard deviations with.
        factor: f64,
    },
    /// The level is too high, the residuals are correlated, and one start alone
    /// came there.
    MinimumMissed,
    /// The level is too high, and the residuals are correlated.
    ModelWrong,
    /// The level is as expected, but the residuals are correlated.
    CorrelatedResiduals,
    /// Another minimum is so close to the lowest that the data do not decide.
    Undecided {
        /// The gap in nats.
        gap: f64,
    },
    /// One start alone found the lowest minimum.
    FoundOnce {
        /// Of so many.
        starts: usize,
    },
    /// A static parameter stands at a bound.
    ParameterAtBound {
        /// Its name.
        name: String,
        /// The window whose value it is, where every window has its own.
        window: Option<usize>,
        /// The bound.
        bound: f64,
    },
    /// Data and model tell less of a static parameter than its bounds and its
    /// prior do.
    NotIdentifiable {
        /// Its name.
        name: String,
        /// The window whose value it is, where every window has its own.
        window: Option<usize>,
    },
    /// More than five static parameters are told less of than by their bounds and
    /// priors, as is usual in networks.
    ManyNotIdentifiable {
        /// How many.
        count: usize,
        /// Of so many estimated ones.
        of: usize,
    },
    /// There are so many parameters that their standard deviations, and what further
    /// measurements would tell, were not computed.
    TooLarge {
        /// What one factorization of the exact Hessian takes.
        multiplications: f64,
    },
    /// The Hessian is singular: some states are not determined at all.
    NotDetermined,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |window: &Option<usize>| match window {
            Some(w) => format!(" of window {w}"),
            None => String::new(),
        };
        match self {
            Self::NotFinished { stopped } => {
                let why = match stopped {
                    Some(Stop::TimeBudget | Stop::WorkBudget) => "the budget is spent",
                    Some(Stop::NonFinite) => "the model gave NaN or infinity",
                    _ => "they were stopped",
                };
                write!(f, "No start came to the end of the schedule ({why}): what follows is provisional.")
            }
            Self::NotConverged { model_error } => write!(
                f,
                "The schedule ended where the model error is still {model_error:.1} nats: go on to a larger R_f."
            ),
            Self::TooFewMeasurements { freedom: Some(freedom) } => write!(
                f,
                "Only {freedom} measured values more than unknowns: the level cannot tell right from wrong; measure more often, longer, or another component."
            ),
            Self::TooFewMeasurements { freedom: None } => f.write_str(
                "Fewer measured values than unknowns: any model can follow them; measure more often, longer, or another component.",
            ),
            Self::NoiseOverestimated { factor } => write!(
                f,
                "The level is too low: the measurement errors are overestimated, their standard deviation is {factor:.2} times what was declared."
            ),
            Self::NoiseUnderestimated { factor } => write!(
                f,
                "The level is too high, but the residuals are white: the measurement errors are underestimated, their standard deviation is {factor:.2} times what was declared."
            ),
            Self::MinimumMissed => f.write_str(
                "The level is too high, the residuals are correlated, and one start alone came there: more starts first, for this may not be the lowest minimum; if it stays, the model is wrong.",
            ),
            Self::ModelWrong => f.write_str(
                "The level is too high and the residuals are correlated: the model is wrong. Take R_f no larger than where the action is as expected, or correct the model.",
            ),
            Self::CorrelatedResiduals => f.write_str(
                "The level is as expected, but the residuals are correlated: either the measurements err alike for some time, or the model errs by less than the level shows.",
            ),
            Self::Undecided { gap } => write!(
                f,
                "Another minimum is {gap:.2} nats higher, {:.1} times less probable: the data do not decide between them.",
                gap.exp()
            ),
            Self::FoundOnce { starts: 1 } => f.write_str(
                "A single start does not show whether this is the lowest minimum: take several.",
            ),
            Self::FoundOnce { starts } => write!(
                f,
                "One of {starts} starts alone found the lowest minimum: there may be a lower one; take more starts until it comes twice."
            ),
            Self::ParameterAtBound { name, window, bound } => write!(
                f,
                "Parameter {name}{} stands at its bound {bound}: widen the bounds, or ask why the data pull it there.",
                of(window)
            ),
            Self::NotIdentifiable { name, window } => write!(
                f,
                "Parameter {name}{} is not determined: the data tell less of it than its bounds and prior; fix it, give it a prior, or measure what depends on it.",
                of(window)
            ),
            Self::ManyNotIdentifiable { count, of } => write!(
                f,
                "{count} of {of} parameters are not determined: the data tell less of them than their bounds and priors; what depends on them together may be."
            ),
            Self::TooLarge { multiplications } => write!(
                f,
                "Parameters and further measurements are not judged: that would take {multiplications:.0e} multiplications."
            ),
            Self::NotDetermined => f.write_str(
                "Some states are not determined at all: the Hessian is singular; add priors or measurements.",
            ),
        }
    }
}
