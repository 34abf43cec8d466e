//! One unit: what it shows, what is decided, what it is to hold.

mod credential;
mod decide;
mod facts;
mod flash;
mod image;
mod locks;
mod own_certificate;
mod personalise;
mod tpm;
mod values;

pub use credential::Credential;
pub use decide::{Decision, History, Refusal, decide};
pub use facts::{Facts, HardwareId, HardwareIdError};
pub use flash::refuse_small;
pub use image::FilledSlots;
pub use locks::refuse_locked;
pub use own_certificate::{OwnCertificateError, check_certificate};
pub use personalise::{Expected, Personaliser, Plan, PlanError, PlannedItem};
pub use tpm::{judge_tpm, template};

/// Gives 32 random bytes.
pub type Random = fn() -> Result<[u8; 32], getrandom::Error>;
