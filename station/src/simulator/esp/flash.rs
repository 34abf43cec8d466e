//! A board's flash: a file of 4 MiB, byte by byte what the flash holds.
//!
//! As in any NOR flash, erasing a sector sets its bits, and programming can only clear bits.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use md5::{Digest, Md5};

/// Bytes that are erased together.
pub(super) const SECTOR: u32 = 4096;
/// Bytes of all boards' flash.
pub(super) const SIZE: u32 = 4 << 20;
const ERASED: u8 = 0xff;

/// A range that is not within the flash.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beyond;

/// The flash of one board.
#[derive(Debug)]
pub(in crate::simulator) struct Flash {
    file: File,
    /// By a fault: sectors that were changed and will be as before after a reset.
    unsaved: Option<BTreeMap<u32, Vec<u8>>>,
}

impl Flash {
    /// An erased flash at this path, where nothing is yet.
    pub(in crate::simulator) fn make(path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let erased = vec![ERASED; SIZE as usize];
        file.write_all(&erased)
    }

    pub(in crate::simulator) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self { file, unsaved: None })
    }

    /// From here on to the next reset, what is written is not kept.
    pub(super) fn stop_saving(&mut self) {
        self.unsaved = Some(BTreeMap::new());
    }

    pub(super) fn reset(&mut self) {
        self.unsaved = None;
    }

    /// What it holds there. The outer error is the simulator's own.
    pub(super) fn read(&self, address: u32, length: u32) -> io::Result<Result<Vec<u8>, Beyond>> {
        if check(address, length).is_err() {
            return Ok(Err(Beyond));
        }
        let mut content = vec![0; length as usize];
        self.file.read_exact_at(&mut content, address.into())?;
        for (sector, changed) in self.unsaved.iter().flatten() {
            let start = sector * SECTOR;
            let from = address.max(start);
            let to = (address + length).min(start + SECTOR);
            if from < to {
                let (to_content, of_sector) = ((from - address) as usize, (from - start) as usize);
                let bytes = (to - from) as usize;
                content[to_content..to_content + bytes]
                    .copy_from_slice(&changed[of_sector..of_sector + bytes]);
            }
        }
        Ok(Ok(content))
    }

    /// Erases whole sectors: all that the range touches.
    pub(super) fn erase(&mut self, address: u32, length: u32) -> io::Result<Result<(), Beyond>> {
        if check(address, length).is_err() {
            return Ok(Err(Beyond));
        }
        for sector in address / SECTOR..(address + length).div_ceil(SECTOR) {
            self.write(sector * SECTOR, &[ERASED; SECTOR as usize])?;
        }
        Ok(Ok(()))
    }

    /// Clears the bits that are clear in these bytes.
    pub(super) fn program(&mut self, address: u32, bytes: &[u8]) -> io::Result<Result<(), Beyond>> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let Ok(mut content) = self.read(address, length)? else {
            return Ok(Err(Beyond));
        };
        content.iter_mut().zip(bytes).for_each(|(held, byte)| *held &= byte);
        self.write(address, &content)?;
        Ok(Ok(()))
    }

    /// The digest of a range.
    pub(super) fn md5(&self, address: u32, length: u32) -> io::Result<Result<[u8; 16], Beyond>> {
        Ok(self.read(address, length)?.map(|content| Md5::digest(content).into()))
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> io::Result<()> {
        if self.unsaved.is_none() {
            return self.file.write_all_at(bytes, address.into());
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        for sector in address / SECTOR..(address + length).div_ceil(SECTOR) {
            let start = sector * SECTOR;
            let Ok(mut content) = self.read(start, SECTOR)? else { continue };
            for (offset, held) in (start..).zip(&mut content) {
                if let Some(byte) = offset.checked_sub(address).and_then(|index| bytes.get(index as usize)) {
                    *held = *byte;
                }
            }
            self.unsaved.get_or_insert_default().insert(sector, content);
        }
        Ok(())
    }
}

fn check(address: u32, length: u32) -> Result<(), Beyond> {
    match address.checked_add(length) {
        Some(end) if end <= SIZE => Ok(()),
        _ => Err(Beyond),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flash() -> (tempfile::TempDir, Flash) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flash.bin");
        Flash::make(&path).unwrap();
        (folder, Flash::open(&path).unwrap())
    }

    #[test]
    fn programming_clears_bits_and_erasing_sets_those_of_whole_sectors() {
        let (_folder, mut flash) = flash();
        flash.program(0x1ffe, &[0xf0, 0x0f, 0xf0]).unwrap().unwrap();
        flash.program(0x1fff, &[0xf8]).unwrap().unwrap();
        assert_eq!(flash.read(0x1ffd, 5).unwrap().unwrap(), [0xff, 0xf0, 0x08, 0xf0, 0xff]);
        flash.erase(0x2000, 1).unwrap().unwrap();
        assert_eq!(flash.read(0x1ffe, 3).unwrap().unwrap(), [0xf0, 0x08, 0xff]);
    }

    #[test]
    fn nothing_is_beyond_the_end() {
        let (_folder, mut flash) = flash();
        assert_eq!(flash.program(SIZE - 1, &[0, 0]).unwrap(), Err(Beyond));
        assert_eq!(flash.erase(u32::MAX, 2).unwrap(), Err(Beyond));
        assert_eq!(flash.read(SIZE, 1).unwrap(), Err(Beyond));
        assert_eq!(flash.read(SIZE, 0).unwrap(), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_saved_is_seen_until_the_reset() {
        let (_folder, mut flash) = flash();
        flash.program(0x0ff0, &[1; 32]).unwrap().unwrap();
        flash.stop_saving();
        flash.erase(0x1000, 1).unwrap().unwrap();
        flash.program(0x1ff8, &[2; 16]).unwrap().unwrap();
        let seen = flash.read(0x0ff0, 0x1018).unwrap().unwrap();
        assert_eq!((seen[15], seen[16], seen[0x1008], seen[0x1017]), (1, 0xff, 2, 2));
        flash.reset();
        let kept = flash.read(0x0ff0, 0x1018).unwrap().unwrap();
        assert_eq!((kept[15], kept[16], kept[0x1008], kept[0x1017]), (1, 1, 0xff, 0xff));
    }
}
