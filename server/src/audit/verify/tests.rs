use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;
use crate::audit::chain::seal;

/// Files of a chain, each as its lines.
type Files = Vec<Vec<String>>;

/// A chain of files with so many lines each beside those that open and close them, and its head. The last file is open.
fn chain(lens: &[usize]) -> (Files, Head) {
    let mut head = Head::NONE;
    let mut files = Files::new();
    for (file, len) in lens.iter().enumerate() {
        let mut lines = Vec::new();
        let closing = file + 1 < lens.len();
        for n in 0..=(*len + usize::from(closing)) {
            let action = match n {
                0 => "begun",
                n if closing && n == *len + 1 => "rotated",
                _ => "apply",
            };
            let (line, next) = seal(head, &format!(r#"{{"action":"{action}","n":{n}}}"#));
            lines.push(line.trim_end().to_owned());
            head = next;
        }
        files.push(lines);
    }
    (files, head)
}

fn verified(files: &Files, expected: Option<Head>) -> Verified {
    let mut verifier = Verifier::expecting(expected);
    for (index, lines) in files.iter().enumerate() {
        verifier.file(&index.to_string(), index + 1 < files.len());
        lines.iter().for_each(|line| verifier.line(line.as_bytes()));
    }
    verifier.finish()
}

fn told(files: &Files, expected: Option<Head>) -> Vec<String> {
    verified(files, expected).problems.iter().map(ToString::to_string).collect()
}

/// Lines of all files, by file and line.
fn places(files: &Files) -> Vec<(usize, usize)> {
    files
        .iter()
        .enumerate()
        .flat_map(|(file, lines)| (0..lines.len()).map(move |line| (file, line)))
        .collect()
}

#[test]
fn chain_that_nobody_touched_is_whole() {
    let (files, head) = chain(&[2, 0, 1]);
    let whole = Verified { lines: 8, first: Some(1), head: Some(head), problems: Vec::new() };
    assert_eq!(verified(&files, None), whole);
    assert_eq!(verified(&files, Some(head)), whole);
    // Older files are deleted by and by.
    let later = verified(&files[1..].to_vec(), None);
    assert_eq!((later.first, later.problems), (Some(5), Vec::new()));
}

#[test]
fn line_that_was_moved_into_the_file_before_is_found_there() {
    let (mut files, _) = chain(&[1, 1]);
    let moved = files[1].remove(0);
    files[0].push(moved);
    let told = told(&files, None);
    assert_eq!(
        told.first().map(String::as_str),
        Some("0:4: comes after the line that closes the file"),
        "{told:?}"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let (files, head) = chain(&[2, 2]);
    let mut edited = files.clone();
    edited[0][1] = edited[0][1].replace("apply", "login");
    assert_eq!(told(&edited, None), ["0:2: was edited: what it says is not what it said as line 2"]);
    let mut removed = files.clone();
    removed[0].drain(1..3);
    assert_eq!(told(&removed, None), ["0:2: lines 2 to 3 are missing before line 4"]);
    let mut cut = files.clone();
    cut[0].pop();
    assert_eq!(
        told(&cut, None),
        [
            "0:3: its end was cut off: the last line is not the one that closes a file which is full",
            "1:1: line 4 is missing before line 5",
        ]
    );
    let mut put = files.clone();
    put[1].insert(1, "anything".to_owned());
    assert_eq!(
        told(&put, None),
        ["1:2: is no line of an audit log: it was edited, or put here", "1:3: line 6 stands behind line 6"]
    );
    let mut shorter = files.clone();
    shorter[1].pop();
    assert!(told(&shorter, None).is_empty(), "nothing in it says so");
    assert_eq!(
        told(&shorter, Some(head)),
        ["1: line 7, which is expected, is not there: the end was cut off"]
    );
}

#[test]
fn line_that_was_sealed_again_does_not_fit_what_is_after_it() {
    let (mut files, head) = chain(&[4]);
    let before = read(files[0][1].as_bytes()).unwrap().head;
    files[0][2] = seal(before, r#"{"action":"apply","n":99}"#).0.trim_end().to_owned();
    assert_eq!(told(&files, None), ["0:4: line 4 was written after another line 3 than the one before it"]);
    // And where all after it was written anew, the head does not.
    let mut at = read(files[0][2].as_bytes()).unwrap().head;
    for line in &mut files[0][3..] {
        let (sealed, next) = seal(at, r#"{"action":"apply","n":0}"#);
        (*line, at) = (sealed.trim_end().to_owned(), next);
    }
    assert!(told(&files, None).is_empty());
    let anew = "0: line 5 is not the one that is expected: the chain was written anew";
    assert_eq!(told(&files, Some(head)), [anew]);
}

#[test]
fn torn_line_is_told() {
    let mut verifier = Verifier::default();
    verifier.file("a", false);
    verifier.rest(3);
    let told: Vec<_> = verifier.finish().problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["a:1: ends in the middle of a line, after 3 bytes of it"]);
}

proptest! {
    #[test]
    fn any_byte_that_is_changed_is_found(lens in vec(0_usize..4, 1..4), place: Index, at: Index, to: u8) {
        let (files, _) = chain(&lens);
        let places = places(&files);
        let (file, line) = places[place.index(places.len())];
        let mut bytes: Vec<Vec<Vec<u8>>> =
            files.iter().map(|lines| lines.iter().map(|line| line.clone().into_bytes()).collect()).collect();
        let edited = &mut bytes[file][line];
        let at = at.index(edited.len());
        prop_assume!(edited[at] != to);
        edited[at] = to;
        let mut verifier = Verifier::default();
        for (index, lines) in bytes.iter().enumerate() {
            verifier.file(&index.to_string(), index + 1 < bytes.len());
            lines.iter().for_each(|line| verifier.line(line));
        }
        let problems = verifier.finish().problems;
        let is_placed = problems.iter().any(|it| it.file == file.to_string() && it.line == line as u64 + 1);
        prop_assert!(is_placed, "{problems:?}");
    }

    #[test]
    fn any_line_that_is_removed_is_found(lens in vec(0_usize..4, 1..4), place: Index) {
        let (files, head) = chain(&lens);
        let places = places(&files);
        let (file, line) = places[place.index(places.len())];
        let is_last = Some(&(file, line)) == places.last();
        let mut removed = files;
        removed[file].remove(line);
        let (alone, with_head) = (told(&removed, None), told(&removed, Some(head)));
        // Nothing after it names the last one.
        prop_assert!(is_last || !alone.is_empty());
        prop_assert!(!with_head.is_empty());
    }

    #[test]
    fn any_two_lines_that_change_places_are_found(lens in vec(0_usize..4, 1..4), one: Index, other: Index) {
        let (files, _) = chain(&lens);
        let places = places(&files);
        let (one, other) = (places[one.index(places.len())], places[other.index(places.len())]);
        prop_assume!(one != other);
        let mut swapped = files.clone();
        swapped[one.0][one.1] = files[other.0][other.1].clone();
        swapped[other.0][other.1] = files[one.0][one.1].clone();
        prop_assert!(!told(&swapped, None).is_empty());
    }

    #[test]
    fn any_line_that_is_put_twice_is_found(lens in vec(0_usize..4, 1..4), from: Index, to: Index) {
        let (files, _) = chain(&lens);
        let places = places(&files);
        let (from, to) = (places[from.index(places.len())], places[to.index(places.len())]);
        let mut repeated = files.clone();
        repeated[to.0].insert(to.1, files[from.0][from.1].clone());
        prop_assert!(!told(&repeated, None).is_empty());
    }

    #[test]
    fn whole_file_that_is_left_out_is_found(lens in vec(0_usize..4, 3..5), at: Index) {
        let (mut files, _) = chain(&lens);
        files.remove(1 + at.index(files.len() - 2));
        prop_assert!(!told(&files, None).is_empty());
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let mut verifier = Verifier::default();
        verifier.file("a", true);
        verifier.line(&bytes);
        verifier.finish();
    }
}
