//! The unknowns that have a finite bound.

/// The finitely bounded unknowns: all that the search for active bounds ever
/// looks at.
pub(super) struct Bounds {
    /// Which unknowns, ascending.
    pub(super) index: Vec<usize>,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Bounds {
    pub(super) fn new(lower: &[f64], upper: &[f64]) -> Self {
        let has_bound = |i: &usize| lower[*i] > f64::NEG_INFINITY || upper[*i] < f64::INFINITY;
        let index: Vec<usize> = (0..lower.len()).filter(has_bound).collect();
        Bounds {
            lower: index.iter().map(|&i| lower[i]).collect(),
            upper: index.iter().map(|&i| upper[i]).collect(),
            index,
        }
    }

    /// Whether a value of bounded unknown `k` lies inside.
    pub(super) fn contains(&self, k: usize, value: f64) -> bool {
        (self.lower[k]..=self.upper[k]).contains(&value)
    }

    /// Whether x + step lies inside. Told by the room and not by the end: a
    /// step out of the bound that drowns in the rounding of x would leave the
    /// line search no way at all.
    pub(super) fn contain(&self, x: &[f64], step: &[f64]) -> bool {
        self.index.iter().enumerate().all(|(k, &i)| {
            let room = self.lower[k] - x[i]..=self.upper[k] - x[i];
            room.contains(&step[i])
        })
    }

    /// The bound that bounded unknown `k` meets on its way along `direction`
    /// (of either sign), infinite where there is none or no way.
    pub(super) fn ahead(&self, k: usize, direction: f64) -> f64 {
        if direction < 0.0 {
            self.lower[k]
        } else if direction > 0.0 {
            self.upper[k]
        } else {
            f64::INFINITY
        }
    }

    /// Whether bounded unknown `k` stands at the bound that −gradient points to.
    pub(super) fn holds(&self, k: usize, x: &[f64], g: &[f64]) -> bool {
        let i = self.index[k];
        self.ahead(k, -g[i]) == x[i]
    }

    /// Whether any unknown is held by its bound.
    pub(super) fn hold_any(&self, x: &[f64], g: &[f64]) -> bool {
        (0..self.index.len()).any(|k| self.holds(k, x, g))
    }

    /// Step length along `step` at which each bounded unknown meets its bound.
    pub(super) fn reach(&self, x: &[f64], step: &[f64], reach: &mut Vec<f64>) {
        reach.clear();
        reach.extend(self.index.iter().enumerate().map(|(k, &i)| {
            let ratio = (self.ahead(k, step[i]) - x[i]) / step[i];
            if step[i] == 0.0 {
                f64::INFINITY
            } else if (ratio - 1.0).abs() <= 4.0 * f64::EPSILON {
                // A step made to end at the bound: 1 but for rounding.
                1.0
            } else {
                ratio.max(0.0)
            }
        }));
    }

    /// Puts the bounded unknowns that `step_length` takes to their bound, or
    /// past it, exactly there; rounding leaves none outside.
    pub(super) fn snap(&self, trial: &mut [f64], step: &[f64], reach: &[f64], step_length: f64) {
        for (k, &i) in self.index.iter().enumerate() {
            if step_length >= reach[k] {
                trial[i] = self.ahead(k, step[i]);
            }
            trial[i] = trial[i].max(self.lower[k]).min(self.upper[k]);
        }
    }
}
