//! The generated pages of the documentation are what the code says. `UPDATE=1 cargo test -p mainsheet-server references`
//! writes them anew.

use std::{fmt::Write, fs, path::Path};

use mainsheet_server::{
    debug::ENDPOINTS,
    metrics::{SECONDS, Shape, TABLE},
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

#[test]
fn debug_page_is_the_table_of_endpoints() {
    let mut page =
        String::from("# Debug endpoints\n\nOn the HTTP port, read only, in JSON. `/debug` lists them. ");
    page += "They show everything, whatever a client may see: keep the port to those who may.\n\n| path | shows |\n|---|---|\n";
    for endpoint in ENDPOINTS {
        writeln!(page, "| `{}` | {} |", endpoint.path, endpoint.help).unwrap();
    }
    is_kept("debug.md", &page);
}
