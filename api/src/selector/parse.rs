//! From text to requirements.

use std::{collections::BTreeSet, fmt};

use super::{
    Requirement, Test,
    token::{Token, tokens},
};
use crate::limits::LABEL_SELECTOR_BYTES_MAX;

const NAME_LEN_MAX: usize = 63;
const PREFIX_LEN_MAX: usize = 253;

/// What is wrong with a selector, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {column}: {reason}")]
pub struct SelectorError {
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    if text.len() > LABEL_SELECTOR_BYTES_MAX {
        let reason = format!("{} bytes; at most {LABEL_SELECTOR_BYTES_MAX} are taken", text.len());
        return Err(SelectorError { column: 1, reason });
    }
    let tokens = tokens(text);
    let mut parser = Parser { tokens: &tokens };
    let mut requirements = Vec::new();
    if parser.peek().text.is_empty() {
        return Ok(requirements);
    }
    loop {
        requirements.push(parser.requirement()?);
        let token = parser.take();
        match token.text {
            "" => return Ok(requirements),
            "," => {}
            _ => return Err(wanted(token, "`,` or the end")),
        }
    }
}

struct Parser<'t> {
    /// What is left; the last one is the end, and stays.
    tokens: &'t [Token<'t>],
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Token<'t> {
        self.tokens[0]
    }

    fn take(&mut self) -> Token<'t> {
        let token = self.peek();
        if self.tokens.len() > 1 {
            self.tokens = &self.tokens[1..];
        }
        token
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        if self.peek().text == "!" {
            self.take();
            return Ok(Requirement { key: self.key()?, test: Test::Absent });
        }
        let key = self.key()?;
        let test = match self.peek().text {
            "" | "," => Test::Exists,
            _ => self.test()?,
        };
        Ok(Requirement { key, test })
    }

    fn key(&mut self) -> Result<String, SelectorError> {
        let token = self.take();
        if !token.is_word() || matches!(token.text, "in" | "notin") {
            return Err(wanted(token, "the key of a label"));
        }
        match key_problem(token.text) {
            None => Ok(token.text.to_owned()),
            Some(problem) => Err(error(token, format_args!("`{}` is no label's key: {problem}", token.text))),
        }
    }

    fn test(&mut self) -> Result<Test, SelectorError> {
        let operator = self.take();
        Ok(match operator.text {
            "=" | "==" => Test::In([self.value()?].into()),
            "!=" => Test::NotIn([self.value()?].into()),
            "in" => Test::In(self.values()?),
            "notin" => Test::NotIn(self.values()?),
            ">" => Test::Greater(self.number()?),
            "<" => Test::Less(self.number()?),
            _ => return Err(wanted(operator, "`=`, `!=`, `in`, `notin`, `>`, `<`, `,` or the end")),
        })
    }

    /// `(a, b)`; what is left out between commas is the empty value.
    fn values(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        let open = self.take();
        if open.text != "(" {
            return Err(wanted(open, "`(` and values"));
        }
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.value()?);
            let token = self.take();
            match token.text {
                ")" => return Ok(values),
                "," => {}
                _ => return Err(wanted(token, "`,` or `)`")),
            }
        }
    }

    /// A word; nothing where a sign follows that ends it.
    fn value(&mut self) -> Result<String, SelectorError> {
        let token = self.peek();
        if matches!(token.text, "" | "," | ")") {
            return Ok(String::new());
        }
        self.take();
        if !token.is_word() {
            return Err(wanted(token, "a value"));
        }
        match name_problem(token.text) {
            None => Ok(token.text.to_owned()),
            Some(problem) => {
                Err(error(token, format_args!("`{}` is no label's value: {problem}", token.text)))
            }
        }
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        let token = self.take();
        token.text.parse().map_err(|_| wanted(token, "a whole number"))
    }
}

fn error(token: Token<'_>, reason: impl fmt::Display) -> SelectorError {
    SelectorError { column: token.column, reason: reason.to_string() }
}

fn wanted(token: Token<'_>, what: &str) -> SelectorError {
    match token.text {
        "" => error(token, format_args!("ends where {what} should stand")),
        text => error(token, format_args!("found `{text}` where {what} should stand")),
    }
}

/// What keeps a text from being a label's key: `app`, `app.kubernetes.io/name`.
pub(super) fn key_problem(key: &str) -> Option<&'static str> {
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, _)) if !is_subdomain(prefix) => {
            return Some("before `/` stands a DNS name of lower case letters, digits, `-` and `.`");
        }
        Some((_, name)) => name,
    };
    if name.is_empty() { Some("the name after `/` is missing") } else { name_problem(name) }
}

fn is_subdomain(text: &str) -> bool {
    let is_part = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= PREFIX_LEN_MAX && text.split('.').all(is_part)
}

/// Of a value, and of a name that is not empty: both are of the same letters.
pub(super) fn name_problem(text: &str) -> Option<&'static str> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = [text.bytes().next(), text.bytes().next_back()];
    if text.len() > NAME_LEN_MAX {
        Some("it is longer than 63 characters")
    } else if !text.bytes().all(inner) {
        Some("only letters, digits, `-`, `_` and `.` may stand there")
    } else if !ends.iter().flatten().all(u8::is_ascii_alphanumeric) {
        Some("it begins and ends with a letter or digit")
    } else {
        None
    }
}
