//! The commands that change the flash, and those that ask for a piece of it or a digest.

use std::io;

use super::Loader;
use crate::simulator::esp::answer::{Given, Program, Refusal};
use crate::simulator::esp::download::{Announced, Download};
use crate::simulator::esp::flash::{SECTOR, SIZE};
use crate::simulator::esp::request::{Block, Request};

/// READ_FLASH_SLOW always gives so many bytes.
const SLOW_READ: u32 = 64;

impl Loader {
    pub(super) fn erase_all(&mut self) -> io::Result<Result<Given, Refusal>> {
        self.touched = true;
        Ok(self.flash.erase(0, SIZE)?.map(|()| Given::default()).map_err(|_| Refusal::Place))
    }

    pub(super) fn begin(
        &mut self,
        request: &Request<'_>,
        compressed: bool,
    ) -> io::Result<Result<Given, Refusal>> {
        let Some([size, blocks, block_size, address]) = request.words() else {
            return Ok(Err(Refusal::Format));
        };
        let announced = Announced { size, blocks, block_size, address };
        let begun = Download::begin(self.program, announced, compressed, &mut self.flash)?;
        Ok(begun.map(|download| {
            // Who announces nothing wants to come to an end.
            self.touched |= size > 0;
            self.download = Some(download);
            Given::default()
        }))
    }

    pub(super) fn take_block(
        &mut self,
        request: &Request<'_>,
        compressed: bool,
    ) -> io::Result<Result<Given, Refusal>> {
        let Some(download) = self.download.as_mut().filter(|it| it.is_compressed() == compressed) else {
            return Ok(Err(Refusal::NotBegun));
        };
        let block = match request.block() {
            Block::Whole(block) => block,
            Block::Garbled => return Ok(Err(Refusal::Checksum)),
            Block::Short => return Ok(Err(Refusal::Format)),
        };
        let result = download.take(block, &mut self.flash)?;
        Ok(match self.program {
            Program::Rom => result.map(|()| Given::default()),
            Program::Stub => {
                self.late = result.err();
                Ok(Given::default())
            }
        })
    }

    pub(super) fn end(&mut self, request: &Request<'_>) -> Result<Given, Refusal> {
        let [_flag] = request.words().ok_or(Refusal::Format)?;
        match (&self.download, self.program) {
            (_, Program::Rom) => {}
            (None, Program::Stub) => return Err(Refusal::NotBegun),
            (Some(download), Program::Stub) if !download.is_whole() => return Err(Refusal::NotEnough),
            (Some(_), Program::Stub) => {}
        }
        self.download = None;
        Ok(Given::default())
    }

    pub(super) fn md5(&mut self, request: &Request<'_>) -> io::Result<Result<Given, Refusal>> {
        let Some([address, size, ..]) = request.words::<4>() else {
            return Ok(Err(Refusal::Format));
        };
        let Ok(digest) = self.flash.md5(address, size)? else {
            return Ok(Err(Refusal::Place));
        };
        let digest = if self.lies { digest.map(|byte| !byte) } else { digest };
        Ok(Ok(Given::data(match self.program {
            Program::Rom => digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
            Program::Stub => digest.to_vec(),
        })))
    }

    pub(super) fn erase_region(&mut self, request: &Request<'_>) -> io::Result<Result<Given, Refusal>> {
        let Some([address, size]) = request.words() else {
            return Ok(Err(Refusal::Format));
        };
        if address % SECTOR != 0 || size % SECTOR != 0 {
            return Ok(Err(Refusal::Format));
        }
        self.touched = true;
        Ok(self.flash.erase(address, size)?.map(|()| Given::default()).map_err(|_| Refusal::Place))
    }

    pub(super) fn read_slowly(&self, request: &Request<'_>) -> io::Result<Result<Given, Refusal>> {
        let Some([address, length]) = request.words() else {
            return Ok(Err(Refusal::Format));
        };
        Ok(match self.flash.read(address, length.min(SLOW_READ))? {
            Ok(mut content) if length <= SLOW_READ => {
                content.resize(SLOW_READ as usize, 0);
                Ok(Given::data(content))
            }
            _ => Err(Refusal::Place),
        })
    }
}
