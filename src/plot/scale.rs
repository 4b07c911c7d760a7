//! Axes: from values to fractions of a side, and where the ticks stand.

use super::panel::Axis;

/// Decades that a logarithmic axis shows at most.
const MOST_DECADES: f64 = 12.0;

/// One axis with its range; positions are log₁₀ of values where logarithmic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    /// The range of the values, and `margin` of it on both sides. Without any
    /// value that can be shown, 0 to 1 (1 to 10 where logarithmic).
    pub(super) fn around(axis: &Axis, values: impl Iterator<Item = f64>, margin: f64) -> Self {
        let logarithmic = axis.logarithmic;
        let positions = values.filter_map(|v| position(v, logarithmic));
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = positions.fold(none, |(low, high), p| (low.min(p), high.max(p)));
        let (mut low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        if logarithmic {
            low = low.max(high - MOST_DECADES);
        }
        // Halves first: the difference of two huge numbers may not be finite.
        let half = 0.5 * high - 0.5 * low;
        let smallest = 1e-9 * low.abs().max(high.abs());
        let margin = if half > smallest {
            2.0 * margin * half
        } else if logarithmic || high == 0.0 {
            0.5
        } else {
            0.05 * high.abs()
        };
        Self {
            low: (low - margin).max(-f64::MAX / 4.0),
            high: (high + margin).min(f64::MAX / 4.0),
            logarithmic,
        }
    }

    /// 0 at the lower end, 1 at the upper one; `None` for what is not shown.
    pub(super) fn fraction(&self, value: f64) -> Option<f64> {
        // Rounding may put the ends a little outside.
        let shown = |fraction: &f64| (-1e-9..=1.0 + 1e-9).contains(fraction);
        self.reach(value).filter(shown)
    }

    /// The same beyond the ends; `None` for what has no place on the axis.
    pub(super) fn reach(&self, value: f64) -> Option<f64> {
        let position = position(value, self.logarithmic)?;
        Some((position - self.low) / (self.high - self.low))
    }

    /// At most `most` round values with their labels, at least one.
    pub(super) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let decades = self.high - self.low;
        if self.logarithmic && decades >= 1.5 {
            return self.decades(most);
        }
        let (low, high) = if self.logarithmic {
            (10_f64.powf(self.low), 10_f64.powf(self.high))
        } else {
            (self.low, self.high)
        };
        let step = round_step((high - low) / most as f64);
        let first = (low / step - 1e-9).ceil();
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let large = low.abs().max(high.abs()) >= 1e6 || step < 1e-6;
        (0..=most)
            .map(|k| (first + k as f64) * step)
            .filter(|value| *value <= high + 1e-9 * step)
            // No negative zero.
            .map(|value| if value == 0.0 { 0.0 } else { value })
            .map(|value| {
                let label = if large {
                    format!("{value:.2e}")
                } else {
                    format!("{value:.decimals$}")
                };
                (value, label.replace('-', "−"))
            })
            .collect()
    }

    fn decades(&self, most: usize) -> Vec<(f64, String)> {
        let stride = ((self.high - self.low) / most as f64).ceil().max(1.0);
        let first = (self.low / stride).ceil();
        (0..=most)
            .map(|k| (first + k as f64) * stride)
            .filter(|exponent| *exponent <= self.high)
            .map(|exponent| (10_f64.powf(exponent), power_of_ten(exponent as i32)))
            .collect()
    }
}

fn position(value: f64, logarithmic: bool) -> Option<f64> {
    let position = if logarithmic { value.log10() } else { value };
    position.is_finite().then_some(position)
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let factors = [1.0, 2.0, 5.0];
    let factor = factors.iter().find(|f| **f * power >= least);
    factor.unwrap_or(&10.0) * power
}

fn power_of_ten(exponent: i32) -> String {
    if exponent == 0 {
        return "1".into();
    }
    let raised = |digit| match digit {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        _ => '⁹',
    };
    let digits: String = exponent.to_string().chars().map(raised).collect();
    format!("10{digits}")
}
