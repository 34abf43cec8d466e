//! What the flash holds: a digest, or the bytes.

use std::time::Instant;

use espflash::command::Command;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::frame::{Bytes, Program};
use super::trouble::Trouble;
use super::{EspLink, Identity, Md5Digest, Span, within};
use crate::link::LinkError;

/// Seconds that a loader may take for the digest of a megabyte: more than esptool's 8, as the stub may still write.
const DIGEST_A_MEGABYTE: u64 = 20;
/// What is read, and read again, at once.
const PIECE: u32 = 64 * 1024;
/// What the stub sends as one packet.
const PACKET: u32 = 4096;
/// What the stub may send before it hears how much has come.
const UNDER_WAY: u32 = 64;
/// READ_FLASH_SLOW gives so many bytes.
const SLOW_PIECE: u32 = 64;

impl EspLink {
    /// The device's own digest of a region. A garbled answer must not be taken for a flash that went wrong: where it is
    /// another than `wanted`, or than that of what was written there, it is asked for once more; where nothing is
    /// known, until two agree.
    ///
    /// # Errors
    /// [`LinkError`]: also where the unit, in secure download mode, tells none.
    pub fn md5(&mut self, region: Span, wanted: Option<Md5Digest>) -> Result<Md5Digest, LinkError> {
        let during = format!("the digest of {region}");
        self.check_readable(region).map_err(|trouble| trouble.given_up(&during, 1))?;
        let written = || self.written.iter().rev().find(|(there, _)| *there == region);
        let wanted = wanted.or_else(|| written().map(|(_, digest)| *digest));
        self.persist(&during, |esp| match wanted {
            Some(wanted) => esp.ask_md5(region, wanted),
            None => {
                let first = esp.ask_md5_once(region)?;
                if first == esp.ask_md5_once(region)? { Ok(first) } else { Err(Trouble::Garbled) }
            }
        })
    }

    pub(super) fn ask_md5(&mut self, region: Span, wanted: Md5Digest) -> Result<Md5Digest, Trouble> {
        let first = self.ask_md5_once(region)?;
        if first == wanted { Ok(first) } else { self.ask_md5_once(region) }
    }

    pub(super) fn ask_md5_once(&mut self, region: Span) -> Result<Md5Digest, Trouble> {
        let Span { offset, length: size } = region;
        let command = Command::FlashMd5 { offset, size };
        let told = if self.program == Program::Stub { 16 } else { 32 };
        let told = self.wire.ask(command, told, within(DIGEST_A_MEGABYTE, size))?;
        parse_digest(&told).ok_or(Trouble::Garbled)
    }

    /// The bytes that a region holds.
    ///
    /// # Errors
    /// [`LinkError`]: also where the unit, in secure download mode, shows none.
    pub fn read(
        &mut self,
        region: Span,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Zeroizing<Vec<u8>>, LinkError> {
        let during = format!("reading {region}");
        self.check_readable(region).map_err(|trouble| trouble.given_up(&during, 1))?;
        let total = region.length as usize;
        let mut content = Zeroizing::new(Vec::with_capacity(total));
        self.persist(&during, |esp| {
            esp.be_fast()?;
            while content.len() < total {
                let done = u32::try_from(content.len()).unwrap_or(u32::MAX);
                let rest = Span { offset: region.offset + done, length: region.length - done };
                let piece = match esp.program {
                    Program::Stub => esp.read_piece(Span { length: rest.length.min(PIECE), ..rest })?,
                    Program::Rom => esp.read_slowly(Span { length: rest.length.min(SLOW_PIECE), ..rest })?,
                };
                content.extend_from_slice(&piece);
                esp.setbacks = 0;
                progress(content.len(), total);
            }
            Ok(())
        })?;
        Ok(content)
    }

    /// A unit in secure download mode shows nothing; elsewhere the region must not be beyond the end of the flash.
    pub(super) fn check_readable(&self, region: Span) -> Result<(), Trouble> {
        match &self.identity {
            Some(identity) if identity.locks.secure_download => Err(Trouble::SecureDownload),
            Some(Identity { flash: Some(flash), .. }) if region.end() > u64::from(*flash) => {
                Err(Trouble::Beyond { region, flash: *flash })
            }
            _ => Ok(()),
        }
    }

    /// Packets, each of which is acknowledged, and then a digest of them all.
    fn read_piece(&mut self, piece: Span) -> Result<Bytes, Trouble> {
        let Span { offset, length: size } = piece;
        let patience = within(0, 0);
        let command = Command::ReadFlash { offset, size, block_size: PACKET, max_in_flight: UNDER_WAY };
        self.wire.order(command, patience)?;
        let mut content = Zeroizing::new(Vec::with_capacity(size as usize));
        while content.len() < size as usize {
            let packet = self.wire.frame(Instant::now() + patience, patience)?;
            content.extend_from_slice(&packet);
            if content.len() < size as usize && packet.len() != PACKET as usize {
                return Err(Trouble::Garbled);
            }
            let so_far = u32::try_from(content.len()).unwrap_or(u32::MAX);
            self.wire.send_frame(&so_far.to_le_bytes(), patience)?;
        }
        let digest = self.wire.frame(Instant::now() + patience, patience)?;
        if *digest == Md5::digest(&*content).as_slice() { Ok(content) } else { Err(Trouble::Garbled) }
    }

    /// The ROM's way. Nothing guards what comes but that the whole is asked for twice.
    fn read_slowly(&mut self, piece: Span) -> Result<Bytes, Trouble> {
        let first = self.read_slowly_once(piece)?;
        if first == self.read_slowly_once(piece)? { Ok(first) } else { Err(Trouble::Garbled) }
    }

    fn read_slowly_once(&mut self, Span { offset, length: size }: Span) -> Result<Bytes, Trouble> {
        let command = Command::ReadFlashSlow { offset, size, block_size: SLOW_PIECE, max_in_flight: 1 };
        let mut data = self.wire.ask(command, SLOW_PIECE as usize, within(0, 0))?;
        data.truncate(size as usize);
        Ok(data)
    }
}

/// The stub tells 16 bytes, the ROM their hex digits.
fn parse_digest(data: &[u8]) -> Option<Md5Digest> {
    if let Ok(digest) = data.try_into() {
        return Some(digest);
    }
    let text = std::str::from_utf8(data).ok().filter(|text| text.len() == 32)?;
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_digest_are_read() {
        let digest: Md5Digest = Md5::digest(b"x").into();
        assert_eq!(parse_digest(&digest), Some(digest));
        assert_eq!(parse_digest(b"9dd4e461268c8034f5c8564e155c67a6"), Some(digest));
        assert_eq!(parse_digest(b"9dd4e461268c8034f5c8564e155c67ax"), None);
        assert_eq!(parse_digest(&digest[1..]), None);
    }
}
