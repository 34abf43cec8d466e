//! READ_FLASH of the stub: packets that the host acknowledges one by one, then the digest of all.

use std::io;

use super::flash::Flash;

/// The longest packet that the stub has room for.
const LONGEST_PACKET: u32 = 4096;

/// A range on its way to the host.
#[derive(Debug)]
pub(super) struct Reading {
    address: u32,
    length: u32,
    packet: u32,
    sent: u32,
}

/// What comes next of a reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Packet(Vec<u8>),
    /// The last that comes.
    Digest([u8; 16]),
}

impl Reading {
    /// `None`: the stub cannot do that. How many packets may be under way is not looked at, as the stub does not.
    pub(super) fn begin(address: u32, length: u32, packet: u32, flash: &Flash) -> io::Result<Option<Self>> {
        let possible = (1..=LONGEST_PACKET).contains(&packet) && flash.read(address, length)?.is_ok();
        Ok(possible.then_some(Self { address, length, packet, sent: 0 }))
    }

    /// What follows after the host has said how much it has, in a frame of its own; none if that is no such frame.
    pub(super) fn acknowledged(&mut self, frame: &[u8], flash: &Flash) -> io::Result<Option<Next>> {
        match <[u8; 4]>::try_from(frame) {
            Ok(_) => self.next(flash),
            Err(_) => Ok(None),
        }
    }

    /// The next packet, or the digest.
    pub(super) fn next(&mut self, flash: &Flash) -> io::Result<Option<Next>> {
        if self.sent >= self.length {
            return Ok(flash.md5(self.address, self.length)?.ok().map(Next::Digest));
        }
        let bytes = self.packet.min(self.length - self.sent);
        let content = flash.read(self.address + self.sent, bytes)?;
        self.sent += bytes;
        Ok(content.ok().map(Next::Packet))
    }
}
