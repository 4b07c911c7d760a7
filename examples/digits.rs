//! Handwritten digits: a 64-30-10 network trained by variational annealing.
//!
//! Settings are chosen by validation inside the training set; accuracy is that of
//! 500 digits that were kept back. `--help` lists the flags.

#[path = "digits/picture.rs"]
mod picture;
#[path = "digits/reader.rs"]
mod reader;
#[allow(dead_code)] // this example has a table of its own
mod report;

use std::fmt::Write;
use std::process::ExitCode;

use cpu_time::ProcessTime;
use reader::{CLASSES, Digits, HELD_OUT, Reader};
use report::Failure;
use report::flags::Flags;

const HELP: &str = "\
Trains a 64-30-10 network on handwritten digits of 8 x 8 pixels by variational
annealing, with settings chosen by validation, and reads 500 others.

  --data FILE.csv          a header, then label and 64 pixels of 0..16 [UCI's digits]
  --pairs M,M              numbers of digits to learn [100,300]
  --draws K                random draws of digits, one after the other [1]
  --seed S                 of the first draw [1]
  --csv OUT.csv            accuracy and digits of each draw, for comparisons
  --plot OUT.svg           where to draw [digits.svg]
  --help                   print this
";

fn main() -> ExitCode {
    report::run("digits", learn)
}

fn learn() -> Result<(), Failure> {
    let Some(flags) = Flags::read(HELP)? else {
        return report::print(HELP);
    };
    let digits = match flags.text("--data") {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
            Digits::parse(&text).map_err(|e| format!("{path}: {e}"))?
        }
        None => Digits::parse(include_str!("data/digits.csv"))?,
    };
    let (csv, plot) = (flags.text("--csv"), flags.text("--plot"));
    let plot = plot.unwrap_or("digits.svg");
    report::check_distinct(&[("--csv", csv), ("--plot", Some(plot))])?;
    let pairs: Vec<usize> = flags.list("--pairs", &[100, 300])?;
    let most = digits.labels.len() - HELD_OUT;
    if let Some(m) = pairs.iter().find(|&&m| m < CLASSES || m > most) {
        return Err(format!("--pairs: expected {CLASSES} to {most}, found {m}").into());
    }
    let first: u64 = flags.value("--seed", 1)?;
    let draws = flags.count("--draws", 1)? as u64;
    let mut lines = String::from("draw,pairs,accuracy,learned,held_out\n");
    report::print("   draw  pairs  input precision  weights' deviation  held out  cpu s\n")?;
    let mut last = None;
    for seed in first..first + draws {
        let order = digits.draw(seed);
        let kept = &order[most..];
        let held_out = digits.of(kept);
        for &m in &pairs {
            let clock = ProcessTime::now();
            let learned = digits.of(&order[..m]);
            let settings = reader::choose(&learned, seed)?;
            let reader = Reader::train(&learned, settings, seed)?;
            let accuracy = reader.accuracy(&held_out)?;
            report::print(&format!(
                "{seed:7} {m:6} {:16} {:19} {accuracy:9.3} {:6.1}\n",
                settings.input,
                settings.decay,
                clock.elapsed().as_secs_f64(),
            ))?;
            let numbers = |which: &[usize]| {
                let words: Vec<String> = which.iter().map(usize::to_string).collect();
                words.join(" ")
            };
            let (learned, kept) = (numbers(&order[..m]), numbers(kept));
            writeln!(lines, "{seed},{m},{accuracy},{learned},{kept}")?;
            last = Some((m, reader.read(held_out.pixels.view())?));
        }
        if seed + 1 == first + draws
            && let Some((m, read)) = &last
        {
            report::print(&confusion(*m, &held_out, read))?;
            std::fs::write(plot, picture::draw(&held_out, read, 60))
                .map_err(|e| format!("{plot}: {e}"))?;
        }
    }
    if let Some(path) = csv {
        std::fs::write(path, lines).map_err(|e| format!("{path}: {e}"))?;
    }
    report::print(&format!("picture: {plot}\n"))
}

/// How often each digit was taken for which.
fn confusion(m: usize, digits: &Digits, read: &[usize]) -> String {
    let mut counts = [[0; CLASSES]; CLASSES];
    for (&label, &taken) in digits.labels.iter().zip(read) {
        counts[label][taken] += 1;
    }
    let mut text =
        format!("\n{HELD_OUT} digits kept back, read after learning {m}\n\n  label  read as");
    for class in 0..CLASSES {
        let _ = write!(text, "{class:5}");
    }
    for (label, row) in counts.iter().enumerate() {
        let _ = write!(text, "\n{label:7}         ");
        for &count in row {
            let word = if count == 0 {
                "·".into()
            } else {
                format!("{count}")
            };
            let _ = write!(text, "{word:>5}");
        }
    }
    text.push_str("\n\n");
    text
}
