//! Tails of the normal and the χ² distribution.

/// The standard normal number that is as far out as a χ² with `freedom`
/// degrees of freedom is (E. B. Wilson, M. M. Hilferty, *PNAS* 17, 684, 1931).
/// Its error is below 0.02 for three degrees of freedom or more, within four
/// deviations.
pub(super) fn deviation_of(chi_squared: f64, freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    ((chi_squared / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// The probability of a standard normal number beyond ±z.
pub(super) fn both_tails(z: f64) -> f64 {
    complementary_error(z.abs() * std::f64::consts::FRAC_1_SQRT_2)
}

/// erfc(x) for x ≥ 0 with a relative error below 1.2e-7 (W. H. Press et al.,
/// *Numerical Recipes*, section 6.2).
fn complementary_error(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 10] = [
        0.17087277,
        -0.82215223,
        1.48851587,
        -1.13520398,
        0.27886807,
        -0.18628806,
        0.09678418,
        0.37409196,
        1.00002368,
        -1.26551223,
    ];
    let t = 1.0 / (1.0 + 0.5 * x);
    let series = COEFFICIENTS.iter().fold(0.0, |sum, c| sum * t + c);
    t * (series - x * x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_tables() {
        for (z, expected) in [
            (0.0, 1.0),
            (-0.674489750196082, 0.5),
            (1.959963984540054, 0.05),
            (-3.290526731491926, 1e-3),
            (6.109410, 1e-9),
        ] {
            approx::assert_relative_eq!(both_tails(z), expected, max_relative = 1e-5);
        }
    }

    #[test]
    fn quantiles_of_chi_squared_are_those_of_the_normal_distribution() {
        // Upper 5 % and 0.5 %, lower 2.5 %, from tables.
        for (chi_squared, freedom, z) in [
            (7.815, 3.0, 1.645),
            (18.307, 10.0, 1.645),
            (140.169, 100.0, 2.576),
            (74.222, 100.0, -1.960),
        ] {
            approx::assert_abs_diff_eq!(deviation_of(chi_squared, freedom), z, epsilon = 0.02);
        }
    }
}
