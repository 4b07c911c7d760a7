//! Which module uses which, by the files that define what paths name.

use std::collections::BTreeMap;

use crate::reader::{Written, written};

/// What modules use each other: an example of a path for each pair.
pub type Uses = BTreeMap<(String, String), String>;

/// What the names are that a module has from elsewhere.
type Imports = BTreeMap<String, Vec<String>>;

/// The modules of a crate by their paths, `a/b`, the crate itself being `lib`.
pub struct Modules {
    pub written: BTreeMap<String, Vec<Written>>,
    imports: BTreeMap<String, Imports>,
}

impl Modules {
    pub fn new<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let sources = sources.into_iter();
        let written = sources.map(|(module, text)| (module.to_string(), read(module, text)));
        let mut modules = Self {
            written: written.collect(),
            imports: BTreeMap::new(),
        };
        for (module, paths) in &modules.written {
            let named = paths.iter().filter_map(|one| {
                let to = modules.absolute(one, &Imports::new())?;
                Some((one.name.clone()?, to))
            });
            modules.imports.insert(module.clone(), named.collect());
        }
        modules
    }

    /// From the crate's root; none where the path leads out of the crate.
    fn absolute(&self, one: &Written, imports: &Imports) -> Option<Vec<String>> {
        let (first, mut rest) = one.path.split_first()?;
        let mut base = one.module.clone();
        match first.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
                while let [next, others @ ..] = rest
                    && next == "super"
                {
                    base.pop();
                    rest = others;
                }
            }
            _ => {
                base.push(first.clone());
                if !self.written.contains_key(&base.join("/")) {
                    let to = imports.get(first)?;
                    base.clone_from(to);
                }
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The file that defines what a path names, through at most `depth` re-exports.
    fn file(&self, path: &[String], depth: usize) -> Option<String> {
        for length in (0..=path.len()).rev() {
            let (module, rest) = path.split_at(length);
            let name = match length {
                0 => "lib".to_string(),
                _ => module.join("/"),
            };
            if !self.written.contains_key(&name) {
                continue;
            }
            if let (Some(next), Some(depth)) = (rest.first(), depth.checked_sub(1))
                && let Some(to) = self.imports.get(&name).and_then(|known| known.get(next))
            {
                return self.file(&[to.as_slice(), &rest[1..]].concat(), depth);
            }
            return (length > 0).then_some(name);
        }
        None
    }

    pub fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (from, paths) in self.written.iter().filter(|(from, _)| *from != "lib") {
            for one in paths {
                let imports = self.imports.get(from);
                let to = imports.and_then(|imports| self.absolute(one, imports));
                let Some(to) = to.and_then(|path| self.file(&path, 8)) else {
                    continue;
                };
                let passed_on = one.public && room(from) == room(&to);
                if to != *from && !passed_on {
                    let path = one.path.join("::");
                    uses.entry((from.clone(), to)).or_insert(path);
                }
            }
        }
        uses
    }
}

fn read(module: &str, text: &str) -> Vec<Written> {
    match module {
        "lib" => written("", text),
        _ => written(module, text),
    }
}

pub fn room(module: &str) -> &str {
    module.split('/').next().unwrap_or(module)
}
