//! The shape of the house: arrows between modules, no dead file, no file that is too long, a map that is true.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Which modules of a crate must not name which others of it. Between crates, Cargo sees to it.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("api", "wire", &["codec", "validate"]),
    ("api", "xds", &["codec", "validate"]),
    ("api", "codec", &["validate", "xds"]),
    ("api", "validate", &["xds"]),
    ("cache", "store", &["cache", "fold", "snapshot", "history"]),
    ("cache", "fold", &["cache", "store::memory", "store::redb"]),
    ("server", "source", &["intake", "stream", "sinks", "http", "debug", "cli", "app", "config", "metrics"]),
    ("server", "intake", &["stream", "sinks", "http", "debug", "cli", "app", "config", "metrics"]),
    ("server", "inspection", &["stream", "sinks", "http", "debug", "intake", "cache", "app", "config"]),
    ("server", "stream", &["source", "intake", "http", "debug", "cli", "app", "config"]),
    ("server", "sinks", &["source", "intake", "stream", "http", "debug", "cli", "app", "config"]),
    ("server", "http", &["source", "stream", "cli", "app", "config"]),
    ("server", "debug", &["source", "stream", "http", "cli", "app", "config"]),
    ("server", "config", &["http", "debug", "cli", "app", "metrics", "sinks"]),
    (
        "server",
        "clashes",
        &["source", "intake", "stream", "sinks", "http", "debug", "cli", "app", "config", "metrics"],
    ),
    (
        "server",
        "verdicts",
        &["source", "intake", "stream", "sinks", "http", "debug", "cli", "app", "config", "metrics"],
    ),
    ("server", "app", &["cli"]),
];

/// Words that belong in no committed file: marks of unfinished work.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("];

/// Lines of a source file without its tests after which it wants splitting.
const LINES_MAX: usize = 400;

const CRATES: &[&str] = &["api", "cache", "sink", "server", "bench"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below `dir` with this extension, sorted.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|ext| ext == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Source files of all crates, tests and harnesses included, generated ones not.
fn sources() -> Vec<PathBuf> {
    let all = CRATES.iter().flat_map(|name| files(&root().join(name), "rs"));
    all.filter(|path| !path.components().any(|part| part.as_os_str() == "generated")).collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

/// The files of a module: `x.rs` and everything below `x/`, its tests left out.
fn module_files(krate: &str, module: &str) -> Vec<PathBuf> {
    let src = root().join(krate).join("src");
    let mut found = files(&src.join(module), "rs");
    found.extend(Some(src.join(format!("{module}.rs"))).filter(|path| path.exists()));
    found.retain(|path| path.file_name().is_some_and(|name| name != "tests.rs"));
    found
}

#[test]
fn arrows_between_modules_point_one_way() {
    for (krate, module, banned) in ARROWS {
        let files = module_files(krate, module);
        assert!(!files.is_empty(), "{krate}/src has no module `{module}`");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for target in names_of_own_crate(code) {
                let hit = banned
                    .iter()
                    .find(|banned| target == **banned || target.starts_with(&format!("{banned}::")));
                assert_eq!(hit, None, "{} names crate::{target}", relative(&file));
            }
        }
    }
}

/// What follows `crate::` in code, groups opened: `crate::{a::b, c}` gives `a::b` and `c`.
fn names_of_own_crate(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => names.extend(path_at(rest)),
            Some(group) => {
                let mut depth = 1;
                let mut start = true;
                for (index, letter) in group.char_indices() {
                    if start && letter.is_alphabetic() && depth == 1 {
                        names.extend(path_at(&group[index..]));
                        start = false;
                    }
                    match letter {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' => start = true,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    names
}

fn path_at(text: &str) -> Option<String> {
    let end =
        text.find(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter))).unwrap_or(text.len());
    Some(text[..end].trim_end_matches(':').to_owned()).filter(|path| !path.is_empty())
}

#[test]
fn every_source_file_belongs_to_a_module() {
    for file in sources() {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let dir = file.parent().unwrap();
        let holds_roots = ["examples", "benches", "fuzz_targets"].iter().any(|folder| dir.ends_with(folder));
        if ["lib", "main"].contains(&name.as_str()) || holds_roots {
            continue;
        }
        let (name, dir) = match name.as_str() {
            "mod" => (dir.file_name().unwrap().to_string_lossy().into_owned(), dir.parent().unwrap()),
            _ => (name, dir),
        };
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|parent| dir.join(parent));
        let declared = parents
            .into_iter()
            .chain(Some(dir.with_extension("rs")))
            .filter_map(|parent| fs::read_to_string(parent).ok())
            .any(|text| text.lines().any(|line| line.trim_end().ends_with(&format!("mod {name};"))));
        assert!(declared, "{} is declared by no module", relative(&file));
    }
}

#[test]
fn files_are_short_enough_to_read() {
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let is_test = relative(&file).contains("/tests/") || file.ends_with("tests.rs");
        let lines = code.lines().count();
        assert!(is_test || lines <= LINES_MAX, "{} has {lines} lines: split it", relative(&file));
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let this_file = Path::new(file!()).file_name().unwrap();
    for file in sources().into_iter().filter(|file| file.file_name() != Some(this_file)) {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let mark = UNFINISHED.iter().find(|mark| line.contains(*mark));
            assert_eq!(mark, None, "{}:{}", relative(&file), number + 1);
        }
    }
}

#[test]
fn only_the_command_line_prints() {
    for file in files(&root().join("server/src"), "rs") {
        let name = relative(&file);
        let text = fs::read_to_string(&file).unwrap();
        let prints = ["println!(", "print!("].iter().any(|print| text.contains(print));
        assert!(
            !prints || name.starts_with("server/src/cli/") || name == "server/src/main.rs",
            "{name} prints"
        );
    }
}

/// Paths in backquotes, as documents name them.
fn paths_named_in(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        let first = word.split('/').next().unwrap_or_default();
        word.contains('/')
            && !word.contains([' ', '*', '<', '{', ':', '$'])
            && [CRATES, &["docs", "manifests"]].concat().contains(&first)
    };
    quoted.filter(is_path).map(str::to_owned).collect()
}

#[test]
fn documents_name_files_that_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for path in paths_named_in(&text) {
            assert!(root().join(&path).exists(), "{document} names `{path}`, which does not exist");
        }
    }
}

/// A row that lost its type misleads: rename it, or take it out.
#[test]
fn the_glossary_names_types_that_exist() {
    let text = fs::read_to_string(root().join("docs/glossary.md")).unwrap();
    let (_, rows) = text.split_once("| type | where | is |\n|---|---|---|\n").expect("the table of types");
    for row in rows.lines() {
        let cells: Vec<&str> = row.split('|').collect();
        let quoted = |cell: usize| cells[cell].split('`').skip(1).step_by(2);
        for folder in quoted(2) {
            let code: String = files(&root().join(folder), "rs")
                .iter()
                .map(|file| fs::read_to_string(file).unwrap())
                .collect();
            for name in quoted(1) {
                let is_declared = ["struct", "enum", "trait", "type"].iter().any(|word| {
                    let declared = format!("{word} {name}");
                    code.match_indices(&declared)
                        .any(|(at, _)| !code[at + declared.len()..].starts_with(char::is_alphanumeric))
                });
                assert!(is_declared, "docs/glossary.md: `{folder}` declares no `{name}`");
            }
        }
    }
}

#[test]
fn the_map_shows_every_module() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(text.lines().count() <= 300, "ARCHITECTURE.md is a map, not the territory");
    let named = paths_named_in(&text);
    for krate in ["api", "cache", "sink", "server"] {
        for entry in fs::read_dir(root().join(krate).join("src")).unwrap() {
            let path = entry.unwrap().path();
            let name = relative(&path);
            let known = ["lib.rs", "main.rs", "error.rs"].iter().any(|known| path.ends_with(known));
            let shown = known || named.contains(&name) || named.contains(&format!("{name}/"));
            assert!(shown, "ARCHITECTURE.md does not show `{name}`");
        }
    }
}
