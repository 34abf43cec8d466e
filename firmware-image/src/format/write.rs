//! Intel HEX, written.

use zeroize::Zeroizing;

use super::intel_hex::checksum;
use super::{IntelHex, StartAddress};

/// Data bytes of a record.
const ROW: usize = 16;
const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];

impl IntelHex {
    /// The file: 16 bytes a record, extended linear addresses (type 04) where the upper half changes, lines ended by `\n`.
    /// It may hold a unit's private key, so it is wiped when it goes.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes: usize = self.image.segments().map(|(_, bytes)| bytes.len()).sum();
        let segments = self.image.segments().count();
        // Room for all: 12 characters around the data of a record, up to two short ones a segment, one each 64 KiB, three
        // records beside. A text that grew would leave copies behind.
        let records = bytes / ROW + bytes / 0x10000 * 2 + 3 * segments + 3;
        let mut text = Zeroizing::new(String::with_capacity(2 * bytes + 16 * records));
        let mut upper = 0;
        for (region, bytes) in self.image.segments() {
            let mut address = region.offset();
            let mut rest = bytes;
            while !rest.is_empty() {
                if address >> 16 != upper {
                    upper = address >> 16;
                    record(&mut text, 0x04, 0, &address.to_be_bytes()[..2]);
                }
                // Rows begin at multiples of 16, so that none crosses 64 KiB.
                let length = (ROW - address as usize % ROW).min(rest.len());
                let (row, behind) = rest.split_at(length);
                let [_, _, high, low] = address.to_be_bytes();
                record(&mut text, 0x00, u16::from_be_bytes([high, low]), row);
                rest = behind;
                // Wraps only where nothing is left to write.
                address = address.wrapping_add(length as u32);
            }
        }
        match self.start {
            Some(StartAddress::Segment { cs, ip }) => {
                let ([a, b], [c, d]) = (cs.to_be_bytes(), ip.to_be_bytes());
                record(&mut text, 0x03, 0, &[a, b, c, d]);
            }
            Some(StartAddress::Linear(address)) => record(&mut text, 0x05, 0, &address.to_be_bytes()),
            None => {}
        }
        record(&mut text, 0x01, 0, &[]);
        text
    }
}

fn record(text: &mut String, record_type: u8, offset: u16, data: &[u8]) {
    let [high, low] = offset.to_be_bytes();
    // A row has 16 bytes at most.
    let head = [data.len() as u8, high, low, record_type];
    let sum = checksum(&[checksum(&head).wrapping_neg(), checksum(data).wrapping_neg()]);
    text.push(':');
    for byte in head.iter().chain(data).chain([&sum]) {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 0x0f)]);
    }
    text.push('\n');
}
