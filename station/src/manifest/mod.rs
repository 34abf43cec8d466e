//! Manifests: what the cloud imports, derived from the ledger and from nothing else. The same ledger gives the
//! same bytes. They carry no secrets.

mod central;
mod disallow;
mod dps;
mod individual;
mod marks;
mod units;

use certkit::{ChainError, RegistrationId};
use thiserror::Error;

use crate::ledger::{IdentityRecord, LedgerError, LedgerReader};

pub use central::central_import;
pub use disallow::{Disallowed, disallow};
pub use dps::{
    EnrollmentGroup, GroupAttestation, GroupAuthorities, enrollment_group, group_authorities, signing_group,
};
pub use individual::{
    BulkMode, BulkOperation, EnrollmentOptions, Enrollments, IndividualEnrollment, KeyText,
    ProvisioningStatus, bulk, individual_enrollments, needs_delivery,
};
pub use marks::{Marked, marked};
pub use units::{units_csv, units_hanging_on};

/// Why a manifest was not made.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// No such order.
    #[error("the ledger has no order `{0}`: `station order show` lists them")]
    UnknownOrder(String),
    /// Nothing to import.
    #[error(
        "no unit of order {0} is accepted yet, and no credential of it was handed over: run it first, or the cloud would \
         wait for devices that are not there"
    )]
    NothingAccepted(String),
    /// The accepted units hang on several authorities.
    #[error("the accepted units of order {order} were issued by {}: name one with --authority for each group", .authorities.join(" and "))]
    SeveralAuthorities {
        /// The order.
        order: String,
        /// Their labels.
        authorities: Vec<String>,
    },
    /// None of the accepted units hangs on the authority that was named.
    #[error("no accepted unit of order {order} was issued by authority `{authority}`: they were issued by {}", .known.join(" and "))]
    OtherAuthority {
        /// The order.
        order: String,
        /// The label that was named.
        authority: String,
        /// The labels that would do.
        known: Vec<String>,
    },
    /// The keys of a symmetric group belong to the service.
    #[error(
        "the units of order {0} attest with symmetric keys: the group and its keys are made in DPS, and a body made here \
         would overwrite them. There is nothing to import but, for IoT Central, the list of `station manifest central`"
    )]
    SymmetricGroup(String),
    /// Every unit has an enrollment of its own.
    #[error(
        "the units of order {0} belong to no group: each has an enrollment of its own; give --individual in place of --group"
    )]
    NoGroup(String),
    /// The service has the keys already.
    #[error(
        "the units of order {0} attest with keys that came with the order: the service that gave them has their \
         enrollments. There is nothing to import but, for IoT Central, the list of `station manifest central`"
    )]
    KeysGiven(String),
    /// A manifest carries no secrets.
    #[error(
        "the enrollments of order {0} carry symmetric keys: seal them with --recipient age1…, or, if they must be in \
         clear, give --clear"
    )]
    CarriesKeys(String),
    /// The unit hangs on no CA that could be named.
    #[error("{0} hangs on no CA: leave --verified-ca out")]
    NoCa(RegistrationId),
    /// The unit has no storage root key that could be named.
    #[error("{0} attests without a TPM, and has no storage root key: leave --storage-root-key out")]
    NoTpm(RegistrationId),
    /// No such identity in the order.
    #[error("order {order} has no identity {id}: `station unit show {id}` tells which one has")]
    NotInOrder {
        /// The order.
        order: String,
        /// The registration ID.
        id: RegistrationId,
    },
    /// Nothing to stop.
    #[error("no credential was ever issued for {0}: there is nothing that could register")]
    NoCredential(RegistrationId),
    /// Nothing to stop in the whole order.
    #[error(
        "no unit of order {0} was scrapped after a credential was issued for it: name the units to stop with --identity ID"
    )]
    NothingScrapped(String),
    /// The enrollment belongs to the service that gave the key.
    #[error(
        "the key of {0} came with its order: its enrollment is that service's; block the device there (IoT Central: Block)"
    )]
    GivenDisallowed(RegistrationId),
    /// A chain in the ledger is none.
    #[error("a chain in the ledger cannot be read: run `station ledger verify`")]
    Chain(#[from] ChainError),
    /// A root cannot be carried in a group's body.
    #[error(
        "authority `{0}` is a root: a group's body carries intermediates only. Upload and verify it in DPS, then name it with --verified-ca"
    )]
    RootInBody(String),
    /// IDs that IoT Central does not take.
    #[error("IoT Central does not take the ID {id}: {why}; the order was taken with service = \"dps\"")]
    NotForCentral {
        /// The first such ID.
        id: String,
        /// The rule that it breaks.
        why: String,
    },
    /// The ledger cannot be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The text cannot be put together.
    #[error("the manifest cannot be written")]
    Csv(#[from] csv::Error),
}

/// The identities of an order, in the order's own sequence.
fn order_identities(ledger: &LedgerReader, order: &str) -> Result<Vec<IdentityRecord>, ManifestError> {
    match ledger.order(order)? {
        Some(_) => Ok(ledger.identities(order)?),
        None => Err(ManifestError::UnknownOrder(order.to_owned())),
    }
}

/// The identities of an order that may register, in the order's own sequence: accepted, or handed over without a unit.
fn may_register(ledger: &LedgerReader, order: &str) -> Result<Vec<IdentityRecord>, ManifestError> {
    if ledger.order(order)?.is_none() {
        return Err(ManifestError::UnknownOrder(order.to_owned()));
    }
    match ledger.may_register(order)? {
        none if none.is_empty() => Err(ManifestError::NothingAccepted(order.to_owned())),
        some => Ok(some),
    }
}

#[cfg(test)]
mod tests;
