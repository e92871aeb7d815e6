//! A comparison for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::comparison::{Comparison, Different, Field, Named};

/// Each resource that differs on a line, fields below it, and a count of everything.
pub(super) fn render(comparison: &Comparison, ignored: usize) -> String {
    let mut text = String::new();
    let mut line = |word: &str, named: &Named| {
        text += &format!("{word:<19} {} {}/{}\n", named.kind, named.namespace, named.name);
    };
    comparison.only_in_istiod.iter().for_each(|named| line("only in istiod", named));
    comparison.only_in_mainsheet.iter().for_each(|named| line("only in mainsheet", named));
    for Different { named, fields } in &comparison.different {
        text += &format!("{:<19} {} {}/{}\n", "differs", named.kind, named.namespace, named.name);
        for Field { path, istiod, mainsheet } in fields {
            let _ =
                writeln!(text, "    {path}: {} in istiod, {} in mainsheet", shown(istiod), shown(mainsheet));
        }
    }
    let Comparison { only_in_istiod, only_in_mainsheet, different, same } = comparison;
    let _ = writeln!(
        text,
        "{same} the same, {} different, {} only in istiod, {} only in mainsheet, {ignored} of kinds that are not served",
        different.len(),
        only_in_istiod.len(),
        only_in_mainsheet.len(),
    );
    text
}

fn shown(value: &Value) -> String {
    if value.is_null() { "nothing".to_owned() } else { value.to_string() }
}
