//! The config file.

use mainsheet_server::config::{Given, GivenFile, Mistake, Origin, parse, print, table::SETTINGS};

use super::text::Page;

pub(super) const WORDS: &[&str] = &[
    "paths:",
    "upstreams:",
    "views:",
    "path: ",
    "address: ",
    "nodes: ",
    "namespaces: ",
    "unknown-fields: warn",
    "ttl: 10m",
    "variant: sotw",
    "kinds: vs",
    "name: ",
    "grpc-addr: ",
    "localhost:1",
    "[::1]:15010",
    "xds://a:1",
    "true",
    "yes",
    "~",
    "null",
    "unlimited",
    "never",
    "none",
    "1ms",
    "24h",
    "64MiB",
    "0x1f",
    "1_000",
    "\n- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "|\n",
    "#",
    "\n---\n",
    "\t",
    "\u{feff}",
    "\u{85}",
    "\u{1b}",
];

const FILES: &[&str] = &[
    "paths: [mesh]\nstore: memory\ngrpc-addr: 127.0.0.1:0\nhttp-addr: \"[::1]:15014\"\nguard-hold: 90s\n",
    "paths:\n- mesh\n- {path: 'no', unknown-fields: warn, ttl: 10m, default-namespace: shop}\n",
    "upstreams: ['x:1', {address: [y:1, y:2], name: '7', kinds: vs, variant: sotw}]\nhistory-bytes: 64MiB\n",
    "paths: [a]\nviews:\n- nodes: 'sidecar~*'\n  namespaces: [shop, \"b\"]\n- {nodes: '*', namespaces: []}\n",
    "# nothing but a path\npaths: [\"a b\"]\nallow-plaintext-beyond-loopback: true\ngrpc-addr: 0.0.0.0:1\n",
];

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let all = parse(&given(FILES[1])).map(|effective| print(&effective)).unwrap_or_default();
    FILES.iter().map(|text| text.as_bytes().to_vec()).chain([all.into_bytes()]).collect()
}

fn given(text: &str) -> Given {
    let file = GivenFile { path: "m.yaml".to_owned(), text: Ok(text.to_owned()) };
    Given { file: Some(file), ..Given::default() }
}

pub(super) fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match parse(&given(&text)) {
        Ok(effective) => {
            let printed = print(&effective);
            let again = parse(&given(&printed));
            let again =
                again.unwrap_or_else(|mistakes| panic!("{mistakes:?} in what was printed:\n{printed}"));
            assert_eq!(again.settings, effective.settings, "{printed}");
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            let page = Page::of(&text);
            mistakes.iter().for_each(|mistake| check(mistake, &page));
        }
    }
}

fn check(Mistake { origin, wrong, right }: &Mistake, page: &Page) {
    assert!(!wrong.is_empty() && !right.is_empty(), "a mistake that says nothing");
    match origin {
        Origin::File { path, position } => {
            assert_eq!(path, "m.yaml");
            page.check(*position);
        }
        // What is missing stands nowhere, and defaults may not go with what is set.
        Origin::Default => {
            let is_named = SETTINGS.iter().any(|setting| wrong.contains(&format!("`{}`", setting.name)));
            assert!(is_named || wrong == "nothing to serve", "{wrong}");
        }
        Origin::Environment(_) | Origin::Flag(_) => panic!("{origin} was not given"),
    }
}
