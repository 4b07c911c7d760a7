//! The annealer that the flags ask for.

use std::path::Path;
use std::time::Duration;

use deepest::{Action, Annealer, Annealing, Schedule, Starts};

use super::Failure;
use super::flags::Flags;
use super::progress::{CpuSeconds, Progress};

/// What an example takes where a flag is not given.
pub struct Defaults {
    pub rf0: f64,
    pub alpha: f64,
    pub betas: &'static str,
    /// Starts that all go to the end.
    pub starts: usize,
    /// Starts of a race on an adaptive schedule, for an example whose default
    /// that is.
    pub race: Option<usize>,
}

/// Reads `--rf0`, `--alpha`, `--betas`, `--adaptive`, `--start`, `--starts`,
/// `--race`, `--seed`, `--threads`, `--time-budget`, `--checkpoint` and
/// `--resume`.
pub fn annealer(flags: &Flags, defaults: &Defaults) -> Result<(Annealer, Progress), Failure> {
    let given = |flag: &str| flags.text(flag).is_some();
    let fixed = given("--betas") || given("--alpha") || defaults.race.is_none();
    let adaptive = flags.is_set("--adaptive") || !fixed;
    let rf0 = flags.value("--rf0", defaults.rf0)?;
    let alpha = flags.value("--alpha", defaults.alpha)?;
    let betas = flags.betas("--betas", defaults.betas)?;
    let last = betas.last().copied().filter(|_| given("--betas"));
    let levels = (!adaptive).then_some(betas.len());
    let schedule = match last {
        _ if !adaptive => Schedule::geometric(rf0, alpha, betas)?,
        Some(last) => Schedule::adaptive_to(rf0, alpha, last)?,
        None => Schedule::adaptive_by(rf0, alpha)?,
    };
    if given("--starts") && given("--race") {
        return Err("--race: expected no --starts beside it".into());
    }
    let race = defaults.race.filter(|_| adaptive && !given("--starts"));
    let (mut annealer, starts) = match (race, given("--race")) {
        (None, false) => {
            let starts = flags.count("--starts", defaults.starts)?;
            (Annealer::new(schedule).starts(starts), starts)
        }
        (race, _) => {
            let starts = flags.count("--race", race.unwrap_or(defaults.starts))?;
            (Annealer::new(schedule).race(starts), starts)
        }
    };
    let progress = Progress::new(starts, levels);
    let kinds = [
        Starts::Nudged,
        Starts::Mean,
        Starts::Uniform,
        Starts::Smooth,
        Starts::Growing,
        Starts::CoarseToFine,
    ];
    if given("--start") {
        let kinds = kinds.map(|s| (s.name(), s));
        annealer = annealer.start_with(flags.choice("--start", &kinds, Starts::Nudged)?);
    }
    annealer = annealer.seed(flags.value("--seed", 0)?);
    if flags.text("--threads").is_some() {
        annealer = annealer.threads(flags.count("--threads", 1)?);
    }
    if flags.text("--time-budget").is_some() {
        let seconds = Duration::try_from_secs_f64(flags.value("--time-budget", 0.0)?);
        let seconds = seconds.map_err(|error| format!("--time-budget: {error}"))?;
        annealer = annealer.time_budget(seconds);
    }
    if let Some(file) = checkpoint(flags)? {
        annealer = annealer.checkpoint(file);
    }
    Ok((annealer, progress))
}

/// The file of `--checkpoint`, from which to go on if it is there, or of
/// `--resume`, which must be there.
pub fn checkpoint(flags: &Flags) -> Result<Option<&str>, Failure> {
    match (flags.text("--checkpoint"), flags.text("--resume")) {
        (Some(file), Some(other)) if file != other => {
            Err(format!("--resume: expected {file} as --checkpoint says, found {other}").into())
        }
        (_, Some(file)) if !Path::new(file).exists() => {
            Err(format!("--resume: there is no file {file}").into())
        }
        (checkpoint, resume) => Ok(resume.or(checkpoint)),
    }
}

/// Anneals, from where a checkpoint left off, and gives the CPU times of this
/// process.
pub fn run(
    annealer: &Annealer,
    action: &Action,
    progress: Progress,
) -> Result<(Annealing, CpuSeconds), Failure> {
    let mut run = annealer.begin(action)?;
    progress.resume(run.annealing());
    run.finish_observed(&|event| progress.see(event))?;
    Ok((run.into_annealing(), progress.finish()))
}
