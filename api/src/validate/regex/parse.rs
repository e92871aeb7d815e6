//! The grammar of Go's regular expressions, Perl's extensions included. Only whether it is one: nothing is compiled.
//!
//! Go also bounds the depth of an expression and the size of its program. Neither is reached by an expression of 1024
//! bytes, for whatever is repeated more than 1000 times, nested repeats multiplied, is refused before.

use super::class;

/// How often a part may be repeated, nested repeats multiplied.
const REPEAT_MAX: u64 = 1000;

/// What a repeat may follow: how often its parts are repeated already.
type Repeats = u64;

/// A group that is open.
#[derive(Default)]
struct Group {
    /// The most that is repeated within, but for the last part.
    before: Repeats,
    /// The last part, unless a repeat can't follow.
    last: Option<Repeats>,
}

impl Group {
    fn atom(&mut self, repeats: Repeats) {
        self.alternate();
        self.last = Some(repeats);
    }

    fn alternate(&mut self) {
        self.before = self.most();
        self.last = None;
    }

    fn most(&self) -> Repeats {
        self.before.max(self.last.unwrap_or(0))
    }
}

/// Whether Go compiles it.
pub(super) fn is_expression(text: &str) -> bool {
    Parser { rest: text, groups: vec![Group::default()] }.run().is_some()
}

struct Parser<'a> {
    rest: &'a str,
    groups: Vec<Group>,
}

/// The two numbers of `{2,5}`; without an upper one there is no end.
enum Count {
    /// Not a count: the brace is itself.
    Literal,
    Range(u64, Option<u64>),
}

impl Parser<'_> {
    fn run(mut self) -> Option<()> {
        let mut repeated = false;
        while let Some(first) = self.rest.chars().next() {
            let was_repeated = std::mem::take(&mut repeated);
            match first {
                '(' => self.open()?,
                '|' => {
                    self.skip(1);
                    self.group().alternate();
                }
                ')' => self.close()?,
                '[' => {
                    self.rest = class::bracketed(self.rest)?;
                    self.group().atom(1);
                }
                '*' | '+' | '?' => {
                    self.skip(1);
                    self.repeat(was_repeated, 1)?;
                    repeated = true;
                }
                '{' => repeated = self.counted(was_repeated)?,
                '\\' => self.escape()?,
                _ => {
                    self.skip(first.len_utf8());
                    self.group().atom(1);
                }
            }
        }
        (self.groups.len() == 1).then_some(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn group(&mut self) -> &mut Group {
        let last = self.groups.len() - 1; // the outermost is never closed
        &mut self.groups[last]
    }

    fn open(&mut self) -> Option<()> {
        let Some(flags) = self.rest.strip_prefix("(?") else {
            self.skip(1);
            self.groups.push(Group::default());
            return Some(());
        };
        let named = flags.strip_prefix("P<").or_else(|| flags.strip_prefix('<'));
        if let Some(named) = named {
            let (name, rest) = named.split_once('>')?;
            let is_name =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            self.rest = rest;
            self.groups.push(Group::default());
            return is_name.then_some(());
        }
        self.flags(flags)
    }

    /// `i`, `m`, `s`, `U`, a `-` before those that are switched off, then `:` before a group or `)`.
    fn flags(&mut self, flags: &str) -> Option<()> {
        let (mut negated, mut since_sign) = (false, false);
        for (at, flag) in flags.char_indices() {
            match flag {
                'i' | 'm' | 's' | 'U' => since_sign = true,
                '-' if !negated => (negated, since_sign) = (true, false),
                ':' | ')' if !negated || since_sign => {
                    self.rest = &self.rest["(?".len() + at + 1..];
                    if flag == ':' {
                        self.groups.push(Group::default());
                    }
                    return Some(());
                }
                _ => return None,
            }
        }
        None
    }

    fn close(&mut self) -> Option<()> {
        self.skip(1);
        let closed = self.groups.pop()?;
        if self.groups.is_empty() {
            return None;
        }
        self.group().atom(closed.most().max(1));
        Some(())
    }

    /// A repeat, a `?` after it included. It follows a part, and no other repeat.
    fn repeat(&mut self, was_repeated: bool, times: u64) -> Option<()> {
        if self.rest.starts_with('?') {
            self.skip(1);
        }
        let last = self.group().last?;
        self.group().last = Some(last.saturating_mul(times));
        (!was_repeated).then_some(())
    }

    /// Whether it was a count.
    fn counted(&mut self, was_repeated: bool) -> Option<bool> {
        let (count, rest) = count(self.rest);
        let Count::Range(min, max) = count else {
            self.skip(1);
            self.group().atom(1);
            return Some(false);
        };
        if min > REPEAT_MAX || max.is_some_and(|max| max > REPEAT_MAX || max < min) {
            return None;
        }
        self.rest = rest;
        let most = max.unwrap_or(min);
        let last = self.group().last?;
        // What is there no times at all counts for nothing.
        let times = if max == Some(0) { 0 } else { most.max(1) };
        if most >= 2 && last.saturating_mul(times) > REPEAT_MAX {
            return None;
        }
        self.repeat(was_repeated, times)?;
        Some(true)
    }

    fn escape(&mut self) -> Option<()> {
        match self.rest.as_bytes().get(1)? {
            b'A' | b'b' | b'B' | b'z' => self.skip(2),
            b'Q' => {
                let (literal, rest) = self.rest[2..].split_once("\\E").unwrap_or((&self.rest[2..], ""));
                self.rest = rest;
                if literal.is_empty() {
                    return Some(());
                }
            }
            _ => self.rest = class::class(self.rest)?.or_else(|| class::character(self.rest))?,
        }
        self.group().atom(1);
        Some(())
    }
}

/// `{2}`, `{2,}` or `{2,5}`, and what follows it. Numbers without leading zeros.
fn count(text: &str) -> (Count, &str) {
    let parsed = || {
        let (min, rest) = number(&text[1..])?;
        let (max, rest) = match rest.strip_prefix(',') {
            None => (Some(min), rest),
            Some(rest) if rest.starts_with('}') => (None, rest),
            Some(rest) => number(rest).map(|(max, rest)| (Some(max), rest))?,
        };
        Some((Count::Range(min, max), rest.strip_prefix('}')?))
    };
    parsed().unwrap_or((Count::Literal, text))
}

fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let digits = &text[..end];
    let plain = !digits.is_empty() && (digits.len() == 1 || !digits.starts_with('0'));
    plain.then(|| (digits.parse().unwrap_or(u64::MAX), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_closed_and_named_well() {
        for good in ["", "()", "(|)", "(?:a)", "(?i)a", "(?)", "(?i-s:a)", "(?P<n>a)", "(?<n_1>a)", "(?-s)a"]
        {
            assert!(is_expression(good), "{good}");
        }
        for bad in [
            "a(",
            "a)",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?<!a)",
            "(?P=n)",
            "(?<a-b>c)",
            "(?P<>a)",
            "(?x)",
            "(?-)",
            "(?i--s)",
        ] {
            assert!(!is_expression(bad), "{bad}");
        }
    }

    #[test]
    fn repeats_follow_a_part_and_no_other_repeat() {
        for good in [
            "a*", "a*?", "a+?b", "^*", "(a*)*", "a(?i)*", "a*(?i)*", r"\b+", "a{2}{", "{", "a{,5}", "a{01}",
            "x{2,1a}",
        ] {
            assert!(is_expression(good), "{good}");
        }
        for bad in
            ["*", "+", "a|*", "(*)", "a**", "a*+", "a???", "a{2}{3}", "a{2}*", "{2}", "(?i)*", r"\Q\E*"]
        {
            assert!(!is_expression(bad), "{bad}");
        }
    }

    #[test]
    fn nothing_is_repeated_more_than_a_thousand_times() {
        for good in [
            "a{1000}",
            "a{0,1000}",
            "(a{10}){100}",
            "(a{100}b{100}){10}",
            "(a{1000}){0}",
            "((a{1000}){0}){5}",
            "(a{500}){1}",
            "(a{600})*",
        ] {
            assert!(is_expression(good), "{good}");
        }
        for bad in [
            "a{1001}",
            "a{2,1}",
            "a{1,1001}",
            "a{99999999999999999999}",
            "(a{100}){11}",
            "((a{10}){10}){11}",
            "(a{501}){2,}",
        ] {
            assert!(!is_expression(bad), "{bad}");
        }
    }

    #[test]
    fn escapes_are_those_of_go() {
        for good in [
            r"\d\w\s",
            r"\.",
            r"\_",
            r"\123",
            r"\0",
            r"\x41",
            r"\x{10FFFF}",
            r"\pN\p{Greek}\P{^Lu}",
            r"\Qa(\E",
            r"\Q(",
            r"\z",
            r"\p{greek}\p{Letter}",
        ] {
            assert!(is_expression(good), "{good}");
        }
        for bad in [
            r"\",
            r"(a)\1",
            r"\8",
            r"\C",
            r"\Z",
            r"\q",
            r"\x",
            r"\x4",
            r"\x{}",
            r"\x{110000}",
            r"\pQ",
            r"\p{Klingon}",
            r"\p{",
            r"\ä",
        ] {
            assert!(!is_expression(bad), "{bad}");
        }
    }

    #[test]
    fn sets_are_those_of_go() {
        for good in [
            "[a]",
            "[]a]",
            "[^]a]",
            "[a-]",
            "[-a]",
            "[[a]",
            "[[:alpha:]]",
            "[[:^digit:]a]",
            r"[\]]",
            r"[\d-a]",
            "[[:x]",
            r"[\pN]",
            "[a-b-c]",
        ] {
            assert!(is_expression(good), "{good}");
        }
        for bad in ["[a", "[", "[]", "[^]", "[b-a]", "[[:nope:]]", r"[a-\d]", r"[\1]", r"[\Q]"] {
            assert!(!is_expression(bad), "{bad}");
        }
    }
}
