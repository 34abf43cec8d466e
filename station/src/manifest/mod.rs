//! Manifests: what the cloud imports, derived from the ledger and from nothing else. The same ledger gives the
//! same bytes. They carry no secrets.

mod central;
mod dps;

use thiserror::Error;

use crate::ledger::{IdentityRecord, IdentityState, LedgerError, LedgerReader};

pub use central::central_import;
pub use dps::{EnrollmentGroup, GroupAttestation, enrollment_group};

/// Why a manifest was not made.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// No such order.
    #[error("the ledger has no order `{0}`: `station order show` lists them")]
    UnknownOrder(String),
    /// Nothing to import.
    #[error(
        "no unit of order {0} is accepted yet: run it first, or the cloud would wait for devices that are not there"
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

/// The accepted identities of an order, in the order's own sequence.
fn accepted(ledger: &LedgerReader, order: &str) -> Result<Vec<IdentityRecord>, ManifestError> {
    if ledger.order(order)?.is_none() {
        return Err(ManifestError::UnknownOrder(order.to_owned()));
    }
    let mut identities = ledger.identities(order)?;
    identities.retain(|identity| identity.state == IdentityState::Live);
    if identities.is_empty() {
        return Err(ManifestError::NothingAccepted(order.to_owned()));
    }
    Ok(identities)
}
