//! The vault: opens, and with the unlock secret that was given.

use super::{Finding, Scene};
use crate::error_text::with_causes;
use crate::vault::Vault;

const ID: &str = "vault";

pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    vec![match (Vault::open(&scene.folder.vault()), scene.vault) {
        (Err(error), _) => {
            Finding::failed(ID, with_causes(&error), "restore the vault from the station's backup")
        }
        (Ok(_), Some(_)) => Finding::ok(ID, "opens with the unlock secret"),
        (Ok(_), None) => Finding::skipped(
            ID,
            "is there, and locked",
            "pass --unlock-fd N to check that the secret opens it, and what it holds",
        ),
    }]
}
