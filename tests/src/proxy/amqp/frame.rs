//! AMQP 0-9-1 as far as a fault needs it: frames, and what the few methods in question say. Pure but for
//! reading; a method that is not understood is passed on as it is.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// What a client sends before its first frame, in bytes.
pub(super) const PREAMBLE: usize = 8;
/// Type, channel and size, in bytes.
const HEAD: usize = 7;
/// The frame's last byte, in bytes.
const END: usize = 1;
const METHOD: u8 = 1;
/// A key in the client's properties, and that its value is a long string.
const CONNECTION_NAME: &[u8] = b"\x0fconnection_nameS";

/// A whole frame.
#[derive(Debug)]
pub(super) struct Frame(Vec<u8>);

/// A method that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// The client introduces itself.
    StartOk {
        /// The name that it gives to the connection.
        name: String,
    },
    /// A channel begins.
    ChannelOpen,
    /// Publishes of this channel are confirmed from now on.
    ConfirmSelect,
    Publish {
        key: String,
    },
    Deliver {
        tag: u64,
        key: String,
    },
    /// The client's for a delivery, the broker's for a publish.
    Ack {
        tag: u64,
        multiple: bool,
    },
    /// Either side ends the connection.
    Close,
    /// And the other one agrees.
    CloseOk,
}

/// What is left of a method's arguments.
struct Arguments<'a>(&'a [u8]);

// === impl Frame ===

impl Frame {
    /// The next frame; none at the end of the stream.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; HEAD];
        match from.read_exact(&mut bytes).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let size = u32::from_be_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]) as usize;
        bytes.resize(HEAD + size + END, 0);
        from.read_exact(&mut bytes[HEAD..]).await?;
        Ok(Some(Self(bytes)))
    }

    /// As it goes over the wire.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn channel(&self) -> u16 {
        u16::from_be_bytes([self.0[1], self.0[2]])
    }

    /// The method, if it is one that matters here.
    pub(super) fn method(&self) -> Option<Method> {
        if self.0[0] != METHOD {
            return None;
        }
        let mut arguments = Arguments(&self.0[HEAD..self.0.len() - END]);
        let (class, method) = (arguments.short()?, arguments.short()?);
        let read = match (class, method) {
            (10, 11) => Method::StartOk {
                name: arguments.connection_name().unwrap_or_default(),
            },
            (10, 50) => Method::Close,
            (10, 51) => Method::CloseOk,
            (20, 10) => Method::ChannelOpen,
            (85, 10) => Method::ConfirmSelect,
            (60, 40) => {
                let _reserved = arguments.short()?;
                let _exchange = arguments.text()?;
                let key = arguments.text()?;
                Method::Publish { key }
            }
            (60, 60) => {
                let _consumer = arguments.text()?;
                let tag = arguments.long_long()?;
                let _redelivered = arguments.octet()?;
                let _exchange = arguments.text()?;
                let key = arguments.text()?;
                Method::Deliver { tag, key }
            }
            (60, 80) => Method::Ack {
                tag: arguments.long_long()?,
                multiple: arguments.octet()? & 1 == 1,
            },
            _ => return None,
        };
        Some(read)
    }
}

// === impl Arguments ===

impl<'a> Arguments<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn long_long(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.octet()?);
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// Looked for where it stands: the properties around it may be of any type.
    fn connection_name(&mut self) -> Option<String> {
        let at = self
            .0
            .windows(CONNECTION_NAME.len())
            .position(|bytes| bytes == CONNECTION_NAME)?;
        self.take(at + CONNECTION_NAME.len())?;
        let length = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
        Some(String::from_utf8_lossy(self.take(length as usize)?).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A method frame on channel 3.
    fn frame(class: u16, method: u16, arguments: &[u8]) -> Vec<u8> {
        let size = u32::try_from(arguments.len() + 4).unwrap();
        let head = [&[METHOD, 0, 3], &size.to_be_bytes()[..]].concat();
        let ids = [class.to_be_bytes(), method.to_be_bytes()].concat();
        [&head, &ids, arguments, &[0xCE]].concat()
    }

    #[tokio::test]
    async fn frames_are_read_one_by_one_and_kept_as_they_are() {
        let (first, heartbeat) = (frame(60, 80, &[0; 9]), [8, 0, 0, 0, 0, 0, 0, 0xCE]);
        let both = [&first[..], &heartbeat].concat();
        let mut stream = &both[..];
        let read = Frame::read(&mut stream).await.unwrap().unwrap();
        assert_eq!((read.bytes(), read.channel()), (&first[..], 3));
        let read = Frame::read(&mut stream).await.unwrap().unwrap();
        assert_eq!((read.bytes(), read.method()), (&heartbeat[..], None));
        assert!(Frame::read(&mut stream).await.unwrap().is_none());
        // Cut in the middle of a frame.
        assert!(Frame::read(&mut &first[..9]).await.is_err());
    }

    #[test]
    fn methods_say_what_they_are_about() {
        let tag = 7_u64.to_be_bytes();
        let publish = [&[0, 0][..], b"\x05build\x08ClusterA", &[1]].concat();
        let deliver = [b"\x01c", &tag[..], &[0], b"\x05build\x08ClusterA"].concat();
        let introduced =
            b"\0\0\0\x2b\x07productS\0\0\0\x05lapin\x0fconnection_nameS\0\0\0\x03one\x05PLAIN\0\0\0\0";
        let key = || "ClusterA".to_owned();
        let rows = [
            (
                frame(10, 11, introduced),
                Some(Method::StartOk {
                    name: "one".to_owned(),
                }),
            ),
            (
                frame(10, 11, b"\0\0\0\0"),
                Some(Method::StartOk { name: String::new() }),
            ),
            (frame(10, 50, &[]), Some(Method::Close)),
            (frame(10, 51, &[]), Some(Method::CloseOk)),
            (frame(20, 10, &[0]), Some(Method::ChannelOpen)),
            (frame(85, 10, &[0]), Some(Method::ConfirmSelect)),
            (frame(60, 40, &publish), Some(Method::Publish { key: key() })),
            (
                frame(60, 60, &deliver),
                Some(Method::Deliver { tag: 7, key: key() }),
            ),
            (
                frame(60, 80, &[&tag[..], &[1]].concat()),
                Some(Method::Ack {
                    tag: 7,
                    multiple: true,
                }),
            ),
            // Not of interest, and cut short.
            (frame(50, 10, &[0]), None),
            (frame(60, 80, &tag[..3]), None),
        ];
        for (bytes, expected) in rows {
            assert_eq!(Frame(bytes.clone()).method(), expected, "{bytes:?}");
        }
    }
}
