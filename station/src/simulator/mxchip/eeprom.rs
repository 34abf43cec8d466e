//! The board's secure chip: what is written lies in files, one a zone, and survives everything.
//!
//! EEPROMInterface.h and EEPROMInterface.cpp at a0267663. A zone's file holds the text without the NUL at its end.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A part of the chip with a use of its own. EEPROMInterface.h:35-38
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    WifiSsid,
    WifiPassword,
    IotHub,
    DpsUds,
}

impl Zone {
    /// EEPROMInterface.h:11-20
    pub(super) fn index(self) -> u8 {
        match self {
            Self::WifiSsid => 3,
            Self::IotHub => 5,
            Self::DpsUds => 6,
            Self::WifiPassword => 10,
        }
    }

    /// Bytes, with the NUL. EEPROMInterface.h:22-32
    fn size(self) -> usize {
        match self {
            Self::WifiSsid => 120,
            Self::IotHub => 584,
            Self::DpsUds => 680,
            Self::WifiPassword => 88,
        }
    }

    /// Bytes, with the NUL, that the console's commands ask for. EEPROMInterface.h:40-43
    pub(super) fn longest_value(self) -> usize {
        match self {
            Self::WifiSsid => 32,
            Self::IotHub => 512,
            Self::DpsUds | Self::WifiPassword => 64,
        }
    }

    fn file_name(self) -> &'static str {
        match self {
            Self::WifiSsid => "wifi-ssid",
            Self::WifiPassword => "wifi-password",
            Self::IotHub => "iot-hub",
            Self::DpsUds => "dps-uds",
        }
    }
}

/// What is wrong with a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum EepromFault {
    /// It takes nothing.
    WriteFails,
    /// It garbles what it takes.
    Garbles,
}

/// The board's firmware cannot write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WriteFailed;

/// One board's chip.
#[derive(Debug)]
pub(in crate::simulator) struct Eeprom {
    folder: PathBuf,
    fault: Option<EepromFault>,
}

impl Eeprom {
    /// The chip whose zones lie in this folder.
    pub(in crate::simulator) fn in_folder(folder: PathBuf, fault: Option<EepromFault>) -> Self {
        Self { folder, fault }
    }

    /// Writes a zone. The outer error is the simulator's own.
    pub(super) fn write(&self, zone: Zone, text: &[u8]) -> io::Result<Result<(), WriteFailed>> {
        // EEPROMInterface.cpp:105 and 239
        if text.len() + 1 > zone.size() || self.fault == Some(EepromFault::WriteFails) {
            return Ok(Err(WriteFailed));
        }
        let path = self.folder.join(zone.file_name());
        match self.fault {
            Some(EepromFault::Garbles) => write_whole(&path, &garbled(text))?,
            _ => write_whole(&path, text)?,
        }
        Ok(Ok(()))
    }

    /// What a zone holds.
    pub(super) fn read(&self, zone: Zone) -> io::Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(fs::read(self.folder.join(zone.file_name()))?))
    }

    /// Encrypts the chip's line, for ever. Says whether it was not so before. EEPROMInterface.cpp:49
    pub(super) fn enable_secure_channel(&self) -> io::Result<bool> {
        // The key is no secret: it stands in the firmware, and is the same for all boards.
        match OpenOptions::new().write(true).create_new(true).open(self.folder.join("secure-channel")) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Every bit turned over; an empty zone as a chip shows it that was never written.
fn garbled(text: &[u8]) -> Zeroizing<Vec<u8>> {
    match text {
        [] => Zeroizing::new(vec![0xff]),
        _ => Zeroizing::new(text.iter().map(|byte| !byte).collect()),
    }
}

/// Who reads the file from outside finds the old content or the new. To overwrite is what this chip does.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("part");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(content)?;
    Ok(rustix::fs::rename(&beside, path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_takes_what_fits_with_its_nul_and_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let eeprom = Eeprom::in_folder(folder.path().to_owned(), None);
        assert_eq!(eeprom.write(Zone::WifiPassword, &[b'a'; 88]).unwrap(), Err(WriteFailed));
        assert!(eeprom.read(Zone::WifiPassword).is_err());
        assert_eq!(eeprom.write(Zone::WifiPassword, &[b'a'; 87]).unwrap(), Ok(()));
        assert_eq!(eeprom.write(Zone::WifiPassword, b"short").unwrap(), Ok(()));
        assert_eq!(fs::read(folder.path().join("wifi-password")).unwrap(), b"short");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_secure_channel_is_enabled_once() {
        let folder = tempfile::tempdir().unwrap();
        let enable = || Eeprom::in_folder(folder.path().to_owned(), None).enable_secure_channel().unwrap();
        assert_eq!([enable(), enable()], [true, false]);
    }
}
