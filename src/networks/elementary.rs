//! Elementary functions without branches, which the compiler turns into vectors
//! where many numbers stand side by side.

/// 1.5·2⁵²: adding it rounds to whole numbers, which stand in the low bits then.
const WHOLE: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts, the first with 21 zero bits at the end (Cody and Waite 1980).
const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
/// 1/k! for k = 13 down to 1.
const INVERSE_FACTORIALS: [f64; 13] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
];

/// 2ᵏ and eʳ − 1 with x = k ln 2 + r and |r| ≤ ½ ln 2, for |x| ≤ 708.
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    let shifted = x * std::f64::consts::LOG2_E + WHOLE;
    let k = shifted - WHOLE;
    let r = (x - k * LN_2[0]) - k * LN_2[1];
    // The Taylor series; what is left out is below 5·10⁻¹⁸.
    let mut sum = 0.0;
    for c in INVERSE_FACTORIALS {
        sum = sum * r + c;
    }
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    (power, sum * r)
}

/// NaN stays NaN.
#[inline(always)]
fn clamped(x: f64, most: f64) -> f64 {
    let x = if x > most { most } else { x };
    if x < -most { -most } else { x }
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(super) fn logistic(x: f64) -> f64 {
    let (power, rest) = split(clamped(-x, 708.0));
    1.0 / (1.0 + (power + power * rest))
}

/// tanh x = (e²ˣ − 1) / (e²ˣ + 1).
#[inline(always)]
pub(super) fn tanh(x: f64) -> f64 {
    let (power, rest) = split(clamped(2.0 * x, 40.0));
    let less_one = (power - 1.0) + power * rest;
    less_one / (less_one + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few rounding errors, each at most 2⁻⁵³ of a quantity of the result's
    /// size: those of the series, of its last two operations and of the quotient.
    const ROUNDING: f64 = 8.0 * f64::EPSILON;

    fn points() -> impl Iterator<Item = f64> {
        let wide = (-4000..=4000).map(|i| 0.01 * f64::from(i));
        let near = (-300..=0).map(|i| 10_f64.powf(0.1 * f64::from(i)));
        wide.chain(near)
    }

    #[test]
    fn the_logistic_function_is_that_of_the_standard_library() {
        for x in points() {
            let exact = 1.0 / (1.0 + (-x).exp());
            assert!((logistic(x) - exact).abs() <= ROUNDING * exact, "{x}");
        }
    }

    #[test]
    fn the_hyperbolic_tangent_is_that_of_the_standard_library() {
        for x in points() {
            let exact = x.tanh();
            assert!((tanh(x) - exact).abs() <= ROUNDING * exact.abs(), "{x}");
        }
    }

    #[test]
    fn far_out_both_are_flat_and_nan_is_nan() {
        assert_eq!(logistic(f64::INFINITY), 1.0);
        assert!(logistic(f64::NEG_INFINITY) < 1e-300);
        assert_eq!((tanh(1e300), tanh(-1e300)), (1.0, -1.0));
        assert!(logistic(f64::NAN).is_nan() && tanh(f64::NAN).is_nan());
    }
}
