//! The fixtures' ports: there, and free. Opening sends nothing.

use super::{Finding, Scene};
use crate::error_text::with_causes;
use crate::link::{PortFault, try_port};

pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    if scene.config.fixtures.is_empty() {
        // A station that only makes credentials and images needs none.
        return vec![Finding::warning(
            "ports",
            "station.toml names no fixture: no unit can be built here",
            "add a [[fixture]] for each socket",
        )];
    }
    scene
        .config
        .fixtures
        .iter()
        .map(|fixture| {
            let id = format!("port/{}", fixture.name);
            match try_port(&fixture.port) {
                Ok(()) => Finding::ok(id, format!("{} opens", fixture.port.display())),
                // Where the port comes with the unit, an empty fixture has none: no fault of the station's.
                Err(error @ PortFault::Missing(_)) => {
                    Finding::warning(id, with_causes(&error), "plug a unit in and check again")
                }
                Err(error) => {
                    Finding::failed(id, with_causes(&error), "free the port, or correct station.toml")
                }
            }
        })
        .collect()
}
