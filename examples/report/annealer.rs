//! The annealer that the flags ask for.

use deepest::{Annealer, Schedule, Starts};

use super::Failure;
use super::flags::Flags;
use super::progress::Progress;

/// What an example takes where a flag is not given.
pub struct Defaults {
    pub rf0: f64,
    pub alpha: f64,
    pub betas: &'static str,
    pub starts: usize,
}

/// Reads `--rf0`, `--alpha`, `--betas`, `--start`, `--starts`, `--seed` and
/// `--threads`.
pub fn annealer(flags: &Flags, defaults: &Defaults) -> Result<(Annealer, Progress), Failure> {
    let betas = flags.betas("--betas", defaults.betas)?;
    let starts = flags.count("--starts", defaults.starts)?;
    let progress = Progress::new(starts, betas.len());
    let rf0 = flags.value("--rf0", defaults.rf0)?;
    let alpha = flags.value("--alpha", defaults.alpha)?;
    let kinds = [Starts::Nudged, Starts::Mean, Starts::Uniform].map(|s| (s.name(), s));
    let mut annealer = Annealer::new(Schedule::geometric(rf0, alpha, betas)?)
        .start_with(flags.choice("--start", &kinds, Starts::Nudged)?)
        .starts(starts)
        .seed(flags.value("--seed", 0)?);
    if flags.text("--threads").is_some() {
        annealer = annealer.threads(flags.count("--threads", 1)?);
    }
    Ok((annealer, progress))
}
