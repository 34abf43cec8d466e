//! Why the station itself cannot go on: the line stops, whatever the unit in hand.

use certkit::IssueError;
use thiserror::Error;

use crate::ledger::LedgerError;

/// Why the station itself cannot go on.
#[derive(Debug, Error)]
pub enum StationFault {
    /// The ledger cannot be written, or read.
    #[error(transparent)]
    Ledger(LedgerError),
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
}

impl StationFault {
    /// Whether units in hand that need nothing of it may be finished: all but those of a ledger that fails.
    pub(super) fn lets_units_finish(&self) -> bool {
        !matches!(self, Self::Ledger(_))
    }
}

impl From<LedgerError> for StationFault {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}
