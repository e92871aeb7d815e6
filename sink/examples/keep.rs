//! Keeps a directory of YAML as a server has it, over restarts of both:
//! `cargo run -p mainsheet-sink --features directory --example keep -- 127.0.0.1:15010 mesh`

use std::path::Path;

use mainsheet_api::{kind::Kind, xds::client::Wanted};
use mainsheet_sink::{Client, DirectoryApplier, Form};

/// Keeps `directory` until `stop`.
pub async fn run(
    address: &str,
    directory: &Path,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut directory = DirectoryApplier::open(directory, Form::Yaml)?;
    let mut builder = Client::builder(address, "example-keep");
    for kind in Kind::all().filter(|kind| kind.info().from_documents) {
        builder = builder.subscribe_kind(kind, Wanted::Everything);
    }
    let mut client = directory.resume(builder).build()?;
    Ok(client.run(&mut directory, stop).await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:15010".to_owned());
    let directory = arguments.next().unwrap_or_else(|| "mesh".to_owned());
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    run(&address, Path::new(&directory), interrupted).await
}
