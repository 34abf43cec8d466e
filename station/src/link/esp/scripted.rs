//! For tests: a loader that says yes to everything, and tells the MAC that it was given.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use espflash::command::CommandType;
use serialport::{SerialPort, TTYPort};

use super::frame::{FrameReader, Program, framed};
use super::{Chip, EspLink, NO_USB};
use crate::link::StopSignal;

/// The chip's SPI controller: its data register, and what a flash of 4 MB says there.
const FLASH_ID: (u32, u32) = (0x6000_2058, 0x0016_40ef);
const SECURITY_INFO: [u8; 20] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];

/// An ESP32-C3 whose loader runs until its line is closed.
pub(super) struct Scripted {
    /// The codes of the commands that came.
    commands: Arc<Mutex<Vec<u8>>>,
}

impl Scripted {
    /// One whose MAC address ends in this byte, and a link to it over a port that has lines, which lead nowhere.
    pub(super) fn start(program: Program, mac_ends_in: u8) -> (Self, EspLink) {
        let (mut line, port) = TTYPort::pair().unwrap();
        line.set_timeout(std::time::Duration::from_secs(20)).unwrap();
        let commands = Arc::<Mutex<Vec<u8>>>::default();
        let heard = Arc::clone(&commands);
        std::thread::spawn(move || {
            let (mut reader, mut byte) = (FrameReader::default(), [0]);
            while line.read_exact(&mut byte).is_ok() {
                let Some(frame) = reader.take(byte[0]) else { continue };
                heard.lock().unwrap().push(frame[1]);
                line.write_all(&framed(&answer(&frame, program, mac_ends_in))).unwrap();
            }
        });
        let link = EspLink::on(port, Some(NO_USB), Chip::Esp32c3, 115_200, StopSignal::default());
        (Self { commands }, link)
    }

    /// How often a command came.
    pub(super) fn count(&self, command: CommandType) -> usize {
        self.commands.lock().unwrap().iter().filter(|code| **code == command as u8).count()
    }
}

fn answer(frame: &[u8], program: Program, mac_ends_in: u8) -> Vec<u8> {
    let (command, mac) = (frame[1], Chip::Esp32c3.mac_register());
    let is = |known: CommandType| command == known as u8;
    let value = match frame.get(8..12).map(|word| u32::from_le_bytes(word.try_into().unwrap())) {
        Some(address) if is(CommandType::ReadReg) && address == mac => 0xc400_0000 | u32::from(mac_ends_in),
        Some(address) if is(CommandType::ReadReg) && address == mac + 4 => 0x240a,
        Some(address) if is(CommandType::ReadReg) && address == FLASH_ID.0 => FLASH_ID.1,
        _ if is(CommandType::Sync) && program == Program::Rom => 0x2012_0707,
        _ => 0,
    };
    let data: &[u8] = if is(CommandType::GetSecurityInfo) { &SECURITY_INFO } else { &[] };
    let status = if program == Program::Rom { 4 } else { 2 };
    let length = u8::try_from(data.len() + status).unwrap();
    let header = [&[1, command, length, 0][..], &value.to_le_bytes()].concat();
    [&header, data, &[0; 4][..status]].concat()
}
