//! The released firmware that all units of a product share.

use std::path::Path;

use firmware_image::{Base, Content, Filling, FlashLayout, Plan, Region, Slot};
use md5::{Digest, Md5};

use super::areas::Areas;
use super::file::FlashFile;
use super::{ProductLink, release};
use crate::error_text::with_causes;
use crate::ledger::entry::Grade;
use crate::link::SECTOR;
use crate::vault::Secret;

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
    /// What a loader writes of it; none where another program writes it.
    pub ranges: Vec<BaseRange>,
}

/// A part of the firmware that no slot covers: whole sectors, because a loader erases those.
#[derive(Debug, Clone)]
pub struct BaseRange {
    /// Where it lies.
    pub region: Region,
    /// What lies there. It is the same for all units, and they share it.
    pub content: Secret,
    /// Its MD5.
    pub md5: [u8; 16],
}

impl Firmware {
    /// Reads the files and compares their digests. What a loader writes, and all with a slot that is a partition, is held
    /// against the partition table too.
    pub(super) fn load(
        station_folder: &Path,
        file: FlashFile,
        link: &ProductLink,
        has_partitions: bool,
    ) -> Result<Self, String> {
        let flash = flash(&file, link).map_err(|what| format!("[flash]: {what}"))?;
        let layout = FlashLayout {
            table_offset: file.partition_table.unwrap_or(FlashLayout::default().table_offset),
            flash_size: Some(file.size),
        };
        let is_hex = file.files.iter().all(|file| file.address.is_none());
        let mut base: Option<Base> = None;
        let mut images = Vec::new();
        for part in &file.files {
            let next = release::pinned(station_folder, part, flash)?;
            images.push((part, next.image().clone()));
            base = Some(match base {
                None => next,
                Some(base) => base.with(next).map_err(|error| release::in_file(part, &error))?,
            });
        }
        let base = base.ok_or_else(|| {
            "[flash] names no released firmware: add a [[flash.file]] for each of its files".to_owned()
        })?;
        let chip = link.chip();
        // A slot that needs the table says why there is none.
        if (chip.is_some() || has_partitions)
            && let Ok(table) = base.partition_table(layout)
        {
            let areas = Areas::new(&table, chip)?;
            for (part, image) in &images {
                areas.check(image).map_err(|what| release::of_file(part, &what))?;
            }
        }
        Ok(Self { base, flash, layout, is_hex, evidence: file.evidence, ranges: Vec::new() })
    }

    /// Cuts it into the ranges around the slots. These share nothing with each other or with the firmware.
    pub(super) fn around(mut self, slots: &[&Slot], link: &ProductLink) -> Result<Self, String> {
        if let Some(slot) = slots.iter().find(|slot| !self.flash.contains(slot.region)) {
            return Err(format!(
                "slot {slot} reaches out of the flash ({}): correct the firmware, or `start` and `size` in [flash]",
                self.flash
            ));
        }
        let blank = slots.iter().map(|slot| Filling::new((*slot).clone(), &[], Vec::new()));
        let image = blank
            .collect::<Result<Vec<_>, _>>()
            .and_then(|blank| firmware_image::personalise(&self.base, &blank))
            .map_err(|error| with_causes(&error))?;
        if matches!(link, ProductLink::Loader { .. }) {
            whole_sectors(slots, &image.plan)?;
            let of_base = image.plan.ranges.iter().filter(|range| range.content == Content::Base);
            self.ranges =
                of_base.map(|range| base_range(&self.base, range.region)).collect::<Result<_, _>>()?;
        }
        Ok(self)
    }
}

/// A loader erases whole sectors: no two parts may share one.
fn whole_sectors(slots: &[&Slot], plan: &Plan) -> Result<(), String> {
    if let Some(slot) = slots.iter().find(|slot| !slot.region.length().is_multiple_of(SECTOR)) {
        return Err(format!(
            "slot {slot} has {:#x} bytes, and a loader erases whole sectors of {SECTOR:#x}: make the partition as long as \
             its sectors",
            slot.region.length()
        ));
    }
    match plan.ranges.iter().find(|range| !range.region.offset().is_multiple_of(SECTOR)) {
        Some(range) => Err(format!(
            "what lies at {} does not begin with a sector of {SECTOR:#x} bytes, which is all that a loader can erase: release \
             the firmware in parts that do",
            range.region
        )),
        None => Ok(()),
    }
}

/// Up to the end of its last sector.
fn base_range(base: &Base, region: Region) -> Result<BaseRange, String> {
    let pieces: Vec<&[u8]> = base.image().within(region).map(|(_, bytes)| bytes).collect();
    let mut bytes = pieces.concat();
    bytes.resize(bytes.len().next_multiple_of(SECTOR as usize), 0xff);
    let region = Region::of(region.offset(), &bytes).map_err(|error| error.to_string())?;
    Ok(BaseRange { region, md5: Md5::digest(&bytes).into(), content: Secret::new(bytes) })
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
