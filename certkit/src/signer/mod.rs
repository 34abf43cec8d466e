//! Private keys that sign.

mod software;

pub use software::{SignerError, SoftwareSigner};
