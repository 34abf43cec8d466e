//! One unit: what it shows, what is decided, what it is to hold.

mod credential;
mod decide;
mod facts;
mod own_certificate;
mod personalise;

pub use credential::Credential;
pub use decide::{Decision, History, Refusal, decide};
pub use facts::{Facts, HardwareId, HardwareIdError};
pub use own_certificate::{OwnCertificateError, check_certificate};
pub use personalise::{Plan, PlanError, PlannedItem, personalise};
