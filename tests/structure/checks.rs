//! What the document says of rooms and circles, and what is wrong by it.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Uses, room};

/// All that each node leads to.
fn reached<'a>(
    edges: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(from).or_default().insert(to);
    }
    let all = next.keys().map(|&begin| {
        let mut seen = BTreeSet::new();
        let mut ahead = vec![begin];
        while let Some(node) = ahead.pop() {
            let new = next.get(node).into_iter().flatten();
            ahead.extend(new.filter(|&&to| seen.insert(to)));
        }
        (begin, seen)
    });
    all.collect()
}

/// Groups of nodes that lead to each other.
fn circles<'a>(edges: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeSet<BTreeSet<String>> {
    let reached = reached(edges);
    let leads = |from: &str, to: &str| reached.get(from).is_some_and(|all| all.contains(to));
    let inside = reached.keys().filter(|&&node| leads(node, node));
    let groups = inside.map(|&node| {
        let members = reached
            .keys()
            .filter(|&&o| leads(node, o) && leads(o, node));
        members.map(|name| name.to_string()).collect()
    });
    groups.collect()
}

/// The names in backticks of a text.
fn quoted(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(str::to_string).collect()
}

/// The first columns of the table of rooms, row by row.
fn rows(design: &str) -> Vec<Vec<String>> {
    let lines = design.lines().skip_while(|l| !l.starts_with("| room |"));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| quoted(row.split('|').nth(1).unwrap_or("")))
        .collect()
}

/// The circles that the document lists, with their reasons.
fn listed(design: &str) -> Vec<(BTreeSet<String>, String)> {
    let lines = design.lines().skip_while(|l| *l != "## Circles").skip(1);
    let mut items: Vec<String> = Vec::new();
    for line in lines.take_while(|line| !line.starts_with('#')) {
        match (line.strip_prefix("- "), items.last_mut()) {
            (Some(item), _) => items.push(item.into()),
            (None, Some(last)) if line.starts_with("  ") => *last += line,
            _ => {}
        }
    }
    let split = items.iter().map(|item| {
        let (files, reason) = item.split_once(':').unwrap_or((item, ""));
        (quoted(files).into_iter().collect(), reason.trim().into())
    });
    split.collect()
}

/// What is wrong with the order of rooms.
pub fn disorder<'a>(
    modules: impl IntoIterator<Item = &'a str>,
    uses: &Uses,
    design: &str,
) -> Vec<String> {
    let rows = rows(design);
    let mut wrong = Vec::new();
    let rooms: BTreeSet<&str> = modules.into_iter().map(room).collect();
    let mut row_of = BTreeMap::new();
    for (k, names) in rows.iter().enumerate() {
        if names.is_empty() {
            wrong.push(format!("row {} of the table names no room", k + 1));
        }
        for name in names {
            if !rooms.contains(name.as_str()) {
                wrong.push(format!("the table has `{name}`, which is no room of src/"));
            }
            if row_of.insert(name.as_str(), k).is_some() {
                wrong.push(format!("the table has `{name}` twice"));
            }
        }
    }
    for name in rooms.iter().filter(|name| **name != "lib") {
        if !row_of.contains_key(name) {
            wrong.push(format!("`{name}` is missing in the table of rooms"));
        }
    }
    let between = uses.keys().map(|(from, to)| (room(from), room(to)));
    let between: Vec<_> = between.filter(|(from, to)| from != to).collect();
    let reached = reached(between.iter().copied());
    for ((from, to), path) in uses {
        let (user, used) = (room(from), room(to));
        let (Some(row), Some(other)) = (row_of.get(user), row_of.get(used)) else {
            continue;
        };
        let circle = row == other && reached.get(used).is_some_and(|all| all.contains(user));
        if user != used && (other > row || circle) {
            let why = if circle {
                "which uses it"
            } else {
                "a row below"
            };
            wrong.push(format!(
                "{from} uses {path} of {to}: expected rooms of rows above `{user}` or of its \
                 own row, found `{used}`, {why}"
            ));
        }
    }
    wrong
}

/// What is wrong with the circles of files.
pub fn unlisted(uses: &Uses, design: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let edges = || uses.keys().map(|(from, to)| (from.as_str(), to.as_str()));
    let found = circles(edges());
    let listed = listed(design);
    for circle in &found {
        let inside = uses
            .iter()
            .filter(|((from, to), _)| circle.contains(from) && circle.contains(to));
        let paths: Vec<_> = inside
            .map(|((from, to), path)| format!("{from} uses {path} of {to}"))
            .collect();
        let paths = paths.join(", ");
        if circle.len() > 3 {
            wrong.push(format!(
                "a circle of {} files, expected three at most: {paths}",
                circle.len()
            ));
        }
        if !listed.iter().any(|(files, _)| files == circle) {
            wrong.push(format!(
                "expected this circle under \"Circles\" of docs/design.md: {paths}"
            ));
        }
    }
    for (files, reason) in &listed {
        if !found.contains(files) {
            wrong.push(format!(
                "docs/design.md lists a circle that does not exist: {files:?}"
            ));
        }
        if reason.is_empty() {
            wrong.push(format!(
                "docs/design.md gives no reason for the circle {files:?}"
            ));
        }
    }
    wrong
}
