//! The ledger: its chain and its projections hold together.

use super::{Finding, Scene};
use crate::error_text::with_causes;
use crate::ledger::verify;

const ID: &str = "ledger";

pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    let todo = "stop the line and run `station ledger verify`";
    match verify(&scene.folder.ledger()) {
        Ok(verification) if verification.findings.is_empty() => {
            vec![Finding::ok(ID, format!("{} entries, the chain holds", verification.entries))]
        }
        Ok(verification) => {
            verification.findings.into_iter().map(|finding| Finding::failed(ID, finding.what, todo)).collect()
        }
        Err(error) => vec![Finding::failed(ID, with_causes(&error), "restore the ledger from a copy")],
    }
}
