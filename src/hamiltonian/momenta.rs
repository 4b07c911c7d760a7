//! The canonical momenta of a path, and of each window.

use crate::action::{Action, Estimate};
use crate::error::Result;
use crate::minimize::Objective;
use crate::objective::{ActionAt, Forces};
use crate::problem::path::Path;

/// The canonical momenta of a path.
///
/// Of the action in the *sum* normalization, to which every other is converted;
/// it is dimensionless, so that a momentum has one over the unit of its state
/// component. Where parameters change in time they are the last components of
/// their layers, and have momenta as the others.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Momenta {
    /// Those of each window.
    pub windows: Vec<WindowMomenta>,
    /// ∂A/∂θ of each estimated static parameter, in the order of
    /// [`Action::pack`]: the gradient of its prior less ∫ pᵀF_θ dt, zero where
    /// the action is stationary. Units: one over the parameter's.
    pub parameters: Vec<f64>,
}

/// The momenta of one window.
///
/// *Nodes* are the layers where intervals of the discretization meet: all of
/// them for one-step rules, every other one for Simpson-Hermite, whose midpoints
/// belong to the Lagrangian of their interval. There are K intervals and K + 1
/// nodes.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct WindowMomenta {
    /// The layer of each node.
    pub layers: Vec<usize>,
    /// The time of each node.
    pub times: Vec<f64>,
    /// p⁻ at each node, before what is measured there: ∂L_d/∂x of the interval
    /// that ends there; at the first node the slope B⁻¹(x₀ − x_b) of the prior,
    /// zero without one.
    pub before: Path,
    /// p⁺ at each node, after what is measured there: −∂L_d/∂x of the interval
    /// that begins there; at the last node zero.
    pub after: Path,
    /// h_xᵀ R_m (h(x) − y) at each of the N layers, by which measurements make
    /// the momentum jump: zero where nothing is measured.
    pub jumps: Path,
    /// The discrete Euler-Lagrange equation p⁻ − p⁺ + jump at each of the N
    /// layers, which is ∂A/∂x: zero along a stationary path.
    pub residuals: Path,
}

impl Momenta {
    /// The momenta of an estimate, which need not be stationary, at model
    /// precision `rf`.
    ///
    /// The action is a sum of discrete Lagrangians L_d(x_k, x_{k+1}) =
    /// ½ gᵀ R_f g and of potentials at the layers that carry data. Then
    /// p⁺_k = −D₁L_d(x_k, x_{k+1}) and p⁻_{k+1} = D₂L_d(x_k, x_{k+1}) (Marsden and
    /// West, *Discrete mechanics and variational integrators*, Acta Numerica 10,
    /// 357 (2001), section 1.3); midpoints of Simpson-Hermite, where L_d is
    /// stationary, drop out of both. A path of the continuous problem has
    /// p = R_f(ẋ − F).
    ///
    /// Momenta are differences of states times R_f: they lose digits where R_f is
    /// so large that residuals are rounding. [`Adjoint`](super::Adjoint) has the
    /// limit R_f → ∞.
    ///
    /// # Errors
    /// As [`Action::at`] and [`Action::pack`];
    /// [`Error::ModelNotFinite`](crate::Error::ModelNotFinite) where the model or
    /// an observation operator is not finite along the path.
    pub fn along(action: &Action, rf: f64, estimate: &Estimate) -> Result<Self> {
        if let Some(shaped) = action.reshaped(estimate)? {
            return Self::along(&shaped, rf, estimate);
        }
        let x = action.pack(estimate)?;
        Self::of(&mut action.at(rf)?, &x)
    }

    /// Those at the unknowns `x`.
    pub(super) fn of(at: &mut ActionAt<'_>, x: &[f64]) -> Result<Self> {
        let action = at.action();
        let mut gradient = vec![0.0; x.len()];
        at.value_and_gradient(x, &mut gradient);
        if gradient.iter().any(|v| !v.is_finite()) {
            return Err(at.locate_non_finite(x));
        }
        let scale = action.to_sum();
        for v in &mut gradient {
            *v *= scale;
        }
        let forces = at.forces(x).into_iter().enumerate();
        let windows = forces.map(|(w, mut forces)| {
            for v in forces.all_mut() {
                *v *= scale;
            }
            let first = action.first_layer_slope(x, w);
            WindowMomenta::new(action, w, &forces, first, &gradient)
        });
        Ok(Self {
            windows: windows.collect(),
            parameters: gradient[action.layout().border()..].to_vec(),
        })
    }
}

impl WindowMomenta {
    fn new(action: &Action, w: usize, forces: &Forces, first: Vec<f64>, gradient: &[f64]) -> Self {
        let layout = &action.layout().windows[w];
        let times = action.windows()[w].grid().times();
        let layers: Vec<usize> = (0..=layout.intervals()).map(|k| layout.first(k)).collect();
        let width = |k: usize| layout.layer(layers[k]).len();
        let (mut before, mut after) = (vec![first], Vec::new());
        for (k, force) in forces.intervals.iter().enumerate() {
            after.push(force[..width(k)].iter().map(|v| -v).collect());
            before.push(force[force.len() - width(k + 1)..].to_vec());
        }
        after.push(vec![0.0; width(layout.intervals())]);
        let mut jumps = forces.layers.clone();
        for (jump, prior) in jumps[0].iter_mut().zip(&before[0]) {
            *jump -= prior;
        }
        Self {
            times: layers.iter().map(|&n| times[n]).collect(),
            layers,
            before: Path::from_layers(before),
            after: Path::from_layers(after),
            jumps: Path::from_layers(jumps),
            residuals: Path::from_layers((0..layout.layers()).map(|n| &gradient[layout.layer(n)])),
        }
    }
}
