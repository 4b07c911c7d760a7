//! Command lines of the form `--flag VALUE`, or `--flag` alone.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use deepest::Normalization;

use super::Failure;

/// A ladder of more levels than this was mistyped.
const MOST_BETAS: f64 = 100_000.0;

const MOST_THINGS: usize = 10_000;

/// Flags with their values, as given.
pub struct Flags {
    values: BTreeMap<String, String>,
}

impl Flags {
    /// Reads the program's arguments. The flags are those that begin a line of
    /// `help`, each with one value where a word follows after a single space;
    /// `None` when `--help` was asked for.
    pub fn read(help: &str) -> Result<Option<Self>, Failure> {
        let mut arguments = Vec::new();
        for argument in std::env::args_os().skip(1) {
            let text = argument.into_string();
            arguments.push(text.map_err(|raw| format!("{}: not Unicode text", raw.display()))?);
        }
        Self::parse(help, arguments)
    }

    fn parse(help: &str, arguments: Vec<String>) -> Result<Option<Self>, Failure> {
        if arguments.iter().any(|a| a == "--help" || a == "-h") {
            return Ok(None);
        }
        let lines = help.lines().map(str::trim_start);
        let lines = lines.filter(|line| line.starts_with("--"));
        // A flag without a value is followed by the column of explanations.
        let known = lines.filter_map(|line| {
            let (flag, rest) = line.split_once(' ')?;
            Some((flag, !rest.starts_with(' ')))
        });
        let known: BTreeMap<&str, bool> = known.collect();
        let mut values = BTreeMap::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (flag, attached) = match argument.split_once('=') {
                Some((flag, value)) => (flag.to_string(), Some(value.to_string())),
                None => (argument, None),
            };
            let value = match (known.get(flag.as_str()), attached) {
                (None, _) => return Err(format!("{flag}: unknown flag; --help lists them").into()),
                (Some(false), None) => String::new(),
                (Some(false), Some(value)) => {
                    return Err(format!("{flag}: expected no value, found {value:?}").into());
                }
                (Some(true), attached) => {
                    let value = attached.or_else(|| arguments.next());
                    let value = value.filter(|v| !v.is_empty() && !v.starts_with("--"));
                    value.ok_or_else(|| format!("{flag}: expected a value, found none"))?
                }
            };
            if values.insert(flag.clone(), value).is_some() {
                return Err(format!("{flag}: given twice").into());
            }
        }
        Ok(Some(Self { values }))
    }

    /// Whether a flag without a value was given.
    pub fn is_set(&self, flag: &str) -> bool {
        self.values.contains_key(flag)
    }

    /// The value of a flag as it was given.
    pub fn text(&self, flag: &str) -> Option<&str> {
        self.values.get(flag).map(String::as_str)
    }

    /// A number, or whatever else `T` reads.
    pub fn value<T: FromStr>(&self, flag: &str, default: T) -> Result<T, Failure>
    where
        T::Err: Display,
    {
        self.text(flag).map_or(Ok(default), |v| parse(flag, v))
    }

    /// A number of things, from 1 to 10,000: more were mistyped.
    pub fn count(&self, flag: &str, default: usize) -> Result<usize, Failure> {
        let count = self.value(flag, default)?;
        if (1..=MOST_THINGS).contains(&count) {
            return Ok(count);
        }
        Err(format!("{flag}: expected a number from 1 to {MOST_THINGS}, found {count}").into())
    }

    /// Values separated by commas.
    pub fn list<T: FromStr + Clone>(&self, flag: &str, default: &[T]) -> Result<Vec<T>, Failure>
    where
        T::Err: Display,
    {
        let Some(text) = self.text(flag) else {
            return Ok(default.to_vec());
        };
        text.split(',').map(|item| parse(flag, item)).collect()
    }

    /// One of a few words, with what it stands for.
    pub fn choice<T: Clone>(
        &self,
        flag: &str,
        choices: &[(&str, T)],
        default: T,
    ) -> Result<T, Failure> {
        let Some(found) = self.text(flag) else {
            return Ok(default);
        };
        let choice = choices.iter().find(|(word, _)| *word == found);
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let chosen = choice.map(|(_, value)| value.clone());
        let expected = words.join(", ");
        chosen.ok_or_else(|| format!("{flag}: expected one of {expected}, found {found:?}").into())
    }

    /// `--normalization`, one of the three by its name.
    #[allow(dead_code)] // not every example has this flag
    pub fn normalization(&self, default: Normalization) -> Result<Normalization, Failure> {
        let all = [
            Normalization::Sum,
            Normalization::Mean,
            Normalization::Minaone,
        ];
        self.choice("--normalization", &all.map(|n| (n.name(), n)), default)
    }

    /// Exponents of a schedule: values and ranges FIRST..LAST in steps of one,
    /// both ends included, separated by commas.
    pub fn betas(&self, flag: &str, default: &str) -> Result<Vec<f64>, Failure> {
        let mut betas = Vec::new();
        for item in self.text(flag).unwrap_or(default).split(',') {
            let (first, last) = item.split_once("..").unwrap_or((item, item));
            let (first, last): (f64, f64) = (parse(flag, first)?, parse(flag, last)?);
            let steps = last - first;
            if !(0.0..=MOST_BETAS).contains(&steps) || steps.fract() != 0.0 {
                let expected = "a value or FIRST..LAST a whole number of steps apart";
                return Err(format!("{flag}: expected {expected}, found {item:?}").into());
            }
            betas.extend((0..=steps as usize).map(|k| first + k as f64));
        }
        Ok(betas)
    }
}

fn parse<T: FromStr>(flag: &str, text: &str) -> Result<T, Failure>
where
    T::Err: Display,
{
    let text = text.trim();
    text.parse()
        .map_err(|error| format!("{flag}: {error}, found {text:?}").into())
}
