//! A stream of whatever comes piece by piece: the items of a list, the lines of a log, the bytes of a
//! file. One type for all, with methods of its own, so that no stream library is needed to use it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future;
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _, TryStreamExt as _};

use crate::error::Error;

/// A stream of items, fetched as they are asked for. It ends after the first error.
///
/// It implements `Stream` of futures-core 0.3, for those who want to combine it.
#[must_use = "nothing is fetched until an item is asked for"]
pub struct Items<T> {
    stream: BoxStream<'static, Result<T, Error>>,
}

// === impl Items ===

impl<T: Send + 'static> Items<T> {
    /// Fetches batch after batch, each with the state that the next one is fetched from; `None` ends it.
    pub(crate) fn in_batches<S, F>(state: S, fetch: impl FnMut(S) -> F + Send + 'static) -> Self
    where
        S: Send + 'static,
        F: Future<Output = Result<Option<(Vec<T>, S)>, Error>> + Send + 'static,
    {
        let batches = stream::try_unfold(state, fetch);
        let items = batches.map_ok(|batch| stream::iter(batch.into_iter().map(Ok)));
        Self {
            stream: items.try_flatten().boxed(),
        }
    }

    /// The next item, or why there is none; `None` at the end. Nothing is lost if the future is dropped
    /// before it is ready.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        self.stream.next().await
    }

    /// All items that are left.
    ///
    /// # Errors
    /// The first error; the items before it are lost.
    pub async fn all(self) -> Result<Vec<T>, Error> {
        self.stream.try_collect().await
    }

    /// The first `most` items that are left, at most.
    ///
    /// # Errors
    /// The first error; the items before it are lost.
    pub async fn first(self, most: usize) -> Result<Vec<T>, Error> {
        self.stream.take(most).try_collect().await
    }

    /// Only the items that `keep` holds for.
    pub fn only(self, keep: impl Fn(&T) -> bool + Send + 'static) -> Self {
        let stream = self.stream.try_filter(move |item| future::ready(keep(item)));
        Self {
            stream: stream.boxed(),
        }
    }
}

impl<T> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(context)
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}
