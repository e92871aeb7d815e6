//! The lines that findings are about.

use std::{collections::HashMap, fs};

/// Texts of files, read when a line of them is asked for.
#[derive(Debug, Default)]
pub(super) struct Texts {
    by_file: HashMap<String, Text>,
}

/// A text and where its lines begin: there may be as many findings as lines.
#[derive(Debug)]
struct Text {
    text: String,
    starts: Vec<usize>,
}

impl Texts {
    /// Remembers a text that can't be read again.
    pub(super) fn keep(&mut self, file: &str, text: String) {
        self.by_file.insert(file.to_owned(), Text::new(text));
    }

    /// Line `number`, from 1. `None` where there is no such line, or the file has gone meanwhile.
    pub(super) fn line(&mut self, file: &str, number: u32) -> Option<&str> {
        if !self.by_file.contains_key(file) {
            // Only the findings lose their lines where it can't be read.
            self.keep(file, fs::read_to_string(file).unwrap_or_default());
        }
        self.by_file.get(file)?.line(usize::try_from(number).ok()?)
    }
}

impl Text {
    fn new(text: String) -> Self {
        let starts = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    fn line(&self, number: usize) -> Option<&str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        self.text[start..].lines().next()
    }
}
