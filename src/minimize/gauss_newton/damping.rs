//! The damping λ of Levenberg and Marquardt, by the ratio of actual to predicted
//! decrease: H. B. Nielsen, *Damping parameter in Marquardt's method*, IMM-REP-1999-05.

/// λ, and what it grows by at the next failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Damping {
    lambda: f64,
    growth: f64,
}

impl Damping {
    /// None: the first step is a full one.
    pub(super) fn none() -> Self {
        Self {
            lambda: 0.0,
            growth: 2.0,
        }
    }

    /// λ; zero is a full step.
    pub(super) fn lambda(&self) -> f64 {
        self.lambda
    }

    /// Makes the next step a full one.
    pub(super) fn clear(&mut self) {
        self.lambda = 0.0;
    }

    /// Less damping after a step with this ratio of actual to predicted decrease; none
    /// where it made no difference (`free`). Returns whether it is more all the same,
    /// because the ratio was poor.
    pub(super) fn relax(&mut self, ratio: f64, free: bool) -> bool {
        let factor = (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(1.0 / 9.0, 2.0);
        self.lambda *= factor;
        self.growth = 2.0;
        if free && factor <= 1.0 {
            self.lambda = 0.0;
        }
        factor > 1.0
    }

    /// More damping after a step that was rejected. The first is the curvature along that
    /// step, 2p/|s/S|², times how much shorter the step has to be if what is beyond the
    /// quadratic model grows with the third power of its length.
    pub(super) fn tighten(&mut self, predicted: f64, ratio: f64, squared_length: f64) {
        let curvature = 2.0 * predicted / squared_length;
        let shorter = if ratio.is_finite() {
            (1.0 - ratio).sqrt()
        } else {
            10.0
        };
        self.grow(curvature * shorter.clamp(1.0, 100.0));
    }

    /// More damping, `first` where there was none.
    pub(super) fn grow(&mut self, first: f64) {
        if self.lambda > 0.0 {
            self.lambda *= self.growth;
            self.growth *= 2.0;
        } else {
            self.lambda = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nielsen's factors: max(1/9, 1 − (2ϱ − 1)³), at most 2.
    #[test]
    fn it_follows_the_ratio_of_decreases() {
        for (ratio, factor, more) in [
            (1.0, 1.0 / 9.0, false),
            (0.75, 0.875, false),
            (0.5, 1.0, false),
            (0.25, 1.125, true),
            (0.0, 2.0, true),
            (-5.0, 2.0, true),
            (3.0, 1.0 / 9.0, false),
        ] {
            let mut damping = Damping::none();
            damping.grow(8.0);
            assert_eq!(damping.relax(ratio, false), more, "{ratio}");
            assert_eq!(damping.lambda(), 8.0 * factor, "{ratio}");
        }
    }

    #[test]
    fn damping_that_made_no_difference_goes() {
        let mut damping = Damping::none();
        damping.grow(8.0);
        damping.relax(0.9, true);
        assert_eq!(damping.lambda(), 0.0);
        // A poor step keeps it.
        damping.grow(8.0);
        damping.relax(0.2, true);
        assert!(damping.lambda() > 8.0);
    }

    /// λ doubles, then grows by 4, 8, …; a step that is accepted begins anew.
    #[test]
    fn failures_in_a_row_grow_it_faster() {
        let mut damping = Damping::none();
        let mut lambdas = Vec::new();
        for _ in 0..4 {
            damping.grow(3.0);
            lambdas.push(damping.lambda());
        }
        assert_eq!(lambdas, [3.0, 6.0, 24.0, 192.0]);
        damping.relax(0.5, false);
        damping.grow(3.0);
        assert_eq!(damping.lambda(), 384.0);
    }

    /// The curvature along the step, 2·6/3 = 4, times √(1 − ϱ), at most 100, and 10 for a
    /// value that was not finite.
    #[test]
    fn the_first_is_measured_by_the_step_that_failed() {
        for (ratio, expected) in [
            (-3.0, 8.0),
            (0.5, 4.0),
            (-1e9, 400.0),
            (f64::NAN, 40.0),
            (f64::NEG_INFINITY, 40.0),
        ] {
            let mut damping = Damping::none();
            damping.tighten(6.0, ratio, 3.0);
            assert_eq!(damping.lambda(), expected, "{ratio}");
        }
    }
}
