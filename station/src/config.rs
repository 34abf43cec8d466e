//! `station.toml`: who this station is, its fixtures, and which authority issues. Secrets are named, never written there.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data_file::{self, DataFileError};
use crate::tpm::Tcti;

/// Why the configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read or parsed.
    #[error(transparent)]
    File(#[from] DataFileError),
    /// The folder is no station's.
    #[error("{0} is not there: name the station's folder with --station, or make one with `station init`")]
    NoStation(PathBuf),
    /// Two fixtures share a name or a port.
    #[error("{path}: two fixtures have the {what} `{value}`: give each its own")]
    Doubled {
        /// The file.
        path: PathBuf,
        /// `name`, `port` or `tcti`.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// No fixture has the name.
    #[error("station.toml has no fixture `{name}`: it has {known}")]
    NoFixture {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A fixture reaches no unit.
    #[error("{path}: fixture {fixture} has neither `port` nor `tcti`: say how its units are reached")]
    NoWay {
        /// The file.
        path: PathBuf,
        /// The fixture.
        fixture: String,
    },
}

/// What `station.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The station's name; the ledger's chain carries it.
    pub name: StationName,
    /// Label of the authority that issues device certificates.
    #[serde(default = "issuing_authority")]
    pub issuing_authority: String,
    /// The fixtures.
    #[serde(default, rename = "fixture")]
    pub fixtures: Vec<Fixture>,
}

/// A socket with its cable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// What the operator calls it.
    pub name: String,
    /// The port that it always has, by its position (`/dev/serial/by-path/…`, `COM7`), where it has one.
    pub port: Option<PathBuf>,
    /// The way to the TPM of the unit in it, where there is one.
    pub tcti: Option<Tcti>,
    /// The port of the scanner that reads the labels of its units, where it has one.
    pub scanner: Option<PathBuf>,
}

impl Config {
    /// The fixture of this name.
    ///
    /// # Errors
    /// [`ConfigError::NoFixture`].
    pub fn fixture(&self, name: &str) -> Result<&Fixture, ConfigError> {
        self.fixtures.iter().find(|fixture| fixture.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.fixtures.iter().map(|fixture| fixture.name.as_str()).collect();
            ConfigError::NoFixture { name: name.to_owned(), known: known.join(", ") }
        })
    }
}

impl Fixture {
    /// Where its units are, in words.
    pub fn place(&self) -> String {
        match (&self.port, &self.tcti) {
            (Some(port), _) => format!("port {}", port.display()),
            (None, Some(tcti)) => tcti.to_string(),
            (None, None) => format!("fixture {}", self.name),
        }
    }
}

/// A station's name: letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StationName(String);

impl TryFrom<String> for StationName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if (1..=64).contains(&text.len()) && text.chars().all(plain) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is no station name: use letters, digits and hyphens, at most 64"))
        }
    }
}

impl From<StationName> for String {
    fn from(name: StationName) -> String {
        name.0
    }
}

impl std::str::FromStr for StationName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for StationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn issuing_authority() -> String {
    "intermediate".to_owned()
}

/// A station's folder: where each of its things lies.
#[derive(Debug, Clone)]
pub struct StationFolder(PathBuf);

impl StationFolder {
    /// The folder at this path, whatever it holds.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself: overriding templates lie below it.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `station.toml`.
    pub fn config(&self) -> PathBuf {
        self.0.join("station.toml")
    }

    /// The ledger's database.
    pub fn ledger(&self) -> PathBuf {
        self.0.join("ledger.db")
    }

    /// The folder with the certificates of TPMs' makers.
    pub fn makers(&self) -> PathBuf {
        self.0.join("makers")
    }

    /// The vault's folder.
    pub fn vault(&self) -> PathBuf {
        self.0.join("vault")
    }

    /// The folder of the authorities' sealed keys.
    pub fn authorities(&self) -> PathBuf {
        self.0.join("ca")
    }

    /// The sealed private key of an authority, by label and certificate serial (hex).
    pub fn authority_key(&self, label: &str, certificate_serial: &str) -> PathBuf {
        self.authorities().join(format!("{label}-{certificate_serial}.key.pem"))
    }

    /// Masked transcripts, one an attempt.
    pub fn transcripts(&self) -> PathBuf {
        self.0.join("transcripts")
    }

    /// Reads and checks `station.toml`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load_config(&self) -> Result<Config, ConfigError> {
        let path = self.config();
        if !path.exists() {
            return Err(ConfigError::NoStation(path));
        }
        let config: Config = data_file::read(&path)?;
        let (mut names, mut ports, mut tctis) = (HashSet::new(), HashSet::new(), HashSet::new());
        for fixture in &config.fixtures {
            if !names.insert(&fixture.name) {
                return Err(ConfigError::Doubled { path, what: "name", value: fixture.name.clone() });
            }
            if let Some(port) = fixture.port.as_ref().filter(|port| !ports.insert(*port)) {
                let value = port.display().to_string();
                return Err(ConfigError::Doubled { path, what: "port", value });
            }
            if let Some(tcti) = fixture.tcti.as_ref().filter(|tcti| !tctis.insert(*tcti)) {
                return Err(ConfigError::Doubled { path, what: "tcti", value: tcti.to_string() });
            }
            if fixture.port.is_none() && fixture.tcti.is_none() {
                return Err(ConfigError::NoWay { path, fixture: fixture.name.clone() });
            }
        }
        Ok(config)
    }
}

/// The text of a new `station.toml`, commented for the engineer.
pub fn new_config(name: &StationName, fixtures: &[Fixture]) -> String {
    let mut text = format!(
        "# This station. An unknown key is an error, so a typing mistake cannot become a default.\n\
         # Secrets are never written here: `station keys import NAME` puts them into the vault.\n\n\
         # Who this station is. The ledger carries the name in every entry; it cannot be changed afterwards.\n\
         name = \"{name}\"\n\n\
         # Which authority issues device certificates: a label that `station ca show` lists.\n\
         issuing_authority = \"intermediate\"\n\n\
         # One [[fixture]] for each socket on the bench. Name the port by its position, so that a unit plugged into\n\
         # another socket cannot be taken for this one: /dev/serial/by-path/… on Linux, COM7 on Windows.\n"
    );
    if fixtures.is_empty() {
        text.push_str("#\n# [[fixture]]\n# name = \"1\"\n# port = \"/dev/serial/by-path/…\"\n# scanner = \"/dev/serial/by-path/…\"\n");
        text.push_str(
            "# tcti = \"device:/dev/tpm1\"   # the way to the unit's TPM, where it attests with that\n",
        );
    }
    for fixture in fixtures {
        text.push_str(&format!("\n[[fixture]]\nname = \"{}\"\n", fixture.name));
        let ways = [
            ("port", fixture.port.as_ref().map(|port| port.display().to_string())),
            ("tcti", fixture.tcti.as_ref().map(Tcti::to_string)),
            ("scanner", fixture.scanner.as_ref().map(|port| port.display().to_string())),
        ];
        for (key, value) in ways.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            // `{:?}` of a string is a TOML basic string but for exotic escapes, which `load_config` would refuse.
            text.push_str(&format!("{key} = {value:?}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_config_is_read_back() {
        let fixture = |port: &str, tcti: Option<&str>, scanner: Option<&str>| Fixture {
            name: port.to_owned(),
            port: Some(port.into()),
            tcti: tcti.map(|tcti| tcti.parse().unwrap()),
            scanner: scanner.map(PathBuf::from),
        };
        let made =
            [fixture("/dev/a", None, Some("/dev/s")), fixture("/dev/b", Some("device:/dev/tpmrm0"), None)];
        let text = new_config(&"line-1".parse().unwrap(), &made);
        let config: Config = data_file::parse(&text, "station.toml").unwrap();
        assert_eq!(config.fixtures.len(), 2);
        assert_eq!(config.fixtures[1].port.as_deref(), Some(Path::new("/dev/b")));
        assert_eq!(config.fixtures[0].scanner.as_deref(), Some(Path::new("/dev/s")));
        assert_eq!(config.fixtures[1].scanner, None);
        assert_eq!(config.fixtures[1].tcti, made[1].tcti);
        assert_eq!(config.name.to_string(), "line-1");
    }
}
