//! One GET, of something small, from whom TLS proves to be who is meant.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use mainsheet_api::limits::CREDENTIAL_FILE_BYTES_MAX;
use mainsheet_cache::blocking;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::network::Wire;

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// `https://HOST[:PORT]/PATH`; `http://`, too, where HOST is this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    text: String,
    is_tls: bool,
    host: String,
    port: u16,
    path: String,
}

/// The error is what would be right.
impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let right = || "write https://HOST[:PORT]/PATH, or http:// where HOST is this machine".to_owned();
        let uri: http::Uri = text.parse().map_err(|_| right())?;
        let (is_tls, default_port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(right()),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let is_near = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if host.is_empty() || has_user || !(is_tls || is_near) {
            return Err(right());
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let port = uri.port_u16().unwrap_or(default_port);
        Ok(Self { text: text.to_owned(), is_tls, host, port, path })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How something is fetched. Files are read again each time: they may have changed.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    pub(crate) url: Url,
    /// Whom to believe that it is the host, instead of those that the machine believes.
    pub(crate) ca: Option<PathBuf>,
    /// A bearer token that is shown.
    pub(crate) token_file: Option<PathBuf>,
}

impl Fetch {
    /// What is there.
    ///
    /// # Errors
    /// Where that can't be had: why.
    pub(crate) async fn get(&self) -> Result<Vec<u8>, String> {
        let in_time = tokio::time::timeout(DEADLINE, self.get_at_last()).await;
        in_time
            .unwrap_or_else(|_| Err(format!("no answer within {DEADLINE:?}")))
            .map_err(|wrong| format!("`{}`: {wrong}", self.url))
    }

    async fn get_at_last(&self) -> Result<Vec<u8>, String> {
        let wire = self.connect().await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(wire)).await.map_err(|error| error.to_string())?;
        let request = self.request().await?;
        // The connection works as long as it is polled, beside the exchange on it, which is told of its end.
        let working = async {
            let _ = connection.await;
            std::future::pending::<()>().await
        };
        tokio::select! {
            answer = async { read(sender.send_request(request).await).await } => answer,
            () = working => Err("the connection was closed".to_owned()),
        }
    }

    async fn connect(&self) -> Result<Wire, String> {
        let Url { host, port, is_tls, .. } = &self.url;
        let tcp = TcpStream::connect((host.as_str(), *port)).await.map_err(|error| error.to_string())?;
        if !is_tls {
            return Ok(Wire::Tcp(tcp));
        }
        let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
        let ca = self.ca.clone();
        let config = blocking::spawn(move || config(ca)).await.map_err(|error| error.to_string())??;
        let secured = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
        Ok(Wire::Other(Box::new(secured.map_err(|error| error.to_string())?)))
    }

    async fn request(&self) -> Result<Request<Empty<Bytes>>, String> {
        let Url { host, port, path, .. } = &self.url;
        let host = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let request =
            Request::get(path).header(header::HOST, host).header(header::ACCEPT, "application/json");
        let mut request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        if let Some(path) = self.token_file.clone() {
            let read = blocking::spawn(move || std::fs::read_to_string(path))
                .await
                .map_err(|error| error.to_string())?;
            let token = read.map_err(|error| format!("its token can't be read: {error}"))?;
            let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
            let mut value = value.map_err(|_| "its token is no text for a header".to_owned())?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        Ok(request)
    }
}

async fn read(answer: hyper::Result<http::Response<hyper::body::Incoming>>) -> Result<Vec<u8>, String> {
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status() != StatusCode::OK {
        return Err(format!("it answers {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), CREDENTIAL_FILE_BYTES_MAX).collect().await;
    Ok(body.map_err(|error| error.to_string())?.to_bytes().to_vec())
}

fn config(ca: Option<PathBuf>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let wrong = |error: &dyn fmt::Display| format!("its CA, `{}`: {error}", path.display());
            for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| wrong(&error))? {
                roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secured_urls_and_those_of_this_machine_are_taken() {
        let parts = |text: &str| {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.to_string(), text);
            (url.is_tls, url.host, url.port, url.path)
        };
        assert_eq!(parts("https://a.example/keys"), (true, "a.example".into(), 443, "/keys".into()));
        assert_eq!(parts("https://a.example:6443/k?a=b"), (true, "a.example".into(), 6443, "/k?a=b".into()));
        assert_eq!(parts("http://127.0.0.1:8080/keys"), (false, "127.0.0.1".into(), 8080, "/keys".into()));
        assert_eq!(parts("http://[::1]:1/"), (false, "::1".into(), 1, "/".into()));
        assert_eq!(parts("http://localhost/"), (false, "localhost".into(), 80, "/".into()));
    }

    #[test]
    fn keys_do_not_come_in_plaintext_from_elsewhere() {
        for wrong in [
            "http://a.example/keys",
            "http://localhost.a.example/",
            "ftp://127.0.0.1/",
            "127.0.0.1:80",
            "",
            "https:///keys",
            "https://me:secret@a.example/",
            "http://10.0.0.1/",
        ] {
            assert!(wrong.parse::<Url>().is_err(), "{wrong}");
        }
    }
}
