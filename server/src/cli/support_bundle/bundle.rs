//! What was collected, and what could not be: masked, and of bounded size. Pure.

use mainsheet_api::time::Timestamp;

use super::{mask::mask, moment};

/// Bytes of one file. The verdicts of some 20,000 documents; metrics take some 100 KiB.
pub(super) const FILE_BYTES_MAX: usize = 8 << 20;

/// Bytes of all files, before they are compressed: small enough to be kept in memory, and to be attached to a ticket.
const ALL_BYTES_MAX: usize = 32 << 20;

/// Bytes of why something is missing: an error's page may come instead of it.
const REASON_BYTES_MAX: usize = 500;

/// One file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Collected {
    pub(super) name: String,
    pub(super) text: String,
}

/// Files in the order in which they were collected.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    files: Vec<Collected>,
    missing: Vec<String>,
}

impl Bundle {
    /// Takes a file, or why there is none.
    pub(super) fn take(&mut self, name: &str, text: anyhow::Result<String>) {
        match text {
            Ok(text) => self.add(name, &text),
            Err(error) => self.miss(name, &format!("{error:#}")),
        }
    }

    /// Takes a file as far as there is room for it.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        let all: usize = self.files.iter().map(|file| file.text.len()).sum();
        let mut text = mask(text);
        let room = FILE_BYTES_MAX.min(ALL_BYTES_MAX.saturating_sub(all));
        if text.len() > room {
            text.truncate(text.floor_char_boundary(room));
            self.miss(name, &format!("all but the first {} bytes", text.len()));
        }
        self.files.push(Collected { name: name.to_owned(), text });
    }

    /// Remembers that a file, or a part of it, could not be had.
    pub(super) fn miss(&mut self, name: &str, reason: &str) {
        let mut reason = mask(reason).split_whitespace().collect::<Vec<_>>().join(" ");
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        self.missing.push(format!("{name}: {reason}"));
    }

    /// Nothing was had.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// A line each.
    pub(super) fn missing(&self) -> &[String] {
        &self.missing
    }

    /// All files, the first of which says what they are.
    pub(super) fn finish(self, now: Timestamp) -> Vec<Collected> {
        let readme = Collected { name: "README.txt".into(), text: self.readme(now) };
        [readme].into_iter().chain(self.files).collect()
    }

    fn readme(&self, now: Timestamp) -> String {
        let list = |lines: Vec<String>| match lines.is_empty() {
            true => "- nothing\n".to_owned(),
            false => lines.iter().map(|line| format!("- {line}\n")).collect(),
        };
        let files = self.files.iter().map(|file| format!("{}, {} bytes", file.name, file.text.len()));
        format!(
            "What `mainsheet support-bundle` {} collected at {}.\n\n\
             What looks secret is masked as ***. Names, and addresses of nodes, are not.\n\n\
             Collected:\n{}\nMissing:\n{}",
            env!("CARGO_PKG_VERSION"),
            moment(now),
            list(files.collect()),
            list(self.missing.clone()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_names_what_there_is_and_what_is_missing() {
        let mut bundle = Bundle::default();
        bundle.take("a.txt", Ok("abc\n".into()));
        bundle.take("b.txt", Err(anyhow::anyhow!("no token=abc\n  here").context("get it")));
        let files = bundle.finish(Timestamp(0));
        let expected = format!(
            "What `mainsheet support-bundle` {} collected at 1970-01-01T00:00:00Z.\n\n\
             What looks secret is masked as ***. Names, and addresses of nodes, are not.\n\n\
             Collected:\n- a.txt, 4 bytes\n\nMissing:\n- b.txt: get it: no token=*** here\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(files[0].text, expected);
        assert_eq!(files[1], Collected { name: "a.txt".into(), text: "abc\n".into() });
    }

    #[test]
    fn each_file_and_all_of_them_are_cut_at_their_bounds() {
        let mut bundle = Bundle::default();
        let large = "é".repeat(FILE_BYTES_MAX);
        (0..6).for_each(|number| bundle.add(&format!("{number}.txt"), &large));
        let sizes: Vec<_> = bundle.files.iter().map(|file| file.text.len()).collect();
        assert_eq!(sizes, [vec![FILE_BYTES_MAX; 4], vec![0; 2]].concat());
        assert_eq!(bundle.missing()[0], format!("0.txt: all but the first {FILE_BYTES_MAX} bytes"));
        assert_eq!(bundle.missing()[5], "5.txt: all but the first 0 bytes");
        bundle.miss("x", &"long ".repeat(1000));
        assert_eq!(bundle.missing()[6].len(), "x: ".len() + REASON_BYTES_MAX);
    }
}
