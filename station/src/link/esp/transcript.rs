//! What was said to a loader and came of it, for the engineer who must find out why a unit failed. Commands, regions,
//! speeds: never contents, nor digests of them.

use std::fmt::{Display, Write};

use espflash::command::Command;

use super::span::Span;

/// A growing transcript, a line each.
#[derive(Debug, Default)]
pub(super) struct Transcript(String);

impl Transcript {
    /// What the station is about, or found.
    pub(super) fn note(&mut self, note: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "-- {note}");
    }

    /// The station sent this.
    pub(super) fn sent(&mut self, command: &Command<'_>) {
        let _ = writeln!(self.0, "> {}", shown(command));
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// The documentation's name of a command.
pub(super) fn name(command: &Command<'_>) -> &'static str {
    match command {
        Command::Sync => "SYNC",
        Command::ChangeBaudrate { .. } => "CHANGE_BAUDRATE",
        Command::FlashBegin { .. } => "FLASH_BEGIN",
        Command::FlashData { .. } => "FLASH_DATA",
        Command::FlashEnd { .. } => "FLASH_END",
        Command::FlashDeflBegin { .. } => "FLASH_DEFL_BEGIN",
        Command::FlashDeflData { .. } => "FLASH_DEFL_DATA",
        Command::FlashMd5 { .. } => "SPI_FLASH_MD5",
        Command::GetSecurityInfo => "GET_SECURITY_INFO",
        Command::ReadReg { .. } => "READ_REG",
        Command::SpiSetParams { .. } => "SPI_SET_PARAMS",
        Command::ReadFlash { .. } => "READ_FLASH",
        Command::ReadFlashSlow { .. } => "READ_FLASH_SLOW",
        _ => "another command",
    }
}

fn shown(command: &Command<'_>) -> String {
    let name = name(command);
    match *command {
        Command::FlashBegin { size, blocks, offset, .. }
        | Command::FlashDeflBegin { size, blocks, offset, .. } => {
            format!("{name} {} in {blocks} blocks", Span { offset, length: size })
        }
        Command::FlashData { data, sequence, .. } | Command::FlashDeflData { data, sequence, .. } => {
            format!("{name} block {sequence}, {} bytes", data.len())
        }
        Command::FlashMd5 { offset, size }
        | Command::ReadFlash { offset, size, .. }
        | Command::ReadFlashSlow { offset, size, .. } => {
            format!("{name} {}", Span { offset, length: size })
        }
        Command::ReadReg { address } => format!("{name} {address:#x}"),
        Command::ChangeBaudrate { new_baud, .. } => format!("{name} {new_baud}"),
        Command::FlashEnd { reboot } => format!("{name} and {}", if reboot { "restart" } else { "run" }),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_not_in_it() {
        let mut transcript = Transcript::default();
        let data = b"the secret";
        transcript.sent(&Command::FlashDeflData { data, pad_to: 0, pad_byte: 0xff, sequence: 2 });
        transcript.sent(&Command::FlashMd5 { offset: 0x9000, size: 0x6000 });
        assert_eq!(
            transcript.text(),
            "> FLASH_DEFL_DATA block 2, 10 bytes\n> SPI_FLASH_MD5 0x9000..0xf000\n"
        );
    }
}
