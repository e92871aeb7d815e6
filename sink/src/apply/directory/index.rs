//! Which files are ours: a text of a line a file, written as a whole.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use mainsheet_api::version::ResourceVersion;

use super::DirectoryError;

const NAME: &str = ".mainsheet-index";

/// The first line. Another number is another form of the rest.
const HEAD: &str = "mainsheet-index 1";

/// Type URL and name of a resource.
pub(super) type Name = (Arc<str>, Arc<str>);

/// A file that is ours.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Below the directory.
    pub(super) path: String,
    /// Of its content; empty before it was written.
    pub(super) digest: String,
    /// What is in it; `None` where that is not known.
    pub(super) version: Option<ResourceVersion>,
}

/// All of them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Index(BTreeMap<Name, Entry>);

impl Index {
    /// Reads that of a directory; an empty one where there is none.
    pub(super) fn read(root: &Path) -> Result<Self, DirectoryError> {
        let path = root.join(NAME);
        match fs::read_to_string(&path) {
            Ok(text) => {
                Self::parse(&text).map_err(|(line, reason)| DirectoryError::Index { path, line, reason })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(DirectoryError::io("read", &path)(error)),
        }
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut lines = text.lines();
        match lines.next() {
            Some(HEAD) => {}
            Some(other) if other.starts_with("mainsheet-index ") => {
                return Err((1, format!("`{other}` is of a newer version than this client")));
            }
            _ => return Err((1, "no index of mainsheet".to_owned())),
        }
        let mut entries = BTreeMap::new();
        for (number, line) in lines.enumerate() {
            let fields: Vec<String> = line.split('\t').map(plain).collect();
            let [type_url, name, path, digest, version] = &fields[..] else {
                return Err((number + 2, format!("{} fields, not 5", fields.len())));
            };
            // Whatever the index says, no file outside the directory is ours.
            let is_below = path.split('/').all(|segment| !segment.is_empty() && !segment.starts_with('.'));
            if !is_below {
                return Err((number + 2, format!("`{path}` is no path below the directory")));
            }
            let version =
                Some(version.as_str()).filter(|version| !version.is_empty()).map(ResourceVersion::new);
            let entry = Entry { path: path.clone(), digest: digest.clone(), version };
            entries.insert((Arc::from(type_url.as_str()), Arc::from(name.as_str())), entry);
        }
        Ok(Self(entries))
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for ((type_url, name), entry) in &self.0 {
            let version = entry.version.as_ref().map_or("", ResourceVersion::as_str);
            let fields = [type_url, name, &*entry.path, &*entry.digest, version].map(quoted);
            text += &fields.join("\t");
            text.push('\n');
        }
        text
    }

    /// Writes it, for good.
    pub(super) fn write(&self, root: &Path) -> Result<(), DirectoryError> {
        let (path, beside) = (root.join(NAME), root.join(format!("{NAME}.new")));
        let written = || {
            let mut file = fs::File::create(&beside)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            fs::File::open(root)?.sync_all()
        };
        written().map_err(DirectoryError::io("write", &path))
    }

    /// Notes that a file is about to be there; says whether that is new.
    pub(super) fn announce(&mut self, name: &Name, path: &str) -> bool {
        let is_new = self.0.get(name).is_none_or(|entry| entry.path != path);
        if is_new {
            let entry = Entry { path: path.to_owned(), digest: String::new(), version: None };
            self.0.insert(name.clone(), entry);
        }
        is_new
    }

    /// Takes out the files whose paths are not so.
    pub(super) fn take_unless(&mut self, is_so: impl Fn(&str) -> bool) -> Vec<String> {
        self.0.extract_if(.., |_, entry| !is_so(&entry.path)).map(|(_, entry)| entry.path).collect()
    }

    pub(super) fn put(&mut self, name: Name, entry: Entry) {
        self.0.insert(name, entry);
    }

    pub(super) fn remove(&mut self, name: &Name) {
        self.0.remove(name);
    }

    pub(super) fn get(&self, name: &Name) -> Option<&Entry> {
        self.0.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Name, &Entry)> {
        self.0.iter()
    }

    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.0.values_mut()
    }
}

/// A text without tabs and line breaks.
fn quoted(text: &str) -> String {
    text.replace('%', "%25").replace('\t', "%09").replace('\n', "%0A").replace('\r', "%0D")
}

fn plain(text: &str) -> String {
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%09", "\t").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(fields: &[[&str; 5]]) -> Index {
        let entry = |[type_url, name, path, digest, version]: &[&str; 5]| {
            let version = Some(*version).filter(|version| !version.is_empty()).map(ResourceVersion::new);
            let entry = Entry { path: (*path).to_owned(), digest: (*digest).to_owned(), version };
            ((Arc::from(*type_url), Arc::from(*name)), entry)
        };
        Index(fields.iter().map(entry).collect())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let index =
            index(&[["t/v1/K", "a\tb\n%09", "t/x.yaml", "d", "v"], ["t/v1/K", "b", "t/y.yaml", "", ""]]);
        assert_eq!(Index::parse(&index.text()), Ok(index));
    }

    #[test]
    fn damaged_index_is_told_by_line() {
        let fails = |text: &str| Index::parse(text).unwrap_err();
        assert_eq!(fails("nonsense").0, 1);
        assert!(fails("mainsheet-index 2\n").1.contains("newer"));
        assert_eq!(fails("mainsheet-index 1\na\tb\n"), (2, "2 fields, not 5".to_owned()));
        for path in ["../x", "/etc/passwd", "a/../../x", "", ".mainsheet-lock"] {
            assert_eq!(fails(&format!("mainsheet-index 1\nt\tn\t{path}\td\tv\n")).0, 2, "{path}");
        }
    }
}
