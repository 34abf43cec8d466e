//! Why a TPM gave no answer, or the wrong one.

use std::error::Error;

use certkit::{EndorsementKeyError, MakeCredentialError};
use thiserror::Error;

use super::{Hierarchy, Tcti};

/// What a TPM, or the way to it, does not do. The text says what it means and what comes next.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TpmError {
    /// This program knows no TPMs.
    #[error(
        "this program was built without TPMs: install tpm2-tss (Debian: `apt install libtss2-dev`) and build it with \
         `--features tpm`"
    )]
    NotBuilt,
    /// Nobody answers.
    #[error("no TPM answers at {tcti}: {}", tcti.what_to_check())]
    Absent {
        /// The way that was tried.
        tcti: Tcti,
    },
    /// It answered, and does no more.
    #[error(
        "the TPM stopped answering while {act}: look at its power and its connection, then try again from the start"
    )]
    Gone {
        /// What was being done.
        act: &'static str,
        /// What the library said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nobody has started it.
    #[error("the TPM has not been started: its host's firmware does that, or `tpm2_startup --clear`")]
    NotStarted,
    /// It has failed its own tests.
    #[error(
        "the TPM reports a failure of its own: cut its power; if it comes back like this, the unit is broken"
    )]
    Failed,
    /// Too many wrong authorisations.
    #[error(
        "the TPM is locked out: it was given too many wrong authorisations; wait as long as its maker says, or have its \
         owner clear it (`tpm2_dictionarylockout --clear-lockout`)"
    )]
    LockedOut,
    /// The authorisation is not the hierarchy's.
    #[error(
        "the TPM refuses the authorisation of its {hierarchy} hierarchy: it was set by an earlier owner; give the \
         right one (`{hierarchy}_auth` in the product, `--{hierarchy}-auth-file` by hand)"
    )]
    WrongAuth {
        /// Which hierarchy.
        hierarchy: Hierarchy,
    },
    /// No TPM takes one that long.
    #[error(
        "the authorisation of the {hierarchy} hierarchy has {bytes} bytes, more than a TPM takes: is it the right file?"
    )]
    AuthLength {
        /// Which hierarchy.
        hierarchy: Hierarchy,
        /// How many bytes it has.
        bytes: usize,
    },
    /// A key at its handle asks for an authorisation of its own.
    #[error(
        "the TPM refuses {act} without an authorisation that this program does not have: another program set it"
    )]
    Refused {
        /// What was being done.
        act: &'static str,
    },
    /// All slots are taken.
    #[error(
        "the TPM has no free slot for {act}: another program is using it, or one that crashed left its objects there; wait \
         for the one, flush them after the other (`tpm2_flushcontext --transient-object`, `--loaded-session`, or cut the \
         TPM's power), or use a resource manager (`device:/dev/tpmrm0`)"
    )]
    NoSlot {
        /// What was being done.
        act: &'static str,
    },
    /// What lies there is no key for DPS.
    #[error("the TPM's endorsement key is none that DPS takes")]
    EndorsementKey(#[source] EndorsementKeyError),
    /// The library sealed nothing.
    #[error("no challenge could be made for the TPM")]
    Challenge(#[source] MakeCredentialError),
    /// What was to be put there lies there by now.
    #[error(
        "another program has put a key into the TPM meanwhile: let one program at a time use it, and try again from the start"
    )]
    Overtaken,
    /// It does not hold the key.
    #[error(
        "the TPM cannot open what was sealed to its endorsement key: it does not hold that key's private part; put the \
         unit on hold"
    )]
    NotHeld,
    /// The library could not be kept from writing what it sends.
    #[error(
        "cannot start this program once more without the log of tpm2-tss, which shows authorisations: set TSS2_LOG=all+none"
    )]
    Log(#[source] std::io::Error),
    /// Anything else.
    #[error("the TPM refuses {act}")]
    Command {
        /// What was being done.
        act: &'static str,
        /// What the library said.
        source: Box<dyn Error + Send + Sync>,
    },
}
