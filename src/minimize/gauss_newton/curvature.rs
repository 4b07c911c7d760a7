//! Which second derivatives the next step takes.

use crate::minimize::Curvature;

/// Predicted decreases below this fraction of the value are near the minimum.
const NEAR: f64 = 1e-2;
/// Most steps between two trials of the exact Hessian.
const LONGEST_SPELL: usize = 8;

/// First derivatives alone far from the minimum, the exact Hessian near it; and where that
/// was not positive definite, first derivatives for some steps.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    next: Curvature,
    near: Curvature,
    /// Steps to go before an exact Hessian is tried again, and how many there were after
    /// the last that was not positive definite.
    wait: usize,
    spell: usize,
}

impl Choice {
    /// Begins with `first`, and takes `near` close to the minimum.
    pub(super) fn new(first: Curvature, near: Curvature) -> Self {
        Self {
            next: first,
            near,
            wait: 0,
            spell: 0,
        }
    }

    /// Whether the step is to be tried with the exact Hessian.
    pub(super) fn is_exact(&self) -> bool {
        self.next == Curvature::Exact && self.wait == 0
    }

    /// The exact Hessian was positive definite.
    pub(super) fn note_definite(&mut self) {
        self.spell = 0;
    }

    /// It was not: the present step and some after it take first derivatives.
    pub(super) fn note_indefinite(&mut self) {
        self.spell = (2 * self.spell).clamp(1, LONGEST_SPELL);
        self.wait = self.spell;
    }

    /// A step with first derivatives was solved for.
    pub(super) fn note_first_derivatives(&mut self) {
        self.wait = self.wait.saturating_sub(1);
    }

    /// Chooses by the decrease that the last step predicted; returns whether the exact
    /// Hessian takes over from first derivatives.
    pub(super) fn choose(&mut self, predicted: f64, value: f64) -> bool {
        let near = predicted <= NEAR * value.abs();
        let next = if near {
            self.near
        } else {
            Curvature::GaussNewton
        };
        let taken_over = next == Curvature::Exact && self.next != next;
        self.next = next;
        taken_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_hessian_is_taken_near_the_minimum_only() {
        let mut choice = Choice::new(Curvature::GaussNewton, Curvature::Exact);
        assert!(!choice.is_exact());
        assert!(!choice.choose(0.011, 1.0) && !choice.is_exact());
        // A negative value counts by its size.
        assert!(choice.choose(0.01, -1.0) && choice.is_exact());
        assert!(!choice.choose(0.001, 1.0) && choice.is_exact());
        assert!(!choice.choose(0.5, 1.0) && !choice.is_exact());
        let mut never = Choice::new(Curvature::GaussNewton, Curvature::GaussNewton);
        assert!(!never.choose(0.0, 1.0) && !never.is_exact());
    }

    /// After the k-th failure in a row it waits for 1, 2, 4, 8, 8, … steps, the one that
    /// failed included.
    #[test]
    fn an_indefinite_hessian_is_tried_again_ever_later() {
        let mut choice = Choice::new(Curvature::Exact, Curvature::Exact);
        let mut waits = Vec::new();
        for _ in 0..6 {
            assert!(choice.is_exact());
            choice.note_indefinite();
            let mut steps = 0;
            while !choice.is_exact() {
                choice.note_first_derivatives();
                steps += 1;
            }
            waits.push(steps);
        }
        assert_eq!(waits, [1, 2, 4, 8, 8, 8]);
        choice.note_definite();
        choice.note_indefinite();
        choice.note_first_derivatives();
        assert!(choice.is_exact());
    }
}
