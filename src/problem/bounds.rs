//! Intervals that unknowns must stay in.

use crate::error::{Error, Result};

/// An interval that a value must stay in; either end may be infinite.
///
/// ```
/// use deepest::Bounds;
///
/// let bounds = Bounds::new(0.0, 60.0)?;
/// assert!(bounds.contain(28.0));
/// assert_eq!(bounds.nearest(-3.0), 0.0);
/// let not_negative = Bounds::new(0.0, f64::INFINITY)?;
/// assert_eq!(not_negative.width(), None);
/// # Ok::<(), deepest::Error>(())
/// ```
#[doc(alias("constraint", "limits", "range"))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    lower: f64,
    upper: f64,
}

impl Bounds {
    /// No bounds.
    pub const NONE: Self = Self {
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
    };

    /// From `lower` to `upper`; either may be infinite.
    ///
    /// # Errors
    /// [`Error::BoundsUpsideDown`] unless lower < upper (also for NaN).
    pub fn new(lower: f64, upper: f64) -> Result<Self> {
        if lower < upper {
            Ok(Self { lower, upper })
        } else {
            Err(Error::BoundsUpsideDown {
                place: "new bounds".into(),
                lower,
                upper,
            })
        }
    }

    /// The lower end.
    #[must_use]
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// The upper end.
    #[must_use]
    pub fn upper(&self) -> f64 {
        self.upper
    }

    /// upper − lower where both are finite.
    #[must_use]
    pub fn width(&self) -> Option<f64> {
        let width = self.upper - self.lower;
        width.is_finite().then_some(width)
    }

    /// Whether `value` lies inside or at an end.
    #[must_use]
    pub fn contain(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    /// The end at which `value` stands, if it does.
    pub(crate) fn end_at(&self, value: f64) -> Option<f64> {
        [self.lower, self.upper]
            .into_iter()
            .find(|end| *end == value)
    }

    /// The nearest value inside.
    #[must_use]
    pub fn nearest(&self, value: f64) -> f64 {
        value.max(self.lower).min(self.upper)
    }
}
