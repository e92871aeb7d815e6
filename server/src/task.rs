//! The named task set: no task is detached, and the unexpected end of one stops the process with its name.

use std::future::Future;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The tasks of a process, each with a name.
#[derive(Debug)]
pub struct TaskSet {
    tasks: JoinSet<(String, anyhow::Result<()>)>,
    stop: CancellationToken,
}

impl TaskSet {
    /// No task yet. `stop` is what every task watches for the order to end.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), stop }
    }

    /// The order to end, for handing to a task.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task. It should end, with `Ok`, when the order to end is given, and only then.
    pub fn spawn(
        &mut self,
        name: impl Into<String>,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let name = name.into();
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Waits until the order to end is given and every task has ended, or until one ends without it; then gives the
    /// order itself and waits for the rest.
    ///
    /// # Errors
    /// With the first task that failed, panicked, or ended unbidden.
    pub async fn join(mut self) -> anyhow::Result<()> {
        let mut first = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let bidden = self.stop.is_cancelled();
            let outcome = match ended {
                Ok((name, Err(error))) => Err(error.context(format!("task `{name}`"))),
                Ok((name, Ok(()))) if !bidden => Err(anyhow::anyhow!("task `{name}` ended unbidden")),
                Ok((_, Ok(()))) => Ok(()),
                Err(panic) => Err(anyhow::anyhow!("a task panicked: {panic}")),
            };
            self.stop.cancel();
            first = first.and(outcome);
        }
        first
    }
}
