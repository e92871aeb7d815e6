//! Tables as kubectl prints them: columns of text, three blanks between them, no lines.

/// What is between two columns.
const GAP: usize = 3;

/// A table of which rows come bit by bit: columns grow with what they hold, and what is printed stays as it is.
#[derive(Debug, Default)]
pub(in crate::cli) struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// These rows as lines, below those before them.
    pub(in crate::cli) fn lines(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            self.widths.resize(self.widths.len().max(row.len()), 0);
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(letters(cell));
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&self.widths) {
            line.push_str(&printable(cell));
            line.extend(std::iter::repeat_n(' ', width - letters(cell) + GAP));
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

fn letters(cell: &str) -> usize {
    cell.chars().count()
}

/// What a client says of itself must not move the cursor, or begin a line.
fn printable(cell: &str) -> String {
    cell.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A whole table.
pub(in crate::cli) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let header = header.iter().map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> = [header].into_iter().chain(rows).collect();
    Columns::default().lines(&rows)
}

/// A table without a header.
pub(in crate::cli) fn lines(rows: &[Vec<String>]) -> String {
    Columns::default().lines(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_no_lines_and_no_blanks_at_the_end() {
        let text = table(&["NAMESPACE", "NAME"], [vec!["shop".into(), "reviews".into()]]);
        assert_eq!(text, "NAMESPACE   NAME\nshop        reviews\n");
    }

    #[test]
    fn columns_grow_with_later_rows() {
        let mut columns = Columns::default();
        let row = |text: &str| vec![text.to_owned(), "x".to_owned()];
        assert_eq!(columns.lines(&[row("a"), row("bb")]), "a    x\nbb   x\n");
        assert_eq!(columns.lines(&[row("a"), row("ccc")]), "a     x\nccc   x\n");
        assert_eq!(columns.lines(&[row("a")]), "a     x\n");
    }

    #[test]
    fn cells_are_counted_in_letters_and_stay_within_their_line() {
        assert_eq!(table(&["é", "B"], [vec!["a\nb".into(), "\u{1b}[2J".into()]]), "é     B\na b    [2J\n");
    }
}
