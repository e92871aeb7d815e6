//! That the comparison finds what breaks clients, and nothing else.

use std::path::PathBuf;

use prost_types::FileDescriptorSet;

use super::compare::broken;

const RELEASED: &str = r#"
syntax = "proto3";
package p;
service S {
  rpc Get(A) returns (B);
  rpc Watch(A) returns (stream B);
}
message A {
  string name = 1;
  int32 size = 2;
  optional bool flag = 3;
  oneof to { string text = 4; int64 number = 5; }
  map<string, string> labels = 6;
  repeated string tags = 7;
  E level = 8;
  reserved 9;
  message In { string deep = 1; }
  In inner = 10;
}
message B { A a = 1; }
enum E { E_NONE = 0; E_SOME = 1; }
"#;

fn compiled(text: &str, number: usize) -> FileDescriptorSet {
    let dir: PathBuf =
        std::env::temp_dir().join(format!("mainsheet-released-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("p.proto"), text).unwrap();
    let set = protox::compile(["p.proto"], [&dir]).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    std::fs::remove_dir_all(&dir).unwrap();
    set
}

/// What is written instead of what, and what is to be said of it; nothing where clients go on working.
const CHANGES: [(&str, &str, &str); 27] = [
    ("string name = 1;", "", "p.A.name (1) is gone, and number or name not reserved"),
    ("string name = 1;", "reserved 1;", "p.A.name (1) is gone, and number or name not reserved"),
    ("string name = 1;", "reserved \"name\";", "p.A.name (1) is gone, and number or name not reserved"),
    ("string name = 1;", "reserved 1; reserved \"name\";", ""),
    ("string name = 1;", "string title = 1;", "p.A: number 1 was name and is title"),
    ("string name = 1;", "string name = 11;", "p.A.name (1) is gone, and number or name not reserved"),
    ("string name = 1;", "bytes name = 1;", "p.A.name (1) is of another type"),
    ("int32 size = 2;", "int64 size = 2;", "p.A.size (2) is of another type"),
    ("int32 size = 2;", "repeated int32 size = 2;", "p.A.size (2) is of another type"),
    ("optional bool flag = 3;", "bool flag = 3;", "p.A.flag (3) is of another type"),
    ("int64 number = 5; }", "} int64 number = 5;", "p.A.number (5) moved from oneof Some(\"to\") to None"),
    ("oneof to {", "oneof other {", "p.A.text (4) moved from oneof Some(\"to\") to Some(\"other\")"),
    (
        "map<string, string> labels",
        "map<string, int32> labels",
        "p.A.LabelsEntry.value (2) is of another type",
    ),
    ("repeated string tags = 7;", "string tags = 7;", "p.A.tags (7) is of another type"),
    ("E level = 8;", "int32 level = 8;", "p.A.level (8) is of another type"),
    ("reserved 9;", "string new = 9;", "p.A.new reuses number 9"),
    ("string deep = 1;", "", "p.A.In.deep (1) is gone, and number or name not reserved"),
    ("E_SOME = 1;", "", "p.E.E_SOME is gone"),
    ("E_SOME = 1;", "E_OTHER = 1;", "p.E: 1 was E_SOME and is E_OTHER"),
    ("rpc Get(A) returns (B);", "", "method p.S/Get is gone"),
    ("rpc Get(A) returns (B);", "rpc Get(B) returns (B);", "p.S/Get takes or gives another message"),
    ("rpc Get(A) returns (B);", "rpc Get(A) returns (stream B);", "p.S/Get streams otherwise"),
    ("rpc Watch(A) returns (stream B);", "rpc Watch(A) returns (B);", "p.S/Watch streams otherwise"),
    ("package p;", "package q;", "message p.A is gone"),
    ("message B { A a = 1; }", "message B { A a = 1; string more = 2; }", ""),
    ("E_SOME = 1;", "E_SOME = 1; E_MORE = 2;", ""),
    ("rpc Get(A)", "rpc More(A) returns (A); rpc Get(A)", ""),
];

#[test]
fn what_breaks_clients_is_found_and_nothing_else() {
    let before = compiled(RELEASED, 0);
    assert_eq!(broken(&before, &before), Vec::<String>::new());
    for (number, (from, to, expected)) in (1..).zip(CHANGES) {
        assert_eq!(RELEASED.matches(from).count(), 1, "{from}");
        let found = broken(&before, &compiled(&RELEASED.replace(from, to), number));
        match expected {
            "" => assert_eq!(found, Vec::<String>::new(), "{from} -> {to}"),
            _ => assert!(found.iter().any(|said| said == expected), "{from} -> {to}: {found:?}"),
        }
    }
}
