//! `get --watch`: a list, and what becomes of it.

use std::time::Duration;

use mainsheet_api::{generated::mainsheet::v1 as pb, time::Clock as _};
use tonic::{Code, Status};

use super::{Wanted, printed::Printed, reading};
use crate::{
    cli::{
        Exit,
        client::Service,
        output::{Printer, note},
    },
    clock::SystemClock,
    signals::Signals,
};

/// A server that restarts is back within seconds.
const AGAIN: Duration = Duration::from_secs(1);

/// Prints a list and then what changes, until interrupted.
pub(super) async fn follow(
    wanted: &Wanted,
    service: &Service,
    printer: &mut Printer<'_>,
) -> anyhow::Result<Exit> {
    let selection = wanted.watched()?;
    let mut signals = Signals::new()?;
    let mut follower = Follower { wanted, service, selection, printer, printed: Printed::default() };
    tokio::select! {
        biased;
        result = follower.run() => result.map(|()| Exit::Done),
        _ = signals.next() => Ok(Exit::Done),
    }
}

struct Follower<'a, 'p> {
    wanted: &'a Wanted,
    service: &'a Service,
    selection: pb::Selection,
    printer: &'a mut Printer<'p>,
    /// Where a list comes again, only what differs is told.
    printed: Printed,
}

/// Why a watch ended.
enum Ended {
    /// The revision to go on from is no longer kept.
    Compacted,
    /// It may be tried again after this revision.
    Broken(u64, Status),
}

impl Follower<'_, '_> {
    async fn run(&mut self) -> anyhow::Result<()> {
        let mut after = self.list().await?;
        loop {
            match self.watch(after).await? {
                Ended::Compacted => {
                    note("revisions that were missed are no longer kept: listing again");
                    after = self.list().await?;
                }
                Ended::Broken(revision, status) => {
                    // The rest of it is for those who have to do something about it.
                    let refused = self.service.refused(&status).to_string();
                    let first = refused.lines().next().unwrap_or_default();
                    note(&format!("{first}; trying again"));
                    tokio::time::sleep(AGAIN).await;
                    after = revision;
                }
            }
        }
    }

    /// Lists, and prints what differs from what was printed before.
    async fn list(&mut self) -> anyhow::Result<u64> {
        let mut gone = std::mem::take(&mut self.printed);
        if !gone.is_whole() {
            note("too much was printed to be compared with: all that there is follows as added");
        }
        let (wanted, service, selection) = (self.wanted, self.service, self.selection.clone());
        let revision = reading::list(wanted, selection, service, async |page, revision| {
            for resource in page {
                let change = match gone.remove(&resource) {
                    None => pb::ChangeType::Added,
                    Some(before) if before.version != resource.version => pb::ChangeType::Changed,
                    Some(_) => pb::ChangeType::Unspecified,
                };
                self.tell(change, resource, revision)?;
            }
            Ok(())
        })
        .await?;
        for resource in gone.into_rest() {
            self.tell(pb::ChangeType::Removed, resource, revision)?;
        }
        Ok(revision)
    }

    fn tell(&mut self, change: pb::ChangeType, resource: pb::Resource, revision: u64) -> anyhow::Result<()> {
        self.printer.set_now(SystemClock::new().wall());
        if change != pb::ChangeType::Unspecified {
            self.printer.print(std::slice::from_ref(&resource), Some(reading::update(change, revision)))?;
        }
        if change == pb::ChangeType::Removed {
            self.printed.remove(&resource);
        } else {
            self.printed.put(resource);
        }
        Ok(())
    }

    /// Prints what changes after a revision, until the stream ends.
    async fn watch(&mut self, after: u64) -> anyhow::Result<Ended> {
        let request = pb::WatchRequest {
            selection: Some(self.selection.clone()),
            after_revision: after,
            form: self.wanted.form(),
        };
        let mut last = after;
        let mut stream = match self.service.client().watch(request).await {
            Ok(response) => response.into_inner(),
            Err(status) => return self.ended(last, status),
        };
        loop {
            match stream.message().await {
                Ok(Some(news)) => {
                    last = news.revision;
                    for change in news.changes {
                        let kind = change.r#type();
                        if let Some(resource) = change.after.or(change.before) {
                            self.tell(kind, resource, news.revision)?;
                        }
                    }
                }
                Ok(None) => return Ok(Ended::Broken(last, Status::unavailable("it ended the watch"))),
                Err(status) => return self.ended(last, status),
            }
        }
    }

    fn ended(&self, last: u64, status: Status) -> anyhow::Result<Ended> {
        match status.code() {
            Code::OutOfRange => Ok(Ended::Compacted),
            // What a connection that breaks is told as.
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::ResourceExhausted => {
                Ok(Ended::Broken(last, status))
            }
            _ => Err(self.service.refused(&status)),
        }
    }
}
