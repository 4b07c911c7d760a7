//! Small problems in one model, so that little is compiled.

use deepest::prelude::*;
use deepest::{Annealing, Finding, Sparsity, Verdict};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// x₁ → x₂ → x₃ → ∅.
    Chain,
    /// ẋ = −a x before t = 5, −b x after.
    Switch,
    /// The same with a known input that is 0 before and 1 after.
    Switched,
    /// ẋ = a − x.
    Relaxation,
}

impl Model for Case {
    fn parameter_count(&self) -> usize {
        match self {
            Self::Chain => 3,
            Self::Switch | Self::Switched => 2,
            Self::Relaxation => 1,
        }
    }

    fn input_count(&self) -> usize {
        usize::from(*self == Self::Switched)
    }
}

impl Flow for Case {
    fn width(&self) -> usize {
        match self {
            Self::Chain => 3,
            _ => 1,
        }
    }

    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        match self {
            Self::Chain => {
                dx[0] = -theta[0] * x[0];
                dx[1] = theta[0] * x[0] - theta[1] * x[1];
                dx[2] = theta[1] * x[1] - theta[2] * x[2];
            }
            Self::Switch => {
                let rate = if t < S::from(5.0) { theta[0] } else { theta[1] };
                dx[0] = -rate * x[0];
            }
            Self::Switched => {
                let rate = theta[0] + input[0] * (theta[1] - theta[0]);
                dx[0] = -rate * x[0];
            }
            Self::Relaxation => dx[0] = theta[0] - x[0],
        }
    }

    /// A switch hides what the other side depends on.
    fn sparsity(&self) -> Sparsity {
        match self {
            Self::Switch => Sparsity::Dense,
            _ => Sparsity::Traced,
        }
    }
}

/// An action of one window.
pub fn action(case: Case, window: Window, bounds: (f64, f64)) -> Action {
    let mut builder = Action::builder(case, SimpsonHermite).window(window);
    for k in 0..case.parameter_count() {
        let bounds = Bounds::new(bounds.0, bounds.1).unwrap();
        builder = builder.parameter(format!("p{k}"), bounds);
    }
    builder.build().unwrap().balanced().unwrap()
}

pub fn run(action: &Action) -> (Annealing, Verdict) {
    let annealer = Annealer::new(Schedule::adaptive()).starts(2);
    let annealing = annealer.run(action).unwrap();
    let verdict = annealing.verdict(action).unwrap();
    (annealing, verdict)
}

pub fn blames_noise_or_model(verdict: &Verdict) -> bool {
    use Finding as F;
    let blames = |finding: &Finding| {
        matches!(
            finding,
            F::NoiseOverestimated { .. }
                | F::NoiseUnderestimated { .. }
                | F::LevelTooHigh { .. }
                | F::ModelWrong
                | F::MinimumMissed
                | F::CorrelatedResiduals
        )
    };
    verdict.findings.iter().any(blames)
}
