//! The reader and the checks on small houses, with and without faults.

use crate::checks::{disorder, unlisted};
use crate::list;
use crate::modules::Modules;

/// The uses between sources, `from path to`.
fn uses_of(sources: &[(&str, &str)]) -> Vec<String> {
    let uses = Modules::new(sources.iter().copied()).uses();
    let lines = uses.iter();
    lines
        .map(|((from, to), path)| format!("{from} {path} {to}"))
        .collect()
}

#[test]
fn reader_takes_trees_apart() {
    let tree = "use crate::{b::{C as D, self}, e::f::*, g};\nuse std::fmt;";
    let sources = [("a", tree), ("b", ""), ("e/f", ""), ("e", ""), ("g", "")];
    let expected = ["a crate::b::C b", "a crate::e::f::* e/f", "a crate::g g"];
    assert_eq!(uses_of(&sources), expected);
}

#[test]
fn reader_sees_paths_in_code() {
    let parent = "mod c;\nfn f() { c::g::<u8>(); std::mem::drop(1) }";
    let child = "fn h() -> super::super::b::X { let y = crate::d::Y { z: 'x' }; }";
    let inner = "mod inner { use super::super::b; }\nuse crate::a;\nfn g(_: a::c::V) {}";
    let sources = [("a", parent), ("a/c", child), ("b", ""), ("d", inner)];
    let expected = [
        "a c::g a/c",
        "a/c super::super::b::X b",
        "a/c crate::d::Y d",
        "d crate::a a",
        "d a::c::V a/c",
        "d super::super::b b",
    ];
    let (mut found, mut expected) = (uses_of(&sources), expected.map(str::to_string));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn reader_follows_what_is_passed_on() {
    let sources = [
        ("lib", "pub use a::inner::X as Y;"),
        (
            "a",
            "mod inner;\npub(crate) use inner::X;\nuse crate::b::Z;",
        ),
        ("a/inner", "pub struct X;"),
        ("a/user", "use super::{X, Z};"),
        ("b", "pub struct Z;"),
        ("c", "use crate::Y;"),
        // What comes from another room is used by this one.
        ("d", "pub use crate::b::Z;"),
    ];
    let expected = [
        "a crate::b::Z b",
        "a/user super::X a/inner",
        "a/user super::Z b",
        "c crate::Y a/inner",
        "d crate::b::Z b",
    ];
    assert_eq!(uses_of(&sources), expected);
}

#[test]
fn reader_looks_at_nothing_but_code() {
    let text = r####"
        //! See crate::b.
        /* use crate::b; /* nested */ use crate::b::X; */
        fn f<'a>(c: &'a str) -> char { let quote = ('"', '\'', b'"'); '\u{22}' }
        const A: &str = "crate::b::X \" crate::b";
        const B: &str = r#"crate::b::X " crate::b"#;
        #[cfg(test)]
        use crate::b;
        #[cfg(test)]
        mod tests { use crate::b::{X}; fn f() { crate::b::g(); } }
        fn last() { crate::d::g() }
    "####;
    let sources = [("a", text), ("b", ""), ("d", "")];
    assert_eq!(uses_of(&sources), ["a crate::d::g d"]);
}

const DESIGN: &str = "\
| room | what it holds |
|---|---|
| `a` | nothing |
| `b`, `c` | `d` is no room of this row |

## Circles

- `b/x`, `b/y`: they are
  one.
";

/// What is wrong with a house by `DESIGN`.
fn faults(sources: &[(&str, &str)], design: &str) -> Vec<String> {
    let modules = Modules::new(sources.iter().copied());
    let uses = modules.uses();
    let mut wrong = disorder(sources.iter().map(|(m, _)| *m), &uses, design);
    wrong.extend(unlisted(&uses, design));
    wrong
}

#[test]
fn checks_find_faults() {
    let whole = [
        ("lib", "use b::x;"),
        ("a", ""),
        ("b/x", "use super::y;"),
        ("b/y", "use super::x;\nuse crate::c;"),
        ("b", "mod x;\nmod y;"),
        ("c", "use crate::a;"),
    ];
    assert_eq!(faults(&whole, DESIGN), [""; 0]);
    let with = |module: &'static str, text: &'static str| {
        let mut sources = whole.to_vec();
        sources.retain(|(name, _)| *name != module);
        sources.push((module, text));
        faults(&sources, DESIGN)
    };
    // Upwards in the table only, round in no row, and every room stands there.
    let found = with("a", "use crate::c::X;");
    assert!(list(&found).contains("a uses crate::c::X of c: expected rooms of rows above `a`"));
    let found = with("c", "fn f() { crate::b::g() }");
    assert!(list(&found).contains("c uses crate::b::g of b: expected") && found.len() == 2);
    assert!(list(&found).contains("b/y uses crate::c of c"));
    assert_eq!(with("e", ""), ["`e` is missing in the table of rooms"]);
    let fewer = &whole[..5];
    assert!(list(&faults(fewer, DESIGN)).contains("`c`, which is no room"));
    let unnamed = DESIGN.replace("`a`", "a");
    assert!(list(&faults(&whole, &unnamed)).contains("row 1 of the table names no room"));
    // Circles that are not listed, are too large, do not exist, or have no reason.
    let found = list(&with(
        "b",
        "mod x;\nmod y;\nuse x::X;\nfn f() { crate::a::g() }",
    ));
    assert_eq!(found, "");
    let unknown = DESIGN.replace("- `b/x`", "`b/x`");
    let found = list(&faults(&whole, &unknown));
    assert!(found.contains("expected this circle") && found.contains("b/x uses super::y of b/y"));
    let gone = list(&with("b/x", ""));
    assert!(gone.contains("lists a circle that does not exist"));
    let silent = DESIGN.replace("they are\n  one.", "");
    assert!(list(&faults(&whole, &silent)).contains("no reason"));
    let ring = [
        ("a/k", "use super::l;"),
        ("a/l", "use super::m;"),
        ("a/m", "use super::n;"),
        ("a/n", "use super::k;"),
    ];
    let ring = faults(&[&whole[..], &ring].concat(), DESIGN);
    assert!(list(&ring).contains("a circle of 4 files, expected three at most"));
}
