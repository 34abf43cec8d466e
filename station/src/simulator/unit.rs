//! A simulated unit: a folder with what it is (`unit.toml`), and with a gateway's own file system (`root/`), the zones
//! of an MXChip's secure chip (`eeprom/`), or an ESP32 board's flash (`flash.bin`). Made once, then kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::board::Board;
use super::esp::{EspChip, Flash, Mac};
use super::fault::{FaultRequest, ImageFault, numbers};
use super::gateway::build_root_file_system;
use super::unit_number::UnitNumber;

const UNIT_FILE: &str = "unit.toml";
const ROOT: &str = "root";
const EEPROM: &str = "eeprom";
const FLASH: &str = "flash.bin";
const BLANK_HARDWARE_ID: &str = "0000000000000000";

/// Why there is no such unit.
#[derive(Debug, Error)]
pub enum UnitError {
    /// Its folder cannot be read or made.
    #[error("cannot make or read {path}: check that the folder can be written and has room")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its `unit.toml` is not as the simulator writes it.
    #[error("{path} is not as the simulator wrote it: remove the unit's folder to get a new unit")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
    /// It was made without the fault that is asked for.
    #[error(
        "unit {unit} exists and was made without the fault `{fault}`, which belongs to its image: \
         leave the fault out, or take another folder"
    )]
    WithoutFault {
        /// The unit.
        unit: UnitNumber,
        /// What was asked for.
        fault: ImageFault,
    },
    /// It was made as another board.
    #[error("unit {unit} is of the board {made_as}, not {board}: take another folder, or --board {made_as}")]
    OtherBoard {
        /// The unit.
        unit: UnitNumber,
        /// What it is.
        made_as: Board,
        /// What was asked for.
        board: Board,
    },
}

/// What `unit.toml` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitFile {
    /// Left out by simulators that knew gateways only.
    #[serde(default)]
    board: Board,
    /// None, where the board shows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware_id: Option<String>,
    /// Left out by simulators that knew no labels.
    label: Option<String>,
    faults: Vec<ImageFault>,
}

/// A unit that exists.
#[derive(Debug)]
pub(super) struct Unit {
    number: UnitNumber,
    folder: PathBuf,
    hardware_id: Option<String>,
    label: String,
    faults: Vec<ImageFault>,
}

impl Unit {
    /// The unit of that number in `units`, which is made if it is not there yet.
    pub(super) fn open_or_make(
        units: &Path,
        number: UnitNumber,
        board: Board,
        seed: u64,
        requests: &[FaultRequest],
    ) -> Result<Self, UnitError> {
        let asked_for: Vec<ImageFault> = requests
            .iter()
            .filter_map(|request| match request {
                FaultRequest::Image(unit, fault) if *unit == number => Some(*fault),
                _ => None,
            })
            .collect();
        let folder = units.join(number.to_string());
        let UnitFile { board: made_as, hardware_id, label, faults } = match read_unit_file(&folder)? {
            Some(file) => file,
            None => {
                let file = design(units, number, board, seed, &asked_for)?;
                make(&folder, number, &file)
                    .map_err(|source| UnitError::Folder { path: folder.clone(), source })?;
                file
            }
        };
        if made_as != board {
            return Err(UnitError::OtherBoard { unit: number, made_as, board });
        }
        if let Some(fault) = asked_for.into_iter().find(|fault| !faults.contains(fault)) {
            return Err(UnitError::WithoutFault { unit: number, fault });
        }
        let label = label.unwrap_or_else(|| board.label(number));
        Ok(Self { number, folder, hardware_id, label, faults })
    }

    pub(super) fn number(&self) -> UnitNumber {
        self.number
    }

    /// What it shows, if it can.
    pub(super) fn hardware_id(&self) -> Option<&str> {
        self.hardware_id.as_deref()
    }

    /// What a scanner reads from it.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn host_name(&self) -> String {
        host_name(self.number)
    }

    /// A gateway's own file system.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join(ROOT)
    }

    /// The zones of an MXChip's secure chip.
    pub(super) fn eeprom(&self) -> PathBuf {
        self.folder.join(EEPROM)
    }

    /// An ESP32 board's flash.
    pub(super) fn flash(&self) -> PathBuf {
        self.folder.join(FLASH)
    }

    /// An ESP32 board's address.
    pub(super) fn mac(&self) -> Mac {
        self.hardware_id.as_deref().and_then(|text| text.parse().ok()).unwrap_or(Mac::BLANK)
    }

    /// The chip of a board that was made with another than its board has.
    pub(super) fn other_chip(&self) -> Option<EspChip> {
        self.faults.iter().find_map(|fault| match fault {
            ImageFault::OtherChip(chip) => Some(*chip),
            _ => None,
        })
    }

    /// Whether it was made with this fault.
    pub(super) fn has(&self, fault: ImageFault) -> bool {
        self.faults.contains(&fault)
    }
}

fn host_name(number: UnitNumber) -> String {
    format!("gateway-{number}")
}

/// `None`: no such unit yet.
fn read_unit_file(folder: &Path) -> Result<Option<UnitFile>, UnitError> {
    let path = folder.join(UNIT_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => match toml::from_str(&text) {
            Ok(file) => Ok(Some(file)),
            Err(source) => Err(UnitError::File { path, source: source.into() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => Ok(None),
        Err(source) => Err(UnitError::Folder { path, source }),
    }
}

/// What a new unit is.
fn design(
    units: &Path,
    number: UnitNumber,
    board: Board,
    seed: u64,
    faults: &[ImageFault],
) -> Result<UnitFile, UnitError> {
    let hardware_id = match board {
        Board::Mxchip => None,
        _ => Some(hardware_id(units, number, board, seed, faults)?),
    };
    let on_label = faults.iter().find_map(|fault| match fault {
        ImageFault::SameLabel(other) => Some(*other),
        _ => None,
    });
    let label = Some(board.label(on_label.unwrap_or(number)));
    Ok(UnitFile { board, hardware_id, label, faults: faults.to_vec() })
}

fn hardware_id(
    units: &Path,
    number: UnitNumber,
    board: Board,
    seed: u64,
    faults: &[ImageFault],
) -> Result<String, UnitError> {
    let is_esp = board.esp_chip().is_some();
    let drawn = |number| match numbers(seed, "hardware ID", number, 0)[0] {
        drawn if is_esp => Mac::ending_in(drawn).to_string(),
        drawn => format!("{drawn:016x}"),
    };
    for fault in faults {
        match fault {
            ImageFault::BlankHardwareId if is_esp => return Ok(Mac::BLANK.to_string()),
            ImageFault::BlankHardwareId => return Ok(BLANK_HARDWARE_ID.to_owned()),
            ImageFault::SharedHardwareId(other) => {
                let others = read_unit_file(&units.join(other.to_string()))?;
                return Ok(others.and_then(|file| file.hardware_id).unwrap_or_else(|| drawn(*other)));
            }
            _ => {}
        }
    }
    Ok(drawn(number))
}

/// Makes the unit beside, and moves it to its place when it is whole.
fn make(folder: &Path, number: UnitNumber, file: &UnitFile) -> io::Result<()> {
    let beside = folder.with_file_name(format!(".{number}.part"));
    // Left by a simulator that was killed here.
    if beside.exists() {
        fs::remove_dir_all(&beside)?;
    }
    fs::create_dir_all(&beside)?;
    match &file.hardware_id {
        _ if file.board.esp_chip().is_some() => Flash::make(&beside.join(FLASH))?,
        Some(hardware_id) => {
            let lacking: &[&str] =
                if file.faults.contains(&ImageFault::NoOpenssl) { &["openssl"] } else { &[] };
            build_root_file_system(&beside.join(ROOT), &host_name(number), hardware_id, lacking)?;
        }
        None => fs::create_dir(beside.join(EEPROM))?,
    }
    let text = toml::to_string(file).map_err(io::Error::other)?;
    File::create_new(beside.join(UNIT_FILE))?.write_all(text.as_bytes())?;
    Ok(renameat_with(CWD, &beside, CWD, folder, RenameFlags::NOREPLACE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(units: &Path, number: &str, faults: &[&str]) -> Result<Unit, UnitError> {
        let requests: Vec<FaultRequest> = faults.iter().map(|text| text.parse().unwrap()).collect();
        Unit::open_or_make(units, number.parse().unwrap(), Board::Gateway, 1, &requests)
    }

    fn open_board(units: &Path, number: &str, faults: &[&str]) -> Result<Unit, UnitError> {
        let requests: Vec<FaultRequest> = faults.iter().map(|text| text.parse().unwrap()).collect();
        Unit::open_or_make(units, number.parse().unwrap(), Board::Mxchip, 1, &requests)
    }

    #[test]
    fn a_unit_is_made_once_and_then_kept() {
        let units = tempfile::tempdir().unwrap();
        let hardware_id = open(units.path(), "1", &[]).unwrap().hardware_id().unwrap().to_owned();
        assert_eq!(hardware_id.len(), 16);
        let shown = units.path().join("0001/root/sys/firmware/devicetree/base/serial-number");
        assert_eq!(fs::read_to_string(shown).unwrap(), format!("{hardware_id}\0"));
        let marker = units.path().join("0001/root/tmp/marker");
        File::create_new(&marker).unwrap();
        let again = Unit::open_or_make(units.path(), "1".parse().unwrap(), Board::Gateway, 2, &[]).unwrap();
        assert_eq!(again.hardware_id(), Some(&*hardware_id));
        assert!(marker.exists());
    }

    #[test]
    fn faults_of_the_image_are_made_with_it() {
        let units = tempfile::tempdir().unwrap();
        let faults = ["no-openssl:1", "blank-hardware-id:2", "shared-hardware-id:3:4", "wrong-password:4"];
        let [first, second, third, fourth] =
            ["1", "2", "3", "4"].map(|number| open(units.path(), number, &faults).unwrap());
        assert!(first.root().join("bin/cat").symlink_metadata().is_ok());
        assert!(first.root().join("bin/openssl").symlink_metadata().is_err());
        assert_eq!(second.hardware_id(), Some(BLANK_HARDWARE_ID));
        assert_eq!(third.hardware_id(), fourth.hardware_id());
        assert!(fourth.has(ImageFault::WrongPassword) && !third.has(ImageFault::WrongPassword));
        assert!(open(units.path(), "1", &["no-openssl:1"]).is_ok());
        let error = open(units.path(), "1", &["wrong-password:1"]).unwrap_err().to_string();
        assert!(error.contains("without the fault `wrong-password`"), "{error}");
    }

    #[test]
    fn a_board_has_a_label_and_zones_and_stays_a_board() {
        let units = tempfile::tempdir().unwrap();
        let [first, second] =
            ["1", "2"].map(|number| open_board(units.path(), number, &["same-label:2:1"]).unwrap());
        assert_eq!((first.hardware_id(), first.label()), (None, "az3166-000001"));
        assert_eq!(second.label(), "az3166-000001");
        assert!(second.eeprom().is_dir() && !second.root().exists());
        let error = open(units.path(), "1", &[]).unwrap_err().to_string();
        assert!(error.contains("of the board mxchip, not gateway"), "{error}");
    }

    #[test]
    fn a_unit_of_an_earlier_simulator_is_a_gateway_with_its_own_label() {
        let units = tempfile::tempdir().unwrap();
        fs::create_dir(units.path().join("0007")).unwrap();
        let mut file = File::create_new(units.path().join("0007/unit.toml")).unwrap();
        file.write_all(b"hardware_id = \"00000000000000ff\"\nfaults = []\n").unwrap();
        let unit = open(units.path(), "7", &[]).unwrap();
        assert_eq!((unit.hardware_id(), unit.label()), (Some("00000000000000ff"), "gateway-000007"));
    }
}
