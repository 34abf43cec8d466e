//! What a host asks of a loader.

/// A command, with its operands not yet looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) code: u8,
    /// Of the data that follow the four words of a block.
    checksum: u32,
    data: &'a [u8],
}

/// The commands, by their codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    FlashBegin,
    FlashData,
    FlashEnd,
    MemBegin,
    MemEnd,
    MemData,
    Sync,
    WriteReg,
    ReadReg,
    SpiSetParams,
    SpiAttach,
    ReadFlashSlow,
    ChangeBaudrate,
    DeflBegin,
    DeflData,
    DeflEnd,
    FlashMd5,
    SecurityInfo,
    EraseFlash,
    EraseRegion,
    ReadFlash,
    RunUserCode,
}

/// Why a frame is no request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It has no header of a request: no loader answers.
    NoHeader,
    /// It has more or less data than it says.
    Length {
        /// Of the command.
        code: u8,
    },
}

impl<'a> Request<'a> {
    pub(super) fn parse(frame: &'a [u8]) -> Result<Self, Malformed> {
        let Some((&[0, code, low, high, a, b, c, d], data)) = frame.split_first_chunk() else {
            return Err(Malformed::NoHeader);
        };
        if data.len() != usize::from(u16::from_le_bytes([low, high])) {
            return Err(Malformed::Length { code });
        }
        Ok(Self { code, checksum: u32::from_le_bytes([a, b, c, d]), data })
    }

    pub(super) fn command(&self) -> Option<Command> {
        Some(match self.code {
            0x02 => Command::FlashBegin,
            0x03 => Command::FlashData,
            0x04 => Command::FlashEnd,
            0x05 => Command::MemBegin,
            0x06 => Command::MemEnd,
            0x07 => Command::MemData,
            0x08 => Command::Sync,
            0x09 => Command::WriteReg,
            0x0a => Command::ReadReg,
            0x0b => Command::SpiSetParams,
            0x0d => Command::SpiAttach,
            0x0e => Command::ReadFlashSlow,
            0x0f => Command::ChangeBaudrate,
            0x10 => Command::DeflBegin,
            0x11 => Command::DeflData,
            0x12 => Command::DeflEnd,
            0x13 => Command::FlashMd5,
            0x14 => Command::SecurityInfo,
            0xd0 => Command::EraseFlash,
            0xd1 => Command::EraseRegion,
            0xd2 => Command::ReadFlash,
            0xd3 => Command::RunUserCode,
            _ => return None,
        })
    }

    /// The operands, if there are at least so many words.
    pub(super) fn words<const N: usize>(&self) -> Option<[u32; N]> {
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(self.data.chunks_exact(4)) {
            *word = u32::from_le_bytes(bytes.try_into().ok()?);
        }
        (self.data.len() >= 4 * N).then_some(words)
    }

    /// All operands, four words each: as WRITE_REG takes them.
    pub(super) fn quadruples(&self) -> impl Iterator<Item = [u32; 4]> {
        self.data.chunks_exact(16).map(|operand| {
            let mut words = [0; 4];
            for (word, bytes) in words.iter_mut().zip(operand.chunks_exact(4)) {
                *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
            }
            words
        })
    }

    /// What a block carries: its data, after a length, a number and two words of nothing.
    pub(super) fn block(&self) -> Block<'a> {
        let Some((header, data)) = self.data.split_first_chunk::<16>() else {
            return Block::Short;
        };
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        if data.len() != length as usize {
            return Block::Short;
        }
        match data.iter().fold(0xef, |sum, byte| sum ^ byte) {
            sum if u32::from(sum) == self.checksum => Block::Whole(data),
            _ => Block::Garbled,
        }
    }
}

/// The data of one of the commands that carry data.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block<'a> {
    Whole(&'a [u8]),
    /// Its checksum is another.
    Garbled,
    /// It has not as many data as it says.
    Short,
}
