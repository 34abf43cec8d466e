//! Bytes that are no text, and frames that are not as they were sent.

use super::fault::numbers;
use super::unit_number::UnitNumber;

/// What looks random and depends on seed, unit and insertion alone.
#[derive(Debug)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64, unit: UnitNumber, insertion: u32) -> Self {
        // The generator stands still at 0.
        Self(numbers(seed, "noise", unit, insertion)[0] | 1)
    }

    /// Makes one byte of a frame another.
    pub(super) fn garble(&mut self, frame: &mut [u8]) {
        let at = (self.next() >> 16) as usize % frame.len().max(1);
        if let Some(byte) = frame.get_mut(at) {
            *byte ^= 1 << (self.next() >> 40 & 7);
        }
    }

    /// A burst of up to 64 bytes.
    pub(super) fn burst(&mut self) -> Vec<u8> {
        let length = 16 + self.next() % 49;
        (0..length).map(|_| (self.next() >> 32) as u8).collect()
    }

    /// Marsaglia's xorshift64.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
