//! Load: clients with connections of their own, and a check that each got exactly what it should.
//!
//! Clients speak HTTP/2 and discovery themselves, and take in bytes without keeping them, so that thousands of them fit
//! into one process and are not what is measured. What they hold is compared with what was written, after every response.
//!
//! | file | is |
//! |---|---|
//! | `fleet`, `client`, `door` | clients; one of them; where they go in |
//! | `session` | one call, without I/O: `http2` and `hpack` take frames apart, `message` reads responses as they arrive |
//! | `held`, `hash` | what a client holds, as a number that does not depend on order |
//! | `content`, `writer` | the resources, and how they are written |
//! | `ledger` | every state that was written, when, and when clients had it |
//! | `server` | the server under load, and what it takes |
//! | `report`, `times`, `reasons` | what came of it |

mod client;
mod content;
mod door;
mod fleet;
mod hash;
mod held;
mod hpack;
mod http2;
mod ledger;
mod message;
mod reasons;
mod report;
mod server;
mod session;
mod times;
mod writer;

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use content::Content;
use mainsheet_api::xds::Variant;
use writer::Way;

pub(crate) use writer::Writer;

pub use self::{
    client::Behaviour,
    door::Door,
    fleet::{Crowd, Fleet, raise_limit_of_open_files},
    held::State,
    report::{Phase, Report},
    server::Server,
    times::{Times, ms},
};
use crate::{api::Api, process::now};

/// What is done to a server.
#[derive(Clone, Debug)]
pub struct Load {
    /// Clients that read as fast as they can.
    pub quick: usize,
    /// Clients that read `slow_bytes` a second.
    pub slow: usize,
    /// See there.
    pub slow_bytes: usize,
    /// Clients that ask, and then neither read nor answer.
    pub mute: usize,
    /// What all of them speak.
    pub variant: Variant,
    /// Bytes that a client lets the server send ahead.
    pub window: u32,
    /// How many resources there are.
    pub resources: usize,
    /// Bytes of the body of each.
    pub resource_bytes: usize,
    /// How often one of them is changed.
    pub changes: usize,
    /// Time between the beginnings of changes.
    pub every: Duration,
    /// Whether a change waits, too, until all that read quickly have the one before.
    pub in_turn: bool,
    /// How changes are made: with files in this folder, or with `mainsheet.v1`.
    pub files: Option<PathBuf>,
    /// How long clients may take to have what they are to have.
    pub patience: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            quick: 100,
            slow: 0,
            slow_bytes: 256 << 10,
            mute: 0,
            variant: Variant::Sotw,
            window: 1 << 20,
            resources: 1000,
            resource_bytes: 1024,
            changes: 10,
            every: Duration::from_secs(1),
            in_turn: false,
            files: None,
            patience: Duration::from_secs(120),
        }
    }
}

impl Load {
    /// All clients.
    pub fn clients(&self) -> usize {
        self.quick + self.slow + self.mute
    }

    /// Loads a server that has no resources of the kind yet.
    pub async fn run(&self, server: &Server) -> Result<Report> {
        raise_limit_of_open_files(self.clients())?;
        let mut writer = self.writer(server).await?;
        writer.write_all().await?;
        server.serves(self.resources, self.patience).await?;
        let mut fleet = Fleet::new();
        let cold = self.connect(server, &mut fleet, &writer).await?;
        let changes = self.change(server, &fleet, &mut writer).await?;
        let behind = fleet.settle(self.patience).await;
        Ok(Report::new(self, (cold, changes), (&fleet, behind), server.usage()?))
    }

    /// Who writes this load's resources.
    pub(crate) async fn writer(&self, server: &Server) -> Result<Writer> {
        let way = match &self.files {
            Some(folder) => Way::Files(folder.clone()),
            None => Way::Api(Api::connect(server.grpc).await?),
        };
        Ok(Writer::new(Content { body_bytes: self.resource_bytes }, way, self.resources))
    }

    /// All at once, until each that reads quickly holds everything.
    async fn connect(&self, server: &Server, fleet: &mut Fleet, writer: &Writer) -> Result<Phase> {
        ensure!(self.quick > 0, "without clients that read quickly there is nothing to measure");
        server.forget_peak()?;
        let (before, start) = (server.usage()?, now());
        let crowd = |len, behaviour| Crowd { len, variant: self.variant, behaviour, stay_max: None };
        let first = writer.begin(fleet.ledger());
        // Those that do not read are there before the others are served.
        fleet.add(server.door.clone(), self.window, crowd(self.mute, Behaviour::Mute));
        fleet.are_open(self.mute, self.patience).await?;
        fleet.add(server.door.clone(), self.window, crowd(self.slow, Behaviour::Slow(self.slow_bytes)));
        fleet.add(server.door.clone(), self.window, crowd(self.quick, Behaviour::Quick));
        fleet.have(first, self.quick, self.patience).await?;
        Ok(Phase::new((before, server.usage()?), start.elapsed(), fleet.first_times(), fleet.received()))
    }

    /// Changes one resource after the other.
    async fn change(&self, server: &Server, fleet: &Fleet, writer: &mut Writer) -> Result<Phase> {
        server.forget_peak()?;
        let (before, received, start) = (server.usage()?, fleet.received(), now());
        for change in 0..self.changes {
            let due = self.every * u32::try_from(change)?;
            tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
            let number = writer.change(change * 7919 % self.resources, fleet.ledger()).await?;
            if self.in_turn || change + 1 == self.changes {
                fleet.have(number, self.quick, self.patience).await?;
            } else if self.files.is_some() {
                // Files that change together are committed in an order that nobody knows.
                fleet.have(number, 1, self.patience).await?;
            }
        }
        let (bytes, responses) = fleet.received();
        let received = (bytes - received.0, responses - received.1);
        Ok(Phase::new((before, server.usage()?), start.elapsed(), fleet.ledger().delivery_times(), received))
    }
}
