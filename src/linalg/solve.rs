//! Substitution with the factor at hand, and its determinant.

use super::arrow::{BlockArrow, Stage, check_length};
use super::failure::Failure;
use super::layout::{Stairs, Step};
use crate::error::Result;

impl BlockArrow {
    /// Fills `out` with the solution for the given values z of the border (P),
    /// which stand at its end.
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing) before
    /// [`factor`](Self::factor), [`Error::Length`](crate::Error::Length) for a
    /// slice of another length.
    pub fn back_substitute(&mut self, border: &[f64], out: &mut [f64]) -> Result<()> {
        self.require(Stage::Chains)?;
        check_length("border", self.shape.border(), border.len())?;
        check_length("solution", self.shape.dimension(), out.len())?;
        let chains = out.len() - border.len();
        out[chains..].copy_from_slice(border);
        self.substitute_chains_backward(out, true);
        Ok(())
    }

    /// Substitutes another right-hand side forward with the factor at hand, in
    /// the place of the one that [`factor`](Self::factor) was given; `rhs` is
    /// used up. [`solve_border`](Self::solve_border) and
    /// [`back_substitute`](Self::back_substitute) then solve for it.
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing) before
    /// [`factor`](Self::factor), [`Error::Length`](crate::Error::Length) for a
    /// slice of another length.
    pub fn substitute_forward(&mut self, rhs: &mut [f64]) -> Result<()> {
        self.require(Stage::Chains)?;
        check_length("right-hand side", self.shape.dimension(), rhs.len())?;
        for step in &self.layout.steps {
            let (factor, last) = (&step.factor, step.geometry.unknowns());
            gather(step, rhs, &mut self.local);
            self.kernel.forward(&self.factor, factor, &mut self.local);
            scatter(step, &self.local, rhs);
            for (j, value) in self.local[..factor.columns].iter().enumerate() {
                self.factor[factor.entry(last, j)] = *value;
            }
        }
        let order = self.shape.border();
        let reduced = rhs[rhs.len() - order..].to_vec();
        self.set_reduced(&reduced);
        Ok(())
    }

    /// Adds the reduced right-hand side of another matrix' chains, as
    /// [`absorb_border`](Self::absorb_border) did that of the factorization.
    ///
    /// # Errors
    /// As there.
    pub fn absorb_rhs(&mut self, other: &Self) -> Result<()> {
        self.require(Stage::Chains)?;
        other.require(Stage::Chains)?;
        check_length("border", self.shape.border(), other.shape.border())?;
        let sum = self.border_rhs().iter().zip(other.border_rhs());
        let sum: Vec<f64> = sum.map(|(a, b)| a + b).collect();
        self.set_reduced(&sum);
        Ok(())
    }

    /// Solves H x = b for a further right-hand side with the factor at hand:
    /// `vector` is b before and x after.
    ///
    /// # Errors
    /// [`Failure::Indefinite`] where the border is still to be factored and is
    /// not positive definite; [`Failure::Input`] before
    /// [`factor`](Self::factor) or for a vector of another length.
    pub fn solve(&mut self, vector: &mut [f64]) -> std::result::Result<(), Failure> {
        self.require(Stage::Chains)?;
        check_length("right-hand side", self.shape.dimension(), vector.len())?;
        if self.stage < Stage::Border {
            self.factor_border()?;
        }
        for step in &self.layout.steps {
            gather(step, vector, &mut self.local);
            self.kernel
                .forward(&self.factor, &step.factor, &mut self.local);
            scatter(step, &self.local, vector);
        }
        let chains = vector.len() - self.shape.border();
        self.substitute_border(&mut vector[chains..]);
        self.substitute_chains_backward(vector, false);
        Ok(())
    }

    /// z ← S⁻¹z.
    fn substitute_border(&mut self, z: &mut [f64]) {
        let factor = self.border_geometry.stairs();
        let order = z.len();
        self.local[..order].copy_from_slice(z);
        self.local[order..].fill(0.0);
        self.kernel.forward(&self.border, &factor, &mut self.local);
        self.local[order..].fill(0.0);
        self.kernel
            .backward(&self.border, &factor, &mut self.local, &[]);
        z.copy_from_slice(&self.local[..order]);
    }

    /// L⁻ᵀ for all chains, the border's values being solved already. What it is
    /// applied to comes from the last row of the factor, where the
    /// factorization put it, or else from `vector`.
    fn substitute_chains_backward(&mut self, vector: &mut [f64], from_factor: bool) {
        for (index, step) in self.layout.steps.iter().enumerate().rev() {
            let ahead = match index.checked_sub(1) {
                Some(next) if self.is_far() => {
                    let next = &self.layout.steps[next].factor;
                    &self.factor[next.base..next.end()]
                }
                _ => &[],
            };
            let (factor, last) = (&step.factor, step.geometry.unknowns());
            if from_factor {
                for (j, value) in self.local[..factor.columns].iter_mut().enumerate() {
                    *value = self.factor[factor.entry(last, j)];
                }
            } else {
                gather_pivots(step, vector, &mut self.local);
            }
            gather_rest(step, vector, &mut self.local);
            self.kernel
                .backward(&self.factor, factor, &mut self.local, ahead);
            vector[step.interior_start()..step.right_start()]
                .copy_from_slice(&self.local[..step.interior]);
            vector[step.start..step.interior_start()]
                .copy_from_slice(&self.local[step.interior..step.geometry.pivots]);
        }
    }

    /// ln det H of the whole matrix; NaN until the border is factored
    /// ([`solve_border`](Self::solve_border) or [`solve`](Self::solve)).
    pub fn log_determinant(&self) -> f64 {
        if self.stage < Stage::Border {
            return f64::NAN;
        }
        let border = log_diagonal(&self.border, &self.border_geometry.stairs());
        self.chains_log_determinant() + 2.0 * border
    }

    /// The part of it that the chains have, without the border's Schur
    /// complement; NaN until they are factored.
    pub(crate) fn chains_log_determinant(&self) -> f64 {
        if self.stage < Stage::Chains {
            return f64::NAN;
        }
        let chains = self.layout.steps.iter();
        let chains = chains.map(|step| log_diagonal(&self.factor, &step.factor));
        2.0 * chains.sum::<f64>()
    }
}

/// Σ ln Lⱼⱼ of one front.
fn log_diagonal(buffer: &[f64], factor: &Stairs) -> f64 {
    (0..factor.columns)
        .map(|j| buffer[factor.entry(j, j)].ln())
        .sum()
}

/// Brings the unknowns of a front into local order, zeros behind them.
fn gather(step: &Step, vector: &[f64], local: &mut [f64]) {
    gather_pivots(step, vector, local);
    gather_rest(step, vector, local);
}

/// Of these the interior's and the left node's.
fn gather_pivots(step: &Step, vector: &[f64], local: &mut [f64]) {
    local[..step.interior].copy_from_slice(&vector[step.interior_start()..step.right_start()]);
    local[step.interior..step.geometry.pivots]
        .copy_from_slice(&vector[step.start..step.interior_start()]);
}

/// Of these the right node's and the border's, and the zeros.
fn gather_rest(step: &Step, vector: &[f64], local: &mut [f64]) {
    let (pivots, border) = (step.geometry.pivots, step.geometry.corner.first);
    let unknowns = step.geometry.unknowns();
    let chains = vector.len() - (unknowns - border);
    local[pivots..border].copy_from_slice(&vector[step.right_start()..][..border - pivots]);
    local[border..unknowns].copy_from_slice(&vector[chains..]);
    local[unknowns..step.geometry.ld].fill(0.0);
}

/// The inverse of [`gather`].
fn scatter(step: &Step, local: &[f64], vector: &mut [f64]) {
    let (pivots, border) = (step.geometry.pivots, step.geometry.corner.first);
    let unknowns = step.geometry.unknowns();
    let chains = vector.len() - (unknowns - border);
    vector[step.interior_start()..step.right_start()].copy_from_slice(&local[..step.interior]);
    vector[step.start..step.interior_start()].copy_from_slice(&local[step.interior..pivots]);
    vector[step.right_start()..][..border - pivots].copy_from_slice(&local[pivots..border]);
    vector[chains..].copy_from_slice(&local[border..unknowns]);
}
