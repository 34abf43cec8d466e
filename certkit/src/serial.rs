//! A certificate's serial number.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Most octets of a certificate serial (RFC 5280 §4.1.2.2).
const MOST: usize = 20;
/// The first octet keeps the number positive and all our serials of one length, whatever follows. It tells apart what
/// the sequences count.
const OF_ATTEMPTS: u8 = 0x01;
const OF_BATCHES: u8 = 0x02;

/// A certificate serial: a positive number of at most 20 octets. `Display` is lower-case hex without separators.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateSerial(Vec<u8>);

impl CertificateSerial {
    /// Makes a serial that no other sequence number gives: `01`, the sequence number, then the random octets.
    ///
    /// The sequence goes first, so that an index over serials grows at its end. The 64 random bits make it
    /// unpredictable, and keep the serials of two stations under one authority apart.
    #[must_use]
    pub fn new(sequence: u64, random: [u8; 8]) -> Self {
        Self::of(OF_ATTEMPTS, sequence, random)
    }

    /// The same for certificates that are issued in batches, which have a sequence of their own: `02`, the sequence
    /// number, then the random octets.
    #[must_use]
    pub fn of_batch(sequence: u64, random: [u8; 8]) -> Self {
        Self::of(OF_BATCHES, sequence, random)
    }

    fn of(first: u8, sequence: u64, random: [u8; 8]) -> Self {
        Self([&[first][..], &sequence.to_be_bytes(), &random].concat())
    }

    /// Takes a number without a sign, big-endian.
    ///
    /// # Errors
    /// [`CertificateSerialError`] where it is zero or too long.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateSerialError> {
        let start = bytes.iter().position(|byte| *byte != 0).ok_or(CertificateSerialError::Zero)?;
        let magnitude = &bytes[start..];
        // A number whose first bit is set takes one more octet in DER, or it would be negative.
        let octets = magnitude.len() + usize::from(magnitude[0] >> 7);
        if octets > MOST {
            return Err(CertificateSerialError::TooLong { octets });
        }
        Ok(Self(magnitude.to_vec()))
    }

    /// The number, big-endian, without leading zeros.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What is no certificate serial.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateSerialError {
    /// Not an even number of hex digits.
    #[error("{text:?} is no certificate serial; give hex digits, two an octet, without separators")]
    NotHex {
        /// The text.
        text: String,
    },
    /// Nothing, or zero.
    #[error("a certificate serial must be a positive number, and this is zero")]
    Zero,
    /// Less than zero: its issuer forgot the octet that keeps a number positive.
    #[error("a certificate serial must be a positive number, and this is negative")]
    Negative,
    /// More than 20 octets.
    #[error("a certificate serial of {octets} octets; RFC 5280 allows {MOST}")]
    TooLong {
        /// How many it takes in DER.
        octets: usize,
    },
}

impl fmt::Display for CertificateSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CertificateSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateSerial({self})")
    }
}

impl FromStr for CertificateSerial {
    type Err = CertificateSerialError;

    fn from_str(text: &str) -> Result<Self, CertificateSerialError> {
        let not_hex = || CertificateSerialError::NotHex { text: text.to_owned() };
        let digits =
            text.chars().map(|c| c.to_digit(16)).collect::<Option<Vec<u32>>>().ok_or_else(not_hex)?;
        if digits.len() % 2 == 1 {
            return Err(not_hex());
        }
        let bytes: Vec<u8> =
            digits.chunks(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect();
        Self::from_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_holds_sequence_and_randomness() {
        let serial = CertificateSerial::new(42, [0xff; 8]);
        assert_eq!(serial.to_string(), "01000000000000002affffffffffffffff");
        assert!(serial.as_bytes().len() <= 20 && serial.as_bytes()[0] < 0x80);
        assert_eq!(serial.to_string().parse(), Ok(serial));
    }

    #[test]
    fn a_batch_has_serials_of_its_own() {
        let serial = CertificateSerial::of_batch(42, [0; 8]);
        assert_eq!(serial.to_string(), "02000000000000002a0000000000000000");
        assert!(CertificateSerial::new(u64::MAX, [0xff; 8]) < CertificateSerial::of_batch(0, [0; 8]));
    }

    #[test]
    fn extremes_have_the_same_length() {
        let least = CertificateSerial::new(0, [0; 8]);
        let most = CertificateSerial::new(u64::MAX, [0xff; 8]);
        assert_eq!(least.as_bytes().len(), most.as_bytes().len());
        assert!(least < most);
    }

    #[test]
    fn what_no_certificate_carries() {
        assert_eq!(CertificateSerial::from_bytes(&[0, 0]), Err(CertificateSerialError::Zero));
        assert_eq!(
            CertificateSerial::from_bytes(&[0xff; 20]),
            Err(CertificateSerialError::TooLong { octets: 21 })
        );
        assert!(CertificateSerial::from_bytes(&[0x7f; 20]).is_ok());
        assert!(matches!("1g".parse::<CertificateSerial>(), Err(CertificateSerialError::NotHex { .. })));
        assert!(matches!("123".parse::<CertificateSerial>(), Err(CertificateSerialError::NotHex { .. })));
    }
}
