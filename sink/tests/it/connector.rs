use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use mainsheet_api::xds::client::Wanted;
use mainsheet_sink::{Client, Connector};
use tokio::net::TcpStream;
use tonic::codegen::{Service, http::Uri};

use crate::{
    client::{CLUSTER, Running, delta, names},
    server::TestServer,
};

/// Leads everybody to one place, and notes where they meant to go.
#[derive(Clone)]
struct Detour {
    to: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service<Uri> for Detour {
    type Response = TcpStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        self.asked.lock().unwrap().push(address.to_string());
        Box::pin(TcpStream::connect(self.to))
    }
}

#[tokio::test]
async fn connections_are_opened_by_the_connector() {
    let mut server = TestServer::start().await;
    let detour = Detour { to: server.address, asked: Arc::default() };
    let client = Client::builder("nowhere.invalid:1", "test~1")
        .connector(Connector::new(detour.clone()))
        .subscribe(CLUSTER, Wanted::Everything)
        .build()
        .unwrap();
    let mut client = Running::run(client);
    let mut stream = server.accept().await;
    stream.next_delta().await;
    stream.respond(delta("n1", &[("a", 1)], &[])).await;
    assert_eq!(client.next_update().await, (names(&["a"]), names(&[])));
    assert_eq!(*detour.asked.lock().unwrap(), ["http://nowhere.invalid:1/"]);
}
