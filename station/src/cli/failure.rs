//! What a verb that could not do its work tells the person, and the exit code that tells the script.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use certkit::{BatchError, IssueError};

use crate::ahead::AheadError;
use crate::authority::AuthorityError;
use crate::config::ConfigError;
use crate::delivery::DeliveryError;
use crate::error_text::with_causes;
use crate::explain::ExplainError;
use crate::ledger::LedgerError;
use crate::line::{RunError, StationFault};
use crate::link::PortFault;
use crate::manifest::ManifestError;
use crate::order::OrderError;
use crate::place::PlaceError;
use crate::product::ProductError;
use crate::profile::ProfileError;
use crate::roll_over::RollOverError;
use crate::tpm::{MakersError, TpmError};
use crate::unit::PlanError;
use crate::vault::{UnlockError, VaultError};

/// Exit codes; they sort by who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done; all units accepted.
    Done = 0,
    /// The work ran, and some unit (or check) failed.
    UnitFailed = 1,
    /// The command line is wrong. (clap uses the same code.)
    Usage = 2,
    /// Configuration or input is wrong: the engineer acts.
    Input = 3,
    /// Ledger, disk or station are at fault: the line stops.
    Station = 4,
    /// A defect of this program.
    Bug = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// A verb's failure: one text with its causes, and the exit code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(exit: Exit, error: &dyn Error) -> Self {
        Self { exit, text: with_causes(error) }
    }

    /// The command line asks for something that cannot be meant.
    pub fn usage(text: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, text: text.to_string() }
    }

    /// Configuration or input is wrong.
    pub fn input(text: impl fmt::Display) -> Self {
        Self { exit: Exit::Input, text: text.to_string() }
    }

    /// The station must not go on.
    pub fn station(text: impl fmt::Display) -> Self {
        Self { exit: Exit::Station, text: text.to_string() }
    }

    /// The same failure, with what else is to be known.
    #[must_use]
    pub fn and(self, more: &str) -> Self {
        Self { text: format!("{}; {more}", self.text), ..self }
    }

    /// Prints the text, if there is one, to standard error and gives the exit code.
    pub fn report(self) -> ExitCode {
        if !self.text.is_empty() {
            // A closed standard error leaves nobody to tell; the exit code still does.
            let _ = writeln!(io::stderr(), "station: {}", self.text);
        }
        self.exit.into()
    }
}

/// Who must act on an error.
trait Blame: Error + Sized {
    fn exit(&self) -> Exit;
}

impl<E: Blame> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::new(error.exit(), &error)
    }
}

/// Errors that are always the engineer's matter.
macro_rules! input_errors {
    ($($error:ty),*) => {
        $(impl Blame for $error {
            fn exit(&self) -> Exit {
                Exit::Input
            }
        })*
    };
}

input_errors!(ConfigError, ExplainError, MakersError, ProductError, ProfileError, UnlockError);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever read standard output has seen enough (`| head`): no work for anybody, and nothing to say.
            return Self { exit: Exit::Station, text: String::new() };
        }
        Self::new(Exit::Station, &error)
    }
}

impl Blame for PortFault {
    fn exit(&self) -> Exit {
        match self {
            PortFault::NoLink { .. } | PortFault::NoPort(_) | PortFault::NoTcti(_) => Exit::Input,
            _ => Exit::Station,
        }
    }
}

impl Blame for LedgerError {
    fn exit(&self) -> Exit {
        match self {
            LedgerError::Missing(_) | LedgerError::OtherTables(_) | LedgerError::Refused(_) => Exit::Input,
            _ => Exit::Station,
        }
    }
}

impl Blame for PlaceError {
    fn exit(&self) -> Exit {
        match self {
            PlaceError::Exists(_) => Exit::Input,
            PlaceError::Write { .. } => Exit::Station,
        }
    }
}

impl Blame for VaultError {
    fn exit(&self) -> Exit {
        match self {
            VaultError::Damaged { .. } | VaultError::Read { .. } => Exit::Station,
            VaultError::Place(error) => error.exit(),
            _ => Exit::Input,
        }
    }
}

impl Blame for AuthorityError {
    fn exit(&self) -> Exit {
        match self {
            AuthorityError::Vault(error) => error.exit(),
            AuthorityError::Place(error) => error.exit(),
            AuthorityError::Ledger(error) => error.exit(),
            AuthorityError::NewKey(_) | AuthorityError::Random(_) => Exit::Station,
            AuthorityError::Hsm { source, .. } if source.is_stations_fault() => Exit::Station,
            _ => Exit::Input,
        }
    }
}

impl Blame for OrderError {
    fn exit(&self) -> Exit {
        match self {
            OrderError::Ledger(error) => error.exit(),
            OrderError::IdsNotWanted(_) | OrderError::IdsMissing(_) => Exit::Usage,
            _ => Exit::Input,
        }
    }
}

impl Blame for AheadError {
    fn exit(&self) -> Exit {
        match self {
            AheadError::Ledger(error) => error.exit(),
            AheadError::Vault(error) => error.exit(),
            AheadError::Place(error) => error.exit(),
            AheadError::Random(_) | AheadError::Stopped | AheadError::Image(PlanError::Random(_)) => {
                Exit::Station
            }
            AheadError::Image(_) => Exit::Input,
            AheadError::Make(error) if is_signers_fault(error) => Exit::Station,
            AheadError::Make(_) | AheadError::Form(_) => Exit::Input,
        }
    }
}

/// The key, or its token, did not sign.
fn is_signers_fault(error: &BatchError) -> bool {
    let BatchError::Issue { source, .. } = error else { return false };
    matches!(**source, IssueError::Sign(_) | IssueError::BadSignature { .. })
}

impl Blame for ManifestError {
    fn exit(&self) -> Exit {
        match self {
            ManifestError::Ledger(error) => error.exit(),
            _ => Exit::Input,
        }
    }
}

impl Blame for DeliveryError {
    fn exit(&self) -> Exit {
        match self {
            DeliveryError::Manifest(error) => error.exit(),
            DeliveryError::Vault(error) => error.exit(),
            DeliveryError::Ledger(error) => error.exit(),
            DeliveryError::Seal(_) | DeliveryError::LedgerKey(..) => Exit::Station,
            _ => Exit::Input,
        }
    }
}

impl Blame for RollOverError {
    fn exit(&self) -> Exit {
        match self {
            RollOverError::Authority(error) => error.exit(),
            RollOverError::Manifest(error) => error.exit(),
            RollOverError::Ledger(error) => error.exit(),
            _ => Exit::Input,
        }
    }
}

impl Blame for StationFault {
    fn exit(&self) -> Exit {
        match self {
            StationFault::Ledger(error) => error.exit(),
            _ => Exit::Station,
        }
    }
}

impl Blame for TpmError {
    fn exit(&self) -> Exit {
        match self {
            TpmError::NotBuilt | TpmError::WrongAuth { .. } | TpmError::AuthLength { .. } => Exit::Input,
            TpmError::NotHeld | TpmError::EndorsementKey(_) => Exit::UnitFailed,
            _ => Exit::Station,
        }
    }
}

impl Blame for RunError {
    fn exit(&self) -> Exit {
        match self {
            RunError::Station(fault) => fault.exit(),
            RunError::Defect(_) => Exit::Bug,
        }
    }
}
