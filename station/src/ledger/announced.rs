//! Proof that an act stands in the ledger before it is done.

use super::entry::Act;

/// Something that is announced before it is done.
pub trait Announce {
    /// What the ledger says of it: nothing secret.
    fn act(&self) -> Act;
}

/// An act whose announcement is durable. Only the ledger makes one, so no link can act unannounced.
///
/// It does not outlive the process: after a crash the ledger knows what was announced, and `decide` takes over.
#[derive(Debug)]
pub struct Announced<T>(T);

impl<T> Announced<T> {
    pub(super) fn after_commit(what: T) -> Self {
        Self(what)
    }

    /// The act.
    pub fn get(&self) -> &T {
        &self.0
    }
}
