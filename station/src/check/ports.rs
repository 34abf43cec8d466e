//! The fixtures' ports and TPMs: there, and free. Opening a port sends nothing.

use std::path::Path;

use super::{Finding, Scene};
use crate::error_text::with_causes;
use crate::link::{PortFault, try_port};
use crate::tpm::{HierarchyAuths, Tcti, Tpm, TpmError};

pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    if scene.config.fixtures.is_empty() {
        // A station that only makes credentials and images needs none.
        return vec![Finding::warning(
            "ports",
            "station.toml names no fixture: no unit can be built here",
            "add a [[fixture]] for each socket",
        )];
    }
    let mut findings = Vec::new();
    for fixture in &scene.config.fixtures {
        findings.extend(fixture.port.as_deref().map(|port| check_port(&fixture.name, port)));
        findings.extend(fixture.tcti.as_ref().map(|tcti| check_tpm(&fixture.name, tcti)));
    }
    findings
}

fn check_port(fixture: &str, port: &Path) -> Finding {
    let id = format!("port/{fixture}");
    match try_port(port) {
        Ok(()) => Finding::ok(id, format!("{} opens", port.display())),
        // Where the port comes with the unit, an empty fixture has none: no fault of the station's.
        Err(error @ PortFault::Missing(_)) => {
            Finding::warning(id, with_causes(&error), "plug a unit in and check again")
        }
        Err(error) => Finding::failed(id, with_causes(&error), "free the port, or correct station.toml"),
    }
}

fn check_tpm(fixture: &str, tcti: &Tcti) -> Finding {
    let id = format!("tpm/{fixture}");
    match Tpm::open(tcti, &HierarchyAuths::default()).and_then(|mut tpm| tpm.make()) {
        Ok(make) => {
            let program = if make.seems_software() { ", a program by its maker's name," } else { "" };
            Finding::ok(id, format!("a TPM by {}{program} answers at {tcti}", make.manufacturer))
        }
        // It comes with the unit.
        Err(error @ TpmError::Absent { .. }) => {
            Finding::warning(id, with_causes(&error), "plug a unit in and check again")
        }
        Err(error @ TpmError::NotBuilt) => Finding::failed(id, with_causes(&error), ""),
        Err(error) => Finding::failed(id, with_causes(&error), "look at the TPM with `station tpm show`"),
    }
}
