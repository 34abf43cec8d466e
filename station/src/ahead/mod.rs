//! Credentials for an order without devices: made, announced in the ledger, then handed over.
//!
//! Nothing leaves that the ledger does not hold, and what is cut off in between never left: the file has no name, and the
//! folder not its own, before the ledger holds that they leave.
//!
//! Random keys must reach the service as well: they lie sealed in the vault, a file for each entry, from before the entry
//! until the delivery that carried them is acknowledged.

mod finish;
mod handed;
mod images;
mod source;

use std::sync::atomic::{AtomicBool, Ordering};

use certkit::BatchError;
use thiserror::Error;
use time::OffsetDateTime;

pub use finish::Finish;
pub use handed::{Bundle, Encoding, FileForm, Files, Form, Parts};
pub use images::{ImageFolder, Images};
pub use source::{Made, Source};

use crate::ledger::entry::{AheadCredential, Fact};
use crate::ledger::{Ledger, LedgerError, OrderRecord, Pending};
use crate::place::PlaceError;
use crate::unit::PlanError;
use crate::vault::{KeysAhead, SecretName, Vault, VaultError};

/// Credentials that one ledger entry holds at most.
const SEGMENT: usize = 256;

/// Why credentials were not issued ahead.
#[derive(Debug, Error)]
pub enum AheadError {
    /// One could not be made.
    #[error("the credentials could not be made")]
    Make(#[source] Box<BatchError>),
    /// A key has no such form, or the PKCS#12 file could not be written.
    #[error("a credential cannot be written in the form that was asked for")]
    Form(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system gives no randomness.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// Somebody asked to stop.
    #[error(
        "stopped: nothing left the station, and the next `station issue` or `station image` begins with what was announced"
    )]
    Stopped,
    /// A credential does not fit into the image.
    #[error(transparent)]
    Image(#[from] PlanError),
    /// Random keys could not be laid down.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file or the folder took no more.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What an order's credentials are announced with.
#[derive(Debug)]
pub struct Announcing<'a> {
    /// Where it is announced.
    pub ledger: &'a Ledger,
    /// The order.
    pub order: &'a OrderRecord,
    /// Where random keys lie until the service has them.
    pub vault: &'a Vault,
    /// The certificates above each leaf, PEM.
    pub above: &'a str,
    /// Why these take the place of earlier ones, where they do.
    pub supersedes: Option<&'a str>,
    /// The time.
    pub now: fn() -> OffsetDateTime,
    /// Set when somebody asks to stop.
    pub stop: &'a AtomicBool,
}

/// What was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// The first entry.
    pub first: u64,
    /// How many credentials.
    pub credentials: u64,
}

impl Announcing<'_> {
    /// Announces credential after credential, and gives what was made of each to `take`, in order, once the ledger holds it.
    ///
    /// # Errors
    /// [`AheadError`]. What was announced until then stays so, and is for the next command to issue anew.
    pub fn announce<F: Finish>(
        &self,
        made: impl Iterator<Item = Result<Made<F>, AheadError>>,
        mut take: impl FnMut(F::Finished) -> Result<(), AheadError>,
    ) -> Result<Announced, AheadError> {
        let mut made = made.peekable();
        let mut announced = Announced { first: 0, credentials: 0 };
        let mut waiting: Option<(Pending, Vec<F::Finished>)> = None;
        loop {
            self.go_on()?;
            let (facts, finished) = self.next_facts(&mut made)?;
            let sent = if facts.is_empty() {
                None
            } else {
                Some((self.ledger.append_later((self.now)(), facts)?, finished))
            };
            let ended = sent.is_none();
            if let Some((pending, all)) = std::mem::replace(&mut waiting, sent) {
                let entries = pending.wait()?;
                if announced.credentials == 0 {
                    announced.first = entries.first().copied().unwrap_or_default();
                }
                for finished in all {
                    self.go_on()?;
                    take(finished)?;
                    announced.credentials += 1;
                }
            }
            if ended {
                return Ok(announced);
            }
        }
    }

    fn go_on(&self) -> Result<(), AheadError> {
        if self.stop.load(Ordering::Relaxed) { Err(AheadError::Stopped) } else { Ok(()) }
    }

    fn next_facts<F: Finish>(
        &self,
        made: &mut std::iter::Peekable<impl Iterator<Item = Result<Made<F>, AheadError>>>,
    ) -> Result<(Vec<Fact>, Vec<F::Finished>), AheadError> {
        let (mut facts, mut all_finished) = (Vec::new(), Vec::new());
        while facts.len() < F::ENTRIES_TOGETHER && made.peek().is_some() {
            let mut credentials: Vec<AheadCredential> = Vec::with_capacity(SEGMENT);
            let mut random = KeysAhead::default();
            for made in made.by_ref().take(SEGMENT) {
                let Made { announced, finished, random: own } = made?;
                if let Some(own) = own {
                    random.push(announced.registration_id.clone(), own);
                }
                credentials.push(announced);
                all_finished.push(finished);
            }
            facts.push(Fact::IssuedAhead {
                order: self.order.name.clone(),
                id_scope: self.order.id_scope.clone(),
                above: self.above.to_owned(),
                keys: self.lay_down(&random)?,
                credentials,
                supersedes: self.supersedes.map(str::to_owned),
            });
        }
        Ok((facts, all_finished))
    }

    /// Seals random keys in the vault, before they are announced: what the ledger names can be delivered. Gives the
    /// number that the entry says.
    fn lay_down(&self, keys: &KeysAhead) -> Result<Option<u64>, AheadError> {
        if keys.is_empty() {
            return Ok(None);
        }
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        // At random, so that what a command left that was cut off here is in nobody's way: no entry ever names it.
        let number = u64::from_be_bytes(random) >> 11;
        self.vault.put(&SecretName::of_keys_ahead(number), &keys.to_secret())?;
        Ok(Some(number))
    }
}
