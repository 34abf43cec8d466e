//! The way to a TPM, as tpm2-tools write it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

const KINDS: [&str; 4] = ["device", "swtpm", "mssim", "tabrmd"];
const HOST: &str = "localhost";
const PORT: u16 = 2321;
const BUS_NAME: &str = "com.intel.tss2.Tabrmd";

/// The way to a TPM ("TCTI", the TCG's word for it): `device:/dev/tpmrm0`, `swtpm:host=…,port=…`, `mssim:host=…,port=…` or
/// `tabrmd:bus_type=…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Tcti {
    /// A device of the kernel.
    Device(PathBuf),
    /// A software TPM of the program swtpm. Its control port is the next one.
    Swtpm(TpmAddress),
    /// A simulator that speaks Microsoft's protocol.
    Mssim(TpmAddress),
    /// The resource manager that is a service, on a D-Bus.
    Tabrmd {
        /// Its name there.
        bus_name: String,
        /// `system` or `session`.
        bus_type: String,
    },
}

/// Host and port of a TPM.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TpmAddress {
    host: String,
    port: u16,
}

/// A text that names no way to a TPM.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TctiError {
    /// Another kind.
    #[error("`{found}` is no way to a TPM{}; known are device, swtpm, mssim and tabrmd", meant(nearest))]
    Kind {
        /// What stands before the colon.
        found: String,
        /// The nearest known one.
        nearest: Option<&'static str>,
    },
    /// A device's path alone.
    #[error("`{0}` is a path: write it as device:{0}")]
    BarePath(String),
    /// A device without a path.
    #[error("name the TPM's device: device:/dev/tpmrm0, which shares it, or device:/dev/tpm0")]
    NoDevice,
    /// A key that this kind does not have.
    #[error("{kind} has no `{found}`{}; it has {}", meant(nearest), known.join(" and "))]
    Key {
        /// The kind.
        kind: &'static str,
        /// The key.
        found: String,
        /// The nearest known one.
        nearest: Option<&'static str>,
        /// All known ones.
        known: &'static [&'static str],
    },
    /// A part that is no `key=value`.
    #[error("`{found}` should be written as key=value")]
    NoValue {
        /// The part.
        found: String,
    },
    /// A value that cannot be meant.
    #[error("`{found}` is no {key}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or_default()
}

fn nearest(found: &str, known: &[&'static str]) -> Option<&'static str> {
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(found, known), *known))
        .min()
        .filter(|(distance, _)| *distance <= found.len().max(3) / 2)
        .map(|(_, known)| known)
}

impl Tcti {
    /// What a person looks at when nothing answers there.
    pub(super) fn what_to_check(&self) -> &'static str {
        match self {
            Self::Device(_) => {
                "see whether the device exists, this user may open it (group tss), and no other program has it"
            }
            Self::Swtpm(_) => "see whether swtpm runs there, with its control port at the next number",
            Self::Mssim(_) => "see whether the simulator runs there",
            Self::Tabrmd { .. } => "see whether tpm2-abrmd runs on that bus",
        }
    }
}

impl TryFrom<String> for Tcti {
    type Error = TctiError;

    fn try_from(text: String) -> Result<Self, TctiError> {
        text.parse()
    }
}

impl FromStr for Tcti {
    type Err = TctiError;

    fn from_str(text: &str) -> Result<Self, TctiError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "device" if rest.is_empty() => Err(TctiError::NoDevice),
            "device" => Ok(Self::Device(Path::new(rest).to_owned())),
            "swtpm" => TpmAddress::parse("swtpm", rest).map(Self::Swtpm),
            "mssim" => TpmAddress::parse("mssim", rest).map(Self::Mssim),
            "tabrmd" => tabrmd(rest),
            path if path.starts_with('/') => Err(TctiError::BarePath(text.to_owned())),
            _ => Err(TctiError::Kind { found: kind.to_owned(), nearest: nearest(kind, &KINDS) }),
        }
    }
}

impl TpmAddress {
    fn parse(kind: &'static str, text: &str) -> Result<Self, TctiError> {
        let mut address = Self { host: HOST.to_owned(), port: PORT };
        for (key, value) in pairs(kind, text, &["host", "port"])? {
            let refused = |key, expected| TctiError::Value { key, found: value.to_owned(), expected };
            if key == "port" {
                let port = value.parse().ok().filter(|port| *port != 0);
                address.port = port.ok_or_else(|| refused("port", "give a number from 1 to 65535"))?;
            } else {
                let good = |character: char| character.is_ascii_alphanumeric() || ".-:".contains(character);
                if value.is_empty() || !value.chars().all(good) {
                    return Err(refused("host", "give a name or an IP address"));
                }
                address.host = value.to_owned();
            }
        }
        Ok(address)
    }
}

fn tabrmd(text: &str) -> Result<Tcti, TctiError> {
    let (mut bus_name, mut bus_type) = (BUS_NAME.to_owned(), "system".to_owned());
    for (key, value) in pairs("tabrmd", text, &["bus_name", "bus_type"])? {
        if key == "bus_name" {
            value.clone_into(&mut bus_name);
        } else if matches!(value, "system" | "session") {
            value.clone_into(&mut bus_type);
        } else {
            let found = value.to_owned();
            return Err(TctiError::Value { key: "bus_type", found, expected: "give system or session" });
        }
    }
    Ok(Tcti::Tabrmd { bus_name, bus_type })
}

fn pairs<'a>(
    kind: &'static str,
    text: &'a str,
    known: &'static [&'static str],
) -> Result<Vec<(&'static str, &'a str)>, TctiError> {
    let parts = text.split(',').filter(|_| !text.is_empty());
    parts
        .map(|part| {
            let (key, value) =
                part.split_once('=').ok_or_else(|| TctiError::NoValue { found: part.to_owned() })?;
            let found = known.iter().find(|known| **known == key);
            let other =
                || TctiError::Key { kind, found: key.to_owned(), nearest: nearest(key, known), known };
            Ok((*found.ok_or_else(other)?, value))
        })
        .collect()
}

impl fmt::Display for Tcti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(f, "device:{}", path.display()),
            Self::Swtpm(TpmAddress { host, port }) => write!(f, "swtpm:host={host},port={port}"),
            Self::Mssim(TpmAddress { host, port }) => write!(f, "mssim:host={host},port={port}"),
            Self::Tabrmd { bus_name, bus_type } => {
                write!(f, "tabrmd:bus_name={bus_name},bus_type={bus_type}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_written_as_tpm2_tools_write_them() {
        for (text, whole) in [
            ("device:/dev/tpmrm0", "device:/dev/tpmrm0"),
            ("swtpm:host=127.0.0.1,port=2400", "swtpm:host=127.0.0.1,port=2400"),
            ("swtpm:port=2400", "swtpm:host=localhost,port=2400"),
            ("mssim", "mssim:host=localhost,port=2321"),
            ("mssim:port=5,host=::1", "mssim:host=::1,port=5"),
            ("tabrmd:bus_type=session", "tabrmd:bus_name=com.intel.tss2.Tabrmd,bus_type=session"),
        ] {
            let tcti: Tcti = text.parse().unwrap();
            assert_eq!(tcti.to_string(), whole);
            assert_eq!(whole.parse(), Ok(tcti));
        }
    }

    #[test]
    fn a_slip_is_named() {
        for (text, part) in [
            ("", "`` is no way to a TPM"),
            ("swtmp:port=2400", "did you mean `swtpm`?"),
            ("/dev/tpm0", "`/dev/tpm0` is a path: write it as device:/dev/tpm0"),
            ("tpm0", "`tpm0` is no way to a TPM; known are device"),
            ("device:", "device:/dev/tpmrm0"),
            ("swtpm:prot=2400", "swtpm has no `prot`, did you mean `port`?; it has host and port"),
            ("swtpm:path=/run/swtpm", "swtpm has no `path`"),
            ("swtpm:2400", "`2400` should be written as key=value"),
            ("swtpm:port=24OO", "`24OO` is no port: give a number"),
            ("mssim:port=0", "`0` is no port"),
            ("mssim:port=65536", "`65536` is no port"),
            ("mssim:host=", "`` is no host"),
            ("swtpm:host=a b", "`a b` is no host"),
            ("swtpm:port=1,", "`` should be written as key=value"),
            ("tabrmd:bus_type=user", "`user` is no bus_type: give system or session"),
        ] {
            let error = text.parse::<Tcti>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
