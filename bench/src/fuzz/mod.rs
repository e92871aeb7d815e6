//! What is fuzzed: everything that reads what others wrote. A target takes any bytes, and fails by a panic: because what it
//! tries panics, or because what it checks does not hold. Each checks more than that nothing panics.
//!
//! [`TARGETS`] is the one list. cargo-fuzz runs a binary a row (`api/fuzz`, `make fuzz`), looking for inputs that reach
//! new code; the tests run inputs of a [`Generator`] on each, the same ones every time.
//!
//! | module | is |
//! |---|---|
//! | `documents`, `requests`, ... | a target each |
//! | `generate`, `seeds` | inputs, made of what the repository has |
//! | `tape` | an input as a sequence of steps |
//! | `world` | a small catalog that changes, and what is said over it |
//! | `text` | positions and bounds of findings |

mod annotations;
mod configuration;
mod documents;
mod generate;
mod records;
mod requests;
mod responses;
mod rules;
mod seeds;
mod tape;
mod text;
mod world;

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use anyhow::{Context, Result, bail};

pub use generate::Generator;

/// One row.
#[derive(Debug)]
pub struct Target {
    /// Its name, and that of its binary.
    pub name: &'static str,
    /// What reads the bytes.
    pub what: &'static str,
    /// Tries an input.
    pub run: fn(&[u8]),
    /// Inputs that are right, from which others are made.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that mean something there.
    pub words: &'static [&'static str],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "documents",
        what: "YAML and JSON to resources, their validation, and back",
        run: documents::run,
        seeds: documents::seeds,
        words: documents::WORDS,
    },
    Target {
        name: "requests",
        what: "the server's half of the protocol, of either variant",
        run: requests::run,
        seeds: requests::seeds,
        words: world::WORDS,
    },
    Target {
        name: "responses",
        what: "the client's half of the protocol, of either variant",
        run: responses::run,
        seeds: responses::seeds,
        words: world::WORDS,
    },
    Target {
        name: "records",
        what: "rows of a store, and backups",
        run: records::run,
        seeds: records::seeds,
        words: records::WORDS,
    },
    Target {
        name: "configuration",
        what: "the config file",
        run: configuration::run,
        seeds: configuration::seeds,
        words: configuration::WORDS,
    },
    Target {
        name: "annotations",
        what: "times to live, label selectors, names and labels",
        run: annotations::run,
        seeds: annotations::seeds,
        words: annotations::WORDS,
    },
    Target {
        name: "rules",
        what: "expressions of validation rules, asked of a document",
        run: rules::run,
        seeds: rules::seeds,
        words: rules::WORDS,
    },
];

/// Tries an input on the target of this name: what cargo-fuzz's binaries do.
///
/// # Panics
/// Where it fails, or there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let target = Target::named(name).unwrap_or_else(|error| panic!("{error}"));
    (target.run)(input);
}

impl Target {
    /// The row of this name.
    ///
    /// # Errors
    /// Where there is none, with those that there are.
    pub fn named(name: &str) -> Result<&'static Self> {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        let found = TARGETS.iter().find(|target| target.name == name);
        found.with_context(|| format!("no target `{name}`: there are {}", names.join(", ")))
    }

    /// Runs generated inputs, the same ones each time. The one that is tried is in `dir/NAME-input`, so that it is there
    /// also where it ends the process.
    ///
    /// # Errors
    /// At the first that fails, with how to run it again.
    pub fn run_generated(&self, inputs: usize, dir: &Path) -> Result<()> {
        let (name, path) = (self.name, dir.join(format!("{}-input", self.name)));
        let file = File::create(&path).with_context(|| format!("making `{}`", path.display()))?;
        let seeds = (self.seeds)();
        for (number, input) in Generator::new(&seeds, self.words).take(inputs).enumerate() {
            file.set_len(0)?;
            file.write_all_at(&input, 0)?;
            if catch_unwind(AssertUnwindSafe(|| (self.run)(&input))).is_err() {
                let again =
                    format!("cargo run --bin mainsheet-bench -- fuzz {name} --replay {}", path.display());
                bail!("input {number} of {name} failed; again: {again}");
            }
        }
        Ok(fs::remove_file(&path)?)
    }

    /// Writes its seeds as files of `dir/NAME`, and its words as `dir/NAME.dict`: a corpus and a dictionary for libFuzzer.
    ///
    /// # Errors
    /// Where they can't be written.
    pub fn write_corpus(&self, dir: &Path) -> Result<()> {
        let corpus = dir.join(self.name);
        fs::create_dir_all(&corpus).with_context(|| format!("making `{}`", corpus.display()))?;
        for (number, seed) in (self.seeds)().into_iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number}")), seed)?;
        }
        let words: String = self.words.iter().map(|word| format!("\"{}\"\n", escaped(word))).collect();
        fs::write(dir.join(format!("{}.dict", self.name)), words)?;
        Ok(())
    }
}

/// As libFuzzer's dictionaries write bytes.
fn escaped(word: &str) -> String {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02X}"),
    };
    word.bytes().map(byte).collect()
}
