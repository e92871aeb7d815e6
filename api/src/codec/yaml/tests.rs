use super::*;

struct Parsed<'t> {
    documents: Vec<Node<'t>>,
    broken: Option<(Position, String)>,
}

fn parse(text: &str) -> Parsed<'_> {
    let mut documents = Vec::new();
    let broken = super::parse(text, |node| documents.push(node));
    Parsed { documents, broken }
}

fn one(text: &str) -> Node<'_> {
    let Parsed { mut documents, broken } = parse(text);
    assert_eq!(broken, None, "{text}");
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

fn code(node: &Node<'_>) -> &'static str {
    match &node.value {
        Value::Problem(problem) => problem.code,
        other => panic!("no problem: {other:?}"),
    }
}

#[test]
fn only_what_json_also_takes_is_a_number_or_a_boolean() {
    for text in
        ["yes", "No", "ON", "off", "y", "012", "0x1f", "0o17", "1_000", "+1", ".5", "1.", ".inf", "-.INF"]
    {
        assert_eq!(one(&format!("a: {text}\n")).get("a").unwrap().value, Value::Ambiguous(text.into()));
    }
    for text in ["12:30", "-x", "10.0.0.1", "1.5s", "0xg", "nobody", "1e", "inf", "None", "."] {
        assert_eq!(one(&format!("a: {text}\n")).get("a").unwrap().value, Value::Text(text.into()));
    }
    for text in ["0", "-1", "10.25", "1e3", "1E-3", "-0.5e+10"] {
        assert_eq!(one(&format!("a: {text}\n")).get("a").unwrap().value, Value::Number(text.into()));
    }
    assert_eq!(one("a: true\n").get("a").unwrap().value, Value::Bool(true));
    assert_eq!(one("a: ~\n").get("a").unwrap().value, Value::Null);
    for text in ["'1'", "\"true\"", "'null'", "''"] {
        assert!(one(&format!("a: {text}\n")).get("a").unwrap().text().is_some(), "{text}");
    }
}

#[test]
fn keys_and_values_know_their_line_and_column() {
    let root = one("# a comment\na:\n  bé: [1, x]\n");
    let inner = root.get("a").unwrap();
    let pair = &inner.pairs().unwrap()[0];
    assert_eq!((pair.position.line, pair.position.column), (3, 3));
    let Value::List(items) = &pair.value.value else { panic!() };
    assert_eq!((items[1].position.line, items[1].position.column), (3, 11));
}

#[test]
fn json_with_tabs_and_escapes_is_read_as_json_means_it() {
    let root = one("{\n\t\"a\"\t: [\n\t\t1,\t\"\\/\\ud83d\\ude00\\u00e9\\n\"\n\t]\n}");
    let Value::List(items) = &root.get("a").unwrap().value else { panic!() };
    assert_eq!(items[0].value, Value::Number("1".into()));
    assert_eq!(items[1].text(), Some("/\u{1f600}\u{e9}\n"));
}

#[test]
fn documents_before_a_mistake_count() {
    let parsed = parse("a: 1\n---\nb: [1\n");
    assert_eq!(parsed.documents.len(), 1);
    let (position, reason) = parsed.broken.unwrap();
    assert_eq!((position.line, position.column), (3, 4));
    assert!(reason.contains("unclosed"), "{reason}");
}

#[test]
fn empty_documents_are_none() {
    assert!(parse("").documents.is_empty());
    assert!(parse("# only a comment\n---\n---\n# another\n...\n").documents.is_empty());
}

#[test]
fn aliases_are_what_they_name() {
    let root = one("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\n");
    assert_eq!(root.get("a").unwrap().value, root.get("c").unwrap().value);
    let keys = one("a: &x k\n*x : 1\n");
    assert_eq!(keys.get("k").unwrap().value, Value::Number("1".into()));
}

#[test]
fn what_a_resource_may_not_hold_is_a_problem_in_its_place() {
    assert_eq!(code(one("a: !!int 1\n").get("a").unwrap()), "tag");
    assert_eq!(code(one("a: !x {b: 1}\n").get("a").unwrap()), "tag");
    assert_eq!(code(one("a: *x\n").get("a").unwrap()), "unknown-alias");
    assert_eq!(
        code(
            one("a: &x [*x]\n")
                .get("a")
                .map(|a| match &a.value {
                    Value::List(items) => &items[0],
                    _ => panic!(),
                })
                .unwrap()
        ),
        "unknown-alias"
    );
    assert_eq!(code(one("<<: {a: 1}\nb: 2\n").get("<<").unwrap()), "merge-key");
    assert_eq!(one("'<<': 1\n").get("<<").unwrap().value, Value::Number("1".into()));
    let complex = one("? [1, 2]\n: x\nb: 2\n");
    assert_eq!(code(complex.get("?").unwrap()), "key-not-text");
    assert_eq!(complex.get("b").unwrap().value, Value::Number("2".into()));
}

#[test]
fn a_bomb_of_aliases_is_refused_and_costs_no_memory() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    fn count(node: &Node<'_>, bombs: &mut usize) -> usize {
        match &node.value {
            Value::List(items) => 1 + items.iter().map(|item| count(item, bombs)).sum::<usize>(),
            Value::Map(pairs) => 1 + pairs.iter().map(|pair| count(&pair.value, bombs)).sum::<usize>(),
            Value::Problem(problem) => {
                assert_eq!(problem.code, "too-many-aliases");
                *bombs += 1;
                1
            }
            _ => 1,
        }
    }
    let mut bombs = 0;
    let nodes = count(&one(&text), &mut bombs);
    assert!(bombs > 0);
    assert!(nodes <= crate::limits::ALIAS_NODES_MAX + 1000, "{nodes}");
}

#[test]
fn nesting_is_bounded_also_through_aliases() {
    let deep = |levels: usize| format!("{}1{}\n", "[".repeat(levels), "]".repeat(levels));
    fn deepest<'n, 't>(node: &'n Node<'t>) -> &'n Node<'t> {
        match &node.value {
            Value::List(items) => deepest(&items[0]),
            _ => node,
        }
    }
    assert_eq!(deepest(&one(&deep(128))).value, Value::Number("1".into()));
    assert_eq!(code(deepest(&one(&deep(129)))), "too-deep");
    let aliased = format!("a: &x {}b: {}*x{}\n", deep(100), "[".repeat(50), "]".repeat(50));
    assert_eq!(code(deepest(one(&aliased).get("b").unwrap())), "too-deep");
    assert!(parse(&deep(10_000)).broken.is_some());
}

/// Bytes of all keys and texts below a node, and its problems' codes.
fn weigh(node: &Node<'_>, codes: &mut Vec<&'static str>) -> usize {
    match &node.value {
        Value::List(items) => items.iter().map(|item| weigh(item, codes)).sum(),
        Value::Map(pairs) => pairs.iter().map(|pair| pair.key.len() + weigh(&pair.value, codes)).sum(),
        Value::Number(text) | Value::Text(text) | Value::Ambiguous(text) => text.len(),
        Value::Problem(problem) => {
            codes.push(problem.code);
            0
        }
        Value::Null | Value::Bool(_) => 0,
    }
}

#[test]
fn aliases_of_long_texts_and_keys_copy_no_more_than_their_bytes() {
    let long = "k".repeat(100_000);
    let short = "k".repeat(1000);
    let aliases = "*a ,".repeat(1000);
    for anchored in [
        format!("&a |\n  {long}"),
        format!("&a \"\\n{long}\""),
        // Borrowed from the text, yet copied by what is made of the tree.
        format!("&a {long}"),
        format!("&a {{{}}}", vec![format!("{short}: 1"); 100].join(", ")),
        format!("&a [{}]", vec![format!("{{{short}: {short}}}"); 50].join(", ")),
    ] {
        let text = format!("a: {anchored}\nb: [{aliases}]\n");
        let mut codes = Vec::new();
        let bytes = weigh(&one(&text), &mut codes);
        assert!(bytes <= text.len() + crate::limits::ALIAS_BYTES_MAX, "{bytes}");
        assert!(codes.len() > 900 && codes.iter().all(|code| *code == "too-many-aliases"), "{codes:?}");
    }
}

#[test]
fn anchors_around_one_another_keep_no_more_than_their_bytes() {
    let long = "k".repeat(1 << 20);
    let around = |levels: usize| {
        let anchors: String = (0..levels).map(|level| format!("&a{level} [")).collect();
        format!("a: {anchors}\"\\n{long}\"{}\nouter: *a0\n", "]".repeat(levels))
    };
    assert!(weigh(one(&around(2)).get("outer").unwrap(), &mut Vec::new()) > 1 << 20);
    assert_eq!(code(one(&around(10)).get("outer").unwrap()), "too-many-aliases");
}

#[test]
fn long_key_is_a_problem_in_its_place() {
    let key = |len: usize| format!("? {}\n: 1\nb: 2\n", "k".repeat(len));
    assert_eq!(one(&key(8192)).pairs().unwrap()[0].key.len(), 8192);
    let text = key(8193);
    let root = one(&text);
    assert_eq!(code(root.get("?").unwrap()), "key-too-long");
    assert_eq!(root.get("b").unwrap().value, Value::Number("2".into()));
}
