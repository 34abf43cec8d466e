//! Why the station itself cannot go on: the line stops, whatever the unit in hand.

use certkit::{ChainError, IssueError};
use thiserror::Error;

use crate::ledger::{LedgerError, ProjectionError};
use crate::vault::VaultError;

/// Why the station itself cannot go on.
#[derive(Debug, Error)]
pub enum StationFault {
    /// The ledger cannot be written, or read.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The order may have no further credentials.
    #[error(
        "the issue budget of order {order} is used up: {issued} credentials were issued of at most {budget}; look why so \
         many were needed (`station order show {order}`), and raise it with `station order budget {order} N --reason …`"
    )]
    BudgetUsedUp {
        /// The order.
        order: String,
        /// Its budget.
        budget: u64,
        /// What was issued.
        issued: u64,
    },
    /// The authority's key lies in a token that does not sign.
    #[error(
        "the token with the key of authority `{authority}` does not sign: plug it in, see that `station check` finds it \
         well, and start the run again"
    )]
    Token {
        /// The authority.
        authority: String,
        /// Why.
        source: Box<IssueError>,
    },
    /// An authority's key signs what its certificate does not vouch for.
    #[error(
        "a certificate that authority `{authority}` has just signed makes no chain with it: issue nothing more with it, and \
         look at its key or its token"
    )]
    Chain {
        /// The authority.
        authority: String,
        /// Why.
        source: ChainError,
    },
    /// The vault cannot be written, or read.
    #[error(transparent)]
    Vault(VaultError),
}

impl StationFault {
    /// Whether units in hand that need nothing of it may be finished: all but those of a ledger that fails.
    pub(super) fn lets_units_finish(&self) -> bool {
        !matches!(self, Self::Ledger(_))
    }
}

impl From<LedgerError> for StationFault {
    fn from(error: LedgerError) -> Self {
        match error {
            // The last defence: whoever issues asks before anything is signed.
            LedgerError::Refused(ProjectionError::BudgetUsedUp { order, budget }) => {
                Self::BudgetUsedUp { order, budget, issued: budget }
            }
            error => Self::Ledger(error),
        }
    }
}
