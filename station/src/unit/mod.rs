//! One unit: what it shows, what is decided, what it is to hold.

mod decide;
mod facts;
mod personalise;

pub use decide::{Decision, History, Refusal, decide};
pub use facts::{HardwareId, HardwareIdError};
pub use personalise::{Plan, PlannedItem, personalise};
