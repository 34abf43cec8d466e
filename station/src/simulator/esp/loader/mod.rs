//! The loader of a board: the ROM's, and once it runs, the stub's.

mod flash_commands;

use std::io;

use super::answer::{Given, Program, Refusal, answer, answer_to};
use super::chip::EspChip;
use super::download::Download;
use super::efuses::burnt;
use super::flash::Flash;
use super::locks::Locks;
use super::mac::Mac;
use super::reading::{Next, Reading};
use super::registers::Registers;
use super::request::{Block, Command, Malformed, Request};

/// The ROM sets this as the value of its answers to SYNC; the stub sets 0.
const ROM_SYNC_VALUE: u32 = 0x2012_0707;
/// Both answer a SYNC so often.
const SYNC_ANSWERS: usize = 8;
/// The stub's greeting, in a frame of its own.
const GREETING: &[u8] = b"OHAI";
/// Where the S3's ROM keeps the address of the function that READ_FLASH_SLOW calls. With secure boot its MEM_END
/// runs nothing, and this is how esptool starts the stub.
const S3_READ_FUNCTION: u32 = 0x3fce_f688;

/// What came of a frame.
#[derive(Debug, Default)]
pub(super) struct Obeyed {
    /// Frames for the host.
    pub(super) answers: Vec<Vec<u8>>,
    pub(super) refused: bool,
    /// Whether a digest in them is wrong, by a fault.
    pub(super) lied: bool,
    pub(super) then: Then,
}

/// What follows once the answers are out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Then {
    #[default]
    Nothing,
    /// The line goes on at so many bits a second.
    ChangeSpeed(u32),
    /// The chip restarts. The boot pin was held when it got power: it is in the ROM's loader again.
    Restart,
    RunApplication,
}

/// The loader of one board.
#[derive(Debug)]
pub(super) struct Loader {
    chip: EspChip,
    locks: Locks,
    program: Program,
    /// The ROM hears nothing else before a SYNC.
    synced: bool,
    registers: Registers,
    flash: Flash,
    download: Option<Download>,
    reading: Option<Reading>,
    /// Bytes of a program for the RAM that are still to come.
    ram: Option<u32>,
    /// The stub writes after it has answered; what went wrong then is the answer to the next command.
    late: Option<Refusal>,
    touched: bool,
    lies: bool,
}

impl Loader {
    pub(super) fn new(chip: EspChip, mac: Mac, locks: Locks, flash: Flash) -> Self {
        Self {
            chip,
            locks,
            program: Program::Rom,
            synced: false,
            registers: Registers::new(chip, burnt(chip, mac, locks)),
            flash,
            download: None,
            reading: None,
            ram: None,
            late: None,
            touched: false,
            lies: false,
        }
    }

    /// As after power-on. The flash keeps what it holds.
    pub(super) fn reset(&mut self) {
        self.program = Program::Rom;
        self.synced = false;
        self.registers.reset();
        self.flash.reset();
        self.download = None;
        self.reading = None;
        self.ram = None;
        self.late = None;
    }

    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }

    /// Whether the flash was written or erased since this was last asked.
    pub(super) fn take_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    /// By a fault: the next digest is wrong.
    pub(super) fn lie(&mut self) {
        self.lies = true;
    }

    /// By a fault: what is written from here on is lost at the next reset.
    pub(super) fn stop_saving(&mut self) {
        self.flash.stop_saving();
    }

    /// Whether there is something to boot.
    pub(super) fn has_application(&self) -> io::Result<bool> {
        let first = self.flash.read(self.chip.bootloader_offset(), 1)?;
        Ok(first.is_ok_and(|first| first == [0xe9]))
    }

    /// Does half of what a frame tells: the power fails in the midst of it.
    pub(super) fn obey_by_half(&mut self, frame: &[u8]) -> io::Result<()> {
        if let Ok(request) = Request::parse(frame)
            && matches!(request.command(), Some(Command::FlashData | Command::DeflData))
            && let (Block::Whole(block), Some(download)) = (request.block(), &mut self.download)
        {
            self.touched = true;
            // The flash keeps what it has, whatever the loader would say of it.
            let _ = download.take(&block[..block.len() / 2], &mut self.flash)?;
        }
        Ok(())
    }

    /// Does what a frame tells. `bits_a_second` is what the line runs at. The error is the simulator's own.
    pub(super) fn obey(&mut self, frame: &[u8], bits_a_second: u32) -> io::Result<Obeyed> {
        if let Some(obeyed) = self.go_on_reading(frame)? {
            return Ok(obeyed);
        }
        let program = self.program;
        let request = match Request::parse(frame) {
            Ok(request) => request,
            Err(Malformed::NoHeader) => return Ok(Obeyed::default()),
            Err(Malformed::Length { .. }) if !self.synced => return Ok(Obeyed::default()),
            Err(Malformed::Length { code }) => {
                let answers = vec![answer_to(program, code, &Err(Refusal::Format))];
                return Ok(Obeyed { answers, refused: true, ..Obeyed::default() });
            }
        };
        let command = request.command();
        if command == Some(Command::Sync) {
            return Ok(self.sync(&request));
        }
        if !self.synced {
            return Ok(Obeyed::default());
        }
        let lied = self.lies && matches!(command, Some(Command::FlashMd5)) && self.program_knows(command);
        let result = match (self.late.take(), command) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(command)) if self.program_knows(Some(command)) => {
                self.carry_out(command, &request, bits_a_second)?
            }
            (None, _) => Err(Refusal::Unknown),
        };
        let mut obeyed = Obeyed {
            answers: vec![answer(program, &request, &result)],
            refused: result.is_err(),
            lied,
            then: Then::Nothing,
        };
        if lied {
            self.lies = false;
        }
        if let (Ok(_), Some(command)) = (&result, command) {
            self.follow_up(command, &request, &mut obeyed)?;
        }
        Ok(obeyed)
    }

    fn sync(&mut self, request: &Request<'_>) -> Obeyed {
        self.synced = true;
        let value = match self.program {
            Program::Rom => ROM_SYNC_VALUE,
            Program::Stub => 0,
        };
        let frame = answer(self.program, request, &Ok(Given::value(value)));
        Obeyed { answers: vec![frame; SYNC_ANSWERS], ..Obeyed::default() }
    }

    /// Whether the program at work has the command.
    fn program_knows(&self, command: Option<Command>) -> bool {
        let Some(command) = command else { return false };
        match self.program {
            Program::Stub => match command {
                Command::ReadFlashSlow => false,
                Command::SecurityInfo => self.chip.id_in_security_info().is_some(),
                _ => true,
            },
            // The documentation's "Supported in Secure Download Mode".
            Program::Rom if self.locks.secure_download => matches!(
                command,
                Command::SpiAttach
                    | Command::SpiSetParams
                    | Command::ChangeBaudrate
                    | Command::FlashBegin
                    | Command::FlashData
                    | Command::FlashEnd
                    | Command::SecurityInfo
            ),
            Program::Rom => match command {
                Command::EraseFlash | Command::EraseRegion | Command::ReadFlash | Command::RunUserCode => {
                    false
                }
                Command::SecurityInfo => self.chip.id_in_security_info().is_some(),
                _ => true,
            },
        }
    }

    fn carry_out(
        &mut self,
        command: Command,
        request: &Request<'_>,
        bits_a_second: u32,
    ) -> io::Result<Result<Given, Refusal>> {
        let nothing = Ok(Ok(Given::default()));
        match command {
            Command::Sync | Command::SpiAttach | Command::SpiSetParams | Command::RunUserCode => nothing,
            Command::ChangeBaudrate => Ok(match request.words() {
                Some([speed, _]) if speed > 0 => Ok(Given::default()),
                _ => Err(Refusal::Format),
            }),
            Command::ReadReg => Ok(match request.words() {
                Some([address]) => Ok(Given::value(self.registers.read(address, bits_a_second))),
                None => Err(Refusal::Format),
            }),
            Command::WriteReg => {
                for [address, value, mask, _delay] in request.quadruples() {
                    self.registers.write(address, value, mask);
                }
                nothing
            }
            Command::SecurityInfo => Ok(Ok(Given::data(self.security_info()))),
            Command::MemBegin | Command::MemData | Command::MemEnd => Ok(self.fill_ram(command, request)),
            Command::FlashBegin => self.begin(request, false),
            Command::DeflBegin => self.begin(request, true),
            Command::FlashData => self.take_block(request, false),
            Command::DeflData => self.take_block(request, true),
            Command::FlashEnd | Command::DeflEnd => Ok(self.end(request)),
            Command::FlashMd5 => self.md5(request),
            Command::ReadFlash => self.begin_reading(request),
            Command::ReadFlashSlow => self.read_slowly(request),
            Command::EraseFlash => self.erase_all(),
            Command::EraseRegion => self.erase_region(request),
        }
    }

    /// What a command does once it is answered.
    fn follow_up(&mut self, command: Command, request: &Request<'_>, obeyed: &mut Obeyed) -> io::Result<()> {
        let flag = request.words().map(|[flag]: [u32; 1]| flag);
        match (command, self.program, flag) {
            (Command::ChangeBaudrate, _, Some(speed)) => obeyed.then = Then::ChangeSpeed(speed),
            (Command::FlashEnd | Command::DeflEnd, _, Some(0)) => obeyed.then = Then::Restart,
            (Command::FlashEnd | Command::DeflEnd, Program::Rom, _) => obeyed.then = Then::RunApplication,
            (Command::RunUserCode, _, _) => {
                obeyed.answers.clear();
                obeyed.then = Then::RunApplication;
            }
            (Command::MemEnd, Program::Rom, Some(0)) => self.start_stub(obeyed),
            (Command::ReadFlashSlow, Program::Rom, _) if self.has_hijacked_read() => {
                obeyed.answers.clear();
                self.start_stub(obeyed);
            }
            (Command::ReadFlash, _, _) => {
                let next = self.next_of_reading(None)?;
                obeyed.answers.extend(next.answers);
                obeyed.lied |= next.lied;
            }
            _ => {}
        }
        Ok(())
    }

    fn start_stub(&mut self, obeyed: &mut Obeyed) {
        self.program = Program::Stub;
        obeyed.answers.push(GREETING.to_vec());
    }

    fn has_hijacked_read(&self) -> bool {
        self.chip == EspChip::Esp32s3
            && self.locks.secure_boot
            && self.registers.read(S3_READ_FUNCTION, 0) != 0
    }

    /// Flags, counter, seven key purposes, chip ID and API version.
    fn security_info(&self) -> Vec<u8> {
        // 9: a digest for secure boot; 4: a key for flash encryption.
        let purposes = [u8::from(self.locks.secure_boot) * 9, u8::from(self.locks.flash_encryption) * 4];
        let mut info = self.locks.flags().to_le_bytes().to_vec();
        info.push(self.locks.flash_crypt_count());
        info.extend(purposes);
        info.extend([0; 5]);
        info.extend(self.chip.id_in_security_info().unwrap_or_default().to_le_bytes());
        info.extend(0_u32.to_le_bytes());
        info
    }

    fn fill_ram(&mut self, command: Command, request: &Request<'_>) -> Result<Given, Refusal> {
        match command {
            Command::MemBegin => {
                let [size, ..] = request.words::<4>().ok_or(Refusal::Format)?;
                self.ram = Some(size);
            }
            Command::MemData => {
                let remaining = self.ram.as_mut().ok_or(Refusal::NotBegun)?;
                let bytes = match request.block() {
                    Block::Whole(data) => u32::try_from(data.len()).unwrap_or(u32::MAX),
                    Block::Garbled => return Err(Refusal::Checksum),
                    Block::Short => return Err(Refusal::Format),
                };
                // The last block may be padded.
                *remaining = remaining.saturating_sub(bytes);
            }
            _ => match self.ram.take() {
                Some(0) => {}
                Some(_) => return Err(Refusal::NotEnough),
                None => return Err(Refusal::NotBegun),
            },
        }
        Ok(Given::default())
    }

    fn begin_reading(&mut self, request: &Request<'_>) -> io::Result<Result<Given, Refusal>> {
        let Some([address, length, packet, _under_way]) = request.words() else {
            return Ok(Err(Refusal::Format));
        };
        self.reading = Reading::begin(address, length, packet, &self.flash)?;
        Ok(self.reading.as_ref().map(|_| Given::default()).ok_or(Refusal::Place))
    }

    /// While a range is read, frames are acknowledgements. A frame that is none ends it.
    fn go_on_reading(&mut self, frame: &[u8]) -> io::Result<Option<Obeyed>> {
        if self.reading.is_none() {
            return Ok(None);
        }
        let next = self.next_of_reading(Some(frame))?;
        Ok((!next.answers.is_empty()).then_some(next))
    }

    /// `frame`: what the host has said after the last packet.
    fn next_of_reading(&mut self, frame: Option<&[u8]>) -> io::Result<Obeyed> {
        let mut obeyed = Obeyed::default();
        let Some(mut reading) = self.reading.take() else { return Ok(obeyed) };
        let next = match frame {
            Some(frame) => reading.acknowledged(frame, &self.flash)?,
            None => reading.next(&self.flash)?,
        };
        match next {
            Some(Next::Packet(packet)) => {
                obeyed.answers.push(packet);
                self.reading = Some(reading);
            }
            Some(Next::Digest(digest)) => {
                obeyed.lied = std::mem::take(&mut self.lies);
                let digest = if obeyed.lied { digest.map(|byte| !byte) } else { digest };
                obeyed.answers.push(digest.to_vec());
            }
            None => {}
        }
        Ok(obeyed)
    }
}
