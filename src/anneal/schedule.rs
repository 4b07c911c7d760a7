//! Schedules: the values of R_f that an annealing passes, fixed or chosen on the way.

use crate::error::{Error, Result, check_count};
use crate::problem::grid::{check_finite, check_increasing};
use crate::problem::precision::check_positive;

/// The values of R_f that an annealing passes: R_f = R_f0 · α^β.
///
/// ```
/// use deepest::Schedule;
///
/// let schedule = Schedule::geometric(1e-4, 2.0, 0..=3)?;
/// let rf: Vec<f64> = schedule.steps().iter().map(|step| step.rf).collect();
/// assert_eq!(rf, [1e-4, 2e-4, 4e-4, 8e-4]);
/// // This one chooses its steps on the way.
/// assert!(Schedule::adaptive().steps().is_empty());
/// # Ok::<(), deepest::Error>(())
/// ```
#[doc(alias("weak constraint", "strong constraint", "continuation"))]
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    plan: Plan,
    /// The shape of the model precision that its R_f are for, where that of the
    /// action was unset; empty otherwise.
    shape: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    /// These, in order; at least one.
    Fixed(Vec<Step>),
    Adaptive(Adaptive),
}

/// Steps are chosen on the way. What is not given comes from the action.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Adaptive {
    /// R_f0 and α, by which β is counted.
    pub(super) origin: Option<(f64, f64)>,
    pub(super) last: Option<Step>,
}

/// One value of the schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Step {
    /// The exponent β.
    pub beta: f64,
    /// The model precision R_f.
    pub rf: f64,
}

/// More levels than this are refused as a mistake, before memory is asked for.
const MOST_LEVELS: usize = 1_000_000;

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
    /// `alpha` ≤ 1 and for more than a million β, also of an iterator without end;
    /// [`Error::Empty`] without any β; [`Error::NotIncreasing`] for β out of order.
    pub fn geometric<B: Into<f64>>(
        rf0: f64,
        alpha: f64,
        betas: impl IntoIterator<Item = B>,
    ) -> Result<Self> {
        check_scale(rf0, alpha)?;
        let betas = betas.into_iter().take(MOST_LEVELS + 1);
        let betas: Vec<f64> = betas.map(Into::into).collect();
        check_count(
            "values of beta",
            || "schedule".into(),
            betas.len(),
            MOST_LEVELS,
        )?;
        if betas.is_empty() {
            return Err(Error::Empty {
                what: "values of beta",
                place: "schedule".into(),
            });
        }
        check_increasing("beta", "schedule", &betas)?;
        let steps = betas.into_iter().map(|beta| Step::new(rf0, alpha, beta));
        let steps = steps.collect::<Result<_>>()?;
        Ok(Self::of(Plan::Fixed(steps)))
    }

    /// Steps in ln R_f that each start chooses on its way: as long as the
    /// minimum is where it was expected, shorter where it bends. They begin
    /// where the model does not matter, or where a nudged start settled, and
    /// end where the model is a constraint: where the model error falls like 1/R_f
    /// ([`Hill::Behind`]) and is below a hundredth of the standard deviation of the
    /// action ([`Action::expected_plateau`]), which is all that a larger R_f can
    /// add. Where it does not come to that, they end where the rounding of
    /// residuals would weigh a hundredth of that ([`End::Rounding`]). β is counted
    /// with α = 1.5 from the R_f0 of [`Schedule::spanning`].
    ///
    /// R_f goes with a shape of the model precision: where the action was given none
    /// the annealer takes that of [`Action::balanced`], if its components differ by
    /// more than 100, and estimates carry it ([`Annealing::balanced_shape`]).
    ///
    /// ```
    /// # use deepest::{models::Lorenz63, prelude::*};
    /// # fn main() -> deepest::Result<()> {
    /// # let grid = Grid::uniform(0.0, 0.01, 101)?;
    /// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
    /// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?))?;
    /// # let builder = Action::builder(Lorenz63, SimpsonHermite).window(twin.window()?);
    /// # let builder = builder.parameter("sigma", Parameter::fixed(10.0));
    /// # let builder = builder.parameter("rho", Bounds::new(0.0, 60.0)?);
    /// # let builder = builder.parameter("beta", Parameter::fixed(8.0 / 3.0));
    /// let action = builder.build()?.balanced()?;
    /// let annealing = Annealer::new(Schedule::adaptive()).starts(1).run(&action)?;
    /// let (start, best) = annealing.best().expect("a start that reached the end");
    /// let plateau = action.expected_plateau().expect("more data than unknowns");
    /// assert!(best.action.model <= 0.01 * plateau.deviation);
    /// assert!(start.work().factorizations < 60);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Action::expected_plateau`]: crate::Action::expected_plateau
    /// [`Action::balanced`]: crate::Action::balanced
    /// [`Annealing::balanced_shape`]: crate::Annealing::balanced_shape
    /// [`Hill::Behind`]: crate::Hill::Behind
    /// [`End::Rounding`]: crate::End::Rounding
    #[must_use]
    pub fn adaptive() -> Self {
        Self::of(Plan::Adaptive(Adaptive::default()))
    }

    /// The same with β counted by these, R_f = `rf0` · `alpha`^β: as R_f0 is given, a
    /// shape of the model precision that is not is one for every component.
    ///
    /// # Errors
    /// As [`Schedule::geometric`].
    pub fn adaptive_by(rf0: f64, alpha: f64) -> Result<Self> {
        check_scale(rf0, alpha)?;
        let origin = Some((rf0, alpha));
        let plan = Plan::Adaptive(Adaptive { origin, last: None });
        Ok(Self::of(plan))
    }

    /// The same with its end at this β, whatever the model error is there, and rounding.
    ///
    /// # Errors
    /// As [`Schedule::geometric`].
    pub fn adaptive_to(rf0: f64, alpha: f64, beta: f64) -> Result<Self> {
        check_scale(rf0, alpha)?;
        let origin = Some((rf0, alpha));
        let last = Some(Step::new(rf0, alpha, beta)?);
        let plan = Plan::Adaptive(Adaptive { origin, last });
        Ok(Self::of(plan))
    }

    /// The steps in order; none where they are chosen on the way.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        match &self.plan {
            Plan::Fixed(steps) => steps,
            Plan::Adaptive(_) => &[],
        }
    }

    /// The diagonal shape of the model precision that its steps are for: that of
    /// [`Action::balanced`](crate::Action::balanced), where
    /// [`spanning`](Schedule::spanning) found them for an action whose shape is
    /// unset. An annealer gives it to such an action; empty in all other cases.
    #[must_use]
    pub fn shape(&self) -> &[f64] {
        &self.shape
    }

    pub(super) fn with_shape(mut self, shape: Vec<f64>) -> Self {
        self.shape = shape;
        self
    }

    /// Whether it finds all of R_f itself.
    pub(super) fn finds_rf(&self) -> bool {
        matches!(&self.plan, Plan::Adaptive(of) if of.origin.is_none())
    }

    fn of(plan: Plan) -> Self {
        let shape = Vec::new();
        Self { plan, shape }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }
}

impl Step {
    fn new(rf0: f64, alpha: f64, beta: f64) -> Result<Self> {
        check_finite("beta", "schedule", beta)?;
        let rf = rf0 * alpha.powf(beta);
        check_positive("R_f", || format!("schedule, beta {beta}"), rf)?;
        Ok(Self { beta, rf })
    }
}

fn check_scale(rf0: f64, alpha: f64) -> Result<()> {
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
    Ok(())
}
