//! How much model error the data ask for, in words.

use deepest::{Level, Plateau, StartResult};

/// The error of a model of precision `rf`, in hundredths of the typical
/// population for a square root of a year.
pub fn percent(rf: f64) -> f64 {
    100.0 / rf.sqrt()
}

/// What three things say: the size of the errors of the logarithms, against the
/// stated deviation `sigma`; their correlation from row to row, against its
/// deviation where they are independent; the action, in *sum* normalization,
/// against its plateau.
pub fn words(
    start: &StartResult,
    (sigma, plateau): (f64, Plateau),
    correlation: impl Fn(&Level) -> (f64, f64),
) -> String {
    let Some(last) = start.levels.last() else {
        return String::new();
    };
    let mut text = size(start, last, sigma, plateau.mean);
    let (found, deviation) = correlation(last);
    text += &format!(
        "They correlate from row to row by {found:.2}, where independent ones would by 0 ± {deviation:.2}"
    );
    if found > 2.0 * deviation {
        text += ":\neither the model errs, or the measurements err alike for some time";
        let value = |level: &Level| correlation(level).0;
        if let Some(rf) = crossing(&start.levels, value, 2.0 * deviation) {
            text += &format!(".\nWith {} two deviations of it are left", at(rf));
        }
    }
    text += ".\n";
    let Plateau {
        mean, deviation, ..
    } = plateau;
    let low = mean - 2.0 * deviation;
    let total = |level: &Level| level.action.total;
    if let Some(rf) = crossing(&start.levels, total, low) {
        let at = at(rf);
        text += &format!("With {at} the action is two deviations below its expected {mean:.1}.\n");
    }
    text
}

/// Whether the errors are larger than those of the measurements alone.
fn size(start: &StartResult, last: &Level, sigma: f64, left: f64) -> String {
    let measurement = |level: &Level| level.action.measurement;
    let found = measurement(last);
    let ask = match crossing(&start.levels, measurement, left) {
        _ if found <= left => "by their size they ask for no model error".into(),
        Some(rf) => format!("they ask for {}", at(rf)),
        None => "more than that at every R_f".into(),
    };
    format!(
        "Errors of {sigma:.3} in the logarithms leave a measurement term of {left:.1} after the fit; \
         the data\nleave {found:.1} at the largest R_f: {ask}.\n"
    )
}

fn at(rf: f64) -> String {
    format!("a model error of {:.1} % (R_f = {rf:.2e})", percent(rf))
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
