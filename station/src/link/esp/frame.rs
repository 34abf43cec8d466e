//! Frames on the line (SLIP), and the answers in them: Espressif's "Serial Protocol".

use zeroize::Zeroizing;

const END: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;
const ESCAPED_END: u8 = 0xdc;
const ESCAPED_ESCAPE: u8 = 0xdd;
/// Direction, command, length, value.
const HEADER: usize = 8;

/// Bytes that may hold a secret.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// Which program answers. Their answers differ in length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// The loader in the chip's ROM.
    Rom,
    /// The stub that was loaded into its RAM.
    Stub,
}

impl Program {
    /// Status bytes at the end of an answer.
    fn status_length(self) -> usize {
        match self {
            Self::Rom => 4,
            Self::Stub => 2,
        }
    }
}

/// A frame as it goes over the line.
pub(super) fn framed(content: &[u8]) -> Bytes {
    // Room for all of it at once: growing would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * content.len() + 2));
    bytes.push(END);
    for byte in content {
        match *byte {
            END => bytes.extend([ESCAPE, ESCAPED_END]),
            ESCAPE => bytes.extend([ESCAPE, ESCAPED_ESCAPE]),
            other => bytes.push(other),
        }
    }
    bytes.push(END);
    bytes
}

/// Puts frames together from what comes.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    content: Bytes,
    escaped: bool,
    broken: bool,
}

impl FrameReader {
    /// Takes a byte; gives the frame that it ends, nothing in it where its escapes are broken.
    pub(super) fn take(&mut self, byte: u8) -> Option<Bytes> {
        match (std::mem::take(&mut self.escaped), byte) {
            (_, END) => {
                let broken = std::mem::take(&mut self.broken);
                let mut content = std::mem::take(&mut self.content);
                if broken {
                    content.clear();
                }
                return (broken || !content.is_empty()).then_some(content);
            }
            (false, ESCAPE) => self.escaped = true,
            (true, ESCAPED_END) => self.content.push(END),
            (true, ESCAPED_ESCAPE) => self.content.push(ESCAPE),
            (true, _) => self.broken = true,
            (false, other) => self.content.push(other),
        }
        None
    }

    /// Bytes of the frame that has not ended yet.
    pub(super) fn pending(&self) -> usize {
        self.content.len()
    }
}

/// What a loader says to a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The command's code.
    pub(super) command: u8,
    pub(super) value: u32,
    pub(super) data: Bytes,
    /// 0: done. Else the loader's code of why not.
    pub(super) status: u8,
}

impl Answer {
    /// None: that is no answer of this program, or was garbled on its way.
    pub(super) fn parse(frame: &[u8], program: Program) -> Option<Self> {
        let (header, rest) = frame.split_at_checked(HEADER)?;
        let length = u16::from_le_bytes([header[2], header[3]]);
        if header[0] != 1 || usize::from(length) != rest.len() {
            return None;
        }
        let (data, status) = rest.split_at_checked(rest.len().checked_sub(program.status_length())?)?;
        Some(Self {
            command: header[1],
            value: u32::from_le_bytes([header[4], header[5], header[6], header[7]]),
            data: Zeroizing::new(data.to_vec()),
            status: match (program, status[0]) {
                (_, 0) => 0,
                // The ROM says here that it failed, and then why.
                (Program::Rom, _) => status[1].max(1),
                (Program::Stub, code) => code,
            },
        })
    }

    /// The stub's answer to SYNC is short and its value 0.
    pub(super) fn program_of_sync(frame: &[u8]) -> Option<Program> {
        match (Self::parse(frame, Program::Rom), Self::parse(frame, Program::Stub)) {
            (Some(answer), _) if answer.data.is_empty() => Some(Program::Rom),
            (_, Some(answer)) if answer.data.is_empty() && answer.value == 0 => Some(Program::Stub),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Bytes> {
        let mut reader = FrameReader::default();
        bytes.iter().filter_map(|byte| reader.take(*byte)).collect()
    }

    #[test]
    fn what_was_framed_is_read() {
        let content: Vec<u8> = (0..=255).collect();
        assert_eq!(
            read(&[framed(&content).as_slice(), &framed(b"x")].concat()),
            [content, b"x".to_vec()].map(Zeroizing::new)
        );
    }

    #[test]
    fn a_broken_frame_is_empty_and_the_next_is_whole() {
        assert_eq!(read(&[END, ESCAPE, 1, 2, END, END, 3, END]), [vec![], vec![3]].map(Zeroizing::new));
    }

    #[test]
    fn an_answer_whose_length_is_wrong_is_none() {
        let frame = [1, 0x13, 6, 0, 4, 3, 2, 1, 9, 9, 9, 9, 0xc1, 0];
        let answer = Answer::parse(&frame, Program::Stub).unwrap();
        assert_eq!((answer.command, answer.value, answer.status), (0x13, 0x0102_0304, 0xc1));
        assert_eq!(*answer.data, [9; 4]);
        for at in [0, 2, 3] {
            let mut garbled = frame;
            garbled[at] ^= 0x40;
            assert_eq!(Answer::parse(&garbled, Program::Stub), None);
        }
        for length in 0..frame.len() {
            assert_eq!(Answer::parse(&frame[..length], Program::Stub), None);
        }
        // A ROM's status is longer than all of this answer.
        assert_eq!(Answer::parse(&[1, 8, 2, 0, 0, 0, 0, 0, 0, 0], Program::Rom), None);
    }
}
