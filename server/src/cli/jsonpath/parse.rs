//! From text to nodes.

use regex::Regex;
use serde_json::Value;

use super::{At, Filter, Node, Operand, Operator, Path, Slice, Step, lexer::Letters};

/// Ranges within ranges; nobody means more.
const RANGES_MAX: usize = 16;

/// What ends the name of a field.
const ENDS: &str = ".[]{}()$@,=!<>~\"'";

/// The longer ones first, because the shorter ones begin them.
const OPERATORS: &[(&str, Operator)] = &[
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// A whole template.
pub(super) fn template(text: &str) -> At<Vec<Node>> {
    if !text.contains('{') {
        let hint = if text.starts_with(['.', '$', '[']) { text } else { ".metadata.name" };
        return Err((0, format!("nothing is in braces; write for example `{{{hint}}}`")));
    }
    let mut letters = Letters::new(text);
    let mut open = vec![Open { at: 0, over: None, body: Vec::new() }];
    while let Some(letter) = letters.peek() {
        if letter == '{' {
            action(&mut letters, &mut open)?;
        } else {
            let text = plain(&mut letters);
            innermost(&mut open).push(Node::Text(text));
        }
    }
    match open.len() {
        1 => Ok(std::mem::take(innermost(&mut open))),
        _ => Err((open[open.len() - 1].at, "this range has no {end}".to_owned())),
    }
}

/// A range whose end has not come yet; the outermost one is the template.
struct Open {
    at: usize,
    over: Option<Path>,
    body: Vec<Node>,
}

fn innermost(open: &mut [Open]) -> &mut Vec<Node> {
    &mut open.last_mut().expect("the template itself is never closed").body
}

/// Text up to the next brace.
fn plain(letters: &mut Letters) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.peek().filter(|letter| *letter != '{') {
        letters.at += 1;
        text.push(letter);
    }
    text
}

/// What stands in a pair of braces.
fn action(letters: &mut Letters, open: &mut Vec<Open>) -> At<()> {
    let start = letters.at;
    letters.expect("{")?;
    letters.skip_blanks();
    match letters.peek() {
        Some('"' | '\'') => {
            let text = letters.quoted()?;
            innermost(open).push(Node::Text(text));
        }
        Some(letter) if letter.is_alphabetic() => word(letters, start, open)?,
        _ => {
            let path = path(letters)?;
            innermost(open).push(Node::Path(path));
        }
    }
    letters.skip_blanks();
    if letters.peek().is_none() {
        return Err((start, "this brace is never closed".to_owned()));
    }
    letters.expect("}")
}

/// `range` and `end`.
fn word(letters: &mut Letters, start: usize, open: &mut Vec<Open>) -> At<()> {
    let at = letters.at;
    let word = letters.word(|letter| letter.is_whitespace() || ENDS.contains(letter))?;
    match &*word {
        "range" if open.len() > RANGES_MAX => {
            Err((at, format!("more than {RANGES_MAX} ranges within ranges")))
        }
        "range" => {
            letters.skip_blanks();
            let over = path(letters)?;
            open.push(Open { at: start, over: Some(over), body: Vec::new() });
            Ok(())
        }
        "end" => match open.pop() {
            Some(Open { over: Some(over), body, .. }) => {
                innermost(open).push(Node::Range { over, body });
                Ok(())
            }
            _ => Err((at, "no range is open that this could end".to_owned())),
        },
        _ => Err((at, format!("`{word}` is neither range nor end; fields begin with a dot: `.{word}`"))),
    }
}

/// Steps, as many as there are.
fn path(letters: &mut Letters) -> At<Path> {
    let is_from_root = letters.take("$");
    if !is_from_root {
        letters.take("@");
    }
    let mut steps = Vec::new();
    loop {
        let at = letters.at;
        match letters.peek() {
            Some('.') => dots(letters, &mut steps)?,
            Some('[') => steps.push((at, bracket(letters)?)),
            // `{range.items[*]}` and `{ items }` are mistakes that the caller tells.
            _ => return Ok(Path { is_from_root, steps }),
        }
    }
}

/// `.name`, `.*`, `..`, or a dot alone, which is where one is.
fn dots(letters: &mut Letters, steps: &mut Vec<(usize, Step)>) -> At<()> {
    let at = letters.at;
    if letters.take("..") {
        if letters.peek() == Some('.') {
            return letters.mistake("a third dot; `..` finds a field at any depth");
        }
        steps.push((at, Step::Descend));
    } else {
        letters.expect(".")?;
    }
    let at = letters.at;
    if letters.take("*") {
        steps.push((at, Step::Each));
        return Ok(());
    }
    let name = letters.word(|letter| letter.is_whitespace() || ENDS.contains(letter))?;
    if !name.is_empty() {
        steps.push((at, Step::Field(name)));
    }
    Ok(())
}

/// `[0]`, `[1:3]`, `['key']`, `[0,2]`, `[*]`, `[?(...)]`
fn bracket(letters: &mut Letters) -> At<Step> {
    let start = letters.at;
    letters.expect("[")?;
    letters.skip_blanks();
    if letters.take("?") {
        let filter = filter(letters)?;
        letters.skip_blanks();
        letters.expect("]")?;
        return Ok(Step::Filter(filter));
    }
    let mut parts = Vec::new();
    loop {
        letters.skip_blanks();
        let at = letters.at;
        parts.push((at, part(letters)?));
        letters.skip_blanks();
        if letters.take("]") {
            break;
        }
        if letters.peek().is_none() {
            return Err((start, "this bracket is never closed".to_owned()));
        }
        letters.expect(",")?;
    }
    let alone = |part: (usize, Step)| Path { is_from_root: false, steps: vec![part] };
    match parts.len() {
        1 => Ok(parts.remove(0).1),
        _ => Ok(Step::Union(parts.into_iter().map(alone).collect())),
    }
}

fn part(letters: &mut Letters) -> At<Step> {
    if matches!(letters.peek(), Some('"' | '\'')) {
        return letters.quoted().map(Step::Field);
    }
    if letters.take("*") {
        return Ok(Step::Each);
    }
    let from = letters.integer()?;
    if !letters.is_at(":") {
        return match from {
            Some(index) => Ok(Step::Index(index)),
            None => letters.mistake("expected an index, a slice (1:3), a key in quotes, * or ?(a filter)"),
        };
    }
    letters.expect(":")?;
    let to = letters.integer()?;
    let at = letters.at + 1;
    let step = if letters.take(":") { letters.integer()? } else { None };
    let step = step.map(|step| usize::try_from(step).ok().filter(|step| *step > 0).ok_or(at));
    match step.transpose() {
        Ok(step) => Ok(Step::Slice(Slice { from, to, step })),
        Err(at) => Err((at, "a slice's step is a positive number".to_owned())),
    }
}

/// `(@.a)`, `(@.a=="b")`, `(@.a =~ "b.*")`
fn filter(letters: &mut Letters) -> At<Filter> {
    letters.expect("(")?;
    letters.skip_blanks();
    let left = operand(letters)?;
    letters.skip_blanks();
    if letters.take(")") {
        return match left {
            Operand::Path(path) => Ok(Filter::Exists(path)),
            Operand::Literal(_) => {
                letters.mistake("a filter that is always true; it begins with a field: `@.name`")
            }
        };
    }
    let filter = if letters.take("=~") { matches(letters, left)? } else { compares(letters, left)? };
    letters.skip_blanks();
    if letters.is_at("&&") || letters.is_at("||") {
        return letters.mistake("a filter has one condition");
    }
    letters.expect(")")?;
    Ok(filter)
}

fn compares(letters: &mut Letters, left: Operand) -> At<Filter> {
    let Some((_, operator)) = OPERATORS.iter().find(|(text, _)| letters.take(text)) else {
        return letters.mistake("expected an operator (== != < <= > >= =~) or `)`");
    };
    letters.skip_blanks();
    Ok(Filter::Compares(left, *operator, operand(letters)?))
}

fn matches(letters: &mut Letters, left: Operand) -> At<Filter> {
    letters.skip_blanks();
    let at = letters.at;
    match operand(letters)? {
        Operand::Literal(Value::String(pattern)) => {
            let regex = Regex::new(&pattern).map_err(|error| (at, first_line(&error)))?;
            Ok(Filter::Matches(left, regex))
        }
        _ => Err((at, "=~ takes a regular expression in quotes".to_owned())),
    }
}

/// An expression's own errors draw it over several lines, of which the last one says what is wrong.
fn first_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("no regular expression: {}", last.trim_start_matches("error: "))
}

fn operand(letters: &mut Letters) -> At<Operand> {
    match letters.peek() {
        Some('"' | '\'') => Ok(Operand::Literal(letters.quoted()?.into())),
        Some('.' | '@' | '$' | '[') => Ok(Operand::Path(path(letters)?)),
        _ => literal(letters),
    }
}

fn literal(letters: &mut Letters) -> At<Operand> {
    let at = letters.at;
    // A number may have a dot.
    let word = letters.word(|letter| letter.is_whitespace() || (letter != '.' && ENDS.contains(letter)))?;
    match serde_json::from_str::<Value>(&word) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => Ok(Operand::Literal(value)),
        _ if word.is_empty() => {
            Err((at, "expected a field (@.name), a text in quotes, a number, true or false".to_owned()))
        }
        _ => Err((at, format!("`{word}` is no value; texts stand in quotes: \"{word}\""))),
    }
}
