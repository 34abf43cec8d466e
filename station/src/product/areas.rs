//! Where firmware of an ESP32 may lie: what lies elsewhere is never run, and what is for another chip does not start.

use std::fmt;

use firmware_image::{Image, PartitionTable, Region, TABLE_LENGTH};

use crate::link::{Chip, SECTOR};

/// What an image for the ROM and the bootloader begins with, and where its header names the chip (`esp_image_header_t`,
/// ESP-IDF, `esp_app_format.h`).
const IMAGE_MAGIC: u8 = 0xe9;
const CHIP_ID: std::ops::Range<usize> = 12..14;

/// All that a partition table has a place for.
#[derive(Debug)]
pub(super) struct Areas {
    areas: Vec<Area>,
    table: Region,
    /// None where another program writes it: that may know the chip.
    chip: Option<Chip>,
}

#[derive(Debug)]
struct Area {
    name: String,
    region: Region,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Bootloader,
    App,
    Other,
}

impl Areas {
    /// The bootloader's, the table's own, and each partition.
    pub(super) fn new(table: &PartitionTable, chip: Option<Chip>) -> Result<Self, String> {
        let at = table.layout().table_offset;
        let table_region = Region::new(at, TABLE_LENGTH).map_err(|error| error.to_string())?;
        let first = chip.map_or(0, Chip::bootloader);
        let mut areas = Vec::new();
        if let Some(region) = at.checked_sub(first).and_then(|length| Region::new(first, length).ok()) {
            areas.push(Area { name: "the bootloader".to_owned(), region, role: Role::Bootloader });
        }
        areas.push(Area { name: "the partition table".to_owned(), region: table_region, role: Role::Other });
        areas.extend(table.partitions().iter().map(|partition| Area {
            name: format!("`{}`", partition.name),
            region: partition.region,
            role: if partition.kind.is_app() { Role::App } else { Role::Other },
        }));
        Ok(Self { areas, table: table_region, chip })
    }

    /// Whether all that a file holds has its place, and is for the chip.
    pub(super) fn check(&self, file: &Image) -> Result<(), String> {
        let pieces: Vec<Region> = file.segments().map(|(region, _)| region).collect();
        // The table among other things, or several pieces: then erased flash lies between what counts.
        match pieces.as_slice() {
            [piece] if self.table.contains(*piece) || !self.table.overlaps(*piece) => {
                self.within_one(*piece)?
            }
            _ => self.merged(file, &pieces)?,
        }
        self.areas.iter().try_for_each(|area| self.starts(area, file))
    }

    /// A file of its own begins where its area begins, and ends in it.
    fn within_one(&self, piece: Region) -> Result<(), String> {
        let begins = |area: &&Area| match (area.role, self.chip) {
            (Role::Bootloader, None) => area.region.contains(piece),
            _ => area.region.offset() == piece.offset(),
        };
        match self.areas.iter().find(begins) {
            None => Err(format!("it lies at {piece}, where nothing begins: {self}; correct its `address`")),
            Some(area) if area.region.contains(piece) => Ok(()),
            Some(area) => Err(format!(
                "it takes {piece}, which is more than {} has ({}): make it smaller, or that larger",
                area.name, area.region
            )),
        }
    }

    fn merged(&self, file: &Image, pieces: &[Region]) -> Result<(), String> {
        let sectors = pieces.iter().flat_map(|piece| {
            let end = u32::try_from(piece.end().div_ceil(SECTOR.into())).unwrap_or(u32::MAX);
            piece.offset() / SECTOR..end
        });
        for sector in sectors {
            let sector = Region::new(sector * SECTOR, SECTOR).map_err(|error| error.to_string())?;
            let stray = file.within(sector).find(|(piece, bytes)| {
                !is_blank(bytes) && !self.areas.iter().any(|area| area.region.contains(*piece))
            });
            if let Some((stray, _)) = stray {
                return Err(format!(
                    "it holds something at {stray}, which has no place: {self}; merge it anew, or correct the table"
                ));
            }
        }
        Ok(())
    }

    /// What the chip runs begins where it looks for it. An image says which chip it is for.
    fn starts(&self, area: &Area, file: &Image) -> Result<(), String> {
        let Some(chip) = self.chip.filter(|_| area.role != Role::Other) else { return Ok(()) };
        let Some((piece, bytes)) = file.within(area.region).find(|(_, bytes)| !is_blank(bytes)) else {
            return Ok(());
        };
        let blank = bytes.iter().take_while(|byte| **byte == 0xff).count();
        if piece.offset() != area.region.offset() || blank > 0 {
            return Err(format!(
                "it holds something in {} ({}), and nothing where {chip} looks for it, at {:#x}: release it for that chip",
                area.name,
                area.region,
                area.region.offset()
            ));
        }
        match (bytes.first(), bytes.get(CHIP_ID)) {
            (Some(&IMAGE_MAGIC), Some(&[low, high]))
                if u16::from_le_bytes([low, high]) != chip.image_id() =>
            {
                let found = u16::from_le_bytes([low, high]);
                let name = Chip::of_image(found).map_or_else(String::new, |found| format!(" ({found})"));
                Err(format!(
                    "what it holds for {} is for the chip with the ID {found}{name}, and [link] names {chip} ({}): release it \
                     for that chip",
                    area.name,
                    chip.image_id()
                ))
            }
            _ => Ok(()),
        }
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0xff)
}

impl fmt::Display for Areas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Area { name, region, .. }) in self.areas.iter().enumerate() {
            write!(f, "{}{name} at {region}", if index == 0 { "there are " } else { ", " })?;
        }
        Ok(())
    }
}
