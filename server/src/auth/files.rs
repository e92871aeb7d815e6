//! Files that are read again while the server runs: certificates, keys, deny lists.
//!
//! They are looked at from time to time, all that belongs together at once: kernels tell nothing of network file systems, and
//! a mount of Kubernetes is a chain of links, each of which may change. What differs is taken once two looks saw the same, so
//! that neither a file that is being written nor a certificate without its key is.

use std::{
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use mainsheet_api::limits::CREDENTIAL_FILE_BYTES_MAX;
use mainsheet_cache::blocking;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::alarms::Alarms;

/// Between two looks: a new file is taken within a second.
const LOOK_INTERVAL: Duration = Duration::from_millis(400);

/// Files that belong together.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// What they are, for people and metrics.
    pub(crate) name: &'static str,
    pub(crate) paths: Arc<[PathBuf]>,
}

/// What is in them, in their order, or why they can't be read.
pub(crate) type Contents = Result<Vec<Vec<u8>>, String>;

impl Files {
    pub(crate) fn new(name: &'static str, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { name, paths: paths.into_iter().collect() }
    }

    /// What is in them now.
    pub(crate) async fn read(&self) -> Contents {
        let paths = Arc::clone(&self.paths);
        let read = move || paths.iter().map(read).collect();
        blocking::spawn(read).await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Hands over what is in them, whenever it is something else, until the order to stop. `taken` is what is in use.
    /// What `take` refuses changes nothing, but raises an alarm until it is something else again.
    pub(crate) async fn follow(
        self,
        taken: Contents,
        alarms: Alarms,
        mut take: impl FnMut(&[Vec<u8>]) -> Result<(), String>,
        stop: CancellationToken,
    ) {
        let mut looks = Looks::new(taken);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            let seen = match looks.on_look(self.read().await) {
                News::Nothing => continue,
                News::Back => Ok(()),
                News::New(contents) => contents.as_deref().map_err(Clone::clone).and_then(&mut take),
            };
            match &seen {
                Ok(()) => info!(files = self.name, "read again"),
                Err(wrong) => {
                    error!(files = self.name, %wrong, "not taken: what was read before stays in use")
                }
            }
            looks.on_answer(seen.is_ok());
            alarms.set(self.name, seen.err());
        }
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, String> {
    let within = |limit: usize| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match within(CREDENTIAL_FILE_BYTES_MAX) {
        Ok(bytes) if bytes.len() > CREDENTIAL_FILE_BYTES_MAX => {
            Err(format!("`{}` has more than {CREDENTIAL_FILE_BYTES_MAX} bytes", path.display()))
        }
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(format!("`{}` can't be read: {error}", path.display())),
    }
}

/// What looks saw: pure.
#[derive(Debug)]
struct Looks {
    taken: Contents,
    refused: Option<Contents>,
    /// What the last look saw, where it is neither.
    seen: Option<Contents>,
}

#[derive(Debug, PartialEq)]
enum News<'a> {
    Nothing,
    /// What was taken is there again, after something that was refused.
    Back,
    /// Something that two looks saw.
    New(&'a Contents),
}

impl Looks {
    fn new(taken: Contents) -> Self {
        Self { taken, refused: None, seen: None }
    }

    fn on_look(&mut self, contents: Contents) -> News<'_> {
        if contents == self.taken {
            self.seen = None;
            return if self.refused.take().is_some() { News::Back } else { News::Nothing };
        }
        if self.refused.as_ref() == Some(&contents) {
            self.seen = None;
            return News::Nothing;
        }
        let is_settled = self.seen.as_ref() == Some(&contents);
        let seen = self.seen.insert(contents);
        if is_settled { News::New(seen) } else { News::Nothing }
    }

    /// Whether what was new is in use from now on.
    fn on_answer(&mut self, is_taken: bool) {
        let Some(seen) = self.seen.take() else { return };
        if is_taken {
            (self.taken, self.refused) = (seen, None);
        } else {
            self.refused = Some(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(text: &str) -> Contents {
        if text == "gone" { Err(text.to_owned()) } else { Ok(vec![text.as_bytes().to_vec()]) }
    }

    /// Shows the looks one after the other, refusing what begins with `bad`; what was handed over.
    fn handed_over(looks: &[&str]) -> Vec<String> {
        let mut state = Looks::new(contents("one"));
        let mut handed = Vec::new();
        for look in looks {
            let is_good = match state.on_look(contents(look)) {
                News::Nothing => continue,
                News::Back => {
                    handed.push("back".to_owned());
                    continue;
                }
                News::New(contents) => contents.is_ok(),
            };
            handed.push((*look).to_owned());
            state.on_answer(is_good && !look.starts_with("bad"));
        }
        handed
    }

    #[test]
    fn what_two_looks_saw_is_handed_over_once() {
        assert_eq!(handed_over(&["one", "two", "two", "two", "one", "one"]), ["two", "one"]);
    }

    #[test]
    fn what_is_being_written_is_not() {
        assert_eq!(handed_over(&["t", "tw", "two", "two"]), ["two"]);
        assert_eq!(handed_over(&["t", "one", "t", "one"]), [""; 0]);
    }

    #[test]
    fn what_was_refused_is_not_handed_over_again_until_something_else_was() {
        assert_eq!(handed_over(&["bad", "bad", "bad", "bad", "one", "one"]), ["bad", "back"]);
        assert_eq!(handed_over(&["bad", "bad", "bad 2", "bad 2", "bad", "bad"]), ["bad", "bad 2", "bad"]);
        assert_eq!(handed_over(&["bad", "bad", "two", "two", "bad", "bad"]), ["bad", "two", "bad"]);
        assert_eq!(handed_over(&["gone", "gone", "gone", "one"]), ["gone", "back"]);
    }

    #[tokio::test]
    async fn files_are_read_together_and_no_more_than_they_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        let files = Files::new("test", paths.clone());
        std::fs::write(&paths[0], "1").unwrap();
        assert!(files.read().await.unwrap_err().contains("can't be read"));
        std::fs::write(&paths[1], "2").unwrap();
        assert_eq!(files.read().await, Ok(vec![b"1".to_vec(), b"2".to_vec()]));
        std::fs::write(&paths[1], vec![0; CREDENTIAL_FILE_BYTES_MAX + 1]).unwrap();
        assert!(files.read().await.unwrap_err().contains("more than"));
    }
}
