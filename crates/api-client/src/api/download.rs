//! The bytes of a file as they come.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use reqwest::Response;

use crate::error::{Cause, Error};
use crate::items::Items;

/// The longest file that is read into one text, in bytes.
const LONGEST_TEXT: usize = 64 * 1024 * 1024;

/// A file that is being downloaded. Nothing of it is kept: dropping it ends the download.
#[derive(Debug)]
#[must_use = "nothing is read until the chunks are"]
pub struct Download {
    length: Option<u64>,
    content_type: Option<String>,
    chunks: Items<Bytes>,
}

// === impl Download ===

impl Download {
    pub(super) fn new(response: Response, patience: Duration) -> Self {
        let content_type = response.headers().get(CONTENT_TYPE);
        Self {
            length: response.content_length(),
            content_type: content_type.and_then(|value| value.to_str().ok().map(ToOwned::to_owned)),
            chunks: Items::in_batches(response, move |response| next(response, patience)),
        }
    }

    /// How many bytes will come, if the server says so.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// What the server says that the file is.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The bytes. A connection that is cut before the end is an [`Error::Transport`], one that is silent for
    /// as long as a call may take, an [`Error::Timeout`]; what came before is whole.
    pub fn chunks(self) -> Items<Bytes> {
        self.chunks
    }

    /// The whole file as text; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As of [`chunks`](Self::chunks), and [`Error::TooLong`] beyond 64 MiB.
    pub async fn text(mut self) -> Result<String, Error> {
        let mut text = Vec::new();
        while let Some(chunk) = self.chunks.next().await {
            let chunk = chunk?;
            if text.len().saturating_add(chunk.len()) > LONGEST_TEXT {
                return Err(Error::TooLong { limit: LONGEST_TEXT });
            }
            text.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

async fn next(mut response: Response, patience: Duration) -> Result<Option<(Vec<Bytes>, Response)>, Error> {
    let chunk = tokio::time::timeout(patience, response.chunk())
        .await
        .map_err(|_| Error::Timeout(Cause::late()))?
        .map_err(Error::from_transport)?;
    Ok(chunk.map(|chunk| (vec![chunk], response)))
}
