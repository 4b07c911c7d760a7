//! How much model error the data ask for, in words.

use deepest::{Level, StartResult};

/// What measurement errors of deviation σ would leave, in *sum* normalization.
pub struct Expected {
    /// σ of the logarithms.
    pub sigma: f64,
    /// Unknowns of the model without error: first state and parameters.
    pub unknowns: usize,
    /// K_y minus them, the degrees of freedom ν of 2A.
    pub freedom: f64,
}

/// The error of a model of precision `rf`, in hundredths of the typical
/// population for a square root of a year.
pub fn percent(rf: f64) -> f64 {
    100.0 / rf.sqrt()
}

/// Two statements about a ladder.
///
/// Where the model is exact, ½ν is left of the measurement term; where it has
/// errors of precision R_f, the action at that R_f is ½ν with deviation √(ν/2).
pub fn words(start: &StartResult, expected: &Expected) -> String {
    let Some(last) = start.levels.last() else {
        return String::new();
    };
    let (sigma, left) = (expected.sigma, 0.5 * expected.freedom);
    let mut text = format!(
        "Errors of {sigma:.3} in the logarithms leave a measurement term of {left:.1} after a fit of \
         {} numbers.\n",
        expected.unknowns
    );
    let measurement = |level: &Level| level.action.measurement;
    let found = measurement(last);
    text += &match crossing(&start.levels, measurement, left) {
        _ if found <= left => {
            format!("The data leave {found:.1} at the largest R_f: they ask for no model error.\n")
        }
        Some(rf) => format!(
            "The data leave as much at R_f = {rf:.3e}, a model error of {:.1} % of the typical \
             population\nfor a square root of a year, and {found:.1} at the largest R_f.\n",
            percent(rf)
        ),
        None => format!("The data leave more at every R_f, {found:.1} at the largest.\n"),
    };
    let low = left - 2.0 * (0.5 * expected.freedom).sqrt();
    let lowest = crossing(&start.levels, |level| level.action.total, low);
    if let Some(rf) = lowest {
        text += &format!(
            "Nor do they exclude one: the action stays within two deviations of {left:.1} down to \
             R_f = {rf:.3e},\na model error of {:.1} %. Take {sigma:.3} for what it is: where it was \
             estimated with an exact model,\nit counts that model's errors as errors of the data.\n",
            percent(rf)
        );
    }
    text
}

/// The R_f where a quantity that grows along the ladder comes to `height`.
fn crossing(levels: &[Level], value: impl Fn(&Level) -> f64, height: f64) -> Option<f64> {
    levels.windows(2).find_map(|pair| {
        let (below, above) = (value(&pair[0]), value(&pair[1]));
        if !(below < height && height <= above) {
            return None;
        }
        let part = (height - below) / (above - below);
        Some(pair[0].rf * (pair[1].rf / pair[0].rf).powf(part))
    })
}
