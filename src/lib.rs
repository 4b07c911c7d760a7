//! Variational annealing: *all* states and the unknown parameters of a
//! dynamical model, from noisy measurements of a few of its variables, when the
//! model itself may be imperfect.
//!
//! A model is one generic function: a vector field ([`Flow`]) or a map from
//! layer to layer ([`Layers`]). A discretization ([`Rule`]) turns it into
//! residuals g between neighbouring layers, and the [`Action`] weighs these
//! against the measurements y:
//!
//! ```text
//! A(X, θ) = Σₖ ½ (x − yₖ)ᵀ R_m (x − yₖ)      measurement error
//!         + Σₙ ½ gₙᵀ R_f gₙ                  model error
//!         + ½ (x₀ − x_b)ᵀ B⁻¹ (x₀ − x_b)     prior of the first state
//!         + priors of θ
//! ```
//!
//! X is the whole path. At R_f → 0 the minimum is known: the path goes
//! through the data. The [`Annealer`] raises R_f = R_f0 · α^β step by
//! step and follows the minimum to where the model is a hard constraint. In the
//! repository, `docs/theory.md` has the mathematics, `docs/choosing.md` advice
//! on every choice and what to do when something looks wrong, `docs/verdict.md`
//! what a [`Verdict`] means, `docs/running.md` how to watch, cancel and resume what
//! takes long, and `docs/hamilton.md` the continuous problem behind the sum.
//!
//! # One complete run
//!
//! A twin experiment: Lorenz-63 with z hidden and ρ unknown.
//!
//! ```
//! use deepest::prelude::*;
//!
//! struct Lorenz63;
//!
//! impl Model for Lorenz63 {
//!     fn parameter_count(&self) -> usize {
//!         3
//!     }
//! }
//! impl Flow for Lorenz63 {
//!     fn width(&self) -> usize {
//!         3
//!     }
//!     fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
//!         dx[0] = theta[0] * (x[1] - x[0]);
//!         dx[1] = x[0] * (theta[1] - x[2]) - x[1];
//!         dx[2] = x[0] * x[1] - theta[2] * x[2];
//!     }
//! }
//!
//! fn main() -> deepest::Result<()> {
//!     // The truth, and measurements of x and y with σ = 0.5: R_m = 1/σ² = 4.
//!     let grid = Grid::uniform(0.0, 0.01, 201)?;
//!     let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
//!     let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?).seed(2))?;
//!
//!     // With your own data the window is
//!     // Window::new(Grid::new(times)?).observations(Observations::of_components(…)?)?
//!     let action = Action::builder(Lorenz63, SimpsonHermite)
//!         .window(twin.window()?)
//!         .parameter("sigma", Parameter::fixed(10.0))
//!         .parameter("rho", Bounds::new(0.0, 60.0)?)
//!         .parameter("beta", Parameter::fixed(8.0 / 3.0))
//!         .build()?;
//!     let schedule = Schedule::geometric(1e-4, 2.0, 0..=40)?;
//!     let annealing = Annealer::new(schedule).starts(2).seed(7).run(&action)?;
//!
//!     let (_, best) = annealing.best().expect("a start that reached the last level");
//!     let rho = best.estimate.parameters[1];
//!     println!("rho = {rho:.3}, z at the start = {:.2}", best.estimate.paths[0].layer(0)[2]);
//!
//!     // The Cramér-Rao bound of this experiment is a deviation of 0.049.
//!     assert!((rho - 28.0).abs() < 4.0 * 0.049);
//!     // The model can follow the data: 2A is χ² with K_y − D − P degrees of
//!     // freedom, P = 1 estimated parameter.
//!     let plateau = action.expected_plateau().expect("more data than unknowns");
//!     assert!((best.action.total - plateau.mean).abs() < 4.0 * plateau.deviation);
//!     Ok(())
//! }
//! ```
//!
//! # Shapes and units
//!
//! | symbol | what | shape | unit |
//! |---|---|---|---|
//! | N | layers = times of the [`Grid`], so N − 1 steps | | |
//! | xₙ | state at layer n; a [`Path`] holds all of them | D | yours, component by component |
//! | θ | static [`Parameter`]s, fixed ones included | P | yours |
//! | yₖ | a row of [`Observations`]; NaN is a missing value | L | that of the states |
//! | R_m | [`Precision`] of a row, the inverse covariance of its noise | 1, L or L × L | state⁻² |
//! | R_f | precision of the model: a number times a [`Precision`] shape | 1, D or D × D | state⁻² per step, or time · state⁻² ([`PrecisionUnit`]) |
//! | B⁻¹ | precision of the [`StatePrior`] | 1, D or D × D | state⁻² |
//!
//! Indices start at 0; arrays have one row a time and one column a component.
//!
//! # Normalizations
//!
//! With K_y finite measured values, K_t layers that carry one and K_g
//! components of residuals ([`Action::counts`]):
//!
//! | [`Normalization`] | action | expected plateau with R_m = 1/σ² |
//! |---|---|---|
//! | `Sum`, the default | ½ R_m Σ(…)² + ½ R_f Σ g² | ½ (K_y − D − P) |
//! | `Mean`, as varanneal | R_m Σ(…)² / K_y + R_f Σ g² / K_g | 1 − (D + P) / K_y |
//! | `Minaone` | (R_m Σ(…)² + R_f Σ g²) / K_t | (K_y − D − P) / K_t |
//!
//! `Mean` at R_f has the minimum of `Sum` at R_f K_y / K_g; its value there
//! is 2 / K_y times that of `Sum`. `Minaone` is 2 / K_t times `Sum` at the
//! same R_f. Here P counts the *estimated* parameters; [`Action::expected_plateau`]
//! knows windows and priors too. Only `Sum` takes priors.
//!
//! # Which type does what
//!
//! | you have or want | look at |
//! |---|---|
//! | a first program | [One complete run](#one-complete-run) above |
//! | a model | [`Model`] with [`Flow`] or [`Layers`], [`check_jacobian`], [`models`] |
//! | a discretization | [`SimpsonHermite`], [`Trapezoid`], [`Midpoint`], [`Rk4`], [`Euler`] for flows; [`Map`] for layers |
//! | data | [`Observations`] in a [`Window`] on a [`Grid`] |
//! | missing values | NaN in the values of [`Observations`]; other times or components are another set of the same [`Window`] |
//! | several recordings or trials | one [`Window`] each, [`ActionBuilder::windows`]; [`Parameter::per_window`] where they differ |
//! | data that are functions of the states; outliers | [`Observe`]; [`Loss`] |
//! | known stimuli, controls, forcings | [`Inputs`] |
//! | parameters to estimate, or known | [`Parameter`], [`Gaussian`], [`LogNormal`] |
//! | bounds | [`Bounds`] in [`ActionBuilder::parameter`] for parameters, [`ActionBuilder::state_bounds`] for states |
//! | the problem | [`Action::builder`]; [`Action::at`] is the objective at one R_f |
//! | the steps and the range of R_f | [`Schedule::adaptive`], [`Schedule::spanning`], [`Action::balanced`] |
//! | the global minimum, when it is hard to find | [`Annealer::race`], [`Starts::portfolio`] |
//! | the solution | [`Annealer`] with a [`Schedule`] and [`Starts`]; [`Annealing::best`], [`Level`], [`Estimate`] |
//! | progress, and to cancel | [`Annealer::run_observed`] with an [`Observer`] of each [`Event`] |
//! | to limit, resume or step an annealing | [`Annealer::time_budget`]; [`Annealer::checkpoint`]; [`Annealer::begin`], [`Run`] |
//! | how sure a parameter is: its standard deviation | [`Action::parameter_spreads`], [`ParameterSpread`] |
//! | whether the result can be right | [`Annealing::verdict`], [`Verdict`], [`Action::expected_plateau`], [`Action::at_bounds`] |
//! | what further measurements would tell; a test by measurements that were kept back | [`Action::information`]; [`Action::held_out`] |
//! | results in files: CSV, JSON, `.npy`, as varanneal writes them; pictures | [`io`]; the module `plot` |
//! | what the path needs beyond the model, and when; paths between given ends; symplectic maps | [`hamiltonian`] |
//! | another minimizer | [`GaussNewton`] (the default), [`Lbfgs`], your own [`Minimizer`] |
//! | a network to train, by the same action | [`models::Network`] of [`Dense`] layers; [`Equations`] and [`NewtonCosts`] |
//! | more pairs or recordings than memory holds | [`Minibatches`] |
//! | a law for one measured series, of which no model is known | [`embedding`]: delay, dimension and vectors; [`models::Network`] |
//! | a test with a known answer | [`Simulation`], [`Measurement`], [`Twin::score`] |
//! | to come from varanneal or minAone | [`Normalization`] and [`PrecisionUnit`] for the same numbers; the table below |
//!
//! # Coming from varanneal
//!
//! | varanneal | here |
//! |---|---|
//! | `set_model(f, D)` | [`Flow`], which is one time instead of arrays of all times |
//! | `set_data`, `Lidx`, `RM` | [`Observations::of_components`] in a [`Window`] |
//! | `stim` | [`Window::inputs`] |
//! | `RF0`, `alpha`, `beta_array` | [`Schedule::geometric`] |
//! | `P0`, `Pidx`, `bounds` | [`Parameter`], [`Parameter::fixed`], [`Bounds`], [`ActionBuilder::state_bounds`] |
//! | `dt_model` | [`Grid::from_times`] |
//! | `action='A_gaussian'` | [`Normalization::Mean`] with [`PrecisionUnit::PerStep`] |
//! | a loop over seeds | [`Annealer::starts`], [`Annealer::race`] |
//! | `save_paths` and so on | the module `varanneal` of [`io`] (feature `npy`) |
//!
//! `docs/choosing.md` has the whole table, and the same for minAone and 4D-Var.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `rayon` | yes | starts in parallel; the results have the same bits without it |
//! | `large-blocks` | yes | dense kernels of `faer` for large blocks (states of about a hundred components and more) |
//! | `npy` | | `.npy` arrays and the files of varanneal in the module [`io`] |
//! | `plot` | | the module `plot`: SVG pictures |
//! | `serde` | | `Serialize` and `Deserialize` for results |
//! | `json` | | results as JSON in the module [`io`] (turns on `serde`) |
//! | `approx` | | comparisons of results with tolerances |
//! | `tracing` | | spans of starts and levels, and an event for each iteration, for subscribers of `tracing` |
//! | `openblas-system`, `openblas-static`, `intel-mkl-static`, `netlib-system` | | LAPACK as a dense backend, by one of these providers (each turns on `lapack`) |
//!
//! # Errors and terminations
//!
//! An [`Error`] means that an *input* cannot be used, or that a file, thread pool
//! or backend is not to be had; it says what, where, what was expected and what
//! was found. How a *minimization* ended is no error but a [`Termination`] in
//! each [`Level`]: what was computed is kept, also after a limit, a
//! cancellation or a non-finite value on the way. Only a model that is finite at
//! no start's initial path is an error, [`Error::ModelNotFinite`]. Nothing is
//! printed, and nothing here is meant to panic on any input.
mod action;
mod anneal;
mod derivative;
mod discretization;
mod dual;
pub mod embedding;
mod error;
mod evaluate;
mod file;
pub mod hamiltonian;
pub mod io;
pub mod linalg;
pub mod minimize;
mod model;
pub mod models;
mod networks;
mod newton;
mod objective;
mod parallel;
#[cfg(feature = "plot")]
pub mod plot;
mod problem;
mod scalar;
mod simd;
mod twin;
pub mod verdict;

pub use action::{
    Action, ActionBuilder, ActionTerms, AtBound, Counts, Equations, Estimate, Normalization,
    Plateau, PrecisionUnit,
};
pub use anneal::{
    Annealer, Annealing, End, Event, Hill, Level, Minibatches, Observer, Run, Schedule,
    StartResult, Starts, Step, Stop, Turn,
};
/// The arrays in which data come in and results go out, in the version of this crate.
pub use ndarray;
pub use networks::{Activation, Dense, DenseLayer};
pub use objective::{
    ActionAt, ByErrors, EquationsChoice, EquationsReason, NewtonCosts, ParameterSpread,
};
pub use problem::bounds::Bounds;

pub use derivative::{check_jacobian, jacobian};
pub use discretization::{Euler, FlowRule, Map, Midpoint, Rk4, Rule, SimpsonHermite, Trapezoid};
pub use dual::Dual;
pub use error::{Error, Refusal, Result};
pub use minimize::{
    Curvature, GaussNewton, Lbfgs, Minimizer, NewtonSteps, Objective, Termination, Work,
};
pub use model::{Flow, JacobianEntries, Layers, Model, Sparsity};
pub use problem::grid::Grid;
pub use problem::inputs::Inputs;
pub use problem::losses::Loss;
pub use problem::observations::Observations;
pub use problem::operators::Observe;
pub use problem::parameters::{Gaussian, LogNormal, Parameter, Prior};
pub use problem::path::Path;
pub use problem::precision::Precision;
pub use problem::windows::{StatePrior, Window};
pub use scalar::Scalar;
pub use twin::{Measurement, Noise, Score, Simulation, Truth, Twin};
pub use verdict::{Finding, HeldOut, Verdict};

/// Everything that a program usually needs.
pub mod prelude {
    pub use crate::{
        Action, Annealer, Annealing, Bounds, Estimate, Euler, Event, Flow, GaussNewton, Gaussian,
        Grid, Inputs, Layers, Lbfgs, Level, LogNormal, Loss, Map, Measurement, Midpoint, Minimizer,
        Model, NewtonSteps, Noise, Normalization, Objective, Observations, Observe, Parameter,
        Path, Precision, PrecisionUnit, Rk4, Scalar, Schedule, SimpsonHermite, Simulation, Starts,
        StatePrior, Termination, Trapezoid, Twin, Verdict, Window, check_jacobian,
    };
}

/// The documents' programs are compiled by `cargo test`.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/choosing.md")]
    struct Choosing;
    #[doc = include_str!("../docs/running.md")]
    struct Running;
    #[doc = include_str!("../docs/hamilton.md")]
    struct Hamiltonian;
}
