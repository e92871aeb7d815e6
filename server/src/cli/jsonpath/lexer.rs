//! The letters of a template, one after the other, and the smallest things that they make.

use super::At;

/// A place in a template.
pub(super) struct Letters {
    all: Vec<char>,
    /// Of the next letter, from 0.
    pub(super) at: usize,
}

impl Letters {
    pub(super) fn new(text: &str) -> Self {
        Self { all: text.chars().collect(), at: 0 }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.all.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(letter)
    }

    /// Whether what follows begins with a text.
    pub(super) fn is_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, letter)| self.all.get(self.at + index) == Some(&letter))
    }

    /// Steps over a text, if it is there.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_there = self.is_at(text);
        if is_there {
            self.at += text.chars().count();
        }
        is_there
    }

    /// Steps over a text that must be there.
    pub(super) fn expect(&mut self, text: &str) -> At<()> {
        if self.take(text) {
            return Ok(());
        }
        let found = self.peek().map_or("the template ends".to_owned(), |letter| format!("found `{letter}`"));
        self.mistake(&format!("expected `{text}`, {found}"))
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// All letters up to one that ends them; a backslash takes the next letter as it is.
    pub(super) fn word(&mut self, ends: impl Fn(char) -> bool) -> At<String> {
        let mut word = String::new();
        while let Some(letter) = self.peek().filter(|letter| !ends(*letter)) {
            self.at += 1;
            match (letter, self.peek()) {
                ('\\', Some(escaped)) => {
                    self.at += 1;
                    word.push(escaped);
                }
                ('\\', None) => return self.mistake("a backslash is the last letter"),
                _ => word.push(letter),
            }
        }
        Ok(word)
    }

    /// A text in the quotes that the next letter opens.
    pub(super) fn quoted(&mut self) -> At<String> {
        let start = self.at;
        let quote = self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err((start, "the quote is never closed".to_owned())),
                letter if letter == quote => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(letter) => text.push(letter),
            }
        }
    }

    fn escaped(&mut self) -> At<char> {
        match self.next() {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some(letter @ ('\\' | '"' | '\'' | '.' | '/')) => Ok(letter),
            _ => {
                self.at -= 1;
                self.mistake("unknown escape; known are: \\n \\t \\r \\\\ \\\" \\'")
            }
        }
    }

    /// A whole number, if one is there.
    pub(super) fn integer(&mut self) -> At<Option<i64>> {
        let start = self.at;
        self.take("-");
        while self.peek().is_some_and(|letter| letter.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.all[start..self.at].iter().collect();
        match digits.is_empty() {
            true => Ok(None),
            false => digits.parse().map(Some).map_err(|_| (start, format!("`{digits}` is no whole number"))),
        }
    }

    pub(super) fn mistake<T>(&self, reason: &str) -> At<T> {
        Err((self.at, reason.to_owned()))
    }
}
