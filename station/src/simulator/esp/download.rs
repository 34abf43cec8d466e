//! Data on their way into the flash: from a BEGIN to its END.

use std::io;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use super::answer::{Program, Refusal};
use super::flash::{Flash, SECTOR};

/// What BEGIN announced, and how far it is.
#[derive(Debug)]
pub(super) struct Download {
    program: Program,
    /// Where the next byte goes.
    next: u32,
    /// Bytes that may still come: of the flash, not of the line.
    remaining: u32,
    /// The stub erases as it writes; up to here it has.
    erased_to: u32,
    /// Of compressed data.
    inflate: Option<Inflate>,
}

struct Inflate {
    state: Box<InflateState>,
    ended: bool,
}

impl std::fmt::Debug for Inflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflate").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// The operands of FLASH_BEGIN and FLASH_DEFL_BEGIN.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announced {
    /// ROM: bytes to erase. Stub: bytes to write.
    pub(super) size: u32,
    pub(super) blocks: u32,
    pub(super) block_size: u32,
    pub(super) address: u32,
}

impl Download {
    /// The ROM erases now.
    pub(super) fn begin(
        program: Program,
        announced: Announced,
        compressed: bool,
        flash: &mut Flash,
    ) -> io::Result<Result<Self, Refusal>> {
        let Announced { size, blocks, block_size, address } = announced;
        if flash.read(address, 0)?.is_err() || flash.read(address.saturating_add(size), 0)?.is_err() {
            return Ok(Err(Refusal::Place));
        }
        let remaining = match program {
            Program::Rom => {
                if size > 0 && flash.erase(address, size)?.is_err() {
                    return Ok(Err(Refusal::Place));
                }
                if compressed { size } else { blocks.saturating_mul(block_size) }
            }
            Program::Stub => size,
        };
        let inflate =
            compressed.then(|| Inflate { state: InflateState::new_boxed(DataFormat::Zlib), ended: false });
        Ok(Ok(Self { program, next: address, remaining, erased_to: address / SECTOR * SECTOR, inflate }))
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.inflate.is_some()
    }

    /// Whether all that was announced has come.
    pub(super) fn is_whole(&self) -> bool {
        self.remaining == 0
    }

    /// Writes what a block carries.
    pub(super) fn take(&mut self, block: &[u8], flash: &mut Flash) -> io::Result<Result<(), Refusal>> {
        match self.inflate.take() {
            None => {
                let bytes = block.len().min(self.remaining as usize);
                self.write(&block[..bytes], flash)
            }
            Some(mut state) => {
                let result = self.inflate_block(&mut state, block, flash);
                self.inflate = Some(state);
                result
            }
        }
    }

    fn inflate_block(
        &mut self,
        Inflate { state, ended }: &mut Inflate,
        mut block: &[u8],
        flash: &mut Flash,
    ) -> io::Result<Result<(), Refusal>> {
        let mut plain = vec![0; 32 << 10];
        while !*ended {
            let result = inflate(state, block, &mut plain, MZFlush::None);
            block = &block[result.bytes_consumed..];
            let written = self.write(&plain[..result.bytes_written], flash)?;
            if written.is_err() {
                return Ok(written);
            }
            match result.status {
                Ok(MZStatus::StreamEnd) => *ended = true,
                Ok(_) if block.is_empty() && result.bytes_written < plain.len() => return Ok(Ok(())),
                Ok(_) => {}
                // There was nothing left to read.
                Err(miniz_oxide::MZError::Buf) if block.is_empty() => return Ok(Ok(())),
                Err(_) => return Ok(Err(Refusal::Inflate)),
            }
        }
        Ok(Ok(()))
    }

    fn write(&mut self, bytes: &[u8], flash: &mut Flash) -> io::Result<Result<(), Refusal>> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if length > self.remaining {
            return Ok(Err(Refusal::TooMuch));
        }
        let end = self.next.saturating_add(length);
        if self.program == Program::Stub && end > self.erased_to {
            let to = end.next_multiple_of(SECTOR);
            if flash.erase(self.erased_to, to - self.erased_to)?.is_err() {
                return Ok(Err(Refusal::Place));
            }
            self.erased_to = to;
        }
        if flash.program(self.next, bytes)?.is_err() {
            return Ok(Err(Refusal::Place));
        }
        self.next = end;
        self.remaining -= length;
        Ok(Ok(()))
    }
}
