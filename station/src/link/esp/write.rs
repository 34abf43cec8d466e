//! Writing a region of flash.

use std::collections::VecDeque;

use espflash::command::Command;
use md5::{Digest, Md5};

use super::frame::Program;
use super::trouble::Trouble;
use super::{EspLink, Md5Digest, Span, within};
use crate::link::LinkError;

/// What goes from one BEGIN on, and is sent again as a whole. At each BEGIN the stub first ends what it is writing,
/// and the line waits.
pub(super) const SEGMENT: u32 = 256 * 1024;
/// What a loader takes at once.
const STUB_BLOCK: usize = 0x4000;
const ROM_BLOCK: usize = 0x400;
/// Seconds that a loader may take to erase and write a megabyte (esptool's `ERASE_WRITE_TIMEOUT_PER_MB`).
const WRITE_A_MEGABYTE: u64 = 40;
/// So often the device's digest may be another, each time after writing again what differs.
const DIFFERENCES: u32 = 3;

/// Whether what is written must not be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Anybody may know it: it goes compressed, where that is shorter.
    Public,
    /// Nobody may: it goes as it is. The compressor would leave copies in memory that it does not wipe.
    Secret,
}

impl EspLink {
    /// Writes whole sectors, unless they hold this already; afterwards the device's digest agrees. `progress` hears how
    /// many bytes of how many are done; it goes back where something is sent again.
    ///
    /// # Errors
    /// [`LinkError`]: also where the region is beyond the unit's flash, or not of whole sectors, or the unit, in secure
    /// download mode, tells no digest.
    pub fn write(
        &mut self,
        offset: u32,
        content: &[u8],
        secrecy: Secrecy,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), LinkError> {
        let region = Span { offset, length: u32::try_from(content.len()).unwrap_or(u32::MAX) };
        let during = format!("writing {region}");
        self.check(region).map_err(|trouble| trouble.given_up(&during, 1))?;
        self.wire.transcript.note(format_args!("write {region}"));
        let digest = Md5::digest(content).into();
        self.written.push((region, digest));
        if self.persist(&during, |esp| esp.ask_md5_once(region))? == digest {
            self.wire.transcript.note("holds it already");
            progress(content.len(), content.len());
            return Ok(());
        }
        let to_send = region.pieces(SEGMENT).collect();
        let mut download = Download { region, content, secrecy, digest, to_send, differed: 0 };
        self.persist(&during, |esp| {
            esp.be_fast()?;
            download.send(esp, progress)?;
            download.verify(esp)
        })
    }

    fn check(&self, region: Span) -> Result<(), Trouble> {
        if !region.is_of_sectors() {
            return Err(Trouble::NotSectors(region));
        }
        self.check_readable(region)
    }
}

/// A region on its way.
struct Download<'a> {
    region: Span,
    content: &'a [u8],
    secrecy: Secrecy,
    digest: Md5Digest,
    to_send: VecDeque<Span>,
    differed: u32,
}

impl Download<'_> {
    fn of(&self, segment: Span) -> &[u8] {
        let from = (segment.offset - self.region.offset) as usize;
        &self.content[from..from + segment.length as usize]
    }

    fn send(&mut self, esp: &mut EspLink, progress: &mut dyn FnMut(usize, usize)) -> Result<(), Trouble> {
        while let Some(segment) = self.to_send.front().copied() {
            let later: u32 = self.to_send.iter().map(|segment| segment.length).sum();
            let total = self.content.len();
            let before = total - later as usize;
            let length = segment.length as usize;
            esp.send_segment(segment, self.of(segment), self.secrecy, &mut |sent, of| {
                progress(before + length * sent / of, total);
            })?;
            self.to_send.pop_front();
            esp.setbacks = 0;
        }
        Ok(())
    }

    fn verify(&mut self, esp: &mut EspLink) -> Result<(), Trouble> {
        if esp.ask_md5(self.region, self.digest)? == self.digest {
            return Ok(());
        }
        self.differed += 1;
        for segment in self.region.pieces(SEGMENT) {
            let digest = Md5::digest(self.of(segment)).into();
            if esp.ask_md5(segment, digest)? != digest {
                self.to_send.push_back(segment);
            }
        }
        match self.differed {
            DIFFERENCES.. => Err(Trouble::NeverAgrees),
            _ => Err(Trouble::Differs),
        }
    }
}

impl EspLink {
    fn send_segment(
        &mut self,
        segment: Span,
        content: &[u8],
        secrecy: Secrecy,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), Trouble> {
        // Another unit may have taken its place while nothing was asked. Data without this BEGIN are refused.
        self.recognise_mac()?;
        self.sent = true;
        let is_stub = self.program == Program::Stub;
        let may_deflate = is_stub && secrecy == Secrecy::Public;
        let deflated = may_deflate.then(|| self.deflations.of(content));
        let deflated = deflated.filter(|deflated| deflated.len() < content.len());
        let data = deflated.as_deref().unwrap_or(content);
        let block = if is_stub { STUB_BLOCK } else { ROM_BLOCK };
        let blocks = data.len().div_ceil(block);
        // The stub answers before it writes: while it writes the last block, it answers nothing.
        let patience = match deflated.is_some() {
            true => within(WRITE_A_MEGABYTE, segment.length),
            false => within(WRITE_A_MEGABYTE, 2 * STUB_BLOCK as u32),
        };
        let begin = self.begin(segment, blocks, block, deflated.is_some());
        let erasing = if is_stub { patience } else { within(WRITE_A_MEGABYTE, segment.length) };
        self.wire.order(begin, erasing)?;
        for (sequence, data) in data.chunks(block).enumerate() {
            let number = u32::try_from(sequence).unwrap_or(u32::MAX);
            let (pad_to, pad_byte) = (0, 0xff);
            let command = match deflated.is_some() {
                true => Command::FlashDeflData { data, pad_to, pad_byte, sequence: number },
                false => Command::FlashData { data, pad_to, pad_byte, sequence: number },
            };
            self.wire.order(command, patience)?;
            progress(sequence + 1, blocks);
        }
        Ok(())
    }

    fn begin(&self, segment: Span, blocks: usize, block: usize, is_deflated: bool) -> Command<'static> {
        let size = segment.length;
        let offset = segment.offset;
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        let block_size = u32::try_from(block).unwrap_or(u32::MAX);
        match is_deflated {
            // Only the ROM could encrypt what is deflated, and it gets nothing deflated.
            true => Command::FlashDeflBegin { size, blocks, block_size, offset, supports_encryption: false },
            false => {
                let supports_encryption = self.chip.can_encrypt();
                Command::FlashBegin { size, blocks, block_size, offset, supports_encryption }
            }
        }
    }
}
