//! Powers and their derivatives by base and exponent, with their limits at 0.

/// Orders of derivatives by the exponent: as many as duals are ever nested.
const MOST: usize = 8;

/// ∂ʲ⁺ᵏ(xⁿ)/∂xʲ∂nᵏ = Σᵢ C(k, i) f⁽ⁱ⁾(n) xⁿ⁻ʲ (ln x)ᵏ⁻ⁱ with the falling factorial
/// f(n) = n (n − 1) … (n − j + 1). NaN for orders k from [`MOST`] on.
pub(crate) fn power_derivative(x: f64, n: f64, [j, k]: [u32; 2]) -> f64 {
    if [j, k] == [0, 0] {
        // Of the two zeros the positive one, as in the limits.
        return (x + 0.0).powf(n);
    }
    if k as usize >= MOST {
        return f64::NAN;
    }
    let rest = n - f64::from(j);
    let factorial = falling_factorial(n, j);
    // f⁽ⁱ⁾ C(k, i) is the i-th Taylor coefficient times k!/(k − i)!.
    let mut arrangements = 1.0;
    let factorial = factorial.into_iter().take(k as usize + 1);
    let terms = factorial.enumerate().map(|(i, coefficient)| {
        let factor = coefficient * arrangements;
        arrangements *= f64::from(k) - i as f64;
        (factor, k as i32 - i as i32)
    });
    if x == 0.0 {
        return at_zero(rest, terms);
    }
    let logarithm = x.ln();
    let sum: f64 = terms
        .filter(|(factor, _)| *factor != 0.0)
        .map(|(factor, m)| factor * logarithm.powi(m))
        .sum();
    // A function that is the same for every x has no slope, however steep a power.
    if sum == 0.0 { 0.0 } else { x.powf(rest) * sum }
}

/// The limit from above of Σ c x^rest (ln x)ᵐ at x = 0; the largest m come first.
fn at_zero(rest: f64, terms: impl Iterator<Item = (f64, i32)>) -> f64 {
    if rest > 0.0 {
        return 0.0;
    }
    let mut there = terms.filter(|(factor, _)| *factor != 0.0);
    let Some((factor, m)) = there.next() else {
        return if rest.is_nan() { rest } else { 0.0 };
    };
    if m == 0 && rest == 0.0 {
        return factor;
    }
    let sign = if m % 2 == 0 { 1.0 } else { -1.0 };
    if rest.is_nan() {
        rest
    } else {
        sign * factor * f64::INFINITY
    }
}

/// Taylor coefficients of n (n − 1) … (n − j + 1) around n.
fn falling_factorial(n: f64, j: u32) -> [f64; MOST] {
    let mut coefficients = [0.0; MOST];
    coefficients[0] = 1.0;
    for m in 0..j {
        let root = n - f64::from(m);
        for i in (0..MOST).rev() {
            let lower = if i == 0 { 0.0 } else { coefficients[i - 1] };
            coefficients[i] = coefficients[i] * root + lower;
        }
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_of_a_power_are_those_by_hand() {
        let (x, n) = (1.7_f64, 2.3_f64);
        let (l, p) = (x.ln(), |m: f64| x.powf(n - m));
        let by_hand = [
            ([0, 0], p(0.0)),
            ([1, 0], n * p(1.0)),
            ([0, 1], p(0.0) * l),
            ([2, 0], n * (n - 1.0) * p(2.0)),
            ([1, 1], p(1.0) * (1.0 + n * l)),
            ([0, 2], p(0.0) * l * l),
            ([3, 0], n * (n - 1.0) * (n - 2.0) * p(3.0)),
            ([2, 1], p(2.0) * (2.0 * n - 1.0 + n * (n - 1.0) * l)),
            ([1, 2], p(1.0) * (2.0 * l + n * l * l)),
            ([0, 3], p(0.0) * l.powi(3)),
        ];
        for (orders, expected) in by_hand {
            let found = power_derivative(x, n, orders);
            // A handful of roundings of numbers that are not subtracted.
            approx::assert_relative_eq!(found, expected, max_relative = 1e-14);
        }
    }

    #[test]
    fn limits_at_zero_are_exact() {
        let inf = f64::INFINITY;
        for (n, orders, expected) in [
            (2.0, [0, 0], 0.0),
            (0.0, [0, 0], 1.0),
            (-1.0, [0, 0], inf),
            (2.5, [1, 0], 0.0),
            (1.0, [1, 0], 1.0),
            (0.5, [1, 0], inf),
            (0.0, [1, 0], 0.0),
            (-1.0, [1, 0], -inf),
            (0.5, [0, 1], 0.0),
            (0.0, [0, 1], -inf),
            // ∂²/∂x²: 2 for x², 0 for x, none for x^1.5.
            (2.0, [2, 0], 2.0),
            (1.0, [2, 0], 0.0),
            (3.0, [2, 0], 0.0),
            (1.5, [2, 0], inf),
            (0.5, [2, 0], -inf),
            // xⁿ⁻¹ (1 + n ln x).
            (2.0, [1, 1], 0.0),
            (1.0, [1, 1], -inf),
            (0.5, [1, 1], -inf),
            (0.5, [0, 2], 0.0),
        ] {
            for zero in [0.0, -0.0] {
                assert_eq!(
                    power_derivative(zero, n, orders),
                    expected,
                    "{n} {orders:?}"
                );
            }
        }
        assert!(power_derivative(0.0, f64::NAN, [1, 0]).is_nan());
    }

    #[test]
    fn a_negative_base_has_the_slope_of_a_whole_power() {
        assert_eq!(power_derivative(-2.0, 3.0, [0, 0]), -8.0);
        assert_eq!(power_derivative(-2.0, 3.0, [1, 0]), 12.0);
        assert_eq!(power_derivative(-2.0, 3.0, [2, 0]), -12.0);
        assert!(power_derivative(-2.0, 3.0, [0, 1]).is_nan());
    }
}
