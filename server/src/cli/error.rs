//! How a command ends, and how its error is told.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use crate::config::Mistake;

/// How a command ends. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked.
    Done = 0,
    /// It could not.
    Failed = 1,
    /// It was asked wrongly.
    Usage = 2,
    /// What it waited for did not come in time.
    NotReached = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that ends a command otherwise than with [`Exit::Failed`].
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Settings with mistakes.
    #[error("{}", mistakes(.0))]
    Settings(Vec<Mistake>),
    /// Arguments that don't go together, or mean nothing; for `diff`, whatever keeps it from an answer.
    #[error(transparent)]
    Usage(anyhow::Error),
    /// A wait that was too long.
    #[error("{0}")]
    NotReached(String),
    /// A server that does not have what a command asks for.
    #[error("{0}")]
    Unimplemented(String),
}

impl CliError {
    /// Arguments that don't go together, or mean nothing.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(anyhow::Error::msg(text.into()))
    }
}

fn mistakes(all: &[Mistake]) -> String {
    let mut text = match all.len() {
        1 => "a mistake in the settings".to_owned(),
        count => format!("{count} mistakes in the settings"),
    };
    all.iter().for_each(|mistake| text.push_str(&format!("\n  {mistake}")));
    text
}

/// Writes an error as one block and says how the process ends for it.
pub(super) fn report(error: &anyhow::Error, to: &mut dyn Write) -> Exit {
    if is_closed_pipe(error) {
        return Exit::Done;
    }
    let mut block = format!("error: {error}\n");
    // Causes whose text the one above repeats say nothing new (tonic wraps one error four times).
    let mut above = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !above.contains(&cause) {
            block.push_str(&format!("  caused by: {cause}\n"));
        }
        above = cause;
    }
    // Nothing can be done about a terminal that is gone.
    let _ = to.write_all(block.as_bytes());
    match error.downcast_ref() {
        Some(CliError::Settings(_) | CliError::Usage(_)) => Exit::Usage,
        Some(CliError::NotReached(_)) => Exit::NotReached,
        Some(CliError::Unimplemented(_)) | None => Exit::Failed,
    }
}

/// Whoever reads the output (`head`) has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::config::Origin;

    fn told(error: anyhow::Error) -> (String, Exit) {
        let mut text = Vec::new();
        let exit = report(&error, &mut text);
        (String::from_utf8(text).unwrap(), exit)
    }

    #[test]
    fn error_is_one_block_with_its_causes() {
        let error = Err::<(), _>(io::Error::other("disk on fire")).context("open store `x`").unwrap_err();
        assert_eq!(
            told(error),
            ("error: open store `x`\n  caused by: disk on fire\n".to_owned(), Exit::Failed)
        );
    }

    #[test]
    fn cause_that_is_said_already_is_not_repeated() {
        let error = Err::<(), _>(io::Error::other("on fire")).context("open: on fire").unwrap_err();
        assert_eq!(told(error).0, "error: open: on fire\n");
    }

    #[test]
    fn mistakes_in_settings_are_a_usage_error_with_a_line_each() {
        let mistake = |name: &str| Mistake {
            origin: Origin::Flag(name.into()),
            wrong: "wrong".into(),
            right: "right".into(),
        };
        let error = CliError::Settings(vec![mistake("--a"), mistake("--b")]).into();
        let expected =
            "error: 2 mistakes in the settings\n  flag --a: wrong; right\n  flag --b: wrong; right\n";
        assert_eq!(told(error), (expected.to_owned(), Exit::Usage));
    }

    #[test]
    fn closed_pipe_is_no_error() {
        let error = io::Error::from(io::ErrorKind::BrokenPipe).into();
        assert_eq!(told(error), (String::new(), Exit::Done));
    }
}
