//! What differs where a person looks on: colours, and questions.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// Whether what is printed is to be coloured: on a terminal, unless NO_COLOR is set.
pub(super) fn wants_colour() -> bool {
    let out = io::stdout();
    out.is_terminal() && anstream::AutoStream::choice(&out) != anstream::ColorChoice::Never
}

/// Colours text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    is_on: bool,
}

impl Paint {
    /// As the terminal that is printed to, if it is one, shows it.
    pub(super) fn of_output() -> Self {
        Self { is_on: wants_colour() }
    }

    #[cfg(test)]
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on }
    }

    /// What is new.
    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// What is gone.
    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// What is otherwise than it was.
    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Where something is.
    pub(super) fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }

    /// What the lines below are about.
    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Asks a question that is answered by yes or no. Nobody can be asked where there is no terminal.
///
/// # Errors
/// Where nobody can be asked, or the terminal is gone.
pub(super) fn asks(question: &str) -> anyhow::Result<bool> {
    anyhow::ensure!(io::stdin().is_terminal(), "nobody is there to be asked; say --yes (-y) to mean it");
    let mut out = io::stderr();
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(&*answer.trim().to_ascii_lowercase(), "y" | "yes"))
}
