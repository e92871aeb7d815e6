//! Which of several addresses is tried next.

use std::time::Duration;

use crate::{backoff::Backoff, transport::Server};

/// The addresses of one server, in the order of preference, with what is known of each. They are taken to be replicas
/// that serve the same, at the same versions.
#[derive(Debug)]
pub(crate) struct Servers {
    all: Vec<Server>,
    /// The one to try.
    current: usize,
    /// Those that have failed since one of them last answered.
    failed: usize,
    /// How long each still wants to be left alone, as it said when it last failed.
    pushback: Vec<Duration>,
    backoff: Backoff,
}

impl Servers {
    /// At least one.
    pub(crate) fn new(all: Vec<Server>) -> Self {
        debug_assert!(!all.is_empty(), "the builder asks for an address");
        let pushback = vec![Duration::ZERO; all.len()];
        Self { all, current: 0, failed: 0, pushback, backoff: Backoff::default() }
    }

    /// The one to try now.
    pub(crate) fn current(&self) -> &Server {
        &self.all[self.current]
    }

    /// The current one answered: none counts as failed any more. The client stays with it until it fails, because moving
    /// back to a preferred one would make a fleet move twice.
    pub(crate) fn on_answer(&mut self) {
        self.failed = 0;
        self.backoff.reset();
    }

    /// The current one failed: turns to the next, and says how long to wait before it is tried. Waits grow when all have
    /// failed. There is one before each, because the sinks of a server that goes away must not meet at the next address
    /// in the same moment. Who said that it wants to be left alone for a while is not tried sooner. `random` is evenly
    /// distributed over [0, 1).
    pub(crate) fn on_failure(&mut self, random: f64, retry_after: Option<Duration>) -> Duration {
        self.pushback[self.current] = retry_after.unwrap_or_default();
        self.current = (self.current + 1) % self.all.len();
        let wait = self.pushback[self.current] + self.backoff(random);
        self.pushback.iter_mut().for_each(|left| *left = left.saturating_sub(wait));
        wait
    }

    fn backoff(&mut self, random: f64) -> Duration {
        self.failed += 1;
        if self.failed < self.all.len() {
            return self.backoff.again(random);
        }
        self.failed = 0;
        self.backoff.next(random)
    }
}

#[cfg(test)]
mod tests {
    use tonic::transport::Endpoint;

    use super::*;
    use crate::address::Security;

    fn servers(count: usize) -> Servers {
        let server = |index: usize| {
            Server::new(index.to_string(), Endpoint::from_static("http://a:1"), (None, Security::default()))
        };
        Servers::new((0..count).map(server).collect())
    }

    #[test]
    fn each_address_is_tried_once_before_waits_grow() {
        let mut servers = servers(3);
        let steps: Vec<_> =
            (0..6).map(|_| (servers.current, servers.on_failure(1.0, None).as_millis())).collect();
        assert_eq!(steps, [(0, 200), (1, 200), (2, 200), (0, 400), (1, 400), (2, 400)]);
    }

    #[test]
    fn one_address_is_waited_for_every_time() {
        let mut servers = servers(1);
        assert_eq!([(); 3].map(|()| servers.on_failure(1.0, None).as_millis()), [200, 400, 800]);
    }

    #[test]
    fn answer_forgives_all_addresses_and_starts_the_waits_anew() {
        let mut servers = servers(2);
        (0..9).for_each(|_| assert!(servers.on_failure(1.0, None) >= Duration::from_millis(200)));
        assert_eq!(servers.current, 1);
        servers.on_answer();
        assert_eq!((servers.on_failure(1.0, None).as_millis(), servers.current), (200, 0));
        assert_eq!((servers.on_failure(1.0, None).as_millis(), servers.current), (200, 1));
    }

    #[test]
    fn server_that_wants_to_be_left_alone_is_not_tried_sooner() {
        let mut servers = servers(1);
        let told = Some(Duration::from_secs(3));
        assert_eq!(servers.on_failure(0.5, told), Duration::from_millis(3_100));
        assert_eq!(servers.on_failure(0.0, None), Duration::ZERO);
    }

    #[test]
    fn others_are_tried_meanwhile() {
        let mut servers = servers(2);
        let told = Some(Duration::from_secs(3));
        assert_eq!(servers.on_failure(1.0, told), Duration::from_millis(200));
        // The first has been left alone for 0.2 s by now.
        assert_eq!(servers.on_failure(1.0, None), Duration::from_millis(2_800 + 200));
        assert_eq!((servers.on_failure(0.0, None), servers.current), (Duration::ZERO, 1));
    }
}
