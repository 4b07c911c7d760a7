//! How the equations of a Newton step, H s = −g, are solved. This room knows matrices and
//! no action: what fills them is handed to it.
//!
//! | strategy | for |
//! |---|---|
//! | [`Arrows`] | block arrows: chains of states with the parameters as their border |
//! | [`ResidualSpace`] | a matrix of the order of the residuals, where they are few |
//! | [`conjugate_gradients`] | the parameters alone, by products with a matrix that is never made |

mod arrows;
mod conjugate_gradients;
mod residual_space;
#[cfg(test)]
mod tests;

pub(crate) use arrows::{Arrangement, Arrows, Assemble};
pub(crate) use conjugate_gradients::conjugate_gradients;
pub(crate) use residual_space::{FLOOR, ResidualSpace};

use crate::minimize::{Indefinite, QuadraticStep};

pub(crate) type Solved = Result<(), Indefinite>;

/// A failure that is no pivot: the matrix was not finite.
pub(crate) const NOT_SOLVED: Indefinite = Indefinite { pivot: f64::NAN };

/// A step s of (H + Λ)s = −g, for which −gᵀs − ½sᵀHs = ½(sᵀΛs − gᵀs).
pub(crate) fn predicted(
    step: &[f64],
    gradient: &[f64],
    damped: &[f64],
) -> std::result::Result<QuadraticStep, Indefinite> {
    let terms = step.iter().zip(gradient).zip(damped);
    let decrease = terms.map(|((s, g), damped)| 0.5 * (damped * s * s - g * s));
    let decrease: f64 = decrease.sum();
    match decrease.is_finite() {
        true => Ok(QuadraticStep::new(decrease)),
        false => Err(NOT_SOLVED),
    }
}
