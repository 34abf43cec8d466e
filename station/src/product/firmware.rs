//! The released firmware that all units of a product share.

use std::path::Path;

use firmware_image::{Base, Digest, FileFormat, FlashLayout, Region};

use super::ProductLink;
use super::file::{FirmwareFile, FlashFile};
use crate::error_text::with_causes;
use crate::ledger::entry::Grade;
use crate::link::SECTOR;

/// The folder of released firmware, in the station's folder.
pub(super) const FOLDER: &str = "firmware";

/// Released firmware, pinned by its digests.
#[derive(Debug, Clone)]
pub struct Firmware {
    /// What lies where.
    pub base: Base,
    /// The flash that it is for.
    pub flash: Region,
    /// Where its partition table lies.
    pub layout: FlashLayout,
    /// Whether images are written as Intel HEX, as the released files are; else raw.
    pub is_hex: bool,
    /// The evidence that a PASS needs of it; none where another program writes it.
    pub evidence: Option<Grade>,
}

impl Firmware {
    /// Reads the files and compares their digests.
    pub(super) fn load(station_folder: &Path, file: FlashFile, link: &ProductLink) -> Result<Self, String> {
        let flash = flash(&file, link).map_err(|what| format!("[flash]: {what}"))?;
        let layout = FlashLayout {
            table_offset: file.partition_table.unwrap_or(FlashLayout::default().table_offset),
            flash_size: Some(file.size),
        };
        let is_hex = file.files.iter().all(|file| file.address.is_none());
        let mut base: Option<Base> = None;
        for part in &file.files {
            let next = pinned(station_folder, part, flash)?;
            base = Some(match base {
                None => next,
                Some(base) => base.with(next).map_err(|error| in_file(part, &error))?,
            });
        }
        let base = base.ok_or_else(|| {
            "[flash] names no released firmware: add a [[flash.file]] for each of its files".to_owned()
        })?;
        Ok(Self { base, flash, layout, is_hex, evidence: file.evidence })
    }
}

/// What a loader writes begins at 0, and consists of sectors.
fn flash(file: &FlashFile, link: &ProductLink) -> Result<Region, String> {
    let is_loader = matches!(link, ProductLink::Loader { .. });
    if is_loader && file.start != 0 {
        return Err(format!(
            "start = {:#x}, and {link} writes flash that begins at 0: remove `start`",
            file.start
        ));
    }
    if is_loader && !file.size.is_multiple_of(SECTOR) {
        return Err(format!(
            "size = {:#x} is no multiple of a sector ({SECTOR:#x}): give the size of the unit's flash",
            file.size
        ));
    }
    Region::new(file.start, file.size).map_err(|error| error.to_string())
}

fn pinned(station_folder: &Path, file: &FirmwareFile, flash: Region) -> Result<Base, String> {
    let name = Path::new(&file.file);
    if name.components().count() != 1 || name.file_name().is_none() {
        return Err(format!(
            "[[flash.file]] `{}`: give the name of a file in {FOLDER}/, and no path",
            file.file
        ));
    }
    let bytes = std::fs::read(station_folder.join(FOLDER).join(name)).map_err(|error| {
        format!(
            "{FOLDER}/{} cannot be read ({error}): put the released file into the station's folder",
            file.file
        )
    })?;
    let expected: Digest = file
        .sha256
        .parse()
        .map_err(|error| format!("{FOLDER}/{}: sha256: {}", file.file, with_causes(&error)))?;
    let format = file.address.map_or(FileFormat::IntelHex, |address| FileFormat::Raw { address });
    Base::pinned(&bytes, format, &expected, flash).map_err(|error| in_file(file, &error))
}

fn in_file(file: &FirmwareFile, error: &dyn std::error::Error) -> String {
    format!("{FOLDER}/{}: {}", file.file, with_causes(error))
}
