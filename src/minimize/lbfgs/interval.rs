//! The interval of the line search and its safeguarded interpolation
//! (Moré and Thuente 1994, section 4; `dcstep` in MINPACK-2).

/// Value and slope at one step length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) step: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

/// Two step lengths; once `bracketed`, a minimum lies between them.
pub(super) struct Interval {
    /// The end with the lower value; its slope points into the interval.
    pub(super) best: Sample,
    pub(super) other: Sample,
    pub(super) bracketed: bool,
}

impl Interval {
    /// Takes in a trial and gives the next step length, from `low` to `high`
    /// while there is no bracket.
    pub(super) fn update(&mut self, trial: Sample, low: f64, high: f64) -> f64 {
        let turned = trial.slope * self.best.slope.signum() < 0.0;
        let step = if trial.value > self.best.value {
            self.bracketed = true;
            self.below_a_higher_value(trial)
        } else if turned {
            self.bracketed = true;
            self.between_opposite_slopes(trial)
        } else if trial.slope.abs() < self.best.slope.abs() {
            self.beyond_a_smaller_slope(trial, low, high)
        } else {
            self.beyond_a_larger_slope(trial, low, high)
        };
        if trial.value > self.best.value {
            self.other = trial;
        } else {
            if turned {
                self.other = self.best;
            }
            self.best = trial;
        }
        step
    }

    /// Case 1: the minimum is bracketed. The cubic step if it is closer to the
    /// best point than the quadratic one, else the mean of both.
    fn below_a_higher_value(&self, trial: Sample) -> f64 {
        let (x, t) = (self.best, trial);
        let (theta, gamma) = cubic(x, t, t.step < x.step);
        let r = ((gamma - x.slope) + theta) / (((gamma - x.slope) + gamma) + t.slope);
        let by_cubic = x.step + r * (t.step - x.step);
        let secant = (x.value - t.value) / (t.step - x.step) + x.slope;
        let by_quadratic = x.step + 0.5 * (x.slope / secant) * (t.step - x.step);
        if (by_cubic - x.step).abs() < (by_quadratic - x.step).abs() {
            by_cubic
        } else {
            by_cubic + 0.5 * (by_quadratic - by_cubic)
        }
    }

    /// Case 2: the minimum is bracketed. The step farther from the trial.
    fn between_opposite_slopes(&self, trial: Sample) -> f64 {
        let (x, t) = (self.best, trial);
        let (theta, gamma) = cubic(x, t, t.step > x.step);
        let r = ((gamma - t.slope) + theta) / (((gamma - t.slope) + gamma) + x.slope);
        let by_cubic = t.step + r * (x.step - t.step);
        let by_secant = t.step + t.slope / (t.slope - x.slope) * (x.step - t.step);
        farther(t.step, by_cubic, by_secant)
    }

    /// Case 3: the cubic step only where the cubic has its minimum beyond the
    /// trial.
    fn beyond_a_smaller_slope(&self, trial: Sample, low: f64, high: f64) -> f64 {
        let (x, t) = (self.best, trial);
        let (theta, gamma) = cubic(x, t, t.step > x.step);
        let r = ((gamma - t.slope) + theta) / ((gamma + (x.slope - t.slope)) + gamma);
        let by_cubic = if r < 0.0 && gamma != 0.0 {
            t.step + r * (x.step - t.step)
        } else if t.step > x.step {
            high
        } else {
            low
        };
        let by_secant = t.step + t.slope / (t.slope - x.slope) * (x.step - t.step);
        if !self.bracketed {
            return farther(t.step, by_cubic, by_secant).min(high).max(low);
        }
        let step = nearer(t.step, by_cubic, by_secant);
        let limit = t.step + 0.66 * (self.other.step - t.step);
        if t.step > x.step {
            step.min(limit)
        } else {
            step.max(limit)
        }
    }

    /// Case 4: the value falls ever faster.
    fn beyond_a_larger_slope(&self, trial: Sample, low: f64, high: f64) -> f64 {
        let (x, t, y) = (self.best, trial, self.other);
        if !self.bracketed {
            return if t.step > x.step { high } else { low };
        }
        let (theta, gamma) = cubic(y, t, t.step > y.step);
        let r = ((gamma - t.slope) + theta) / (((gamma - t.slope) + gamma) + y.slope);
        t.step + r * (y.step - t.step)
    }
}

/// θ and γ of the cubic through two samples; γ with a minus sign if `flip`.
fn cubic(a: Sample, t: Sample, flip: bool) -> (f64, f64) {
    let theta = 3.0 * (a.value - t.value) / (t.step - a.step) + a.slope + t.slope;
    let size = theta.abs().max(a.slope.abs()).max(t.slope.abs());
    let square = (theta / size).powi(2) - (a.slope / size) * (t.slope / size);
    // Negative only where the cubic has no stationary point (case 3).
    let gamma = size * square.max(0.0).sqrt();
    (theta, if flip { -gamma } else { gamma })
}

fn farther(from: f64, a: f64, b: f64) -> f64 {
    if (a - from).abs() > (b - from).abs() {
        a
    } else {
        b
    }
}

fn nearer(from: f64, a: f64, b: f64) -> f64 {
    if (a - from).abs() < (b - from).abs() {
        a
    } else {
        b
    }
}
