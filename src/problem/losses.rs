//! Robust measurement errors.

use crate::error::Result;
use crate::problem::precision::check_positive;

/// How a measurement error counts in the action.
///
/// ```
/// # use deepest::{models::LotkaVolterra, prelude::*};
/// # use ndarray::array;
/// # fn term(data: Observations) -> deepest::Result<f64> {
/// #     let window = Window::new(Grid::uniform(0.0, 1.0, 2)?).observations(data)?;
/// #     let rates = [0.5, 0.03, 0.8, 0.02];
/// #     let action = Action::builder(LotkaVolterra, Trapezoid)
/// #         .window(window)
/// #         .parameter_block("rates", rates.map(Parameter::fixed))
/// #         .build()?;
/// #     let path = Path::from_layers([[1.0, 1.0], [1.0, 1.0]]);
/// #     Ok(action.terms(1.0, &Estimate::new(vec![path], rates))?.measurement)
/// # }
/// # fn main() -> deepest::Result<()> {
/// // Of two values one is 49 standard deviations off.
/// let noise = Precision::from_deviation(1.0)?;
/// let data = Observations::of_components(&[0], [0.0, 1.0], array![[1.0], [50.0]], noise)?;
/// let gaussian = term(data.clone())?; // ½ · 49²
/// let robust = term(data.loss(Loss::huber(1.345)?))?;
/// assert!(gaussian > 1200.0 && robust < 66.0);
/// # Ok(())
/// # }
/// ```
///
/// With e the error, R_m the measurement precision and s = eᵀR_m e, the action
/// gets ½ρ(s): for each value alone where R_m is scalar or diagonal, for all
/// values of one time together where it is a full matrix. The Gauss-Newton
/// step weighs with ρ′(s) (iteratively reweighted least squares), which keeps
/// the block structure; the gradient is exact. Another normalization than sum
/// divides ρ and leaves s as it is.
///
/// Use [`huber`](Self::huber) against a few outliers in otherwise Gaussian
/// data, [`student_t`](Self::student_t) where errors of any size occur (the
/// action then may have more minima), [`laplace`](Self::laplace) for errors
/// that are exponential on both sides.
#[doc(alias("outlier", "robust", "heavy tails"))]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Loss(Shape);

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Shape {
    #[default]
    Gaussian,
    Huber {
        threshold: f64,
    },
    StudentT {
        freedom: f64,
    },
    Laplace {
        rounding: f64,
    },
}

impl Loss {
    /// Gaussian errors: ρ = s. The default.
    #[must_use]
    pub const fn gaussian() -> Self {
        Self(Shape::Gaussian)
    }

    /// Huber's loss, quadratic up to |e| = k standard deviations, linear
    /// beyond: ρ = s for s ≤ k², else 2k√s − k² (Huber 1964; k = 1.345 keeps
    /// 95 % of the efficiency on Gaussian data). `threshold` is k.
    ///
    /// # Errors
    /// [`Error::NotPositive`](crate::Error::NotPositive),
    /// [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn huber(threshold: f64) -> Result<Self> {
        check_positive("threshold", || "Huber loss".into(), threshold)?;
        Ok(Self(Shape::Huber { threshold }))
    }

    /// Student's t with ν degrees of freedom and scale R_m^(−½):
    /// ρ = (ν + m) ln(1 + s/ν), m the number of values in s. `freedom` is ν.
    ///
    /// # Errors
    /// As [`Loss::huber`].
    pub fn student_t(freedom: f64) -> Result<Self> {
        check_positive("degrees of freedom", || "Student-t loss".into(), freedom)?;
        Ok(Self(Shape::StudentT { freedom }))
    }

    /// Laplace errors, |e| in units of the scale R_m^(−½), rounded off near
    /// zero: ρ = 2(√(s + ε²) − ε). `rounding` is ε (0.01 is a good choice:
    /// smaller takes more iterations).
    ///
    /// # Errors
    /// As [`Loss::huber`].
    pub fn laplace(rounding: f64) -> Result<Self> {
        check_positive("rounding", || "Laplace loss".into(), rounding)?;
        Ok(Self(Shape::Laplace { rounding }))
    }

    /// ρ, ρ′ and ρ″ at `s`, a sum of `count` squares.
    #[inline]
    pub(crate) fn at(self, s: f64, count: usize) -> [f64; 3] {
        match self.0 {
            Shape::Gaussian => [s, 1.0, 0.0],
            Shape::Huber { threshold: k } => {
                if s <= k * k {
                    [s, 1.0, 0.0]
                } else {
                    let root = s.sqrt();
                    [2.0 * k * root - k * k, k / root, -0.5 * k / (root * s)]
                }
            }
            Shape::StudentT { freedom } => {
                let factor = freedom + count as f64;
                let sum = freedom + s;
                [
                    factor * (s / freedom).ln_1p(),
                    factor / sum,
                    -factor / (sum * sum),
                ]
            }
            Shape::Laplace { rounding } => {
                let root = (s + rounding * rounding).sqrt();
                [
                    2.0 * (root - rounding),
                    root.recip(),
                    -0.5 / (root * root * root),
                ]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_values() {
        let losses = [
            Loss::gaussian(),
            Loss::huber(1.3).unwrap(),
            Loss::student_t(4.0).unwrap(),
            Loss::laplace(0.1).unwrap(),
        ];
        for loss in losses {
            for s in [0.3, 1.0, 1.6, 1.8, 40.0] {
                let h = 1e-5 * s;
                let [_, first, second] = loss.at(s, 2);
                let [above, first_above, _] = loss.at(s + h, 2);
                let [below, first_below, _] = loss.at(s - h, 2);
                // Central differences err by h²ρ‴ and by rounding ε ρ/h.
                approx::assert_relative_eq!(
                    first,
                    (above - below) / (2.0 * h),
                    max_relative = 1e-8
                );
                let slope = (first_above - first_below) / (2.0 * h);
                approx::assert_relative_eq!(second, slope, max_relative = 1e-6, epsilon = 1e-9);
            }
        }
    }
}
