//! The report of an annealing as JSON.

use deepest::{Annealing, Level, StartResult};
use serde_json::{Value, json};

use super::Failure;
use super::progress::CpuSeconds;

/// `{"best": …, "starts": […], "cpu_seconds": …, "peak_bytes": …}`.
///
/// `best` is the lowest action at the last level that the finished starts have
/// in common; numbers that are not finite are null.
pub fn report(annealing: &Annealing, cpu: &CpuSeconds) -> Value {
    let best = annealing.best().map(|(start, level)| {
        let mut best = terms(level);
        best["start_index"] = json!(start.index);
        best
    });
    let seconds = cpu
        .starts
        .iter()
        .copied()
        .chain(std::iter::repeat(f64::NAN));
    let starts = annealing.starts.iter().zip(seconds);
    json!({
        "best": best,
        "starts": starts.map(|(start, seconds)| start_report(start, seconds)).collect::<Vec<_>>(),
        "cpu_seconds": cpu.process,
        "peak_bytes": peak_bytes(),
    })
}

/// Writes a report, with what an example added to it.
pub fn save(path: &str, report: &Value) -> Result<(), Failure> {
    std::fs::write(path, format!("{report}\n"))
        .map_err(|error| format!("file {path}: cannot be written: {error}").into())
}

fn start_report(start: &StartResult, cpu_seconds: f64) -> Value {
    let levels = start.levels.iter().map(|level| {
        let mut report = terms(level);
        report["iterations"] = json!(level.work.iterations);
        report["factorizations"] = json!(level.work.factorizations);
        report["termination"] = json!(level.termination);
        report
    });
    json!({
        "start": start.kind,
        "seed": start.seed,
        "cpu_seconds": cpu_seconds,
        "levels": levels.collect::<Vec<_>>(),
    })
}

fn terms(level: &Level) -> Value {
    json!({
        "beta": level.beta,
        "rf": level.rf,
        "action": level.action.total,
        "measurement": level.action.measurement,
        "model": level.action.model,
        "parameters": level.estimate.parameters,
    })
}

/// The largest resident size of this process so far, where Linux tells it.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kibibytes)
}
