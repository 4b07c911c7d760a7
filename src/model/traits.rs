//! Vector fields and layer maps, as a user writes them.

use std::ops::Range;

use super::{JacobianEntries, Sparsity};
use crate::error::{Error, Result};
use crate::networks::DenseLayer;
use crate::scalar::Scalar;

/// What vector fields and layer maps have in common.
///
/// A model owns what it is made of, so that an [`Action`](crate::Action) can keep it; a
/// large table that others use too stands in an `Arc`.
pub trait Model: Send + Sync + 'static {
    /// Number P of static parameters θ.
    fn parameter_count(&self) -> usize {
        0
    }

    /// Number of known inputs u that the model reads.
    fn input_count(&self) -> usize {
        0
    }
}

/// A vector field dx/dt = F(t, x, θ, u).
///
/// ```
/// use deepest::prelude::*;
///
/// /// A pendulum with friction; θ = (friction).
/// struct Pendulum;
///
/// impl Model for Pendulum {
///     fn parameter_count(&self) -> usize {
///         1
///     }
/// }
///
/// impl Flow for Pendulum {
///     fn width(&self) -> usize {
///         2
///     }
///     fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
///         dx[0] = x[1];
///         dx[1] = -x[0].sin() - theta[0] * x[1];
///     }
/// }
///
/// check_jacobian(&Pendulum, 0.0, &[0.3, -0.2], &[0.1], &[])?;
/// # Ok::<(), deepest::Error>(())
/// ```
#[doc(alias("ODE", "differential equation", "vector field", "right-hand side"))]
pub trait Flow: Model {
    /// Number D of state components.
    fn width(&self) -> usize;

    /// Writes the D components of F to `dx`. `x` has D entries, `theta`
    /// [`Model::parameter_count`], `input` [`Model::input_count`].
    ///
    /// The function must do all its arithmetic on the thread that calls it: exact
    /// second derivatives are recorded thread by thread. A scalar cannot be sent to
    /// another thread, so that this does not compile:
    ///
    /// ```compile_fail,E0277
    /// # use deepest::prelude::*;
    /// fn pull<S: Scalar>(x: &[S], dx: &mut [S]) {
    ///     std::thread::scope(|threads| {
    ///         for (slot, x) in dx.iter_mut().zip(x) {
    ///             threads.spawn(move || *slot = -*x);
    ///         }
    ///     });
    /// }
    /// ```
    ///
    /// It may branch on values ([`Scalar`]); see [`Sparsity::Traced`] for what this
    /// asks of a large model.
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]);

    /// The sparsity pattern of the Jacobian: found by tracing unless declared.
    fn sparsity(&self) -> Sparsity {
        Sparsity::Traced
    }

    /// An optional hand-written Jacobian, for speed: sets every entry that is not
    /// zero at this point and returns `true`; those that it does not set are zero.
    /// The default returns `false`: the Jacobian comes from dual numbers. Check it
    /// with [`check_jacobian`](crate::check_jacobian), on every branch that it has.
    fn jacobian(
        &self,
        _t: f64,
        _x: &[f64],
        _theta: &[f64],
        _input: &[f64],
        _entries: &mut JacobianEntries<'_>,
    ) -> bool {
        false
    }
}

/// A map from layer to layer, with a width for each layer.
///
/// ```
/// use deepest::prelude::*;
///
/// /// The logistic map; θ = (growth).
/// struct Logistic;
///
/// impl Model for Logistic {
///     fn parameter_count(&self) -> usize {
///         1
///     }
/// }
///
/// impl Layers for Logistic {
///     fn width(&self, _n: usize) -> usize {
///         1
///     }
///     fn layer<S: Scalar>(&self, _n: usize, x: &[S], next: &[S], theta: &[S], _input: &[S], out: &mut [S]) {
///         out[0] = next[0] - theta[0] * x[0] * (-x[0] + 1.0);
///     }
/// }
///
/// let grid = Grid::uniform(0.0, 1.0, 3)?;
/// let truth = Simulation::new(grid, [2.0]).from_state([0.25]).layers(&Logistic)?;
/// assert_eq!(truth.path.component(0), [0.25, 0.375, 0.46875]);
/// # Ok::<(), deepest::Error>(())
/// ```
///
/// Layer maps are written as residuals, so that the next layer may appear on
/// both sides (recurrent networks): g = x_{n+1} − f_n(x_n, θ) for the usual
/// feed-forward case.
#[doc(alias("neural network", "layer map", "recurrent", "difference equation"))]
pub trait Layers: Model {
    /// Number of components of layer `n`.
    fn width(&self, n: usize) -> usize;

    /// The parameters that the map from layer `n` to `n + 1` uses; it is
    /// handed exactly these.
    fn parameters_of(&self, _n: usize) -> Range<usize> {
        0..self.parameter_count()
    }

    /// Writes the residual between layer `n` and `n + 1` to `out`, which has
    /// the width of layer `n + 1`.
    fn layer<S: Scalar>(
        &self,
        n: usize,
        x: &[S],
        next: &[S],
        theta: &[S],
        input: &[S],
        out: &mut [S],
    );

    /// The sparsity pattern of the Jacobian of the map from layer `n` to `n + 1`:
    /// found by tracing unless declared. In [`Sparsity::Declared`] the unknowns are the
    /// components of layer `n`, then those of layer `n + 1`, then the parameters that
    /// the map is handed. A stage has the unknowns of the wider layer and the estimated
    /// ones of these parameters.
    fn sparsity(&self, _n: usize) -> Sparsity {
        Sparsity::Traced
    }

    /// What the map from layer `n` to `n + 1` is, where it is a dense layer of a
    /// network: [`layer`](Self::layer) is not called for it then, and many windows
    /// are evaluated together, by products of matrices.
    fn dense(&self, _n: usize) -> Option<DenseLayer> {
        None
    }
}

/// More components of a state than this are refused as a mistake, before memory is
/// asked for.
pub(crate) const MOST_COMPONENTS: usize = 1 << 28;

/// Checks that the parameters of a layer map are some of all.
pub(crate) fn check_parameters_of(
    range: &Range<usize>,
    count: usize,
    place: impl Fn() -> String,
) -> Result<()> {
    if range.start <= range.end && range.end <= count {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what: "end of the parameters of a layer map",
        place: place(),
        low: range.start as f64,
        high: count as f64,
        found: range.end as f64,
    })
}
