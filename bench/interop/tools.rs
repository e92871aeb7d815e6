//! Where the real clients are.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

/// What scenarios may need, and the programs behind the names.
const TOOLS: &[(&str, &str)] = &[
    ("istiod", "pilot-discovery"),
    ("istiod-1.29", "pilot-discovery-1.29"),
    ("istioctl", "istioctl"),
    ("envoy", "envoy"),
    ("descriptors", "mainsheet-descriptors"),
    ("grpc-go", "mainsheet-grpc-go"),
    ("grpcurl", "grpcurl"),
    // The last that its installation makes.
    ("kubernetes", "istio-crds.yaml"),
];

/// The lines of istiod, by the names of their tools. Whatever needs `istiod` runs against each.
pub(crate) const LINES: [&str; 2] = ["istiod", "istiod-1.29"];

/// The folder of installed clients, and the mainsheet that is under test.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    bin: PathBuf,
    required: Vec<String>,
    line: &'static str,
    /// The server under test.
    pub(crate) mainsheet: PathBuf,
}

impl Tools {
    /// From MAINSHEET_TOOLS or the cache folder; the server from beside this program.
    pub(crate) fn find() -> Result<Self> {
        let folder = match env::var_os("MAINSHEET_TOOLS") {
            Some(folder) => PathBuf::from(folder),
            None => {
                Path::new(&env::var_os("HOME").context("HOME is not set")?).join(".cache/mainsheet-tools")
            }
        };
        let required = env::var("INTEROP_REQUIRED").unwrap_or_default();
        let required: Vec<_> =
            required.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        for name in &required {
            ensure!(
                TOOLS.iter().any(|(tool, _)| tool == name),
                "INTEROP_REQUIRED names `{name}`, which is no tool"
            );
        }
        let mainsheet = env::current_exe()?.with_file_name("mainsheet");
        ensure!(mainsheet.exists(), "`{}` is not built: cargo build --bin mainsheet", mainsheet.display());
        Ok(Self { bin: folder.join("bin"), required, line: LINES[0], mainsheet })
    }

    /// The same, in which `istiod` is that of a line.
    pub(crate) fn of(&self, line: &'static str) -> Self {
        Self { line, ..self.clone() }
    }

    /// The program of a tool.
    pub(crate) fn program(&self, tool: &str) -> PathBuf {
        let tool = if tool == LINES[0] { self.line } else { tool };
        let program = TOOLS.iter().find(|(name, _)| *name == tool).map_or(tool, |(_, program)| program);
        self.bin.join(program)
    }

    /// Whether a tool is installed.
    pub(crate) fn has(&self, tool: &str) -> bool {
        self.program(tool).exists()
    }

    /// Whether everything is installed that INTEROP_REQUIRED names; says what is not.
    pub(crate) fn required_are_there(&self) -> bool {
        let missing: Vec<_> = self.required.iter().filter(|tool| !self.has(tool)).collect();
        missing.iter().for_each(|tool| eprintln!("error: {tool} is required and not installed"));
        missing.is_empty()
    }
}
