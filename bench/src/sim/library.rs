//! A sink of the sink library, as its embedders run it.

use std::collections::BTreeSet;

use mainsheet_api::xds::client::{Update, Wanted};
use mainsheet_sink::{Apply, Client, Connector, Event, Rejection};

use super::{history::Cast, journal::Checker, network::Net, sink::Shared, world::kinds};

/// Runs the library's client, for ever.
pub(super) async fn run(cast: Cast, net: Net, seed: u64) {
    let mut client = Client::builder(cast.server.to_string(), &cast.name)
        .variant(cast.variant)
        .connector(Connector::new(cast.dialer.on(&net)))
        .seed(seed);
    for kind in kinds() {
        client = client.subscribe_kind(kind, Wanted::Everything);
        cast.state.lock().wanted.insert(kind, None);
    }
    let mut applier = Applier { name: cast.name.clone(), state: cast.state.clone(), net: net.clone() };
    match client.build() {
        Ok(mut client) => drop(client.run(&mut applier, std::future::pending()).await),
        Err(error) => net.journal.fail(Checker::Health, format!("{}: {error}", cast.name)),
    }
}

struct Applier {
    name: String,
    state: Shared,
    net: Net,
}

impl Apply for Applier {
    async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
        self.net.journal.note("applied", || {
            let changed: Vec<&str> = update.changed.iter().map(|received| &*received.name).collect();
            format!("{}: {} changed {changed:?}, removed {:?}", self.name, update.type_url, update.removed)
        });
        self.state.apply(update, &BTreeSet::new());
        Ok(())
    }

    fn on_event(&mut self, event: Event<'_>) {
        match event {
            Event::Connected { .. } => {
                self.state.lock().is_connected = true;
                self.net.journal.note("open", || self.name.clone());
            }
            Event::Disconnected { reason, .. } => {
                self.state.lock().is_connected = false;
                self.net.journal.note("gone", || format!("{}: {reason}", self.name));
            }
            Event::Refused(malformed) => {
                self.net.journal.fail(Checker::Health, format!("{}: malformed: {malformed}", self.name));
            }
        }
    }
}
