//! docs/protocol.md says which rule is proved by which test. It stays true.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Where tests live, and parts of the work to which a rule may be put off.
const CRATES: [&str; 5] = ["api", "cache", "sink", "server", "bench"];
const LATER_PARTS: [&str; 1] = ["reconnection storms"];

struct Row {
    rule: String,
    status: String,
    detail: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rows() -> Vec<Row> {
    let document = fs::read_to_string(root().join("docs/protocol.md")).expect("the document");
    document.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [rule, _, status] = cells[..] else { return None };
    let (status, detail) = status.split_once(':')?;
    Some(Row { rule: rule.into(), status: status.into(), detail: detail.trim().into() })
}

fn all_rules() -> BTreeSet<String> {
    (1..=101)
        .map(|number: u32| number.to_string())
        .chain((1..=6).map(|number| format!("X{number}")))
        .collect()
}

fn rust_files(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The source of each test: the comment and attributes above it, and its body.
fn tests() -> BTreeMap<String, String> {
    let mut files = Vec::new();
    for name in CRATES {
        for folder in ["src", "tests"] {
            rust_files(&root().join(name).join(folder), &mut files);
        }
    }
    files.iter().flat_map(|file| tests_of(file)).collect()
}

fn tests_of(file: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = file.lines().collect();
    let is_test = |line: &str| line.trim().starts_with("#[test]") || line.trim().starts_with("#[tokio::test");
    let starts: Vec<usize> = (0..lines.len()).filter(|&index| is_test(lines[index])).collect();
    let mut found = Vec::new();
    for start in starts {
        let above = lines[..start].iter().rev().take_while(|line| line.trim().starts_with("//")).count();
        let Some(name_at) = (start..lines.len()).find(|&index| lines[index].contains("fn ")) else {
            continue;
        };
        let indent = lines[name_at].len() - lines[name_at].trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let end = (name_at..lines.len()).find(|&index| lines[index] == closing).unwrap_or(name_at);
        let name = lines[name_at].split("fn ").nth(1).and_then(|rest| rest.split(['(', '<']).next());
        found.extend(name.map(|name| (name.to_owned(), lines[start - above..=end].join("\n"))));
    }
    found
}

/// The rules that a text cites: "rule 53", "rules 28, 53 and X1", "rules 32 to 35", or a bare "X1".
fn cited(text: &str) -> BTreeSet<String> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let rules = all_rules();
    let mut found: BTreeSet<String> =
        words.iter().filter(|word| word.starts_with('X') && rules.contains(*word)).cloned().collect();
    for (index, word) in words.iter().enumerate() {
        if matches!(word.as_str(), "rule" | "rules" | "Rule" | "Rules") {
            let list = words[index + 1..]
                .iter()
                .take_while(|word| rules.contains(*word) || matches!(word.as_str(), "and" | "to"));
            cite_list(&list.map(String::as_str).collect::<Vec<_>>(), &mut found);
        }
    }
    found
}

fn cite_list(list: &[&str], found: &mut BTreeSet<String>) {
    found.extend(list.iter().filter(|word| !matches!(**word, "and" | "to")).map(ToString::to_string));
    for span in list.windows(3).filter(|span| span[1] == "to") {
        if let (Ok(first), Ok(last)) = (span[0].parse::<u32>(), span[2].parse::<u32>()) {
            found.extend((first..=last).map(|number| number.to_string()));
        }
    }
}

#[test]
fn every_rule_has_one_row_with_a_status() {
    let rows = rows();
    let listed: Vec<String> = rows.iter().map(|row| row.rule.clone()).collect();
    let distinct: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(distinct.len(), listed.len(), "a rule has two rows");
    assert_eq!(distinct, all_rules());
    for Row { rule, status, detail } in rows {
        match status.as_str() {
            "tested" | "not applicable" => assert!(!detail.is_empty(), "rule {rule}: no detail"),
            "postponed" => {
                assert!(LATER_PARTS.contains(&detail.as_str()), "rule {rule}: `{detail}` is no part")
            }
            other => panic!("rule {rule}: `{other}` is no status"),
        }
    }
}

#[test]
fn every_test_of_the_table_exists_and_cites_its_rule() {
    let tests = tests();
    let mut mistakes = Vec::new();
    for row in rows().iter().filter(|row| row.status == "tested") {
        for name in row.detail.split(',').map(str::trim) {
            match tests.get(name) {
                None => mistakes.push(format!("rule {}: there is no test `{name}`", row.rule)),
                Some(source) if !cited(source).contains(&row.rule) => {
                    mistakes.push(format!("rule {}: `{name}` does not cite it", row.rule));
                }
                Some(_) => {}
            }
        }
    }
    assert_eq!(mistakes, [""; 0]);
}

#[test]
fn citations_are_read_as_people_write_them() {
    let cases = [
        ("/// rule 53", vec!["53"]),
        ("/// rules 28, 53 and X1: text 7", vec!["28", "53", "X1"]),
        ("/// (rules 32 to 35, 58)", vec!["32", "33", "34", "35", "58"]),
        ("/// X3: text", vec!["X3"]),
        ("/// rulers 5", vec![]),
    ];
    for (text, expected) in cases {
        assert_eq!(cited(text), expected.into_iter().map(str::to_owned).collect(), "{text}");
    }
}
