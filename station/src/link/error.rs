//! What goes wrong between station and unit, and what it means for the unit.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::ledger::entry::Disposition;
use crate::tpm::TpmError;

/// Why a port cannot be opened. No unit is to blame.
#[derive(Debug, Error)]
pub enum PortFault {
    /// Nothing of this name is there.
    #[error("port {0} is not there: plug the unit in, or correct the fixture's port in station.toml")]
    Missing(PathBuf),
    /// Another program has it.
    #[error("port {0} is in use by another program: close the terminal program that holds it")]
    Busy(PathBuf),
    /// The product's units are not spoken to.
    #[error(
        "no unit is spoken to on {place}: {link} writes them, from the images that `station image` makes"
    )]
    NoLink {
        /// The port, or the fixture.
        place: String,
        /// What writes them.
        link: String,
    },
    /// The fixture has none.
    #[error(
        "fixture {0} has no `port`, and the product's units are spoken to on one: add it in station.toml"
    )]
    NoPort(String),
    /// The fixture reaches no TPM.
    #[error(
        "fixture {0} has no `tcti`, and the product's units attest with their TPM: add it in station.toml, as in \
         tcti = \"device:/dev/tpm1\""
    )]
    NoTcti(String),
    /// Anything else.
    #[error("port {path} cannot be opened: check the cable and the permissions")]
    Failed {
        /// The port.
        path: PathBuf,
        /// What the system said.
        source: serialport::Error,
    },
}

/// Why a dialogue with a unit did not come to its end.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The port went away.
    #[error("the unit was unplugged, or its port failed, during {during}: put it back in")]
    Unplugged {
        /// What was being done.
        during: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing came.
    #[error("the unit said nothing for {} during {during}: check that it is powered and booted, and the console's baud rate", seconds(.within))]
    Silent {
        /// What was being done.
        during: String,
        /// How long the station waited.
        within: Duration,
    },
    /// No loader answers: nobody is there, or the unit runs something else.
    #[error("no loader answers within {} s: check that the unit has power and its boot pin is held (during {during})", within.as_secs())]
    NoLoader {
        /// What was being done.
        during: String,
        /// How long the station looked for one.
        within: Duration,
    },
    /// Something came, and not what the dialogue expects.
    #[error("the unit did not answer as expected within {} during {during}; it said {said}", seconds(.within))]
    Unexpected {
        /// What was being done.
        during: String,
        /// How long the station waited.
        within: Duration,
        /// The end of what came, masked and escaped.
        said: String,
    },
    /// Bytes that are no text came without end.
    #[error(
        "the unit babbles during {during} ({bytes} bytes that are no answer): check baud rate and cable, or rework it"
    )]
    Babble {
        /// What was being done.
        during: String,
        /// How many bytes.
        bytes: usize,
    },
    /// The unit said that it will not, or cannot.
    #[error("{means} (during {during})")]
    Refused {
        /// What was being done.
        during: String,
        /// What the dialogue says that it means.
        means: String,
        /// What happens next.
        disposition: Disposition,
    },
    /// What the unit shows of an item's place is not what the product wants.
    #[error("{item}: {what} is {found} on the unit, the product wants {wanted}")]
    Place {
        /// The item.
        item: String,
        /// The place variable.
        what: String,
        /// What the unit shows.
        found: String,
        /// What the product says.
        wanted: String,
    },
    /// The unit's answer has a form that it must not have.
    #[error("the unit's answer to {during} cannot be read: {what}")]
    Malformed {
        /// What was being done.
        during: String,
        /// What is wrong with it.
        what: String,
    },
    /// The product asks for what this kind of link cannot do.
    #[error("this link cannot {0}: correct the product")]
    Impossible(&'static str),
    /// Its TPM does not do it.
    #[error(transparent)]
    Tpm(#[from] TpmError),
    /// A person asked to stop at once.
    #[error("stopped by the operator during {0}: put the unit back in to finish it")]
    Stopped(String),
}

impl LinkError {
    /// What happens next to the unit.
    pub fn disposition(&self) -> Disposition {
        match self {
            LinkError::Unplugged { .. }
            | LinkError::Silent { .. }
            | LinkError::NoLoader { .. }
            | LinkError::Unexpected { .. }
            | LinkError::Stopped(_) => Disposition::Retry,
            LinkError::Babble { .. } | LinkError::Place { .. } | LinkError::Malformed { .. } => {
                Disposition::Rework
            }
            LinkError::Impossible(_) => Disposition::Hold,
            LinkError::Refused { disposition, .. } => *disposition,
            LinkError::Tpm(error) => of_tpm(error),
        }
    }
}

fn of_tpm(error: &TpmError) -> Disposition {
    match error {
        TpmError::Absent { .. } | TpmError::Gone { .. } | TpmError::NoSlot { .. } | TpmError::Overtaken => {
            Disposition::Retry
        }
        TpmError::NotStarted | TpmError::Failed | TpmError::LockedOut => Disposition::Rework,
        _ => Disposition::Hold,
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f32())
}
