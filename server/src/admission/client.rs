//! What one client makes the server keep: the one place where it is added up.

use std::{fmt, net::SocketAddr};

use mainsheet_api::planted::{self, Fault};
use tonic::Status;

use super::{
    Admission, Limit,
    budget::{Budget, Share},
};

/// One connection. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Client {
    pub(super) admission: Admission,
    pub(super) peer: SocketAddr,
    pub(super) kept: Budget,
}

impl Client {
    /// It keeps nothing yet.
    pub(crate) fn new(admission: Admission, peer: SocketAddr) -> Self {
        Self { admission, peer, kept: Budget::default() }
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// For what one of its streams or requests keeps.
    pub(crate) fn keeps(&self) -> Kept {
        let (own, all) = (self.kept.share(), self.admission.0.kept.share());
        Kept { client: self.clone(), own, all }
    }

    /// Refuses what goes over a limit.
    pub(crate) fn refuse(&self, limit: Limit, text: impl Into<String>) -> Status {
        self.admission.refuse(limit, self.peer, text).status()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("peer", &self.peer).field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// What one of the streams or requests of a client keeps, until it is dropped.
#[derive(Debug)]
pub(crate) struct Kept {
    client: Client,
    own: Share,
    all: Share,
}

impl Kept {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// It is this much by now.
    ///
    /// # Errors
    /// Where that is more than before, and all of the client is more than it may be: what it is told.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), Status> {
        let max = self.client.admission.limits().client_bytes_max;
        let max = if planted::is(Fault::LimitIgnored) { usize::MAX } else { max };
        if let Err(sum) = self.own.set(bytes, max) {
            let text = format!(
                "{sum} bytes of names, requests and unread answers of one connection: at most {max} are kept; ask for \
                 fewer, or for everything (`*`), or on several connections"
            );
            return Err(self.client.refuse(Limit::ClientBytes, text));
        }
        // Of all together there is no bound but that of each.
        let _ = self.all.set(bytes, usize::MAX);
        Ok(())
    }
}
