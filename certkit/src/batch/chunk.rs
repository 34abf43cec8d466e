//! Some items of a batch, which go through its steps together.

use std::sync::mpsc::SyncSender;

use super::credential::BatchItem;
use super::error::BatchError;
use crate::{PrivateKey, PublicKey};

/// What came of a chunk: all of it, or an error at its end.
pub(super) type Made<T> = Vec<Result<T, BatchError>>;

/// A fresh key, and its certificate as far as it is made.
pub(super) struct Draft<L> {
    pub(super) item: BatchItem,
    pub(super) private_key: PrivateKey,
    pub(super) public_key: PublicKey,
    pub(super) leaf: L,
}

/// Items at one step, in their order.
pub(super) struct Chunk<S, T> {
    pub(super) items: Vec<S>,
    /// Why the items after these are not there.
    pub(super) failed: Option<BatchError>,
    /// The batch begins with it.
    pub(super) is_first: bool,
    /// Who waits for it.
    pub(super) reply: SyncSender<Made<T>>,
}

impl<S, T> Chunk<S, T> {
    /// Takes the items a step on, as far as none fails.
    pub(super) fn step<N>(self, step: impl FnMut(S) -> Result<N, BatchError>) -> Chunk<N, T> {
        let Self { items, mut failed, is_first, reply } = self;
        let mut next = Vec::with_capacity(items.len());
        for item in items.into_iter().map(step) {
            match item {
                Ok(item) => next.push(item),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        Chunk { items: next, failed, is_first, reply }
    }
}

impl<T> Chunk<T, T> {
    pub(super) fn hand_over(self) {
        let made = self.items.into_iter().map(Ok).chain(self.failed.map(Err)).collect();
        // Nobody waits where the batch was dropped.
        let _ = self.reply.send(made);
    }
}
