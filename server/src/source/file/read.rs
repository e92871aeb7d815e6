//! Reads and decodes files, on all cores.

use std::{ffi::OsStr, fs::File, io, io::Read, path::Path, thread};

use futures_util::future::try_join_all;
use mainsheet_api::{
    codec::{self, Content, Document},
    limits::FILE_BYTES_MAX,
    verdict::Finding,
    version::Digest,
};

use mainsheet_cache::blocking;

use super::{listing::Found, names::is_kustomization, report::finding_of_unreadable as unreadable};
use crate::{contain::contain, source::DocumentOptions};

/// One file's turn.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Which.
    pub(crate) origin: String,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What came of reading a file.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Text, and what it holds. Some of it may be rejected.
    Documents(Vec<Document>, Digest),
    /// There is not one byte in it.
    Empty,
    /// It can't be read as text.
    Unreadable(Finding),
    /// It is just being written: what it holds may be half.
    Unsettled,
    /// It went away since it was listed. Who unlinked it sends news of that, too.
    Vanished,
}

/// Reads files, a share of them on each core.
///
/// # Errors
/// Where a worker panics.
pub(crate) async fn read_all(
    files: Vec<(String, Found)>,
    documents: &DocumentOptions,
) -> anyhow::Result<Vec<Reading>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(workers).max(1);
    let shares: Vec<Vec<_>> = files.chunks(share).map(<[_]>::to_vec).collect();
    let readings = shares.into_iter().map(|files| {
        let documents = documents.clone();
        blocking::spawn(move || {
            let one =
                |(origin, found): (String, Found)| Reading { origin, outcome: outcome(&found, &documents) };
            files.into_iter().map(one).collect::<Vec<_>>()
        })
    });
    Ok(try_join_all(readings).await?.into_iter().flatten().collect())
}

pub(super) fn outcome(found: &Found, options: &DocumentOptions) -> Outcome {
    match &found.stamp {
        Ok(_) => read(&found.path, options),
        // Not even opened: opening a pipe would wait for its writer.
        Err(reason) => Outcome::Unreadable(unreadable(reason)),
    }
}

fn read(path: &Path, options: &DocumentOptions) -> Outcome {
    match text(path) {
        Ok(text) if text.is_empty() => Outcome::Empty,
        Ok(text) => {
            let digest = Digest::of([text.as_bytes()]);
            Outcome::Documents(decode(path, &text, options), digest)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            Outcome::Vanished
        }
        Err(error) => Outcome::Unreadable(unreadable(&error)),
    }
}

/// The text of a file that was found; `None` where what is in it is not for us.
///
/// # Errors
/// Where it can't be read as text.
pub(super) fn text_of(found: &Found) -> io::Result<Option<String>> {
    if let Err(reason) = &found.stamp {
        return Err(io::Error::other(reason.clone()));
    }
    let is_for_others = found.path.file_name().and_then(OsStr::to_str).is_some_and(is_kustomization);
    if is_for_others { Ok(None) } else { text(&found.path).map(Some) }
}

fn decode(path: &Path, text: &str, options: &DocumentOptions) -> Vec<Document> {
    if path.file_name().and_then(OsStr::to_str).is_some_and(is_kustomization) {
        return vec![Document { line: 1, content: Content::Ignored { what: "Kustomization".to_owned() } }];
    }
    let work = || {
        #[cfg(test)]
        crate::contain::panic_if_planted(text);
        codec::read(text, options.defaults())
    };
    contain("decoding", &path.to_string_lossy(), work).unwrap_or_else(|finding| {
        // Whose it is nobody knows: so all that was last good of the file stays.
        vec![Document { line: 0, content: Content::Rejected { key: None, findings: vec![finding] } }]
    })
}

/// The text of a file, as far as it may be one of documents.
fn text(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(len.min(FILE_BYTES_MAX)).unwrap_or(0));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {} MiB; split it", FILE_BYTES_MAX >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        io::Error::other(format!("it is not UTF-8: byte {valid} begins no character"))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::listing::Stamp, *};

    fn outcome_of(content: &[u8]) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        fs::write(&path, content).unwrap();
        read(&path, &DocumentOptions::default())
    }

    #[test]
    fn what_is_no_text_is_unreadable() {
        let Outcome::Unreadable(finding) = outcome_of(b"a: b\xff") else { panic!("read") };
        assert_eq!(finding.reason, "the file can't be read: it is not UTF-8: byte 4 begins no character");
    }

    #[test]
    fn kustomization_is_ignored_whether_it_says_what_it_is_or_not() {
        let folder = tempfile::tempdir().unwrap();
        for (name, is_ignored) in
            [("kustomization.yaml", true), ("kustomization.yml", true), ("a.yaml", false)]
        {
            let path = folder.path().join(name);
            fs::write(&path, "resources:\n- route.yaml\n").unwrap();
            let Outcome::Documents(documents, _) = read(&path, &DocumentOptions::default()) else {
                panic!("{name}")
            };
            let [Document { content, .. }] = &documents[..] else { panic!("{name}: {documents:?}") };
            assert_eq!(matches!(content, Content::Ignored { .. }), is_ignored, "{name}: {content:?}");
        }
    }

    #[test]
    fn file_over_the_limit_is_unreadable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        File::create(&path).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        let Outcome::Unreadable(finding) = read(&path, &DocumentOptions::default()) else { panic!("read") };
        assert_eq!(finding.reason, "the file can't be read: it is larger than 32 MiB; split it");
    }

    #[test]
    fn panic_of_the_codec_rejects_the_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let good = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: h}\n";
        let files =
            [("bad.yaml", format!("{good}# {}\n", crate::contain::PLANTED)), ("good.yaml", good.to_owned())];
        let mut found = Vec::new();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            let stamp = Ok(Stamp::of(&fs::metadata(&path).unwrap()));
            found.push((name.to_owned(), Found { path, stamp }));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let readings = runtime.block_on(read_all(found, &DocumentOptions::default())).unwrap();
        let contents = readings.into_iter().map(|reading| match reading.outcome {
            Outcome::Documents(mut documents, _) => (reading.origin, documents.remove(0).content),
            other => panic!("{other:?}"),
        });
        for (origin, content) in contents {
            match content {
                Content::Rejected { key: None, findings } => {
                    assert_eq!((&*origin, &*findings[0].code), ("bad.yaml", "internal"));
                }
                content => assert!(
                    origin == "good.yaml" && matches!(content, Content::Resource { .. }),
                    "{origin}: {content:?}"
                ),
            }
        }
    }

    #[test]
    fn empty_vanished_and_dangling_are_told_apart() {
        assert!(matches!(outcome_of(b""), Outcome::Empty));
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            read(&folder.path().join("gone.yaml"), &DocumentOptions::default()),
            Outcome::Vanished
        ));
        let link = folder.path().join("link.yaml");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(matches!(read(&link, &DocumentOptions::default()), Outcome::Unreadable(_)));
    }
}
