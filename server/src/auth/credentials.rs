//! All that says who clients are, made of the settings, and kept up while the server runs.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, anyhow};
use futures_util::future::{BoxFuture, join_all};
use mainsheet_api::time::{Clock, Timestamp};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    alarms::Alarms,
    authenticator::{Authenticator, Standing},
    deny::DenyList,
    files::Files,
    settings::{AuthSettings, TokenSettings},
    token::{Fetch, KeyNews, KeyPlace, KeySource, Keys, NAME, Rules, Tokens},
};
use crate::{
    config::Settings,
    metrics::Metrics,
    tls::{Acceptor, CertificateUse, Material, Port, Security},
};

/// How long before the end of a certificate it is said to be near.
const NEAR_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// What says who clients are.
pub(crate) struct Credentials {
    pub(crate) authenticator: Authenticator,
    pub(crate) health: CredentialHealth,
    material: Option<watch::Receiver<Material>>,
}

/// What keeps one of the parts up, once it is told when to end.
type Follower = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;
pub(crate) type Followers = Vec<Follower>;

/// How the server's own credentials are. Cloning shares it.
#[derive(Clone, Default)]
pub struct CredentialHealth {
    alarms: Alarms,
    certificates: Option<(watch::Receiver<Material>, Arc<dyn Clock>)>,
}

/// What the parts are made with.
struct Parts<'a> {
    clock: &'a Arc<dyn Clock>,
    alarms: &'a Alarms,
    standing: &'a watch::Sender<Standing>,
    followers: &'a mut Followers,
}

impl Credentials {
    /// Reads all that the settings name. The followers are to be [run](follow).
    ///
    /// # Errors
    /// Where something of it can't be used: a server does not start without what it is to go by.
    pub(crate) async fn load(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> anyhow::Result<(Self, Followers)> {
        let (alarms, mut followers) = (Alarms::default(), Followers::new());
        let standing = watch::Sender::new(Standing::default());
        let auth = &settings.auth;
        let mut parts = Parts { clock, alarms: &alarms, standing: &standing, followers: &mut followers };
        let material = parts.tls(settings).await?;
        if let Some(path) = &auth.deny_list {
            parts.deny_list(path, auth).await?;
        }
        let tokens = parts.tokens(auth).await?;
        let certificates = material.clone().map(|material| (material, Arc::clone(clock)));
        let health = CredentialHealth { alarms, certificates };
        let refused = metrics.logins_refused.clone();
        let by = (auth.trust_domain.clone(), tokens);
        let authenticator = Authenticator::new(by, standing.subscribe(), Arc::clone(clock), refused);
        // As long as somebody follows, it is kept.
        followers.push(Box::new(move |stop| {
            Box::pin(async move {
                stop.cancelled().await;
                drop(standing);
            })
        }));
        Ok((Self { authenticator, health, material }, followers))
    }

    /// How connections of a port are secured; none where there is no certificate.
    pub(crate) fn security(&self, port: Port) -> Option<Security> {
        self.material.clone().map(|material| Security::Tls(Acceptor::new(material, port)))
    }
}

/// Keeps all of it up, until the order to stop.
///
/// # Errors
/// None.
pub(crate) async fn follow(followers: Followers, stop: CancellationToken) -> anyhow::Result<()> {
    join_all(followers.into_iter().map(|follow| follow(stop.clone()))).await;
    Ok(())
}

impl Parts<'_> {
    async fn tls(&mut self, settings: &Settings) -> anyhow::Result<Option<watch::Receiver<Material>>> {
        let Some(pem) = settings.tls.pem_files() else { return Ok(None) };
        let rules = (settings.tls.client_auth, settings.tls.min_version);
        let clock = Arc::clone(self.clock);
        let read = move |contents: &[Vec<u8>]| Material::read(contents, &pem, rules, &clock);
        let files = settings.tls.pem_files().map(|pem| pem.files()).context("the certificate has a key")?;
        let (contents, material) = first(&files, &read).await?;
        self.standing.send_modify(|standing| standing.clients.clone_from(&material.clients));
        let (news, standing) = (watch::Sender::new(material), self.standing.clone());
        let newest = news.subscribe();
        self.follow(files, contents, move |contents| {
            let material = read(contents)?;
            standing.send_modify(|standing| standing.clients.clone_from(&material.clients));
            news.send_replace(material);
            Ok(())
        });
        Ok(Some(newest))
    }

    async fn deny_list(&mut self, path: &Path, auth: &AuthSettings) -> anyhow::Result<()> {
        let (trust_domain, shown) = (auth.trust_domain.clone(), path.display().to_string());
        let read = move |contents: &[Vec<u8>]| {
            let text = contents.first().map_or("", |text| std::str::from_utf8(text).unwrap_or("\u{0}"));
            DenyList::read(text, &trust_domain).map(Arc::new).map_err(|wrong| format!("`{shown}`: {wrong}"))
        };
        let files = Files::new("deny-list", [path.to_path_buf()]);
        let (contents, denied) = first(&files, &read).await?;
        self.standing.send_modify(|standing| standing.denied = denied);
        let standing = self.standing.clone();
        self.follow(files, contents, move |contents| {
            let denied = read(contents)?;
            tracing::info!(entries = denied.len(), "the deny list");
            standing.send_modify(|standing| standing.denied = denied);
            Ok(())
        });
        Ok(())
    }

    async fn tokens(&mut self, auth: &AuthSettings) -> anyhow::Result<Option<Tokens>> {
        let TokenSettings { issuer, audiences, keys, keys_ca, keys_token_file, algorithms } = &auth.tokens;
        let (Some(issuer), Some(place)) = (issuer, keys) else { return Ok(None) };
        let rules = Rules {
            issuer: issuer.clone(),
            audiences: audiences.clone(),
            algorithms: algorithms.clone(),
            trust_domain: auth.trust_domain.clone(),
        };
        let news = watch::Sender::new(KeyNews::default());
        let (newest, clock) = (news.subscribe(), Arc::clone(self.clock));
        let asked = match place {
            KeyPlace::File(path) => {
                let shown = path.display().to_string();
                let read = move |contents: &[Vec<u8>]| {
                    let json = contents.first().map_or(&[][..], Vec::as_slice);
                    Keys::read(json).map(KeyNews::of).map_err(|wrong| format!("`{shown}`: {wrong}"))
                };
                let files = Files::new(NAME, [path.clone()]);
                let (contents, keys) = first(&files, &read).await?;
                news.send_replace(keys);
                self.follow(files, contents, move |contents| {
                    news.send_replace(read(contents)?);
                    Ok(())
                });
                None
            }
            KeyPlace::Url(url) => {
                let (ca, token_file) = (keys_ca.clone(), keys_token_file.clone());
                let (fetch, asked) = (Fetch { url: url.clone(), ca, token_file }, Arc::new(Notify::new()));
                let alarms = self.alarms.clone();
                let source =
                    KeySource { fetch, news, asked: Arc::clone(&asked), clock: Arc::clone(&clock), alarms };
                self.followers.push(Box::new(move |stop| Box::pin(source.run(stop))));
                Some(asked)
            }
        };
        Ok(Some(Tokens::new(rules, (newest, asked), clock)))
    }

    fn follow(
        &mut self,
        files: Files,
        contents: Vec<Vec<u8>>,
        take: impl FnMut(&[Vec<u8>]) -> Result<(), String> + Send + 'static,
    ) {
        let alarms = self.alarms.clone();
        alarms.set(files.name, None);
        self.followers.push(Box::new(move |stop| Box::pin(files.follow(Ok(contents), alarms, take, stop))));
    }
}

/// Reads files for the first time.
async fn first<T>(
    files: &Files,
    read: impl Fn(&[Vec<u8>]) -> Result<T, String>,
) -> anyhow::Result<(Vec<Vec<u8>>, T)> {
    let contents = files.read().await.map_err(|wrong| anyhow!(wrong))?;
    let taken = read(&contents).map_err(|wrong| anyhow!(wrong))?;
    Ok((contents, taken))
}

impl CredentialHealth {
    /// What is wrong with them, for people.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.alarms.problems();
        let now = self.certificates.as_ref().map_or(Timestamp(0), |(_, clock)| clock.wall());
        for (purpose, end) in self.expiry() {
            let name = purpose.name();
            if end <= now {
                problems.push(format!("the certificate `{name}` has expired: connections over TLS fail"));
            } else if end.0 - now.0 < NEAR_MILLIS {
                let left =
                    humantime::format_duration(std::time::Duration::from_secs(end.since(now).as_secs()));
                problems.push(format!("the certificate `{name}` expires in {left}"));
            }
        }
        problems
    }

    /// When the first certificate of each use expires.
    pub(crate) fn expiry(&self) -> Vec<(CertificateUse, Timestamp)> {
        self.certificates.as_ref().map(|(material, _)| material.borrow().expiry.clone()).unwrap_or_default()
    }

    /// What something may be wrong with, and whether it is.
    pub(crate) fn alarms(&self) -> Vec<(&'static str, bool)> {
        self.alarms.all()
    }
}
