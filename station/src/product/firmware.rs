//! The released firmware that all units of a product share.

use std::path::Path;

use firmware_image::{Base, FlashLayout, Region};

use super::file::FlashFile;
use super::{ProductLink, release};
use crate::ledger::entry::Grade;
use crate::link::SECTOR;

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
            let next = release::pinned(station_folder, part, flash)?;
            base = Some(match base {
                None => next,
                Some(base) => base.with(next).map_err(|error| release::in_file(part, &error))?,
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
