//! The generated pages of the documentation are what the code says. `UPDATE=1 cargo test -p mainsheet-server references`
//! writes them anew.

use std::{fmt::Write, fs, path::Path};

use mainsheet_api::{
    validate::{
        across,
        code::{self, Origin},
        rules::{self, Kept},
    },
    verdict::Severity,
};
use mainsheet_server::{
    auth::sight::{DOORS, Door, GROUP, Needs},
    config::{
        Given, GivenFile, Settings, env_name, parse,
        table::{PATH_SETTINGS, SETTINGS, Setting},
        upstream::UPSTREAM_SETTINGS,
    },
    debug::ENDPOINTS,
    metrics::{SECONDS, Shape, TABLE},
    v1::METHODS,
};

fn is_kept(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, wanted).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == wanted, "docs/{name} is stale: UPDATE=1 cargo test -p mainsheet-server references");
}

#[test]
fn metrics_page_is_the_table_of_metrics() {
    let mut page = String::from("# Metrics\n\nAt `/metrics` of the HTTP port, in Prometheus' text format. ");
    page += "Made of the table in `server/src/metrics/table.rs`.\n\n| name | type | labels | meaning |\n|---|---|---|---|\n";
    for row in TABLE {
        let shape = match row.shape {
            Shape::Counter => "counter",
            Shape::Gauge => "gauge",
            Shape::Histogram => "histogram",
        };
        writeln!(page, "| `{}` | {shape} | {} | {} |", row.name, row.labels.join(", "), row.help).unwrap();
    }
    let buckets: Vec<_> = SECONDS.iter().map(ToString::to_string).collect();
    writeln!(page, "\nUpper ends of the histograms' buckets, in seconds: {}.", buckets.join(", ")).unwrap();
    is_kept("metrics.md", &page);
}

/// The rest of the page is written by hand.
#[test]
fn security_page_has_the_table_of_what_methods_need() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let page = fs::read_to_string(path).unwrap();
    let rows = METHODS.iter().map(|method| format!("| `{}` | {method} |\n", method.name));
    let table = format!("| method | needs |\n|---|---|\n{}\n", rows.collect::<String>());
    if std::env::var_os("UPDATE").is_some() {
        println!("{table}");
    }
    assert!(page.contains(&table), "docs/security.md lacks:\n{table}");
}

#[test]
fn debug_page_is_the_table_of_endpoints() {
    let mut page =
        String::from("# Debug endpoints\n\nOn the HTTP port, read only, in JSON. `/debug` lists them. ");
    page += "A caller has to be granted `get` of the path, and is shown the resources that it may list (docs/security.md).\n\n\
             | path | shows |\n|---|---|\n";
    for endpoint in ENDPOINTS {
        writeln!(page, "| `{}` | {} |", endpoint.path, endpoint.help).unwrap();
    }
    is_kept("debug-api.md", &page);
}

#[test]
fn page_of_doors_is_their_table() {
    let mut page = String::from(
        "# What each way to read needs\n\nEverything else is closed. docs/security.md says what is shown. ",
    );
    page += "Made of the table in `server/src/auth/sight.rs`.\n\n| way | needs |\n|---|---|\n";
    for door in DOORS {
        let needs = match door.needs {
            Needs::Nothing => "nothing".to_owned(),
            Needs::Path => "`get` of its path, as a nonResourceURL".to_owned(),
            Needs::Shown(verbs) => format!("`{}` of what it shows", verbs.join("` and `")),
            Needs::Ours(verb, resource) => format!("`{verb}` of `{resource}` of `{GROUP}`"),
        };
        writeln!(page, "| `{}` | {needs} |", door.name).unwrap();
    }
    is_kept("doors.md", &page);
}

#[test]
fn every_page_is_a_door() {
    for endpoint in ENDPOINTS {
        let is_it = |door: &&Door| door.name == endpoint.path && door.needs == Needs::Path;
        assert!(DOORS.iter().any(|door| is_it(&door)), "{}", endpoint.path);
    }
}

#[test]
fn configuration_page_is_the_table_of_settings() {
    let mut page = String::from(CONFIGURATION_HEAD);
    let defaults = Settings::default();
    for setting in SETTINGS {
        let (name, default) = (setting.name, (setting.get)(&defaults));
        let Setting { help, takes_effect, .. } = setting;
        writeln!(page, "| `{name}` | `{}` | `{default}` | {help} | {takes_effect} |", env_name(name))
            .unwrap();
    }
    page.push('\n');
    page += CONFIGURATION_TAIL;
    is_kept("configuration.md", &page);
}

#[test]
fn validation_page_is_the_tables_of_codes_and_rules() {
    let mut page = String::from(VALIDATION_HEAD);
    for code in code::all().chain(across::code::CODES.iter().copied()) {
        let severity = match code.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let origin = match code.origin {
            Origin::Istiod => "istiod",
            Origin::Crd => "crd",
            Origin::Envoy => "envoy",
            Origin::Kubernetes => "kubernetes",
            Origin::Mainsheet => "mainsheet",
        };
        let kinds = if code.kinds.is_empty() { "all".to_owned() } else { code.kinds.join(", ") };
        let (id, reason, remedy) = (code.id, cell(code.reason), cell(code.remedy));
        writeln!(page, "| `{id}` | {severity} | {origin} | {kinds} | {reason} | {remedy} |").unwrap();
    }
    page += VALIDATION_RULES;
    for rule in rules::all() {
        let kept = match rule.kept {
            Kept::By(codes) => codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", "),
            Kept::Taken => "taken".to_owned(),
            Kept::Elsewhere => "elsewhere".to_owned(),
        };
        writeln!(page, "| {} | {} | {kept} |", rule.id, cell(rule.what)).unwrap();
    }
    is_kept("validation.md", &page);
}

/// A text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const VALIDATION_HEAD: &str = "\
# Validation

What is said of a resource before it is served. An error keeps it from being served, and what was served before stays; a
warning is told and changes nothing. Made of the tables in `api/src/validate/code/`.

The origin says whose rule a code is:

| origin | who | weight |
|---|---|---|
| istiod | istiod's own validation: what it refuses, it would drop without a word | as the table says |
| crd | the schemas of Istio's CRDs, by which Kubernetes refuses; istiod takes it from elsewhere | warning; error with `crd-rules: deny` of `mainsheet serve` and with `mainsheet validate --as kubernetes` |
| envoy | Envoy, of its own kinds | as the table says |
| kubernetes | a Kubernetes API server, of its own kinds | as the table says |
| mainsheet | this server: names that can be told apart, ValidationRules that can be asked, and what is said of a resource in view of others | as the table says |

Codes of origin mainsheet that are about all kinds and come last are said of a resource in view of others.
What the text of a document is refused for before that, by the codec, has codes of its own (`unknown-field` and others); `validation-rule` is what a rule of your own says, `internal` a
document that made mainsheet panic.

## Codes

| code | severity | origin | kinds | what | remedy |
|---|---|---|---|---|---|
";

const VALIDATION_RULES: &str = "\n\
## Rules of istiod

One by one, from `api/src/validate/rules.tsv`, each with a document that breaks it and one that does not in
`api/tests/validation_rules/`. *taken*: no rule, though one might think so; *elsewhere*: no rule of one resource by itself,
or one that no document can break.

| rule | what | codes |
|---|---|---|
";

const CONFIGURATION_HEAD: &str = "\
# Configuration of `mainsheet serve`

Every setting has one name: `--grpc-addr` as a flag, `MAINSHEET_GRPC_ADDR` in the environment, `grpc-addr` in the config
file. Flags win over the environment, the environment over the file, the file over the defaults. All mistakes are told at
once, each with where it was made. The last column says when another value in the file takes effect ([While it
runs](#while-it-runs)). Made of the table in `server/src/config/table.rs`.

| setting | environment | default | meaning | takes effect |
|---|---|---|---|---|
";

const CONFIGURATION_TAIL: &str = "\
Four more:

| setting | is |
|---|---|
| what to serve | the arguments without a flag, `MAINSHEET_PATHS` (separated by `:`), or the list `paths` in the file: directories and files, the strongest first. In the file a path may have a `default-namespace`, `unknown-fields` and `ttl` of its own, which are stronger than those for all, wherever these were given, and `authority: true` (docs/security.md) |
| servers to follow | `--upstream ADDR`, as often as there are, `MAINSHEET_UPSTREAMS` (separated by spaces), or the list `upstreams` in the file: another mainsheet, or istiod's own MCP server (docs/upstream.md), the strongest first, all weaker than the paths. In the file, each may have settings of its own beside its `address`: `name`, `kinds`, `variant`, `node-id`, `default-namespace`, `ca`, `cert`, `key`, `token-file`, `server-name`, `authority` |
| the file | `--config` or `MAINSHEET_CONFIG` |
| `views` | in the file only: who sees what |

Each directory or file is a source of its own, called `files:` and its path as it was given (`files:manifests/examples`).
What several hold is served from the one that is named first, and from the next one when it goes there. Within one path the
first file in alphabetical order wins. No path may be named twice. Above all sources lie what was rolled back (`hold`) and,
below that, what was applied (`api`).

A path that is no longer given is gone at the next start: what it held is removed once every other path was read, so that
what moved to another path is never missing. A log line says how much. The shrink guard looks at it as at any other resync
(`guard-hold`): time to give back a path that was left out by mistake.

Each connection is an open file. At its start the server raises the soft limit of open files (`ulimit -n`) to the hard one,
and warns where `connections-max` and what it needs itself (1408) are still more.

Times are written `100ms`, `1s`, `2m`. A variable that begins with `MAINSHEET_` and names no setting is a mistake, but for
those that Kubernetes sets beside a Service that is called `mainsheet` or `mainsheet-NAME` (`MAINSHEET_SERVICE_HOST`,
`MAINSHEET_PORT` and the like), and `MAINSHEET_SERVER`, which clients read.

`mainsheet serve --print-config` prints the settings that count as a config file that gives the same, each with where it
came from, and serves nothing.

## Unknown fields

What becomes of a document with a field that its kind does not have: one that was misspelt, or one of a version of Istio or
Envoy that is newer than this server.

| `unknown-fields` | the document |
|---|---|
| `strict` | is rejected; what was last good of it stays served |
| `warn` | is served **without the field**, with a warning that names it, its line and column, and the nearest known name: in the log, and from `mainsheet validate --unknown-fields warn` |
| `ignore` | is served **without the field**; nothing is said |

This holds for Istio's kinds and their metadata, for Envoy's resources, and for the messages that are packed in them. The
field is nowhere in what is served, so no client can see it, and neither does the version change with it. What is lost may
be what made a resource safe: an AuthorizationPolicy whose `from` is misspelt allows everybody. So `strict` is the default,
and the others are best set for single paths, such as one that another program writes.

Whatever the setting, these are rejected: a key that stands twice, a value of the wrong type or an unknown word where a
kind lists them, and an unknown key around a list of documents (`items`, `resources`), which may be the list misspelt.

## Resources that end

`ttl`, for all paths or for one, or the annotation `mainsheet.io/ttl` of a resource says how long it lives unless it is
renewed: a lease. `mainsheet.io/ttl: never` is for a resource that its path would give one. Times to live are whole numbers
with units from large to small (`30s`, `1h30m`, `7d`), from `1s` to `3650d`.

A file renews what it holds by being written again, with the same content or another; `touch` is enough. Being read again
renews nothing, so a restart neither forgets a lease nor extends one. What nobody renewed is removed, with the cause `expiry`
and a log line. If its file still has it, it comes back once the file is written again or says something else of it; for that
the last 100,000 that ended are remembered.

Deadlines are kept by uptime: a clock that is set while the server runs ends nothing, and a machine that sleeps does not count
on. Across restarts the calendar counts, and nothing gets more than a whole term by it.

## While it runs

SIGHUP makes the server read its config file again. Flags and variables stay stronger than the file. A log line says of each
setting that has changed what it is now and where that came from; a last one names those that need a restart: `changed, but
needs a restart: grpc-addr`. A file with mistakes changes nothing, and all of its mistakes are logged.

What takes effect *at once* does so for what waits or is held already, too: changes that `debounce-quiet` delays, removals
that the guard holds. Limits that become lower close nothing that is open. What takes effect *for new streams* leaves those
that are open as they are: of the settings in the table above those of xDS, and `views`. `paths` and `upstreams` need a
restart.

## The file

```yaml
paths:
- mesh
- path: generated
  unknown-fields: warn
grpc-addr: 127.0.0.1:15010
debounce-quiet: 50ms
views:
- nodes: sidecar~*
  namespaces: [shop, bank]
- nodes: mainsheet-cli~*
  namespaces: ['*']
```

Without `views` every client sees everything. With them a client sees the namespaces of all rules whose `nodes` match its
node id, `*` standing for any run of characters, and nothing where none does. A node id is what a client says of itself:
views keep honest clients apart, they protect nothing from others. The commands that ask `mainsheet.v1` see everything; `watch`,
`compare` and `get --node` are sinks.
";

#[test]
fn file_of_the_configuration_page_is_read() {
    let (_, rest) = CONFIGURATION_TAIL.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let file = Some(GivenFile { path: "example.yaml".to_owned(), text: Ok(text.to_owned()) });
    let settings = parse(&Given { file, ..Given::default() }).unwrap().settings;
    assert_eq!((settings.paths.len(), settings.views.rules.len()), (2, 2));
}

#[test]
fn configuration_page_names_every_setting_of_a_path() {
    for setting in PATH_SETTINGS {
        assert!(CONFIGURATION_TAIL.contains(&format!("`{}`", setting.name)), "{}", setting.name);
    }
}

#[test]
fn pages_name_every_setting_of_a_server_to_follow() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/upstream.md")).unwrap();
    for setting in UPSTREAM_SETTINGS {
        let (name, help) = (setting.name, setting.help);
        assert!(CONFIGURATION_TAIL.contains(&format!("`{name}`")), "{name}");
        assert!(page.contains(&format!("| `{name}` | {help} |")), "docs/upstream.md: | `{name}` | {help} |");
    }
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let file = Some(GivenFile { path: "example.yaml".to_owned(), text: Ok(text.to_owned()) });
    let settings = parse(&Given { file, ..Given::default() }).unwrap().settings;
    assert_eq!(settings.upstreams.len(), 3);
}

/// The page is written by hand: an alert on a metric that is not there would never ring.
#[test]
fn operations_page_names_metrics_and_settings_that_are_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let page = |name: &str| fs::read_to_string(docs.join(name)).unwrap();
    let (operations, metrics) = (page("operations.md"), page("metrics.md"));
    let words = operations.split(|char: char| !(char.is_ascii_lowercase() || char == '_'));
    let named: Vec<_> = words
        .filter(|word| ["mainsheet_", "process_"].iter().any(|prefix| word.starts_with(prefix)))
        .collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        let name = name.trim_end_matches("_bucket");
        assert!(metrics.contains(&format!("| `{name}` |")), "{name} is no metric");
    }
    let configuration = page("configuration.md");
    for setting in [
        "shutdown-grace",
        "connections-max",
        "streams-per-peer-max",
        "client-bytes-max",
        "guard-hold",
        "history-len",
    ] {
        let is_named = operations.contains(&format!("`{setting}`"));
        assert!(is_named && configuration.contains(&format!("| `{setting}` |")), "{setting}");
    }
}

#[test]
fn command_page_is_what_the_commands_say() {
    let mut page =
        String::from("# Commands\n\nExit codes: 0 done, 1 failed, 2 asked wrongly, 3 not reached in time.\n");
    for command in commands() {
        let lines: Vec<_> =
            said(&[&command, "--help"]).lines().map(|line| line.trim_end().to_owned()).collect();
        write!(page, "\n## `mainsheet {command}`\n\n```text\n{}\n```\n", lines.join("\n")).unwrap();
    }
    is_kept("cli.md", &page);
}

/// Every command, as the program lists them.
fn commands() -> Vec<String> {
    let help = said(&["--help"]);
    let (_, list) = help.split_once("\nCommands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What a command is about may go on in lines that are indented further.
    let names = lines.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    names
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn said(args: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_mainsheet");
    let output = std::process::Command::new(program).args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
