//! The paths of a source, as they are written.

/// A piece of source.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    /// `::`
    Of,
    Sign(char),
}

use Token::{Name, Of, Sign};

fn is(token: Option<&Token>, name: &str) -> bool {
    matches!(token, Some(Name(n)) if n == name)
}

/// The tokens of a source without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let c: Vec<char> = text.chars().collect();
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let word = |i: usize| at(i).is_alphanumeric() || at(i) == '_';
    let mut found = Vec::new();
    let mut i = 0;
    while i < c.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => i += c[i..].iter().take_while(|&&c| c != '\n').count(),
            ('/', '*') => i = behind_comment(&c, i),
            ('"', _) => i = behind_string(&c, i),
            ('r', '"' | '#') if at(i + 1) == '"' || !word(i + 2) => i = behind_raw(&c, i + 1),
            ('b', '"') => i = behind_string(&c, i + 1),
            ('b', 'r') if matches!(at(i + 2), '"' | '#') => i = behind_raw(&c, i + 2),
            ('\'', '\\') => i += 3 + c.iter().skip(i + 3).take_while(|&&c| c != '\'').count() + 1,
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            ('\'', _) => {
                i += 1;
                i += (i..c.len()).take_while(|&k| word(k)).count();
            }
            (':', ':') => {
                found.push(Of);
                i += 2;
            }
            _ if word(i) => {
                let length = (i..c.len()).take_while(|&k| word(k)).count();
                found.push(Name(c[i..i + length].iter().collect()));
                i += length;
            }
            (sign, _) => {
                if !sign.is_whitespace() {
                    found.push(Sign(sign));
                }
                i += 1;
            }
        }
    }
    found
}

/// Comments may stand in each other.
fn behind_comment(c: &[char], begin: usize) -> usize {
    let (mut depth, mut i) = (0, begin);
    while i < c.len() {
        match (c[i], c.get(i + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                i += 1;
                continue;
            }
        }
        i += 2;
        if depth == 0 {
            break;
        }
    }
    i
}

fn behind_string(c: &[char], begin: usize) -> usize {
    let mut i = begin + 1;
    while i < c.len() && c[i] != '"' {
        i += if c[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Behind a raw string whose first `#` or quote is at `begin`.
fn behind_raw(c: &[char], begin: usize) -> usize {
    let marks = c[begin..].iter().take_while(|&&c| c == '#').count();
    let mut i = begin + marks + 1;
    while i < c.len() {
        let closed = c[i] == '"' && c[i + 1..].iter().take(marks).all(|&c| c == '#');
        i += 1;
        if closed {
            return i + marks;
        }
    }
    i
}

/// Without the items that `#[cfg(test)]` stands before.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mark = [
        Sign('#'),
        Sign('['),
        Name("cfg".into()),
        Sign('('),
        Name("test".into()),
        Sign(')'),
        Sign(']'),
    ];
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if !tokens[i..].starts_with(&mark) {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        i += mark.len();
        let mut depth = 0;
        while i < tokens.len() {
            match tokens[i] {
                Sign('{') => depth += 1,
                Sign('}') => depth -= 1,
                _ => {}
            }
            i += 1;
            let ended = matches!(tokens[i - 1], Sign(';') | Sign('}'));
            if ended && depth == 0 {
                break;
            }
        }
    }
    kept
}

/// A path as it is written, from the module that it is written in.
#[derive(Debug, Clone)]
pub struct Written {
    pub module: Vec<String>,
    pub path: Vec<String>,
    /// The name that a `use` gives to it, and whether others see that name.
    pub name: Option<String>,
    pub public: bool,
}

/// The paths of a file.
pub fn written(module: &str, text: &str) -> Vec<Written> {
    let tokens = without_tests(&tokens(text));
    let mut here = segments(module);
    let (mut inner, mut depth) = (Vec::new(), 0);
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let before = i.checked_sub(1).and_then(|k| tokens.get(k));
        match &tokens[i] {
            Sign('{') => depth += 1,
            Sign('}') => {
                depth -= 1;
                if inner.last() == Some(&depth) {
                    inner.pop();
                    here.pop();
                }
            }
            Name(word) if word == "mod" => {
                if let (Some(Name(name)), Some(Sign('{'))) = (tokens.get(i + 1), tokens.get(i + 2))
                {
                    inner.push(depth);
                    here.push(name.clone());
                }
            }
            Name(word) if word == "use" && tokens.get(i + 1) != Some(&Sign('<')) => {
                let public = is(before, "pub") || before == Some(&Sign(')'));
                let mut leaves = Vec::new();
                i = tree(&tokens, i + 1, &[], &mut leaves);
                found.extend(leaves.into_iter().map(|(path, name)| Written {
                    module: here.clone(),
                    path,
                    name: Some(name),
                    public,
                }));
            }
            Name(first) if before != Some(&Of) && tokens.get(i + 1) == Some(&Of) => {
                let mut path = vec![first.clone()];
                while let (Some(Of), Some(Name(name))) = (tokens.get(i + 1), tokens.get(i + 2)) {
                    path.push(name.clone());
                    i += 2;
                }
                found.push(Written {
                    module: here.clone(),
                    path,
                    name: None,
                    public: false,
                });
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// The leaves of a tree of `use` behind `prefix`, each with its name; returns where the
/// tree ends.
fn tree(
    tokens: &[Token],
    begin: usize,
    prefix: &[String],
    leaves: &mut Vec<(Vec<String>, String)>,
) -> usize {
    let (mut path, mut renamed, mut i) = (prefix.to_vec(), None, begin);
    loop {
        match tokens.get(i) {
            Some(Name(word)) if word == "as" => {
                if let Some(Name(name)) = tokens.get(i + 1) {
                    renamed = Some(name.clone());
                }
                i += 1;
            }
            Some(Name(name)) => path.push(name.clone()),
            Some(Of) => {}
            Some(Sign('*')) => path.push("*".into()),
            Some(Sign('{')) => {
                i += 1;
                while let Some(token) = tokens.get(i) {
                    match token {
                        Sign('}') => return i + 1,
                        Sign(_) => i += 1,
                        _ => i = tree(tokens, i, &path, leaves),
                    }
                }
                return i;
            }
            _ => break,
        }
        i += 1;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let last = path.last().cloned().unwrap_or_default();
    leaves.push((path, renamed.unwrap_or(last)));
    i
}

fn segments(module: &str) -> Vec<String> {
    let names = module.split('/').filter(|name| !name.is_empty());
    names.map(str::to_string).collect()
}
