//! The ledger: an append-only, hash-chained record of facts, and tables projected from it.
//!
//! One thread of one process writes. Fixtures send it facts and are answered after the commit; what waits
//! together shares one transaction.

mod announced;
pub mod entry;
mod lock;
mod projection;
mod read;
mod record;
mod store;
mod verify;

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;

use time::OffsetDateTime;

use crate::clock::rfc3339;

pub use announced::{Announce, Announced};
use entry::Fact;
pub use projection::ProjectionError;
pub use read::{AheadOf, LedgerReader};
pub use record::{
    AttemptRecord, AuthorityRecord, Counts, CredentialRecord, DeliveryRecord, EndedCertificate,
    IdentityRecord, IdentityState, OrderRecord, RollOver, RollOverState, WrittenRecord,
};
pub use store::{Head, LedgerError};
pub use verify::{Finding, Verification, verify};

use lock::OwnerLock;
use store::Store;

/// Requests that may share one transaction.
const MOST_TOGETHER: usize = 256;

struct Request {
    at: String,
    facts: Vec<Fact>,
    reply: SyncSender<Result<Vec<u64>, LedgerError>>,
}

/// The owner of a ledger's writing side. Dropping it ends the writer and frees the lock.
#[derive(Debug)]
pub struct LedgerOwner {
    ledger: Option<Ledger>,
    writer: Option<JoinHandle<()>>,
    _lock: OwnerLock,
}

/// A handle for appending; every fixture has its own.
#[derive(Debug, Clone)]
pub struct Ledger {
    requests: Sender<Request>,
}

/// Facts on their way into the ledger.
#[derive(Debug)]
pub struct Pending(Receiver<Result<Vec<u64>, LedgerError>>);

impl Pending {
    /// Waits until they are durable. Gives their numbers.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn wait(self) -> Result<Vec<u64>, LedgerError> {
        self.0.recv().map_err(|_| LedgerError::Stopped)?
    }
}

impl LedgerOwner {
    /// Takes the lock and opens the ledger of `station` for writing. `purpose` is what another process is told
    /// that finds it locked.
    ///
    /// # Errors
    /// [`LedgerError::Held`] while another process writes it; [`LedgerError::Missing`]; [`LedgerError::Database`].
    pub fn open(path: &Path, station: &str, purpose: &str) -> Result<Self, LedgerError> {
        Self::start(path, station, purpose, false)
    }

    /// Makes a new ledger, with its first entry.
    ///
    /// # Errors
    /// As [`LedgerOwner::open`].
    pub fn create(path: &Path, station: &str, now: OffsetDateTime) -> Result<Self, LedgerError> {
        let owner = Self::start(path, station, "init", true)?;
        owner.ledger().append(now, vec![Fact::StationCreated {}])?;
        Ok(owner)
    }

    fn start(path: &Path, station: &str, purpose: &str, create: bool) -> Result<Self, LedgerError> {
        let lock = OwnerLock::take(path, purpose)?;
        let store = Store::open(path, station, create)?;
        let (requests, waiting) = mpsc::channel();
        let writer = std::thread::spawn(move || write(store, &waiting));
        Ok(Self { ledger: Some(Ledger { requests }), writer: Some(writer), _lock: lock })
    }

    /// A handle for appending.
    pub fn ledger(&self) -> Ledger {
        #[expect(clippy::expect_used, reason = "only drop takes it out")]
        self.ledger.clone().expect("present until drop")
    }

    /// Makes the projections anew from the entries; gives the number of entries.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn rebuild(path: &Path, station: &str) -> Result<u64, LedgerError> {
        let _lock = OwnerLock::take(path, "ledger rebuild")?;
        Store::open(path, station, false)?.rebuild()
    }
}

impl Drop for LedgerOwner {
    fn drop(&mut self) {
        self.ledger = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has reported nothing that could be passed on from here.
            let _ = writer.join();
        }
    }
}

impl Ledger {
    /// Appends facts, all or none, and waits until they are durable. Gives their numbers.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where a fact contradicts the ledger; anything else means that the line must stop.
    pub fn append(&self, now: OffsetDateTime, facts: Vec<Fact>) -> Result<Vec<u64>, LedgerError> {
        self.append_later(now, facts)?.wait()
    }

    /// Sends facts to be appended, all or none, and does not wait: batch work goes on meanwhile. Nothing may be done that
    /// they announce before [`Pending::wait`] has answered.
    ///
    /// # Errors
    /// [`LedgerError::Stopped`].
    pub fn append_later(&self, now: OffsetDateTime, facts: Vec<Fact>) -> Result<Pending, LedgerError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let request = Request { at: rfc3339(now), facts, reply };
        self.requests.send(request).map_err(|_| LedgerError::Stopped)?;
        Ok(Pending(answer))
    }

    /// Announces an act on a device: only what comes back from here lets a link act.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn announce<T: Announce>(
        &self,
        now: OffsetDateTime,
        attempt: u64,
        what: T,
    ) -> Result<Announced<T>, LedgerError> {
        self.append(now, vec![Fact::Announced { attempt, act: what.act() }])?;
        Ok(Announced::after_commit(what))
    }
}

/// The writer: takes what waits, commits it, answers. Ends when no handle is left, or when the store fails.
fn write(mut store: Store, waiting: &Receiver<Request>) {
    while let Ok(first) = waiting.recv() {
        let mut together = vec![first];
        together.extend(waiting.try_iter().take(MOST_TOGETHER - 1));
        let (work, replies): (Vec<_>, Vec<_>) =
            together.into_iter().map(|request| ((request.at, request.facts), request.reply)).unzip();
        match store.append(&work) {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // A fixture that no longer waits has been abandoned; its entry stands all the same.
                    let _ = reply.send(answer);
                }
            }
            Err(error) => {
                let mut replies = replies.into_iter();
                if let Some(first) = replies.next() {
                    let _ = first.send(Err(error));
                }
                for reply in replies {
                    let _ = reply.send(Err(LedgerError::Stopped));
                }
                return;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
