//! Who sees what, by rules of the config file.

use std::collections::BTreeSet;

use mainsheet_api::view::View;

/// The rules. Without any, everybody sees everything.
///
/// A node id is what a client says of itself: rules keep honest clients apart, they protect nothing from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// Each adds to what it matches.
    pub rules: Vec<ViewRule>,
}

/// Clients that see some namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRule {
    /// Node ids, `*` standing for any run of characters.
    pub nodes: String,
    /// What they see; `*` is every namespace.
    pub namespaces: BTreeSet<String>,
}

impl Views {
    /// What the client of this node id sees: the union of the rules that match it, so nothing where none does.
    #[must_use]
    pub fn of_node(&self, id: &str) -> View {
        if self.rules.is_empty() {
            return View::everything();
        }
        let matching = self.rules.iter().filter(|rule| matches(&rule.nodes, id));
        let names: BTreeSet<&str> =
            matching.flat_map(|rule| rule.namespaces.iter().map(String::as_str)).collect();
        if names.contains("*") { View::everything() } else { View::of_namespaces(names) }
    }
}

/// Whether a text is what a pattern describes. Goes back to the last `*` only, so it takes at most
/// `pattern.len() * text.len()` steps.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star_p, star_t)) = star {
            star = Some((star_p, star_t + 1));
            (p, t) = (star_p + 1, star_t + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(nodes: &str, namespaces: &[&str]) -> ViewRule {
        ViewRule { nodes: nodes.into(), namespaces: namespaces.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn without_rules_everybody_sees_everything() {
        assert_eq!(Views::default().of_node("anyone"), View::everything());
    }

    #[test]
    fn rules_that_match_add_up_and_an_unknown_node_sees_nothing() {
        let views =
            Views { rules: vec![rule("sidecar~*", &["a"]), rule("*.shop~*", &["b"]), rule("admin", &["*"])] };
        assert_eq!(views.of_node("sidecar~10.0.0.1~x.shop~y"), View::of_namespaces(["a", "b"]));
        assert_eq!(views.of_node("sidecar~10.0.0.1~x.other~y"), View::of_namespaces(["a"]));
        assert_eq!(views.of_node("admin"), View::everything());
        assert_eq!(views.of_node("stranger"), View::of_namespaces::<&str>([]));
    }

    #[test]
    fn star_stands_for_any_run_of_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("a*b*c", "aXbYbZc", true),
            ("*ab", "aab", true),
            ("a?", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
