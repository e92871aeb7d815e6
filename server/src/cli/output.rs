//! How commands print.

use comfy_table::{ContentArrangement, Table, presets};

/// A table as kubectl prints it: columns of text, three blanks between them, no lines.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let lines = table.to_string();
    lines.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_no_lines_and_no_blanks_at_the_end() {
        let text = table(&["NAMESPACE", "NAME"], [vec!["shop".into(), "reviews".into()]]);
        assert_eq!(text, "NAMESPACE   NAME\nshop        reviews\n");
    }
}
