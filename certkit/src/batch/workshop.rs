//! The threads of a batch, and the steps that they take chunks through.

use std::mem;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::board::{Board, Task};
use super::chunk::{Chunk, Draft};
use super::credential::{BatchCredential, BatchItem};
use super::error::BatchError;
use super::maker::Maker;
use super::turns::{MOST, Turns};
use crate::{Certificate, Chain};

/// What a batch wants of its threads.
pub(super) trait Shop<T>: Send + Sync {
    /// How many items make a chunk now.
    fn chunk(&self) -> usize;
    fn add(&self, chunk: Chunk<BatchItem, T>);
    /// No more chunks come.
    fn close(&self);
    /// Nobody wants what is left.
    fn stop(&self);
}

pub(super) struct Workshop<M: Maker, F, T> {
    board: Board<M, T>,
    maker: M,
    above: Vec<Certificate>,
    finish: F,
}

impl<M, F, T> Workshop<M, F, T>
where
    M: Maker,
    F: Fn(BatchCredential) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    /// Opens a workshop on so many cores.
    pub(super) fn open(
        cores: NonZeroUsize,
        maker: M,
        above: Vec<Certificate>,
        finish: F,
    ) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let turns = maker.asks_token().then(Turns::new);
        // Threads that wait for a token need no core; a second one is there for the others to see that they wait.
        let (cores, threads) = match &turns {
            Some(_) => (cores.max(NonZeroUsize::MIN.saturating_add(1)), cores.get() + MOST),
            None => (cores, cores.get()),
        };
        let workshop = Arc::new(Self { board: Board::new(cores, turns), maker, above, finish });
        let work = |_| {
            let workshop = workshop.clone();
            std::thread::spawn(move || workshop.work())
        };
        let threads = (0..threads).map(work).collect();
        (workshop, threads)
    }

    fn work(&self) {
        while let Some(task) = self.board.take() {
            let signing = matches!(task, Task::Sign(..));
            // Who waits for the chunk learns of it, as no answer comes.
            let _ = catch_unwind(AssertUnwindSafe(|| self.carry_out(task)));
            self.board.ended(signing);
        }
    }

    fn carry_out(&self, task: Task<M, T>) {
        match task {
            Task::Draft(chunk) => self.board.drafted(chunk.step(|item| self.draft(item))),
            Task::Sign(chunk, under_way) => {
                let began = Instant::now();
                let signed = chunk.step(|draft| self.sign(draft));
                self.board.signed(signed, under_way, began.elapsed());
            }
            Task::Complete(chunk) => {
                let mut is_first = chunk.is_first;
                let complete = |draft| self.credential(draft, mem::take(&mut is_first)).map(&self.finish);
                chunk.step(complete).hand_over();
            }
        }
    }

    fn draft(&self, item: BatchItem) -> Result<Draft<M::Unsigned>, BatchError> {
        let (private_key, public_key, leaf) = self.maker.draft(&item)?;
        Ok(Draft { item, private_key, public_key, leaf })
    }

    fn sign(&self, draft: Draft<M::Unsigned>) -> Result<Draft<M::Signed>, BatchError> {
        let Draft { item, private_key, public_key, leaf } = draft;
        let leaf = self.maker.sign(leaf).map_err(|source| BatchError::issue(&item, source))?;
        Ok(Draft { item, private_key, public_key, leaf })
    }

    fn credential(&self, draft: Draft<M::Signed>, is_first: bool) -> Result<BatchCredential, BatchError> {
        let Draft { item, private_key, public_key, leaf } = draft;
        let leaf = self.maker.complete(leaf).map_err(|source| BatchError::issue(&item, source))?;
        if is_first {
            self.check_chain(&item, &leaf)?;
        }
        Ok(BatchCredential { item, private_key, public_key, leaf })
    }

    fn check_chain(&self, item: &BatchItem, leaf: &[u8]) -> Result<(), BatchError> {
        let id = || item.registration_id.clone();
        let read = Certificate::from_der(leaf).map_err(|source| BatchError::First { id: id(), source })?;
        let certificates = std::iter::once(read).chain(self.above.iter().cloned()).collect();
        Chain::new(certificates).map_err(|source| BatchError::Chain { id: id(), source })?;
        Ok(())
    }
}

impl<M, F, T> Shop<T> for Workshop<M, F, T>
where
    M: Maker,
    F: Send + Sync,
    T: Send,
{
    fn chunk(&self) -> usize {
        self.board.chunk()
    }

    fn add(&self, chunk: Chunk<BatchItem, T>) {
        self.board.add(chunk);
    }

    fn close(&self) {
        self.board.close();
    }

    fn stop(&self) {
        self.board.stop();
    }
}
