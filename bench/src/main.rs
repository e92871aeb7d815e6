//! Loads a release build of `mainsheet`, and maltreats it. docs/benchmarking.md says what is measured and how to read it.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod fuzzing;
mod loading;
mod torture;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use mainsheet_bench::{load::Server, soak};
use tempfile::TempDir;

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
    /// Clients, and a check that each got exactly what it should
    Load(loading::Arguments),
    /// Rounds that a server has to stand
    Torture {
        /// Only rounds whose names contain this.
        #[arg(default_value = "")]
        only: String,
    },
    /// Generated inputs on whatever reads what others wrote; `make fuzz` looks for them with cargo-fuzz
    Fuzz(fuzzing::Arguments),
    /// Random changes under clients that come and go, while memory and open files are watched
    Soak {
        #[arg(long, default_value_t = 30.0)]
        minutes: f64,
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
        Command::Load(arguments) => loading::run(&program, arguments).await,
        Command::Fuzz(arguments) => fuzzing::run(&arguments),
        Command::Torture { only } => torture::run(&program, &only).await,
        Command::Soak { minutes } => soak(&program, Duration::try_from_secs_f64(minutes * 60.0)?).await,
    }
}

async fn soak(program: &Path, time: Duration) -> Result<()> {
    let dir = TempDir::with_prefix("mainsheet-soak-")?;
    let server = Server::start(program, dir.path(), "").await?;
    let report = soak::run(&server, time).await?;
    let plot = std::env::current_exe()?.with_file_name("soak.svg");
    std::fs::write(&plot, report.svg())?;
    println!(
        "{report}
plot: {}",
        plot.display()
    );
    ensure!(report.is_met(), "the soak missed its bar");
    Ok(())
}
