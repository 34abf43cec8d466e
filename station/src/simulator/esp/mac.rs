//! The address that each chip has from its maker.

use std::fmt;
use std::str::FromStr;

/// A base MAC address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) struct Mac([u8; 6]);

impl Mac {
    /// One of Espressif's, with an end of its own.
    pub(in crate::simulator) fn ending_in(number: u64) -> Self {
        let [.., a, b, c] = number.to_be_bytes();
        Self([0x24, 0x0a, 0xc4, a, b, c])
    }

    /// That of a chip into which none was burnt.
    pub(in crate::simulator) const BLANK: Self = Self([0; 6]);

    /// The lower four bytes, and the upper two, as eFuses hold them.
    pub(super) fn words(self) -> (u32, u32) {
        let [a, b, c, d, e, f] = self.0;
        (u32::from_be_bytes([c, d, e, f]), u32::from_be_bytes([0, 0, a, b]))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            *byte = u8::from_str_radix(parts.next().ok_or(())?, 16).map_err(drop)?;
        }
        if parts.next().is_some() { Err(()) } else { Ok(Self(bytes)) }
    }
}
