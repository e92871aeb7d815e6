//! Where an issuer's keys come from, and when they are asked for again.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use mainsheet_api::time::{Clock, Uptime};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::{error, info};

use super::{Fetch, Keys, Refused, Rules, Verified, fetch::Url, verify};
use crate::auth::alarms::Alarms;

/// How old keys become. Issuers publish a new key hours before they sign with it.
const REFRESH_INTERVAL: Duration = Duration::from_secs(300);

/// Between a failure and the next attempt.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Between two fetches that tokens of unknown keys cause: anybody can invent those.
const ASKED_INTERVAL_MIN: Duration = Duration::from_secs(10);

/// How long a token of an unknown key waits for newer ones: as long as a fetch takes at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// What it is called where something is wrong with it.
pub(crate) const NAME: &str = "jwt-keys";

/// A JWKS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a file, which is read again when it changes.
    File(PathBuf),
    /// At a URL, which is asked from time to time, and when a token is signed with a key that is not known.
    Url(Url),
}

/// The error is what would be right.
impl FromStr for KeyPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.contains("://") {
            true => Ok(Self::Url(text.parse()?)),
            false if text.is_empty() => Err("write a path, or a URL".to_owned()),
            false => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// The newest keys, as news.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyNews {
    /// None until there were some.
    pub(crate) keys: Option<Arc<Keys>>,
    /// How many times it was tried to have newer ones, and when last.
    tried: u64,
    tried_at: Uptime,
}

impl KeyNews {
    /// Keys that do not have to be asked for.
    pub(crate) fn of(keys: Keys) -> Self {
        Self { keys: Some(Arc::new(keys)), ..Self::default() }
    }
}

/// What is known of keys, and the way to newer ones. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Tokens {
    rules: Arc<Rules>,
    keys: watch::Receiver<KeyNews>,
    /// Where there may be newer ones than those that are known.
    asked: Option<Arc<Notify>>,
    clock: Arc<dyn Clock>,
}

impl Tokens {
    pub(crate) fn new(
        rules: Rules,
        (keys, asked): (watch::Receiver<KeyNews>, Option<Arc<Notify>>),
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { rules: Arc::new(rules), keys, asked, clock }
    }

    /// Whom a token names.
    ///
    /// # Errors
    /// UNAUTHENTICATED where it is not to be taken; UNAVAILABLE where that can't be known yet.
    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Status> {
        let known = self.keys.borrow().clone();
        match self.verify_by(&known, token) {
            Err(Refused::UnknownKey) => {
                let newer = self.newer(&known).await;
                let verified = newer.map_or(Err(Refused::UnknownKey), |newer| self.verify_by(&newer, token));
                verified.map_err(|refused| status(refused, self.keys.borrow().keys.is_some()))
            }
            verified => verified.map_err(|refused| status(refused, true)),
        }
    }

    fn verify_by(&self, news: &KeyNews, token: &str) -> Result<Verified, Refused> {
        let keys = news.keys.as_deref().ok_or(Refused::UnknownKey)?;
        verify(token, &self.rules, keys, self.clock.wall())
    }

    /// Keys that are newer than those, where there may be any.
    async fn newer(&self, known: &KeyNews) -> Option<KeyNews> {
        let asked = self.asked.as_ref()?;
        if known.tried > 0 && self.clock.uptime().since(known.tried_at) < ASKED_INTERVAL_MIN {
            return None;
        }
        asked.notify_one();
        let mut keys = self.keys.clone();
        let newer = timeout(PATIENCE, keys.wait_for(|news| news.tried > known.tried)).await.ok()?.ok()?;
        Some(newer.clone())
    }
}

fn status(refused: Refused, has_keys: bool) -> Status {
    match refused {
        Refused::Because(text) => Status::unauthenticated(text),
        Refused::UnknownKey if has_keys => {
            Status::unauthenticated("the token's signature is of no key of the issuer")
        }
        Refused::UnknownKey => {
            Status::unavailable("the issuer's keys are not known yet: tokens can't be checked")
        }
    }
}

/// Fetches keys.
pub(crate) struct KeySource {
    pub(crate) fetch: Fetch,
    pub(crate) news: watch::Sender<KeyNews>,
    pub(crate) asked: Arc<Notify>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) alarms: Alarms,
}

impl KeySource {
    /// Keeps the newest ones, until the order to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            let fetched = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                fetched = self.fetch() => fetched,
            };
            let pause = if fetched.is_ok() { REFRESH_INTERVAL } else { RETRY_INTERVAL };
            self.tell(fetched);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.asked.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn fetch(&self) -> Result<Keys, String> {
        let json = self.fetch.get().await?;
        Keys::read(&json).map_err(|wrong| format!("`{}`: {wrong}", self.fetch.url))
    }

    /// Keys that can't be had change nothing: those that are known stay good.
    fn tell(&self, fetched: Result<Keys, String>) {
        let (keys, wrong) = match fetched {
            Ok(keys) => (Some(keys), None),
            Err(wrong) => (None, Some(wrong)),
        };
        match (&keys, &wrong) {
            (_, Some(wrong)) => {
                error!(%wrong, "the issuer's keys can't be had: those that are known stay in use")
            }
            (Some(keys), None) => info!(keys = keys.len(), url = %self.fetch.url, "the issuer's keys"),
            (None, None) => {}
        }
        self.alarms.set(NAME, wrong);
        self.news.send_modify(|news| {
            news.keys = keys.map(Arc::new).or_else(|| news.keys.take());
            news.tried += 1;
            news.tried_at = self.clock.uptime();
        });
    }
}
