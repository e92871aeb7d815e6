//! Whether a text is an expression of CEL, as istiod's library parses it: grammar, reserved names, macros. Names and types
//! are not looked at, for istiod does not either.

mod lexer;
mod parser;

/// Whether the expression parses.
pub(super) fn is_expression(text: &str) -> bool {
    lexer::tokens(text).is_some_and(|tokens| parser::is_expression(&tokens))
}

#[cfg(test)]
mod tests {
    use super::is_expression;

    #[test]
    fn operators_calls_and_literals_parse() {
        for good in [
            "response.code >= 400",
            "a",
            "nope(1, 2u, .5, 0x1F, 1e3)",
            "-1 + - a * --b % 2",
            "!a && !!b || c",
            "a ? b : c ? d : e",
            "[1, 2,]",
            "[,]",
            "{'a': 1, b: 2,}",
            "a.b.C{d: 1, e: [2]}",
            ".a.b(c)[0].d",
            "'it' in [\"a\", r'\\', b'x', \"\"\"a\n\"b\"\"\"]",
            "has(a.b)",
            "a.exists(x, x > 1) && a.map(x, y, z).size() == 1",
            "a // comment",
            "1 < 2 < 3",
            "-9223372036854775808",
            "has(a, b)",
            "'\\u00e4\\x41\\101\\n'",
            "a.`b-c/d`",
        ] {
            assert!(is_expression(good), "{good}");
        }
    }

    #[test]
    fn what_is_no_expression_does_not_parse() {
        for bad in [
            "",
            " ",
            "(",
            "a b",
            "a ==",
            "a = b",
            "a & b",
            "'a",
            "'\\q'",
            "a.",
            "a.in",
            "a[]",
            "!-a",
            "-!a",
            "if",
            "package.a",
            "a ? b",
            "a.?b",
            "a[?0]",
            "[?a]",
            "{a}",
            "(a).b{}",
            "has(a)",
            "has('a')",
            "a.all(b.c, d)",
            "a.map(1, b)",
            "9223372036854775808",
            "18446744073709551616u",
            "1e999",
            "`a`",
            "$",
            "'\\ud800'",
            "b'\\u0041'",
            "f(a,)",
        ] {
            assert!(!is_expression(bad), "{bad}");
        }
    }
}
