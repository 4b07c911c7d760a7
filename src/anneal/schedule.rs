use crate::error::{Error, Result};
use crate::grid::{check_finite, check_increasing};
use crate::precision::check_positive;

/// The values of R_f that an annealing passes: R_f = R_f0 · α^β.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    steps: Vec<Step>,
}

/// One value of the schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The exponent β.
    pub beta: f64,
    /// The model precision R_f.
    pub rf: f64,
}

impl Schedule {
    /// R_f = `rf0` · `alpha`^β for every β of `betas`, integers or reals.
    ///
    /// ```
    /// let schedule = deepest::Schedule::geometric(4e-6, 1.5, 0..=60)?;
    /// assert_eq!(schedule.steps().len(), 61);
    /// # Ok::<(), deepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotPositive`] and [`Error::NotFinite`] for `rf0`, `alpha` or an
    /// R_f that leaves the range of numbers; [`Error::OutOfRange`] for
    /// `alpha` ≤ 1; [`Error::Empty`] without any β; [`Error::NotIncreasing`]
    /// for β out of order.
    pub fn geometric<B: Into<f64>>(
        rf0: f64,
        alpha: f64,
        betas: impl IntoIterator<Item = B>,
    ) -> Result<Self> {
        let place = || String::from("schedule");
        check_positive("R_f0", place, rf0)?;
        check_finite("alpha", "schedule", alpha)?;
        if alpha <= 1.0 {
            return Err(Error::OutOfRange {
                what: "alpha",
                place: place(),
                low: 1.0 + f64::EPSILON,
                high: f64::INFINITY,
                found: alpha,
            });
        }
        let betas: Vec<f64> = betas.into_iter().map(Into::into).collect();
        if betas.is_empty() {
            return Err(Error::Empty {
                what: "values of beta",
                place: place(),
            });
        }
        check_increasing("beta", "schedule", &betas)?;
        let steps = betas
            .into_iter()
            .map(|beta| {
                let rf = rf0 * alpha.powf(beta);
                check_positive("R_f", || format!("schedule, beta {beta}"), rf)?;
                Ok(Step { beta, rf })
            })
            .collect::<Result<_>>()?;
        Ok(Self { steps })
    }

    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The first step: there is always one.
    pub(super) fn first(&self) -> Step {
        self.steps[0]
    }
}
