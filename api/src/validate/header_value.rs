//! Values of headers that Envoy sets: text, with variables between percent signs.

/// Where the reader stands. Envoy reads values in these steps, and istiod after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Literal,
    /// `%NAME`
    Name,
    /// `%NAME(`
    Arguments,
    /// `%NAME([`, and after a comma
    Quote,
    /// Within a string, quoted or not.
    Text,
    /// After a string: a comma or the end of the list.
    Delimiter,
    /// After the list.
    ArgumentsEnd,
    /// After the arguments.
    VariableEnd,
}

/// Whether Envoy takes a value: no control characters but tabs, percent signs doubled or around a variable. Names of
/// variables are not looked at.
pub(super) fn is_value(value: &str) -> bool {
    let is_control = |byte: u8| byte != b'\t' && byte.is_ascii_control();
    !value.bytes().any(is_control) && are_variables_closed(value.as_bytes())
}

fn are_variables_closed(value: &[u8]) -> bool {
    let (mut state, mut at) = (State::Literal, 0);
    while at < value.len() {
        let byte = value[at];
        // An escape takes the next byte with it, and there must be one.
        let escape = match state {
            State::Literal => byte == b'%' && value.get(at + 1).is_none_or(|next| *next == b'%'),
            State::Text => byte == b'\\',
            _ => false,
        };
        if escape {
            if at + 1 == value.len() {
                return false;
            }
            at += 2;
            continue;
        }
        let Some(next) = step(state, byte) else { return false };
        (state, at) = (next, at + 1);
    }
    state == State::Literal
}

/// The state after a byte; `None` where none of that kind may stand.
fn step(state: State, byte: u8) -> Option<State> {
    Some(match (state, byte) {
        (State::Literal, b'%') => State::Name,
        (State::Name | State::VariableEnd, b'%') => State::Literal,
        (State::Name, b'(') => State::Arguments,
        (State::Arguments, b'[') => State::Quote,
        (State::Arguments, b' ') => State::Arguments,
        (State::Arguments, _) | (State::Quote, b'"') => State::Text,
        (State::Text, b')') | (State::ArgumentsEnd, b')') => State::VariableEnd,
        (State::Text, b'"') => State::Delimiter,
        (State::Delimiter, b',') => State::Quote,
        (State::Delimiter, b']') => State::ArgumentsEnd,
        (State::Literal | State::Name | State::Text, _) => state,
        (State::Quote | State::Delimiter | State::ArgumentsEnd | State::VariableEnd, b' ') => state,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_closed_and_percent_signs_doubled() {
        for good in [
            "",
            "a\tb",
            "ä",
            "100%%",
            "%NOPE%",
            "a %HOSTNAME% b",
            "%REQ(x)%",
            "%REQ(x)  %",
            r#"%V(["a", "b"])%"#,
            r"%REQ(a\)b)%",
            "%%%%",
        ] {
            assert!(is_value(good), "{good}");
        }
        for bad in [
            "a\nb",
            "\u{7f}",
            "50%",
            "%START_TIME%%",
            "%REQ(x",
            "%REQ(x)",
            "%REQ(x):10%",
            r#"%V([a])%"#,
            r#"%V(["a" "b"])%"#,
            r"%REQ(a\",
            "%REQ()%",
        ] {
            assert!(!is_value(bad), "{bad}");
        }
    }
}
