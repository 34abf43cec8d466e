//! Deliveries: enrollments that carry keys. They are read from ledger and vault, recorded before they leave, and once
//! whoever they are for has them, their keys leave the vault.

mod keys;

use std::collections::BTreeSet;
use std::io;

use certkit::{RegistrationId, SymmetricKeyError};
use serde::Serialize;
use thiserror::Error;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::ledger::entry::{Delivery, Door, Fact, hash, hex};
use crate::ledger::{DeliveryRecord, Ledger, LedgerError, LedgerReader};
use crate::manifest::{
    BulkMode, EnrollmentOptions, Enrollments, ManifestError, bulk, individual_enrollments,
};
use crate::vault::{Recipient, SecretName, UnlockedVault, Vault, VaultError, seal_for};
use keys::Keys;

/// Why nothing was delivered, or not acknowledged.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// Keys that left the vault once their delivery had arrived.
    #[error(
        "{} left the vault when their delivery was acknowledged, and cannot be delivered again: deliver the others with \
         --rest, or get new keys for these: `station unit rework`, or `station issue --again` where they were handed over \
         without units", keys_of(.0)
    )]
    Withdrawn(Vec<RegistrationId>),
    /// Keys that the vault should have.
    #[error("{} are not in the vault: restore its folder from the station's backup", keys_of(.0))]
    Missing(Vec<RegistrationId>),
    /// Keys that are not those of the ledger.
    #[error("{} in the vault are not those that the ledger announced: restore its folder from the station's backup", keys_of(.0))]
    Other(Vec<RegistrationId>),
    /// All keys have arrived.
    #[error("all keys of order {0} have been delivered and acknowledged: there is no rest")]
    NoRest(String),
    /// No such delivery.
    #[error("the ledger has no delivery {0}: `station manifest deliveries` lists them")]
    Unknown(u64),
    /// The vault's key for the ledger.
    #[error("the vault's `{0}` is damaged: restore it from the station's backup")]
    LedgerKey(SecretName, #[source] SymmetricKeyError),
    /// The enrollments.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No text could be made, or it could not be sealed.
    #[error("the delivery cannot be put together")]
    Seal(#[from] io::Error),
}

fn keys_of(ids: &[RegistrationId]) -> String {
    const MOST: usize = 10;
    let named: Vec<&str> = ids.iter().take(MOST).map(RegistrationId::as_str).collect();
    let more = ids.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the keys of {}{more}", named.join(", "))
}

/// What is to be delivered.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The order.
    pub order: &'a str,
    /// Name of a verified CA certificate, which units with keys do not hang on: refused.
    pub verified_ca: Option<&'a str>,
    /// What the enrollments say besides.
    pub options: EnrollmentOptions,
    /// Bulk operations in place of single bodies.
    pub bulk: bool,
    /// Only what has not arrived with an earlier delivery.
    pub rest: bool,
    /// To whom it is sealed; in clear where nobody is named.
    pub recipients: &'a [Recipient],
}

/// A delivery that is ready to leave, and not recorded yet.
pub struct Ready {
    delivery: Delivery,
    bytes: Zeroizing<Vec<u8>>,
}

impl Ready {
    /// What is to be written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the ledger will say of it.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Puts it on record: to be done before it leaves. Gives its number.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn record(&self, ledger: &Ledger, now: OffsetDateTime) -> Result<u64, LedgerError> {
        let numbers = ledger.append(now, vec![Fact::Delivered(self.delivery.clone())])?;
        numbers.first().copied().ok_or(LedgerError::Stopped)
    }
}

/// Puts a delivery together: whole, or not at all.
///
/// # Errors
/// [`DeliveryError`].
pub fn prepare(
    wanted: Wanted<'_>,
    ledger: &LedgerReader,
    vault: &UnlockedVault,
) -> Result<Ready, DeliveryError> {
    let arrived = ledger.arrived_attempts(wanted.order)?;
    let none = BTreeSet::new();
    let mut keys = Keys::new(vault, ledger, &arrived)?;
    let enrollments = Enrollments {
        order: wanted.order,
        verified_ca: wanted.verified_ca,
        options: wanted.options,
        without: if wanted.rest { &arrived } else { &none },
    };
    let enrollments = individual_enrollments(ledger, enrollments, |record| keys.of(record))?;
    let attempts = keys.found()?;
    if enrollments.is_empty() {
        return Err(DeliveryError::NoRest(wanted.order.to_owned()));
    }
    let count = enrollments.len() as u64;
    let plain = if wanted.bulk {
        // What was reworked, or issued anew, has new keys, and the service its enrollment with the old ones.
        let arrived = ledger.arrived_identities(wanted.order)?;
        let (update, create): (Vec<_>, Vec<_>) =
            enrollments.into_iter().partition(|one| arrived.contains(one.registration_id().as_str()));
        lines(|| bulk(BulkMode::Create, &create).chain(bulk(BulkMode::Update, &update)))?
    } else {
        lines(|| enrollments.iter())?
    };
    let (form, bytes) = match wanted.recipients {
        [] => (Door::Clear, plain),
        recipients => (Door::Sealed, Zeroizing::new(seal_for(recipients, &plain)?)),
    };
    let delivery = Delivery {
        order: wanted.order.to_owned(),
        form,
        recipients: wanted.recipients.iter().map(Recipient::to_string).collect(),
        identities: count,
        sha256: hex(&hash(&bytes)),
        attempts,
    };
    Ok(Ready { delivery, bytes })
}

/// One JSON document a line, in memory that is wiped.
fn lines<T: Serialize, I: Iterator<Item = T>>(documents: impl Fn() -> I) -> io::Result<Zeroizing<Vec<u8>>> {
    // Measured first, so that the text never grows: that would leave unwiped copies behind.
    let mut length = Length(0);
    for document in documents() {
        serde_json::to_writer(&mut length, &document)?;
        length.0 += 1;
    }
    let mut text = Zeroizing::new(Vec::with_capacity(length.0));
    for document in documents() {
        serde_json::to_writer(&mut *text, &document)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What an acknowledgement did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// The delivery, as it stands now.
    #[serde(flatten)]
    pub delivery: DeliveryRecord,
    /// Of how many identities keys left the vault now.
    pub withdrawn: u64,
}

/// Records that a delivery has arrived, then withdraws its keys from the vault. Called again it finishes what was cut
/// off in between.
///
/// # Errors
/// [`DeliveryError`].
pub fn acknowledge(
    number: u64,
    ledger: &Ledger,
    reader: &LedgerReader,
    vault: &Vault,
    now: OffsetDateTime,
) -> Result<Acknowledged, DeliveryError> {
    let find = || reader.delivery(number)?.ok_or(DeliveryError::Unknown(number));
    if find()?.acknowledged_at.is_none() {
        ledger.append(now, vec![Fact::DeliveryAcknowledged { delivery: number }])?;
    }
    let mut withdrawn = 0;
    for attempt in reader.delivered_attempts(number)? {
        let (name, identities) = match reader.keys_ahead(attempt)? {
            // Those of the file that the delivery did not carry were superseded or revoked before.
            Some((number, identities)) => (SecretName::of_keys_ahead(number), identities),
            None => (SecretName::of_unit_keys(attempt), 1),
        };
        if vault.holds(&name) {
            vault.withdraw(&name)?;
            withdrawn += identities;
        }
    }
    Ok(Acknowledged { delivery: find()?, withdrawn })
}
