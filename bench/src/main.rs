//! Loads a release build of `mainsheet`, and maltreats it. docs/benchmarking.md says what is measured and how to read it.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod torture;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Loads a release build of mainsheet, and maltreats it.
#[derive(Parser)]
#[command(name = "mainsheet-bench")]
struct Arguments {
    /// The server's program; that beside this one, unless it is given.
    #[arg(long, global = true, value_name = "FILE")]
    program: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Rounds that a server has to stand.
    Torture {
        /// Only rounds whose names contain this.
        #[arg(default_value = "")]
        only: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { program, command }: Arguments) -> Result<()> {
    let program = match program {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("mainsheet"),
    };
    match command {
        Command::Torture { only } => torture::run(&program, &only).await,
    }
}
