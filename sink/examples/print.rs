//! Prints what changes: `cargo run -p mainsheet-sink --example print -- 127.0.0.1:15010`

use mainsheet_api::{kind::Kind, xds::client::Wanted};
use mainsheet_sink::{Client, hook};

/// Calls `print` with a line for each change, until `stop`.
pub async fn run(
    address: &str,
    mut print: impl FnMut(String) + Send,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut client = Client::builder(address, "example-print")
        .subscribe_kind(Kind::VIRTUAL_SERVICE, Wanted::Everything)
        .subscribe_kind(Kind::DESTINATION_RULE, Wanted::Everything)
        .build()?;
    let mut printer = hook(|update| {
        for resource in &update.changed {
            print(format!("{} {} is at {}", update.type_url, resource.name, resource.version));
        }
        for name in &update.removed {
            print(format!("{} {name} is gone", update.type_url));
        }
        Ok(())
    });
    Ok(client.run(&mut printer, stop).await?)
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "a program for the terminal")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:15010".to_owned());
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    run(&address, |line| println!("{line}"), interrupted).await
}
