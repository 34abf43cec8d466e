//! What most verbs need: the station's folder, its configuration, its ledger and its vault.

use std::num::ParseIntError;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::Failure;
use crate::clock;
use crate::config::{Config, StationFolder};
use crate::ledger::entry::Fact;
use crate::ledger::{LedgerOwner, LedgerReader};
use crate::place;
use crate::vault::{Recipient, Secret, SecretName, UnlockFrom, UnlockedVault, Vault};

/// The station that a verb works on.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) folder: StationFolder,
}

/// A reason as the ledger keeps it: one line that can be shown.
///
/// # Errors
/// What is wrong with it.
pub(super) fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty: the ledger keeps why this was done".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it holds characters that cannot be shown: write one line of text".to_owned());
    }
    Ok(text.to_owned())
}

/// Where the unlock secret comes from.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Unlock {
    /// Read the unlock secret from this open file descriptor. Else from the systemd credential `station-unlock`; else
    /// it is asked for.
    #[arg(long, value_name = "N")]
    pub(super) unlock_fd: Option<Descriptor>,
}

/// A descriptor as it was when the command line was read. Later the station's own files may have got its number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor {
    number: u32,
    open: bool,
}

impl FromStr for Descriptor {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let number = text.parse()?;
        Ok(Self { number, open: UnlockFrom::Descriptor(number).is_there() })
    }
}

impl Unlock {
    /// Whether the secret comes in where a verb may want to read other things from.
    pub(super) fn takes_standard_input(self) -> bool {
        self.unlock_fd.is_some_and(|descriptor| descriptor.number == 0)
    }

    pub(super) fn source(self) -> UnlockFrom {
        match self.unlock_fd {
            Some(Descriptor { number, open: false }) => UnlockFrom::Closed(number),
            fd => UnlockFrom::choose(fd.map(|fd| fd.number)),
        }
    }
}

impl Context {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder: StationFolder::new(folder) }
    }

    pub(super) fn config(&self) -> Result<Config, Failure> {
        Ok(self.folder.load_config()?)
    }

    pub(super) fn reader(&self) -> Result<LedgerReader, Failure> {
        Ok(LedgerReader::open(&self.folder.ledger())?)
    }

    /// Takes the ledger for writing; refused while a station runs.
    pub(super) fn owner(&self, purpose: &str) -> Result<LedgerOwner, Failure> {
        let config = self.config()?;
        let owner = LedgerOwner::open(&self.folder.ledger(), &config.name.to_string(), purpose)?;
        for folder in [self.folder.vault(), self.folder.authorities(), self.folder.transcripts()] {
            place::sweep(&folder);
        }
        Ok(owner)
    }

    /// Seals a secret, then records it with `facts`; on failure neither is there.
    ///
    /// A secret that the ledger does not know was left by a command that was killed in between: it takes its place.
    pub(super) fn seal(
        &self,
        owner: &LedgerOwner,
        (name, secret): (&SecretName, &Secret),
        facts: Vec<Fact>,
    ) -> Result<(), Failure> {
        let vault = self.vault()?;
        if vault.holds(name) && self.reader()?.secret_kind(&name.to_string())?.is_none() {
            vault.withdraw(name)?;
        }
        vault.put(name, secret)?;
        if let Err(error) = owner.ledger().append(clock::now(), facts) {
            vault.withdraw(name)?;
            return Err(error.into());
        }
        Ok(())
    }

    pub(super) fn vault(&self) -> Result<Vault, Failure> {
        Ok(Vault::open(&self.folder.vault())?)
    }

    pub(super) fn unlocked(&self, unlock: Unlock) -> Result<UnlockedVault, Failure> {
        let vault = self.vault()?;
        Ok(vault.unlock(&unlock.source().obtain(false)?)?)
    }
}

/// What `--recipient` names. It is no value parser: clap shows what it refuses, and that may be a private key.
pub(super) fn recipients(given: &[String]) -> Result<Vec<Recipient>, Failure> {
    let parsed = given.iter().map(|text| text.parse());
    parsed.collect::<Result<_, _>>().map_err(|error| Failure::usage(format!("--recipient: {error}")))
}
