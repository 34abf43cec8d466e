//! Why a batch ended.

use thiserror::Error;

use super::credential::BatchItem;
use crate::{CertificateError, ChainError, IssueError, RegistrationId, SignerError};

/// Why a batch ended before its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// No key could be made.
    #[error("no key could be made for {id}")]
    Key {
        /// The device.
        id: RegistrationId,
        /// Why.
        source: SignerError,
    },
    /// No certificate could be made.
    #[error("no certificate could be issued for {id}")]
    Issue {
        /// The device.
        id: RegistrationId,
        /// Why.
        source: Box<IssueError>,
    },
    /// The first certificate cannot be read again.
    #[error("the first certificate of the batch, for {id}, cannot be read again: report this")]
    First {
        /// The device.
        id: RegistrationId,
        /// Why.
        source: CertificateError,
    },
    /// The first certificate does not fit the chain above it.
    #[error("the first certificate of the batch, for {id}, makes no chain with its issuer's")]
    Chain {
        /// The device.
        id: RegistrationId,
        /// Why.
        source: ChainError,
    },
    /// A thread ended without an answer.
    #[error("a thread of the batch broke off: report this")]
    Thread,
}

impl BatchError {
    pub(super) fn key(item: &BatchItem, source: SignerError) -> Self {
        Self::Key { id: item.registration_id.clone(), source }
    }

    pub(super) fn issue(item: &BatchItem, source: IssueError) -> Self {
        Self::Issue { id: item.registration_id.clone(), source: Box::new(source) }
    }
}
