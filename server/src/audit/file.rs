//! The audit log on disk: a file that is only added to, and older ones beside it.
//!
//! A file that is full gets a last line that closes it, and its first line's number as a suffix: `audit.log.00000000000000004711`.
//! Whatever the server finds that is not what it wrote it keeps, and goes on in another file.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use mainsheet_api::time::Timestamp;

use super::{
    chain::{Head, read, seal},
    verify::Verifier,
};
use crate::private;

/// Digits of a rotated file's suffix: of any 64-bit number.
const SUFFIX_LEN: usize = 20;

/// The format of the lines, which the first one of each file tells.
const FORMAT: u32 = 1;

/// When a file is full, and how many full ones are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) bytes_max: u64,
    pub(crate) kept: usize,
}

/// The file that is added to.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    /// Bytes of whole lines.
    len: u64,
    /// The number of its first line.
    first: u64,
    head: Head,
    /// What is behind `len` was not written whole.
    is_torn: bool,
    /// Its last line closes it.
    is_closed: bool,
}

/// What a file holds.
struct Found {
    /// Bytes of whole lines, and of what is behind them.
    len: u64,
    torn: u64,
    first: u64,
    head: Option<Head>,
    is_closed: bool,
    problems: Vec<String>,
}

impl LogFile {
    /// Opens the file, or begins it, and goes on where the newest line ends.
    ///
    /// # Errors
    /// Where it can't be read or written.
    pub(crate) fn open(path: &Path, rotation: Rotation, at: Timestamp) -> io::Result<Self> {
        let mut file = private::open_options();
        let file = file.create(true).append(true).open(path)?;
        private::narrow(path)?;
        let found = look(path, false)?;
        let mut log = Self {
            path: path.to_owned(),
            rotation,
            file,
            len: found.len,
            first: found.first,
            head: found.head.unwrap_or(Head::NONE),
            is_torn: found.torn > 0,
            is_closed: found.is_closed,
        };
        if found.len == 0 && found.torn == 0 {
            log.head = newest_rotated(path)?;
            return log.begin(at).map(|()| log);
        }
        if !found.problems.is_empty() {
            tell_broken(path, &found.problems);
            log.set_aside()?;
            return log.begin(at).map(|()| log);
        }
        if found.torn > 0 {
            log.mend()?;
            tracing::warn!(path = %path.display(), bytes = found.torn, "the audit log ended in the middle of a line, which was taken off");
            log.append(&[told("recovered", at, &format!(r#","bytes":{}"#, found.torn))], at)?;
        }
        Ok(log)
    }

    /// How far the chain goes.
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// Makes it write elsewhere, as where a disk fails.
    #[cfg(test)]
    pub(super) fn replace_file(&mut self, file: File) {
        self.file = file;
    }

    /// Adds lines with these bodies: all of them, durably, or none.
    ///
    /// # Errors
    /// Where they can't be written. They can be given again.
    pub(crate) fn append(&mut self, bodies: &[String], at: Timestamp) -> io::Result<()> {
        self.mend()?;
        let more: usize = bodies.iter().map(String::len).sum();
        if self.is_closed || self.len + more as u64 > self.rotation.bytes_max {
            self.rotate(at)?;
        }
        self.write(bodies)
    }

    fn write(&mut self, bodies: &[String]) -> io::Result<()> {
        let (mut head, mut text) = (self.head, String::new());
        for body in bodies {
            let (line, next) = seal(head, body);
            text += &line;
            head = next;
        }
        self.is_torn = true;
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        (self.is_torn, self.head) = (false, head);
        self.len += text.len() as u64;
        Ok(())
    }

    /// Takes off what was not written whole.
    fn mend(&mut self) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.len)?;
            self.is_torn = false;
        }
        Ok(())
    }

    /// Closes the file and begins the next one. Goes on where it failed.
    fn rotate(&mut self, at: Timestamp) -> io::Result<()> {
        if !self.is_closed {
            self.write(&[told("rotated", at, "")])?;
            self.is_closed = true;
        }
        self.set_aside()?;
        self.begin(at)?;
        tracing::info!(path = %self.path.display(), head = %self.head, "the audit log was rotated");
        self.forget_old();
        Ok(())
    }

    /// Renames the file, over nothing.
    fn set_aside(&mut self) -> io::Result<()> {
        if !fs::exists(&self.path)? {
            return Ok(());
        }
        let mut aside = rotated_path(&self.path, self.first);
        while fs::exists(&aside)? {
            aside.as_mut_os_string().push(".again");
        }
        fs::rename(&self.path, aside)
    }

    /// Begins a file of its own.
    fn begin(&mut self, at: Timestamp) -> io::Result<()> {
        self.file = private::open_options().create(true).append(true).open(&self.path)?;
        (self.len, self.is_torn) = (0, true);
        self.mend()?;
        self.write(&[told("begun", at, &format!(r#","format":{FORMAT}"#))])?;
        (self.first, self.is_closed) = (self.head.seq, false);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn forget_old(&self) {
        let rotated = rotated_files(&self.path).unwrap_or_default();
        let old = rotated.len().saturating_sub(self.rotation.kept);
        for path in &rotated[..old] {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "an old audit log can't be deleted");
            }
        }
    }
}

/// The body of a line about the log itself.
pub(super) fn told(action: &str, at: Timestamp, more: &str) -> String {
    let at = humantime::format_rfc3339_millis(at.to_system_time());
    format!(r#"{{"action":"{action}","at":"{at}"{more}}}"#)
}

/// Whether a file has the name of one that was rotated, whatever the log is called.
pub(crate) fn is_rotated(path: &Path) -> bool {
    let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    suffix.len() == SUFFIX_LEN && suffix.bytes().all(|c| c.is_ascii_digit())
}

fn rotated_path(path: &Path, first: u64) -> PathBuf {
    let mut rotated = path.to_owned();
    rotated.as_mut_os_string().push(format!(".{first:0SUFFIX_LEN$}"));
    rotated
}

/// The files that were rotated, the oldest first.
fn rotated_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let candidate = entry?.path();
        if is_rotated(&candidate) && candidate.file_stem() == path.file_name() {
            found.push(candidate);
        }
    }
    found.sort();
    Ok(found)
}

/// Where the newest file that was rotated ends.
fn newest_rotated(path: &Path) -> io::Result<Head> {
    let Some(newest) = rotated_files(path)?.pop() else { return Ok(Head::NONE) };
    let Found { head, problems, .. } = look(&newest, true)?;
    tell_broken(&newest, &problems);
    Ok(head.unwrap_or(Head::NONE))
}

fn tell_broken(path: &Path, problems: &[String]) {
    for problem in problems {
        tracing::error!(path = %path.display(), problem, "the audit log is not what was written; it is kept as it is");
    }
}

/// Problems of one file that are logged: what is wrong once is mostly wrong behind it, too.
const PROBLEMS_MAX: usize = 5;

fn look(path: &Path, is_rotated: bool) -> io::Result<Found> {
    let mut verifier = Verifier::default();
    verifier.file(&path.to_string_lossy(), is_rotated);
    let (mut len, mut torn, mut is_closed) = (0, 0, false);
    let (mut reader, mut line) = (BufReader::new(File::open(path)?), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        match line.strip_suffix(b"\n") {
            Some(whole) => {
                verifier.line(whole);
                is_closed = read(whole).is_ok_and(|line| line.closes);
                len += line.len() as u64;
            }
            None => torn = line.len() as u64,
        }
        line.clear();
    }
    let verified = verifier.finish();
    let problems = verified.problems.iter().take(PROBLEMS_MAX).map(ToString::to_string).collect();
    Ok(Found { len, torn, first: verified.first.unwrap_or(1), head: verified.head, is_closed, problems })
}

#[cfg(test)]
mod tests;
