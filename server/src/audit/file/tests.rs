use tempfile::TempDir;

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

const LARGE: Rotation = Rotation { bytes_max: 1 << 20, kept: 100 };

/// Room for two lines of ours beside those that open and close a file.
const SMALL: Rotation = Rotation { bytes_max: 800, kept: 3 };

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("audit.log")
    }

    fn open(&self, rotation: Rotation) -> LogFile {
        LogFile::open(&self.path(), rotation, NOW).unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// Problems of all files in order.
    fn problems(&self, expected: Option<Head>) -> Vec<String> {
        let mut verifier = Verifier::expecting(expected);
        let files = rotated_files(&self.path()).unwrap().into_iter().chain([self.path()]);
        for file in files {
            verifier.file(&file.file_name().unwrap().to_string_lossy(), is_rotated(&file));
            fs::read_to_string(&file).unwrap().lines().for_each(|line| verifier.line(line.as_bytes()));
        }
        verifier.finish().problems.iter().map(ToString::to_string).collect()
    }
}

fn add(log: &mut LogFile, count: usize) {
    (0..count).for_each(|n| log.append(&[told("apply", NOW, &format!(r#","n":{n}"#))], NOW).unwrap());
}

#[test]
fn chain_goes_on_after_a_restart() {
    let place = Place::new();
    let mut log = place.open(LARGE);
    add(&mut log, 3);
    let before = log.head();
    drop(log);
    let mut log = place.open(LARGE);
    assert_eq!(log.head(), before);
    add(&mut log, 1);
    assert_eq!(log.head().seq, 5);
    assert_eq!(place.problems(Some(log.head())), [""; 0]);
}

#[test]
fn full_file_is_closed_and_the_oldest_go() {
    let place = Place::new();
    let mut log = place.open(SMALL);
    add(&mut log, 40);
    let rotated = rotated_files(&place.path()).unwrap();
    assert_eq!(rotated.len(), SMALL.kept);
    let names = rotated.iter().all(|path| is_rotated(path));
    assert!(names && !is_rotated(&place.path()));
    assert_eq!(place.problems(Some(log.head())), [""; 0]);
    assert!(rotated.iter().all(|path| fs::metadata(path).unwrap().len() < 2 * SMALL.bytes_max));
    // What is gone from the middle is missed.
    fs::remove_file(&rotated[1]).unwrap();
    assert!(!place.problems(None).is_empty());
}

#[test]
fn server_that_stopped_while_it_rotated_goes_on_in_the_next_file() {
    let place = Place::new();
    let mut log = place.open(LARGE);
    add(&mut log, 2);
    log.write(&[told("rotated", NOW, "")]).unwrap();
    let mut log = place.open(LARGE);
    add(&mut log, 1);
    assert_eq!(rotated_files(&place.path()).unwrap().len(), 1);
    fs::rename(place.path(), rotated_path(&place.path(), 5)).unwrap();
    let log = place.open(LARGE);
    assert_eq!(log.head().seq, 7, "after {} lines", 6);
}

#[test]
fn line_that_was_not_written_whole_is_taken_off_and_told() {
    let place = Place::new();
    add(&mut place.open(LARGE), 1);
    fs::write(place.path(), place.text() + r#"{"seq":3,"pr"#).unwrap();
    let log = place.open(LARGE);
    assert!(place.text().contains(r#""action":"recovered""#), "{}", place.text());
    assert_eq!(place.problems(Some(log.head())), [""; 0]);
}

#[test]
fn file_that_somebody_edited_is_kept_and_the_chain_goes_on_beside_it() {
    let place = Place::new();
    add(&mut place.open(LARGE), 2);
    let edited = place.text().replace(r#""n":0"#, r#""n":7"#);
    fs::write(place.path(), &edited).unwrap();
    let log = place.open(LARGE);
    let aside = rotated_files(&place.path()).unwrap();
    assert_eq!(fs::read_to_string(&aside[0]).unwrap(), edited);
    assert_eq!(log.head().seq, 4);
    let problems = place.problems(None);
    assert!(problems.iter().any(|problem| problem.contains(":2: was edited")), "{problems:?}");
}

#[test]
fn what_could_not_be_written_can_be_given_again() {
    let place = Place::new();
    let mut log = place.open(LARGE);
    add(&mut log, 1);
    // Half a line, as a full disk leaves it.
    log.file.write_all(b"{\"seq\":").unwrap();
    log.is_torn = true;
    add(&mut log, 1);
    assert_eq!(place.problems(Some(log.head())), [""; 0]);
}

#[cfg(unix)]
#[test]
fn files_are_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let mut log = place.open(SMALL);
    add(&mut log, 9);
    for entry in fs::read_dir(place.0.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
