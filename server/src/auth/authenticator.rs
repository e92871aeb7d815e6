//! Says who callers are, and for how long: from what a connection shows, and what a request has with it.

use std::{future::pending, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::{HeaderMap, header::AUTHORIZATION};
use mainsheet_api::{node::Node, time::Clock};
use prometheus::IntCounterVec;
use rustls::{pki_types::CertificateDer, server::danger::ClientCertVerifier};
use tokio::sync::watch;
use tonic::Status;
use tracing::debug;

use super::{
    caller::{Caller, ShownCertificate, Via},
    certificate,
    claims::contradiction,
    deny::DenyList,
    token::Tokens,
};
use crate::{
    metrics::Metrics,
    tls::{Shown, unix_time},
};

/// How often it is looked whether a credential still holds, however far its end is: the calendar may be set.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Says who callers are. Cloning shares it.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    trust_domain: String,
    standing: watch::Receiver<Standing>,
    tokens: Option<Tokens>,
    clock: Arc<dyn Clock>,
    refused: IntCounterVec,
}

/// What credentials have to stand up to, as it is now.
#[derive(Clone, Default)]
pub(crate) struct Standing {
    pub(crate) denied: Arc<DenyList>,
    /// Who says whether a client's certificate is to be believed.
    pub(crate) clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The handshake of TLS failed: no certificate where one is required, one that no CA of ours signed, an old version.
    Handshake,
    /// A certificate that names nobody, or does not hold any more.
    Certificate,
    /// A bearer token that is not to be taken.
    Token,
    /// The deny list.
    Denied,
    /// A node that claims to be somebody else.
    Claims,
}

impl Reason {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Certificate => "certificate",
            Self::Token => "token",
            Self::Denied => "denied",
            Self::Claims => "claims",
        }
    }
}

/// What a request has with it.
pub(crate) enum Login {
    /// Nothing: it is of whoever the connection is of.
    Known(Caller),
    /// A bearer token.
    Token(String),
}

impl Authenticator {
    /// One that knows of no credentials: callers are who their connections say.
    #[must_use]
    pub fn of_connections(clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let standing = watch::channel(Standing::default()).1;
        Self::new((String::new(), None), standing, clock, metrics.logins_refused.clone())
    }

    pub(crate) fn new(
        (trust_domain, tokens): (String, Option<Tokens>),
        standing: watch::Receiver<Standing>,
        clock: Arc<dyn Clock>,
        refused: IntCounterVec,
    ) -> Self {
        Self(Arc::new(Inner { trust_domain, standing, tokens, clock, refused }))
    }

    /// Who is at the other end of a connection, as far as that shows it.
    ///
    /// # Errors
    /// Where nothing that comes on it is to be answered: the reason.
    pub(crate) fn on_connection(
        &self,
        peer: SocketAddr,
        shown: &Shown,
        trust_loopback: bool,
    ) -> Result<Caller, Status> {
        let caller = match shown {
            Shown::Plaintext => return Ok(Caller::in_plaintext(peer, trust_loopback)),
            Shown::Tls(chain) if chain.is_empty() => return Ok(Caller::anonymous(peer)),
            Shown::Tls(chain) => self.of_certificate(peer, chain)?,
        };
        self.check(&caller)?;
        Ok(caller)
    }

    fn of_certificate(
        &self,
        peer: SocketAddr,
        chain: &Arc<[CertificateDer<'static>]>,
    ) -> Result<Caller, Status> {
        let read = certificate::read(&chain[0], &self.0.trust_domain);
        let read = read.map_err(|wrong| {
            let status = Status::unauthenticated(format!("the client's certificate names nobody: {wrong}"));
            self.refuse(Reason::Certificate, peer, status)
        })?;
        let shown =
            ShownCertificate { serial: read.serial, fingerprint: read.fingerprint, chain: Arc::clone(chain) };
        let via = Via::Certificate(Arc::new(shown));
        Ok(Caller { identity: read.identity, via, peer, ends: Some(read.not_after) })
    }

    /// Who makes a request on a connection of somebody. A certificate wins over a token, as in Kubernetes.
    ///
    /// # Errors
    /// Where it is not to be answered: the reason.
    pub(crate) fn on_request(&self, of_connection: &Caller, headers: &HeaderMap) -> Result<Login, Status> {
        let authorization = headers.get(AUTHORIZATION).filter(|_| !of_connection.has_certificate());
        let Some(authorization) = authorization else {
            self.check(of_connection)?;
            return Ok(Login::Known(of_connection.clone()));
        };
        let text = authorization.to_str().unwrap_or_default();
        let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match token {
            Some((_, token)) => Ok(Login::Token(token.trim().to_owned())),
            None => {
                let status = Status::unauthenticated("the header `authorization` is not `Bearer TOKEN`");
                Err(self.refuse(Reason::Token, of_connection.peer, status))
            }
        }
    }

    /// Who has a token.
    ///
    /// # Errors
    /// Where it is not to be taken: never is its bearer anonymous instead.
    pub(crate) async fn of_token(&self, peer: SocketAddr, token: &str) -> Result<Caller, Status> {
        let Some(tokens) = &self.0.tokens else {
            let status =
                Status::unauthenticated("this server takes no tokens: it is set to no issuer (jwt-issuer)");
            return Err(self.refuse(Reason::Token, peer, status));
        };
        let verified =
            tokens.verify(token).await.map_err(|status| self.refuse(Reason::Token, peer, status))?;
        let via = Via::Token { id: verified.id.map(Arc::from) };
        let caller = Caller { identity: verified.identity, via, peer, ends: Some(verified.ends) };
        self.check(&caller)?;
        Ok(caller)
    }

    /// Whether a caller is let in now.
    fn check(&self, caller: &Caller) -> Result<(), Status> {
        let denied = Arc::clone(&self.0.standing.borrow().denied);
        if let Some(reason) = denied.refusal(&caller.identity, caller.serial()) {
            return Err(self.refuse(Reason::Denied, caller.peer, Status::unauthenticated(reason)));
        }
        match caller.ends {
            Some(ends) if ends <= self.0.clock.wall() => {
                let (reason, status) = expired(caller);
                Err(self.refuse(reason, caller.peer, status))
            }
            _ => Ok(()),
        }
    }

    /// Waits until a caller would not be let in any more; says why. For ever, where nothing could come of it.
    pub(crate) async fn lapse(&self, caller: Caller) -> Status {
        let mut standing = self.0.standing.clone();
        loop {
            let is_believed = {
                let standing = standing.borrow_and_update();
                self.is_believed(&standing, &caller)
            };
            if let Err(status) = is_believed.and_then(|()| self.check(&caller)) {
                return status;
            }
            let look = async {
                match caller.ends {
                    Some(ends) => {
                        tokio::time::sleep(ends.since(self.0.clock.wall()).min(LOOK_INTERVAL)).await
                    }
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = standing.changed() => match changed {
                    Ok(()) => {}
                    // The server stops.
                    Err(_) => return pending().await,
                },
                () = look => {}
            }
        }
    }

    /// The end of a connection with its certificate. Whatever else its requests have ends by itself.
    pub(crate) fn lapse_of_connection(&self, caller: &Caller) -> BoxFuture<'static, Status> {
        self.lapse_if(caller.has_certificate(), caller)
    }

    /// The end of a request with what its caller was known by, but for a certificate, which the connection ends with.
    pub(crate) fn lapse_of_request(&self, caller: &Caller) -> BoxFuture<'static, Status> {
        self.lapse_if(!caller.has_certificate(), caller)
    }

    fn lapse_if(&self, may_lapse: bool, caller: &Caller) -> BoxFuture<'static, Status> {
        match may_lapse {
            true => {
                let (this, caller) = (self.clone(), caller.clone());
                Box::pin(async move { this.lapse(caller).await })
            }
            false => Box::pin(pending()),
        }
    }

    /// Whether a node may claim what it does.
    ///
    /// # Errors
    /// PERMISSION_DENIED where its credential says something else.
    pub(crate) fn check_claims(&self, caller: &Caller, node: &Node) -> Result<(), Status> {
        match contradiction(&caller.identity, node) {
            Some(text) => Err(self.refuse(Reason::Claims, caller.peer, Status::permission_denied(text))),
            None => Ok(()),
        }
    }

    /// Whether a certificate is one that would be taken today: the client CA may be another by now.
    fn is_believed(&self, standing: &Standing, caller: &Caller) -> Result<(), Status> {
        let (Via::Certificate(shown), Some(clients)) = (&caller.via, &standing.clients) else {
            return Ok(());
        };
        let [own, between @ ..] = &shown.chain[..] else { return Ok(()) };
        let now = self.0.clock.wall();
        let believed = clients.verify_client_cert(own, between, unix_time(now));
        believed.map(drop).map_err(|error| match caller.ends {
            Some(ends) if ends <= now => expired(caller).1,
            _ => {
                let status = Status::unauthenticated(format!(
                    "the client's certificate is not believed any more: {error}"
                ));
                self.refuse(Reason::Certificate, caller.peer, status)
            }
        })
    }

    /// Notes that a connection could not be secured.
    pub(crate) fn refuse_handshake(&self, peer: SocketAddr, error: &std::io::Error) {
        let text = format!("the handshake of TLS failed: {error}");
        self.refuse(Reason::Handshake, peer, Status::unauthenticated(text));
    }

    /// Notes that somebody is not let in.
    pub(crate) fn refuse(&self, reason: Reason, peer: SocketAddr, status: Status) -> Status {
        self.0.refused.with_label_values(&[reason.name()]).inc();
        debug!(%peer, reason = reason.name(), why = status.message(), "not let in");
        status
    }
}

fn expired(caller: &Caller) -> (Reason, Status) {
    let (reason, what) = match caller.via {
        Via::Token { .. } => (Reason::Token, "the token"),
        _ => (Reason::Certificate, "the client's certificate"),
    };
    (reason, Status::unauthenticated(format!("{what} has expired")))
}
