//! Changes, printed as they come: there may be many.

use std::io::{self, Write};

use mainsheet_api::generated::mainsheet::v1 as pb;

use super::show::{self, Format};
use crate::cli::terminal::Paint;

/// Prints changes one after the other.
pub(in crate::cli) struct Printer<'a> {
    format: Format,
    paint: Paint,
    out: &'a mut (dyn Write + Send),
    has_begun: bool,
    changes: usize,
}

impl<'a> Printer<'a> {
    pub(in crate::cli) fn new(format: Format, out: &'a mut (dyn Write + Send)) -> Self {
        Self { format, paint: Paint::of_output(), out, has_begun: false, changes: 0 }
    }

    /// Between which revisions they are, 0 being what would be. Counts once.
    pub(in crate::cli) fn begin(&mut self, from: u64, to: u64) -> io::Result<()> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        match self.format {
            Format::Json => write!(self.out, "{{\"from\":{from},\"to\":{to},\"changes\":["),
            Format::Text | Format::Yaml => Ok(()),
        }
    }

    pub(in crate::cli) fn change(&mut self, change: &pb::Change) -> io::Result<()> {
        self.changes += 1;
        match self.format {
            Format::Text => write!(self.out, "{}", show::text(change, self.paint)),
            Format::Yaml => write!(self.out, "{}", show::yaml(change, self.paint)),
            Format::Json => {
                let comma = if self.changes > 1 { "," } else { "" };
                write!(self.out, "{comma}\n{}", show::json(change))
            }
        }
    }

    /// How many there were.
    pub(in crate::cli) fn end(mut self) -> io::Result<usize> {
        self.begin(0, 0)?;
        if self.format == Format::Json {
            writeln!(self.out, "]}}")?;
        }
        self.out.flush()?;
        Ok(self.changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: Format, len: usize) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(format, &mut out);
        printer.begin(41, 43).unwrap();
        printer.begin(0, 0).unwrap();
        (0..len).for_each(|_| printer.change(&pb::Change::default()).unwrap());
        assert_eq!(printer.end().unwrap(), len);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_one_document_however_many_there_are() {
        for len in 0..3 {
            let document: serde_json::Value = serde_json::from_str(&printed(Format::Json, len)).unwrap();
            assert_eq!((document["from"].as_u64(), document["to"].as_u64()), (Some(41), Some(43)));
            assert_eq!(document["changes"].as_array().map(Vec::len), Some(len));
        }
    }

    #[test]
    fn nothing_is_printed_for_people_where_nothing_differs() {
        assert_eq!(printed(Format::Text, 0), "");
    }
}
