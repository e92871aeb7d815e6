//! One call of a discovery service, without I/O: bytes in, bytes out, and what the client holds.

use anyhow::Result;
use mainsheet_api::{
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, Node},
    xds::Variant,
};
use prost::Message;

use super::{
    content::TYPE_URL,
    held::{Held, State},
    hpack::{self, Said},
    http2::{self, Frame, Frames},
    message::{Reader, Tail},
};

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server said so.
    Said(Said),
    /// The stream was reset, or the connection will be closed, with this error of HTTP/2.
    Code(u32),
}

/// A client's side of one call.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) variant: Variant,
    frames: Frames,
    reader: Reader,
    held: Held,
    /// What is to be sent.
    pub(super) out: Vec<u8>,
    window: u32,
    /// Bytes that were taken in and that the server may not send again yet.
    taken: u32,
}

impl Session {
    /// Asks for all resources.
    pub(super) fn new(variant: Variant, window: u32, node: &str) -> Self {
        let mut session = Self {
            variant,
            frames: Frames::default(),
            reader: Reader::new(variant),
            held: Held::new(variant),
            out: Vec::new(),
            window,
            taken: 0,
        };
        http2::put_preface(&mut session.out, window);
        http2::put_headers(&mut session.out, &headers(variant));
        session.ask(Some(node), None);
        session
    }

    /// Takes bytes in; `on_response` is told what is held after each response, which is answered with an ACK.
    pub(super) fn receive(
        &mut self,
        mut bytes: &[u8],
        mut on_response: impl FnMut(State),
    ) -> Result<Option<End>> {
        while let Some(frame) = self.frames.next(&mut bytes)? {
            match frame {
                Frame::Data(mut part, _) => {
                    self.taken += u32::try_from(part.len())?;
                    let mut tails = Vec::new();
                    while let Some(tail) = self.reader.next(&mut part, &mut self.held)? {
                        on_response(self.held.state());
                        tails.push(tail);
                    }
                    tails.into_iter().for_each(|tail| self.ask(None, Some(tail)));
                    self.give_window();
                }
                Frame::Headers(block) => {
                    let said = hpack::read(block);
                    if said.status.is_some() {
                        return Ok(Some(End::Said(said)));
                    }
                }
                Frame::Settings => http2::put_settings_ack(&mut self.out),
                Frame::Ping(payload) => http2::put_pong(&mut self.out, payload),
                Frame::Reset(code) => return Ok(Some(End::Code(code))),
                // A server that stops says so before it ends streams, with their status.
                Frame::GoAway(0, _) | Frame::Other => {}
                Frame::GoAway(code, _) => return Ok(Some(End::Code(code))),
            }
        }
        Ok(None)
    }

    /// Once half of the window is used, so that the server need not wait.
    fn give_window(&mut self) {
        if self.taken >= self.window / 2 {
            http2::put_window(&mut self.out, std::mem::take(&mut self.taken));
        }
    }

    /// The first request names the node; those after it answer a response.
    fn ask(&mut self, node: Option<&str>, answered: Option<Tail>) {
        let node = node.map(|id| Node { id: id.to_owned(), ..Node::default() });
        let (nonce, version) =
            answered.map(|Tail { nonce, version_info }| (nonce, version_info)).unwrap_or_default();
        let type_url = TYPE_URL.to_owned();
        let request = match self.variant {
            Variant::Sotw => DiscoveryRequest {
                node,
                type_url,
                version_info: version,
                response_nonce: nonce,
                ..Default::default()
            }
            .encode_to_vec(),
            Variant::Delta => {
                DeltaDiscoveryRequest { node, type_url, response_nonce: nonce, ..Default::default() }
                    .encode_to_vec()
            }
        };
        let len = u32::try_from(request.len()).unwrap_or(u32::MAX).to_be_bytes();
        http2::put_data(&mut self.out, &[&[0], &len[..], &request].concat());
    }
}

fn headers(variant: Variant) -> Vec<u8> {
    const POST: u8 = 0x83;
    const HTTP: u8 = 0x86;
    let method = match variant {
        Variant::Sotw => "StreamAggregatedResources",
        Variant::Delta => "DeltaAggregatedResources",
    };
    let mut block = vec![POST, HTTP];
    let path = format!("/envoy.service.discovery.v3.AggregatedDiscoveryService/{method}");
    for (name, value) in [
        (":path", path.as_str()),
        (":authority", "mainsheet"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        hpack::put_literal(&mut block, name, value);
    }
    block
}
