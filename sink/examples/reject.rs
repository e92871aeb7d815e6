//! Takes what fits and refuses what does not, by name, so that the server knows which it is:
//! `cargo run -p mainsheet-sink --example reject -- 127.0.0.1:15010`

use std::collections::BTreeMap;

use mainsheet_api::{
    kind::Kind,
    xds::client::{Update, Wanted},
};
use mainsheet_sink::{Apply, Client, Event, Rejection};

/// Bytes of one resource that this program has room for.
const ROOM: usize = 4096;

/// Keeps resources in memory, as long as they are small.
#[derive(Default)]
pub struct Small {
    /// By name.
    pub kept: BTreeMap<String, Vec<u8>>,
}

impl Apply for Small {
    async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
        let mut rejection = Rejection::default().rest_applied();
        for resource in &update.changed {
            let size = resource.any.value.len();
            if size > ROOM {
                let reason = format!("has {size} bytes, and there is room for {ROOM}");
                rejection = rejection.and(&*resource.name, reason);
            } else {
                self.kept.insert(resource.name.to_string(), resource.any.value.to_vec());
            }
        }
        for name in &update.removed {
            self.kept.remove(&**name);
        }
        if rejection.is_empty() { Ok(()) } else { Err(rejection) }
    }

    fn on_event(&mut self, event: Event<'_>) {
        eprintln!("{event:?}");
    }
}

/// Keeps what is small until `stop`, and returns it.
pub async fn run(address: &str, stop: impl Future<Output = ()>) -> Result<Small, Box<dyn std::error::Error>> {
    let mut client = Client::builder(address, "example-reject")
        .subscribe_kind(Kind::VIRTUAL_SERVICE, Wanted::Everything)
        .build()?;
    let mut small = Small::default();
    client.run(&mut small, stop).await?;
    Ok(small)
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "a program for the terminal")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:15010".to_owned());
    let small = run(&address, async { drop(tokio::signal::ctrl_c().await) }).await?;
    println!("{} resources were small enough", small.kept.len());
    Ok(())
}
