//! TPMs of units: their keys read, their certificates, and the proof that they hold what they show.
//!
//! A key is read where it lies (persistent handles first) and made from the TCG's template where nothing lies. Nothing is
//! written into a TPM unless it is asked for, and no key is ever evicted. A program that was built without the feature
//! `tpm` knows the words and reaches no TPM.

#[cfg(not(feature = "tpm"))]
mod absent;
mod challenge;
mod error;
mod facts;
mod makers;
#[cfg(feature = "tpm")]
mod present;
mod reading;
mod tcti;

#[cfg(not(feature = "tpm"))]
pub use absent::{Tpm, without_library_log};
pub use challenge::challenge;
pub use error::TpmError;
pub use facts::{Hierarchy, HierarchyAuths, KeyOrigin, PrimaryKey, StorageRootKey, TpmMake};
pub use makers::{MakersError, read_makers, read_makers_if_any};
#[cfg(feature = "tpm")]
pub use present::{Tpm, without_library_log};
pub use reading::TpmReading;
pub use tcti::{Tcti, TctiError, TpmAddress};
