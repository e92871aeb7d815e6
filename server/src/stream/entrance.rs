//! A connection from its arrival until it is known whose it is.
//!
//! Whether there is room is looked at first, and the handshake of TLS is one task for each connection, beside the accept loop:
//! a client that is slow with it keeps nobody waiting, and one that is not let in costs little.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainsheet_api::{limits::REFUSED_HANDSHAKES_MAX, xds::catalog::Catalog};

use super::{Links, connection::Protocol, reader};
use crate::{
    admission::{Admission, Arrival},
    auth::Authenticator,
    listen::Connection,
    metrics::Metrics,
    network::Wire,
    places::Places,
    tls::{Security, Shown},
};

/// Lets connections in. Cloning shares it.
pub(super) struct Entrance<C> {
    admission: Admission,
    authenticator: Authenticator,
    metrics: Arc<Metrics>,
    protocol: Protocol<C>,
    /// Handshakes with those that are only told why they are not let in.
    refused_handshakes: Places,
}

impl<C> Clone for Entrance<C> {
    fn clone(&self) -> Self {
        Self {
            admission: self.admission.clone(),
            authenticator: self.authenticator.clone(),
            metrics: Arc::clone(&self.metrics),
            protocol: self.protocol.clone(),
            refused_handshakes: self.refused_handshakes.clone(),
        }
    }
}

impl<C: Catalog + Send + Sync + 'static> Entrance<C> {
    pub(super) fn new(links: &Links<C>, protocol: Protocol<C>) -> Self {
        Self {
            admission: links.admission.clone(),
            authenticator: links.authenticator.clone(),
            metrics: Arc::clone(&links.metrics),
            protocol,
            refused_handshakes: Places::default(),
        }
    }

    /// Serves the connections of a port.
    pub(super) fn serve(
        &self,
        security: Security,
    ) -> impl Fn(Wire, Connection) -> BoxFuture<'static, ()> + use<C> {
        let entrance = self.clone();
        move |wire, connection| {
            // Where there are too many, the first in the queue count: not in the task, which runs whenever it does.
            let arrival = match connection.stopping.is_cancelled() {
                true => entrance.admission.turn_away(reader::ending(&connection)),
                false => entrance.admission.arrive(connection.peer),
            };
            Box::pin(entrance.clone().enter(security.clone(), arrival, (wire, connection)))
        }
    }

    async fn enter(self, security: Security, arrival: Arrival, (wire, connection): (Wire, Connection)) {
        match arrival {
            Arrival::Admitted(_place) => {
                let _counted = self.metrics.connection();
                let Some((wire, shown)) = self.secure(&security, wire, &connection).await else { return };
                let trust_loopback = self.protocol.trusts_loopback();
                match self.authenticator.on_connection(connection.peer, &shown, trust_loopback) {
                    Ok(caller) => self.protocol.serve(wire, connection, caller).await,
                    Err(reason) => self.protocol.refuse(wire, connection, reason).await,
                }
            }
            Arrival::Refused(reason, _place) => {
                let handshake = match security {
                    Security::Plaintext => None,
                    Security::Tls(_) => Some(self.refused_handshakes.take(REFUSED_HANDSHAKES_MAX)),
                };
                if let Some(None) = handshake {
                    return self.metrics.closed_untold.inc();
                }
                let Some((wire, _)) = self.secure(&security, wire, &connection).await else { return };
                drop(handshake);
                self.protocol.refuse(wire, connection, reason).await;
            }
            Arrival::Closed => drop(wire),
        }
    }

    async fn secure(
        &self,
        security: &Security,
        wire: Wire,
        connection: &Connection,
    ) -> Option<(Wire, Shown)> {
        let secured = tokio::select! {
            biased;
            () = connection.close.cancelled() => return None,
            secured = security.secure(wire) => secured,
        };
        secured.map_err(|error| self.authenticator.refuse_handshake(connection.peer, &error)).ok()
    }
}
