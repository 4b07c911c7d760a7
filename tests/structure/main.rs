//! The rooms of the house and the circles in it, against docs/design.md: who uses whom is
//! read from the paths in the source.
//!
//! Comments, strings and what is compiled for tests only do not count. A name that a
//! module has from elsewhere counts as a use of the file that defines it. A re-export
//! within a room is no use.

mod cases;
mod checks;
mod modules;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use checks::{disorder, unlisted};
use modules::{Modules, room};

/// The files below a folder with their module paths, but for tests.
fn sources(
    folder: &Path,
    module: &str,
    found: &mut BTreeMap<String, String>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if ["test", "tests"].contains(&stem.as_ref()) {
            continue;
        }
        let name = match (module, stem.as_ref()) {
            (_, "mod") => module.to_string(),
            ("", _) => stem.to_string(),
            _ => format!("{module}/{stem}"),
        };
        if path.is_dir() {
            sources(&path, &name, found)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The crate's modules, and its document.
fn house() -> std::io::Result<(Modules, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    sources(&root.join("src"), "", &mut found)?;
    let modules = Modules::new(found.iter().map(|(m, t)| (m.as_str(), t.as_str())));
    let design = std::fs::read_to_string(root.join("docs/design.md"))?;
    Ok((modules, design))
}

fn list(wrong: &[String]) -> String {
    wrong.join("\n")
}

#[test]
fn rooms_use_rooms_above_them() -> std::io::Result<()> {
    let (modules, design) = house()?;
    let uses = modules.uses();
    let mut between: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in uses.keys().filter(|(from, to)| room(from) != room(to)) {
        between.entry(room(from)).or_default().insert(room(to));
    }
    for (user, used) in &between {
        println!("{user} -> {used:?}");
    }
    let names = modules.written.keys().map(String::as_str);
    let wrong = disorder(names, &uses, &design);
    assert!(wrong.is_empty(), "{}", list(&wrong));
    // The reader saw the house: more rooms and uses than a misreading would find.
    assert!(between.len() > 15 && uses.len() > modules.written.len());
    Ok(())
}

#[test]
fn circles_of_files_are_small_and_have_reasons() -> std::io::Result<()> {
    let (modules, design) = house()?;
    let wrong = unlisted(&modules.uses(), &design);
    assert!(wrong.is_empty(), "{}", list(&wrong));
    Ok(())
}
