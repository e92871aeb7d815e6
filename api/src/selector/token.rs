//! A selector's text, cut into words and signs.

/// A word or a sign, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    /// In characters, from 1.
    pub(super) column: usize,
    /// `=`, `==`, `!=`, `!`, `>`, `<`, `(`, `)`, `,`, or else a word; empty at the end.
    pub(super) text: &'t str,
}

impl Token<'_> {
    pub(super) fn is_word(&self) -> bool {
        !self.text.is_empty() && !self.text.starts_with(is_sign)
    }
}

fn is_sign(c: char) -> bool {
    matches!(c, '=' | '!' | '>' | '<' | '(' | ')' | ',')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Everything in a text, with the end as the last token.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut rest, mut column) = (Vec::new(), text, 1);
    loop {
        let begins = rest.trim_start_matches(is_space);
        column += rest.len() - begins.len();
        let len = length(begins);
        let (token, behind) = begins.split_at(len);
        tokens.push(Token { column, text: token });
        if token.is_empty() {
            return tokens;
        }
        column += token.chars().count();
        rest = behind;
    }
}

/// Bytes of the first token.
fn length(text: &str) -> usize {
    if text.starts_with("==") || text.starts_with("!=") {
        2
    } else if text.starts_with(is_sign) {
        1
    } else {
        text.find(|c| is_sign(c) || is_space(c)).unwrap_or(text.len())
    }
}
