//! A real API server with Istio's kinds as where configuration comes from, and an istiod that is to come over.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use mainsheet_bench::process::wait_for;
use tempfile::TempDir;

use super::Notes;
use crate::{
    pair::{Pair, copy_examples},
    tools::Tools,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// An API server, until it is dropped.
pub(super) struct Cluster {
    dir: PathBuf,
    kubectl: PathBuf,
}

fn api_up() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/kubernetes/api-up")
}

impl Cluster {
    pub(super) fn start(dir: &Path) -> Result<Self> {
        let dir = dir.join("cluster");
        let env = stdout(Command::new(api_up()).arg("start").arg(&dir))?;
        let kubectl = env.lines().find_map(|line| line.strip_prefix("export KUBECTL="));
        let kubectl = PathBuf::from(kubectl.context("kubectl is not named")?);
        Ok(Self { dir, kubectl })
    }

    fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    pub(super) fn kubectl(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.kubectl);
        stdout(command.arg("--kubeconfig").arg(self.kubeconfig()).args(args).env("HOME", &self.dir))
    }

    /// Applies files once the API server takes the kinds in them.
    pub(super) async fn apply(&self, path: &Path) -> Result<()> {
        let path = path.to_string_lossy();
        let applied = wait_for("the API server to take the files", PATIENCE, async || {
            Ok(self.kubectl(&["apply", "--recursive", "-f", &path]).ok())
        });
        applied.await.map(drop)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What is left is ended with the machine.
        let _ = Command::new(api_up()).arg("stop").arg(&self.dir).output();
    }
}

/// What a command printed.
fn stdout(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command.output()?;
    ensure!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    Ok(String::from_utf8(stdout)?)
}

/// The example mesh without what is Envoy's own.
fn examples(to: &Path) -> Result<()> {
    copy_examples(to)?;
    Ok(fs::remove_dir_all(to.join("envoy"))?)
}

/// Every file below a folder.
fn files(root: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    for namespace in fs::read_dir(root)? {
        for file in fs::read_dir(namespace?.path())? {
            let path = file?.path();
            files.insert(path.strip_prefix(root)?.to_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}

pub(crate) async fn is_imported_as_applied(tools: &Tools) -> Result<Notes> {
    let dir = TempDir::new()?;
    let mesh = dir.path().join("mesh");
    examples(&mesh)?;
    let cluster = Cluster::start(dir.path())?;
    cluster.kubectl(&["apply", "--server-side", "-f", &tools.program("kubernetes").to_string_lossy()])?;
    for namespace in ["shop", "payments", "istio-ingress", "istio-system"] {
        cluster.kubectl(&["create", "namespace", namespace])?;
    }
    cluster.apply(&mesh).await?;

    let import = |args: &[&Path], to: &str| {
        let mut command = Command::new(&tools.mainsheet);
        stdout(command.arg("import").args(args).args(["--to", to]).current_dir(dir.path()))
    };
    let said = import(&[Path::new("--kubeconfig"), &cluster.kubeconfig()], "from-cluster")?;
    import(&[Path::new("--dir"), &mesh], "from-files")?;
    let (cluster, applied) =
        (files(&dir.path().join("from-cluster"))?, files(&dir.path().join("from-files"))?);
    ensure!(applied.len() >= 15, "the example mesh is too small to prove anything: {}", applied.len());
    for (path, text) in &applied {
        let found = cluster.get(path).with_context(|| format!("`{}` is not imported", path.display()))?;
        ensure!(found == text, "`{}` was applied as\n{text}\nand is imported as\n{found}", path.display());
    }
    ensure!(cluster.len() == applied.len(), "more is imported than was applied: {:?}", cluster.keys());
    Ok(vec![said.trim_end().to_owned()])
}

pub(crate) async fn istiod_is_compared(tools: &Tools) -> Result<Notes> {
    let pair = Pair::start(tools, |mainsheet| examples(&mainsheet.documents)).await?;
    pair.wait_same().await?;
    let istiod = format!("http://127.0.0.1:{}", pair.istiod.http_port);
    let server = format!("127.0.0.1:{}", pair.mainsheet.grpc_port);
    let compare = |istiod: &str| -> Result<(Option<i32>, String)> {
        let mut command = Command::new(&tools.mainsheet);
        let Output { status, stdout, stderr } =
            command.args(["compare", "--istiod", istiod, "--server", &server]).output()?;
        Ok((status.code(), format!("{}{}", String::from_utf8(stdout)?, String::from_utf8(stderr)?)))
    };
    let (code, same) = compare(&istiod)?;
    ensure!(code == Some(0), "an istiod that holds what is served is said to differ: {same}");

    let dir = TempDir::new()?;
    let copy = dir.path().join("configz.json");
    let held = stdout(Command::new("curl").args(["-sf", &format!("{istiod}/debug/configz")]))?;
    let mut objects: Vec<serde_json::Value> = serde_json::from_str(&held)?;
    let changed = objects.iter_mut().find(|object| object["metadata"]["name"] == "reviews");
    let changed = changed.context("the example mesh has no `reviews`")?;
    changed["metadata"]["labels"] = serde_json::json!({"planted": "yes"});
    fs::write(&copy, serde_json::to_string(&objects)?)?;
    let (code, differs) = compare(&copy.to_string_lossy())?;
    let is_told = differs.contains("metadata.labels.planted: \"yes\" in istiod, nothing in mainsheet");
    ensure!(code == Some(1) && is_told, "a planted difference is not told: {differs}");
    Ok(vec![same.trim_end().to_owned()])
}
