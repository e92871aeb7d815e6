//! CEL's tokens.

/// A piece of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    /// A name between backquotes: of a field only.
    Quoted,
    /// Its amount, for whether it is in range depends on the sign before it.
    Int(Option<u64>),
    /// A number with a fraction or exponent.
    Float,
    /// Anything else that stands for itself.
    Literal,
    /// An operator, a bracket, a separator or the word `in`.
    Sign(&'static str),
}

/// Longest first.
const SIGNS: [&str; 25] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":",
    "+", "*", "/", "%", "in",
];

/// All tokens; `None` where something is none.
pub(super) fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(['\t', ' ', '\r', '\n', '\u{c}']);
        if rest.is_empty() {
            return Some(tokens);
        }
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]);
            continue;
        }
        let (token, after) =
            string(rest).unwrap_or_else(|| number(rest).or_else(|| name(rest)).or_else(|| sign(rest)))?;
        tokens.push(token);
        rest = after;
    }
}

type Taken<'a> = Option<(Token<'a>, &'a str)>;

fn sign(text: &str) -> Taken<'_> {
    let sign = SIGNS.iter().find(|sign| text.starts_with(**sign))?;
    Some((Token::Sign(sign), &text[sign.len()..]))
}

fn name(text: &str) -> Taken<'_> {
    if let Some(quoted) = text.strip_prefix('`') {
        let (name, rest) = quoted.split_once('`')?;
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/ ".contains(&byte);
        return (!name.is_empty() && name.bytes().all(is_inner)).then_some((Token::Quoted, rest));
    }
    let length = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let (name, rest) = text.split_at(length);
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let token = match name {
        "true" | "false" | "null" => Token::Literal,
        "in" => Token::Sign("in"),
        _ => Token::Name(name),
    };
    Some((token, rest))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// An integer, one without sign (`1u`), or a number with a fraction or exponent.
fn number(text: &str) -> Taken<'_> {
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        let length = hexadecimal.bytes().take_while(u8::is_ascii_hexdigit).count();
        if length > 0 {
            let amount = u64::from_str_radix(&hexadecimal[..length], 16).ok();
            return unsigned(amount, &hexadecimal[length..]);
        }
    }
    let whole = digits(text);
    let fraction = text[whole..].strip_prefix('.').map_or(0, digits);
    let mut length = if fraction > 0 { whole + 1 + fraction } else { whole };
    if length == 0 {
        return None;
    }
    let exponent = text[length..].strip_prefix(['e', 'E']).map_or(0, |exponent| {
        let digits_len = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
        let sign_len = usize::from(exponent.starts_with(['+', '-']));
        if digits_len > 0 { 1 + sign_len + digits_len } else { 0 }
    });
    if fraction == 0 && exponent == 0 {
        return unsigned(text[..whole].parse().ok(), &text[whole..]);
    }
    length += exponent;
    let finite = text[..length].parse::<f64>().is_ok_and(f64::is_finite);
    finite.then_some((Token::Float, &text[length..]))
}

fn unsigned(amount: Option<u64>, rest: &str) -> Taken<'_> {
    match rest.strip_prefix(['u', 'U']) {
        Some(rest) => amount.map(|_| (Token::Literal, rest)),
        None => Some((Token::Int(amount), rest)),
    }
}

/// A string, with `r` for raw and `b` for bytes before its quotes. `None`: none begins here; `Some(None)`: a wrong one.
#[allow(clippy::option_option)] // wrong is not the same as another
fn string(text: &str) -> Option<Taken<'_>> {
    let (bytes, rest) = text.strip_prefix(['b', 'B']).map_or((false, text), |rest| (true, rest));
    let (raw, rest) = rest.strip_prefix(['r', 'R']).map_or((false, rest), |rest| (true, rest));
    let one = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let three = if one == '"' { "\"\"\"" } else { "'''" };
    let long = rest.strip_prefix(three).and_then(|rest| quoted(rest, three, raw, bytes));
    let end = long.or_else(|| quoted(&rest[1..], &three[..1], raw, bytes));
    Some(end.map(|rest| (Token::Literal, rest)))
}

/// What follows the closing quotes.
fn quoted<'a>(text: &'a str, quotes: &str, raw: bool, bytes: bool) -> Option<&'a str> {
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix(quotes) {
            return Some(after);
        }
        let next = rest.chars().next()?;
        rest = match next {
            '\\' if !raw => escape(&rest[1..], bytes)?,
            '\n' | '\r' if quotes.len() == 1 => return None,
            _ => &rest[next.len_utf8()..],
        };
    }
}

/// What follows an escape.
fn escape(text: &str, bytes: bool) -> Option<&str> {
    let hexadecimal = |count: usize| {
        let digits =
            text.get(1..=count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some((u32::from_str_radix(digits, 16).ok()?, &text[count + 1..]))
    };
    match text.as_bytes().first()? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => {
            Some(&text[1..])
        }
        b'x' | b'X' => hexadecimal(2).map(|(_, rest)| rest),
        long @ (b'u' | b'U') if !bytes => {
            let (value, rest) = hexadecimal(if *long == b'u' { 4 } else { 8 })?;
            char::from_u32(value).map(|_| rest)
        }
        b'0'..=b'3' => {
            let octal =
                text.get(1..3).is_some_and(|digits| digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')));
            octal.then(|| &text[3..])
        }
        _ => None,
    }
}
