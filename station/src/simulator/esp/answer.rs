//! What a loader says back.

use super::request::Request;

/// Why a loader does not do what it is told. The two loaders have codes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The frame, or its operands.
    Format,
    /// There is no such command, or not here.
    Unknown,
    /// A block's checksum.
    Checksum,
    /// The flash has no such place.
    Place,
    /// Data without a beginning, or an end before all data are there.
    NotBegun,
    /// The end before all data are there.
    NotEnough,
    /// More data than were announced.
    TooMuch,
    /// What was compressed cannot be read.
    Inflate,
}

/// Which of the two programs is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// In the chip's ROM.
    Rom,
    /// The stub, in its RAM.
    Stub,
}

impl Refusal {
    /// The status bytes. ROM: documentation, "ROM Loader Errors". Stub: its response codes, high byte first.
    fn status(self, program: Program) -> [u8; 2] {
        match program {
            Program::Rom => [
                1,
                match self {
                    Self::Format | Self::Unknown => 0x05,
                    Self::Place | Self::NotBegun | Self::NotEnough | Self::TooMuch => 0x06,
                    Self::Checksum => 0x07,
                    Self::Inflate => 0x0b,
                },
            ],
            Program::Stub => [
                match self {
                    Self::Format | Self::NotEnough => 0xc0,
                    Self::Checksum => 0xc1,
                    Self::Place => 0xc4,
                    Self::NotBegun => 0xc6,
                    Self::Inflate => 0xc7,
                    Self::TooMuch => 0xc9,
                    Self::Unknown => 0xff,
                },
                0,
            ],
        }
    }
}

/// What a command gives when it is carried out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) value: u32,
    pub(super) data: Vec<u8>,
}

impl Given {
    pub(super) fn value(value: u32) -> Self {
        Self { value, data: Vec::new() }
    }

    pub(super) fn data(data: Vec<u8>) -> Self {
        Self { value: 0, data }
    }
}

/// The frame that answers a request.
pub(super) fn answer(program: Program, request: &Request<'_>, result: &Result<Given, Refusal>) -> Vec<u8> {
    answer_to(program, request.code, result)
}

/// The same where all that is known of the request is its code.
pub(super) fn answer_to(program: Program, code: u8, result: &Result<Given, Refusal>) -> Vec<u8> {
    let nothing = Given::default();
    let (given, status) = match result {
        Ok(given) => (given, [0, 0]),
        Err(refusal) => (&nothing, refusal.status(program)),
    };
    let status = match program {
        Program::Rom => &[status[0], status[1], 0, 0][..],
        Program::Stub => &status[..],
    };
    let length = u16::try_from(given.data.len() + status.len()).unwrap_or(u16::MAX);
    let mut frame = vec![1, code];
    frame.extend(length.to_le_bytes());
    frame.extend(given.value.to_le_bytes());
    frame.extend(&given.data);
    frame.extend(status);
    frame
}
