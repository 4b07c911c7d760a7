//! What a verdict comes to, each with what to do about it.

use std::fmt;

use super::LongSteps;
use crate::anneal::Stop;
use crate::minimize::Termination;

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
    /// The last minimization did not come to a minimum.
    NotMinimized {
        /// How it ended.
        termination: Termination,
    },
    /// The schedule ended before the hill of the model error, where the model does not
    /// matter yet.
    BeforeHill {
        /// Whether rounding forbids a larger R_f.
        rounding: bool,
    },
    /// The steps are so long that their errors move the action, a parameter or what is
    /// predicted by more than half of a standard deviation.
    StepsTooLong {
        /// By how many standard deviations they do, to first order.
        effect: f64,
        /// Where, and how many steps would do.
        intervals: Vec<LongSteps>,
    },
    /// The priors' term is too high or, with parameters that drift, too low.
    PriorsWrong {
        /// What to multiply the priors' deviations with, and the square roots of
        /// diffusions.
        factor: f64,
        /// Whether parameters drift.
        drifts: bool,
    },
    /// The shape of the model precision was not given, and one for every component
    /// weighs them by more than a thousand unlike [`Action::balanced`] would.
    ///
    /// [`Action::balanced`]: crate::Action::balanced
    UnevenShape {
        /// The largest ratio between two components of the balanced shape.
        ratio: f64,
    },
    /// The schedule ended where the model error still counts.
    NotConverged {
        /// That model error, in nats.
        model_error: f64,
    },
    /// There are too few measurements for the level to say anything: two of its
    /// standard deviations reach down to zero.
    TooFewMeasurements {
        /// ν of the [level](super::LevelTest::freedom); `None` where there are no more
        /// measured values than unknowns.
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
    /// The level is too high, and no two values follow each other, so that residuals
    /// do not tell wrong noise from a wrong model.
    LevelTooHigh {
        /// What to multiply the declared standard deviations with, if it is the noise.
        factor: f64,
    },
    /// The level is too high, the residuals are correlated, and one start alone
    /// came there.
    MinimumMissed,
    /// The level is too high, and the residuals are correlated.
    ModelWrong,
    /// The level is not too high, but the residuals are correlated.
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
    /// The schedule ended where rounding of the residuals counts, before the model was a
    /// hard constraint: level and priors are not judged.
    EndedByRounding {
        /// The R_f of that level.
        rf: f64,
    },
    /// Rounding hides at the last R_f what data and model tell of a static parameter.
    HiddenByRounding {
        /// Its name.
        name: String,
        /// The window whose value it is, where every window has its own.
        window: Option<usize>,
        /// That R_f.
        rf: f64,
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

/// So many stretches of steps are named.
const NAMED: usize = 6;

/// Estimated noise that is larger by this factor may come from a bad minimum.
const LARGE: f64 = 3.0;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |window: &Option<usize>| match window {
            Some(w) => format!(" of window {w}"),
            None => String::new(),
        };
        match self {
            Self::NotFinished { stopped } => {
                let why = match stopped {
                    Some(Stop::TimeBudget | Stop::WorkBudget) => {
                        "the budget is spent): give it more, or go on from a checkpoint"
                    }
                    Some(Stop::NonFinite) => {
                        "the model gave NaN or infinity): bound the states and parameters where it does not"
                    }
                    _ => "they were stopped): let them run on",
                };
                write!(f, "No start came to the end of the schedule ({why}; noise and model are not judged before.")
            }
            Self::NotMinimized { termination } => {
                let why = match termination {
                    Termination::IterationLimit => "the limit on iterations was reached: allow more",
                    Termination::NoProgress => "no step led down: check the derivatives of the model, and its units",
                    Termination::NoNewtonSteps => "the minimizer goes by Newton steps, and its objective has none: take one that goes by gradients",
                    _ => "it was stopped: let it run on",
                };
                write!(f, "The last level is no minimum ({why}); noise and model are not judged before.")
            }
            Self::BeforeHill { rounding: false } => f.write_str(
                "The schedule ended before the hill of the model error, where the model does not matter yet: go on to a larger R_f; noise and model are not judged before.",
            ),
            Self::BeforeHill { rounding: true } => f.write_str(
                "The schedule ended before the hill of the model error, and at a larger R_f rounding would weigh: give the states units or a model precision that fit them; noise and model are not judged before.",
            ),
            Self::StepsTooLong { effect, intervals } => long_steps(f, *effect, intervals),
            Self::PriorsWrong { factor, drifts } => {
                let what = match drifts {
                    true => "priors and the diffusion of the parameters that change in time do",
                    false => "priors do",
                };
                let way = if *factor > 1.0 { "high: they are too narrow" } else { "low: they are too wide" };
                write!(f, "The {what} not agree with the data, their term is too {way}; their deviations (of a diffusion the square root) are {factor:.2} times what was declared, or the model is wrong.")
            }
            Self::UnevenShape { ratio } => write!(
                f,
                "The shape of the model precision was not given: one for all weighs components of the state up to {ratio:.0e} times unlike what their sizes ask for, so that R_f is a constraint for some long before others; give a shape, or take Action::balanced."
            ),
            Self::NotConverged { model_error } => write!(
                f,
                "The schedule ended where the model error is still {model_error:.1} nats: go on to a larger R_f."
            ),
            Self::TooFewMeasurements { freedom: Some(freedom) } => write!(
                f,
                "Only {freedom} measured values more than unknowns: the level cannot tell right from wrong; measure more often, longer, or another component."
            ),
            Self::TooFewMeasurements { freedom: None } => f.write_str(
                "No more measured values than unknowns: any model can follow them; measure more often, longer, or another component.",
            ),
            Self::NoiseOverestimated { factor } => write!(
                f,
                "The level is too low: the measurement errors are overestimated, their standard deviation is {factor:.2} times what was declared."
            ),
            Self::NoiseUnderestimated { factor } => {
                write!(
                    f,
                    "The level is too high, but the residuals are white: the measurement errors are underestimated, their standard deviation is {factor:.2} times what was declared."
                )?;
                match *factor > LARGE {
                    true => f.write_str(" So much may also mean that all starts share a bad minimum: take other starts."),
                    false => Ok(()),
                }
            }
            Self::LevelTooHigh { factor } => write!(
                f,
                "The level is too high: the measurement errors are {factor:.2} times what was declared, or the model is wrong, or all starts share a bad minimum. Without two values in succession nothing tells these apart; measure more than once."
            ),
            Self::MinimumMissed => f.write_str(
                "The level is too high, the residuals are correlated, and one start alone came there: more starts first, for this may not be the lowest minimum; if it stays, the model is wrong.",
            ),
            Self::ModelWrong => f.write_str(
                "The level is too high and the residuals are correlated: the model is wrong, or, where the level is far too high, all starts share a bad minimum. Take R_f no larger than where the action is as expected, or correct the model; or take other starts.",
            ),
            Self::CorrelatedResiduals => f.write_str(
                "The level is not too high, but the residuals are correlated: either the measurements err alike (or against each other) for some time, or the model errs by less than the level shows.",
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
            Self::ParameterAtBound { name, window, bound } if is_natural(*bound) => write!(
                f,
                "Parameter {name}{} stands at its bound {bound}: ask why the data pull it there; where it can be nothing else, fix it there.",
                of(window)
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
            Self::EndedByRounding { rf } => write!(
                f,
                "The schedule ended at R_f = {rf:.1e}, where rounding of the residuals counts, before the model was a hard constraint: noise, priors and model are not judged. Take more steps an interval, or measurement errors that are not many powers of ten apart."
            ),
            Self::HiddenByRounding { name, window, rf } => write!(
                f,
                "Whether parameter {name}{} is determined cannot be told at R_f = {rf:.1e}, where rounding hides it: end the schedule at a smaller R_f.",
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

/// Whether a bound is likely to be the nature of the parameter: that of a rate, a
/// share or a probability.
fn is_natural(bound: f64) -> bool {
    bound == 0.0 || bound == 1.0
}

fn long_steps(f: &mut fmt::Formatter<'_>, effect: f64, intervals: &[LongSteps]) -> fmt::Result {
    write!(
        f,
        "The steps are too long: their errors move the action, a parameter or the states by {effect:.1} standard deviations, and noise and model are not judged before."
    )?;
    for of in intervals.iter().take(NAMED) {
        write!(f, " Window {}, {} to {}:", of.window, of.from, of.to)?;
        match of.switch {
            true => f.write_str(
                " a step across a switch, which shorter steps hardly mend; put a layer there, and make the switch a held input.",
            )?,
            false => write!(f, " {} steps instead of {} would do.", of.needed, of.steps)?,
        }
    }
    match intervals.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => write!(f, " So it is in {more} more stretches."),
    }
}
