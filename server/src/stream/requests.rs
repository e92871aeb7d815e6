//! The requests of one stream: bytes into messages, without keeping any longer what was large once.

use std::{future::poll_fn, pin::Pin};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body;
use mainsheet_api::{
    limits::{REQUEST_BYTES_FREE, REQUEST_BYTES_MAX},
    wire::{DeltaDiscoveryRequest, DiscoveryRequest},
    xds::{Variant, server::Request},
};
use prost::Message as _;
use tonic::{Code, Status};

use crate::admission::{Client, Limit, Receive};

/// Bytes before each message: whether it is compressed, and its length.
const HEAD_LEN: usize = 5;

/// The requests of one stream.
pub(super) struct Requests<B> {
    variant: Variant,
    body: Receive<B>,
    messages: Messages,
    client: Client,
}

impl<B> Requests<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn new(variant: Variant, body: B, client: &Client) -> Self {
        let (body, client) = (Receive::stream(body, client), client.clone());
        Self { variant, body, messages: Messages::default(), client }
    }

    /// Who sends them.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The next request; `None` once the client has sent its last. May be dropped and called again; nothing is lost.
    pub(super) async fn next(&mut self) -> Result<Option<Request>, Status> {
        loop {
            if let Some(message) = self.messages.next().map_err(|fault| self.refuse(&fault))? {
                return self.decode(message).map(Some);
            }
            match poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.messages.push(data);
                    }
                }
                // The client has given the stream up.
                Some(Err(status)) if status.code() == Code::Cancelled => return Ok(None),
                Some(Err(status)) => return Err(status),
                None if self.messages.is_empty() => return Ok(None),
                None => return Err(self.refuse(&Fault::Cut)),
            }
        }
    }

    fn decode(&self, message: Bytes) -> Result<Request, Status> {
        let request = match self.variant {
            Variant::Sotw => DiscoveryRequest::decode(message).map(Request::Sotw),
            Variant::Delta => DeltaDiscoveryRequest::decode(message).map(Request::Delta),
        };
        request.map_err(|error| Status::invalid_argument(error.to_string()))
    }

    fn refuse(&self, fault: &Fault) -> Status {
        match fault {
            Fault::TooLarge(_) => self.client.refuse(Limit::RequestBytes, fault.to_string()),
            Fault::Flag(_) | Fault::Cut => Status::invalid_argument(fault.to_string()),
        }
    }
}

/// What is wrong with the bytes of a stream.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("a request of {0} bytes: at most {REQUEST_BYTES_MAX} are taken")]
    TooLarge(usize),
    #[error("a request with compression flag {0}, on a stream without compression")]
    Flag(u8),
    #[error("the stream ended within a request")]
    Cut,
}

/// Bytes that are not a whole message yet. What a client announces takes no room before it has come.
#[derive(Debug, Default)]
struct Messages {
    buffer: BytesMut,
}

impl Messages {
    fn push(&mut self, data: Bytes) {
        if self.buffer.is_empty() {
            // Mostly one message, of which nobody else has the bytes.
            self.buffer = data.into();
        } else {
            self.buffer.extend_from_slice(&data);
        }
    }

    fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next message that is whole.
    fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some((head, rest)) = self.buffer.split_first_chunk::<HEAD_LEN>() else { return Ok(None) };
        let [flag, a, b, c, d] = *head;
        if flag != 0 {
            return Err(Fault::Flag(flag));
        }
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if len > REQUEST_BYTES_MAX {
            return Err(Fault::TooLarge(len));
        }
        if rest.len() < len {
            return Ok(None);
        }
        let mut message = self.buffer.split_to(HEAD_LEN + len).freeze();
        message.advance(HEAD_LEN);
        if len > REQUEST_BYTES_FREE {
            // What follows gets a buffer of its own, so that this one is gone with the message.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let len = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0][..], &len, message].concat()
    }

    #[test]
    fn what_can_be_no_request_is_a_fault() {
        let fault = |bytes: &[u8]| {
            let mut messages = Messages::default();
            messages.push(Bytes::copy_from_slice(bytes));
            messages.next().unwrap_err()
        };
        assert_eq!(fault(&[1, 0, 0, 0, 0]), Fault::Flag(1));
        let len = REQUEST_BYTES_MAX + 1;
        assert_eq!(
            fault(&[&[0][..], &u32::try_from(len).unwrap().to_be_bytes()].concat()),
            Fault::TooLarge(len)
        );
    }

    #[test]
    fn announcement_of_a_large_request_takes_no_room() {
        let mut messages = Messages::default();
        messages.push(Bytes::from_static(&[0, 0, 255, 0, 0, 7]));
        assert_eq!(messages.next(), Ok(None));
        assert!(messages.buffer.capacity() < 1_000);
    }

    #[test]
    fn what_was_large_once_is_given_back() {
        let mut messages = Messages::default();
        for piece in framed(&vec![7; 1 << 20]).chunks(16_000) {
            messages.push(Bytes::copy_from_slice(piece));
        }
        assert_eq!(messages.next().unwrap().unwrap().len(), 1 << 20);
        assert!(messages.buffer.capacity() < 16_000, "{}", messages.buffer.capacity());
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_they_are_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20),
            cuts in proptest::collection::vec(1_usize..300, 1..20),
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
            let (mut reading, mut read, mut rest) = (Messages::default(), Vec::new(), &bytes[..]);
            let mut cuts = cuts.iter().cycle();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*cuts.next().unwrap_or(&1)).min(rest.len()));
                reading.push(Bytes::copy_from_slice(piece));
                rest = after;
                while let Some(message) = reading.next().unwrap() {
                    read.push(message.to_vec());
                }
            }
            prop_assert_eq!(read, messages);
            prop_assert!(reading.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let mut reading = Messages::default();
            for piece in pieces {
                reading.push(piece.into());
                while let Ok(Some(_)) = reading.next() {}
            }
        }
    }
}
