//! A server at work, as those see it that started it.

use std::{net::SocketAddr, sync::Arc};

use mainsheet_cache::{Cache, snapshot::SnapshotCatalog};

use crate::{admission::Admission, intake::IntakeHandle, live::Live, readiness::Readiness, sinks::Sinks};

/// A server at work, as others see it. As long as one is kept, so is the store, which only the last to let go closes.
pub struct Running {
    pub(super) grpc_addr: SocketAddr,
    pub(super) http_addr: SocketAddr,
    pub(super) tls_addrs: [Option<SocketAddr>; 2],
    pub(super) cache: Cache,
    pub(super) intake: IntakeHandle,
    pub(super) readiness: Readiness,
    pub(super) sinks: Arc<Sinks>,
    pub(super) live: Live,
}

impl Running {
    /// Where sinks connect.
    #[must_use]
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where HTTP is served.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// Where sinks connect over TLS.
    #[must_use]
    pub fn grpc_tls_addr(&self) -> Option<SocketAddr> {
        self.tls_addrs[0]
    }

    /// Where HTTP is served over TLS.
    #[must_use]
    pub fn http_tls_addr(&self) -> Option<SocketAddr> {
        self.tls_addrs[1]
    }

    /// The newest state.
    #[must_use]
    pub fn snapshot(&self) -> SnapshotCatalog {
        self.cache.snapshot()
    }

    /// What comes in: what is rejected, what is held.
    #[must_use]
    pub fn intake(&self) -> &IntakeHandle {
        &self.intake
    }

    /// Who is let in, and how its limits stand.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.live.admission
    }

    /// Who is connected.
    #[must_use]
    pub fn sinks(&self) -> &Arc<Sinks> {
        &self.sinks
    }

    /// To change what can be changed while it runs.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Waits until sinks are served. For ever, where the server stops before.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut awaited = self.readiness.subscribe();
        async move {
            if awaited.wait_for(Vec::is_empty).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
