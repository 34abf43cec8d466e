//! The frames at which faults strike, out of the trace of a run without faults.

use std::ops::Range;

use acceptance::strace::{Call, FRAME};

/// The loaders' commands.
const FLASH_BEGIN: u8 = 0x02;
const FLASH_DATA: u8 = 0x03;
const FLASH_END: u8 = 0x04;
const MEM_BEGIN: u8 = 0x05;
const MEM_END: u8 = 0x06;
const MEM_DATA: u8 = 0x07;
const SYNC: u8 = 0x08;
const READ_REG: u8 = 0x0a;
const SPI_SET_PARAMS: u8 = 0x0b;
const CHANGE_BAUDRATE: u8 = 0x0f;
const FLASH_DEFL_BEGIN: u8 = 0x10;
const FLASH_DEFL_DATA: u8 = 0x11;
const SPI_FLASH_MD5: u8 = 0x13;
const GET_SECURITY_INFO: u8 = 0x14;

/// Ranges of flash that a unit gets: bootloader, partition table, application, and the slot. What is secret, the slot,
/// goes uncompressed.
const REGIONS: usize = 4;

/// A frame from the station to a unit.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// The step of the unit's life that it belongs to.
    pub(crate) step: &'static str,
    /// What the frame says.
    pub(crate) what: &'static str,
    /// Its number, from 1, since the unit was put in.
    pub(crate) frame: usize,
}

/// The points of a unit's life.
pub(crate) fn points(calls: &[Call]) -> Vec<Point> {
    let mut commands: Vec<u8> = calls.iter().filter(|call| call.is_said()).filter_map(command).collect();
    // A slow start is asked more than once for a sign of life: that differs from run to run.
    commands.dedup_by(|next, before| (*next, *before) == (SYNC, SYNC));
    let frames = Frames(commands);
    let slot = frames.first(FLASH_BEGIN, frames.all());
    let restart = frames.first(FLASH_BEGIN, slot + 1..frames.all().end);
    let connect = 1..frames.first(SPI_FLASH_MD5, frames.all()) + 1;
    let write = connect.end..restart;
    let begins = frames.every(FLASH_DEFL_BEGIN, write.clone());
    let [_, _, application] = begins[..] else {
        panic!("{begins:?}: a BEGIN for each region of the firmware")
    };
    let restarting = restart..frames.last(SPI_SET_PARAMS, frames.all()) + 1;
    let digests = frames.every(SPI_FLASH_MD5, restarting.end..frames.all().end);
    assert!(digests.len() >= REGIONS, "a digest for each region");
    let leave = digests[digests.len() - 1]..frames.all().end;
    let point = |step, what, frame| Point { step, what, frame };
    vec![
        point("connect", "SYNC", frames.first(SYNC, connect.clone())),
        point("connect", "security info", frames.first(GET_SECURITY_INFO, connect.clone())),
        point("connect", "first register", frames.first(READ_REG, connect.clone())),
        point("connect", "last register", frames.last(READ_REG, connect.clone())),
        point("connect", "flash parameters", frames.first(SPI_SET_PARAMS, connect)),
        point("firmware", "digest before", frames.first(SPI_FLASH_MD5, frames.all())),
        point("stub", "first begin", frames.first(MEM_BEGIN, write.clone())),
        point("stub", "first data", frames.first(MEM_DATA, write.clone())),
        point("stub", "last data", frames.last(MEM_DATA, write.clone())),
        point("stub", "run it", frames.first(MEM_END, write.clone())),
        point("stub", "new speed", frames.first(CHANGE_BAUDRATE, write.clone())),
        point("firmware", "begin", application),
        point("firmware", "first data", frames.first(FLASH_DEFL_DATA, application..slot)),
        point("firmware", "last data", frames.last(FLASH_DEFL_DATA, application..slot)),
        point("firmware", "digest after", frames.first(SPI_FLASH_MD5, application..slot)),
        point("slot", "begin", slot),
        point("slot", "data", frames.first(FLASH_DATA, slot..restart)),
        point("slot", "digest after", frames.first(SPI_FLASH_MD5, slot..restart)),
        point("restart", "before it", restart),
        point("restart", "the order", frames.first(FLASH_END, restarting.clone())),
        point("restart", "first SYNC", frames.first(SYNC, restarting.clone())),
        point("restart", "security info", frames.first(GET_SECURITY_INFO, restarting)),
        point("verify", "first digest", digests[0]),
        point("verify", "digest of the slot", digests[digests.len() - 1]),
        point("leave", "before it", frames.first(FLASH_BEGIN, leave.clone())),
        point("leave", "the order", frames.first(FLASH_END, leave)),
    ]
}

/// The commands that were sent, in order. Numbers of frames are from 1.
struct Frames(Vec<u8>);

impl Frames {
    fn all(&self) -> Range<usize> {
        1..self.0.len() + 1
    }

    fn every(&self, command: u8, within: Range<usize>) -> Vec<usize> {
        within.filter(|number| self.0[number - 1] == command).collect()
    }

    fn first(&self, command: u8, within: Range<usize>) -> usize {
        self.every(command, within.clone()).first().copied().unwrap_or_else(|| self.none(command, within))
    }

    fn last(&self, command: u8, within: Range<usize>) -> usize {
        self.every(command, within.clone()).last().copied().unwrap_or_else(|| self.none(command, within))
    }

    fn none(&self, command: u8, within: Range<usize>) -> ! {
        panic!("no command {command:#04x} among frames {within:?}: {:02x?}", self.0)
    }
}

/// The command of a frame that begins here. Inside a frame there is no 0xc0.
fn command(call: &Call) -> Option<u8> {
    let rest = call.text.strip_prefix(FRAME)?;
    let Some(escaped) = rest.strip_prefix('\\') else { return rest.bytes().next() };
    let letter = match escaped.bytes().next()? {
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'r' => b'\r',
        _ => {
            let digits: String = escaped.chars().take(3).take_while(|it| it.is_digit(8)).collect();
            return u8::from_str_radix(&digits, 8).ok();
        }
    };
    Some(letter)
}
