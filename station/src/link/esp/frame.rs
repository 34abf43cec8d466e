//! Frames on the line (SLIP), and the answers in them: Espressif's "Serial Protocol".

use zeroize::Zeroizing;

const END: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;
const ESCAPED_END: u8 = 0xdc;
const ESCAPED_ESCAPE: u8 = 0xdd;
/// Direction, command, length, value.
const HEADER: usize = 8;
/// The longest frame that a loader sends: a packet of what is read.
const LONGEST: usize = 4096;

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
        if self.content.capacity() == 0 {
            // Growing would leave unwiped copies behind.
            self.content.reserve_exact(LONGEST);
        }
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
    /// Data and status.
    body: Bytes,
}

/// Why a command gave nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// The answer has another length than it may have.
    Garbled,
    /// The loader refuses it, with this code.
    Refused(u8),
}

impl Answer {
    /// None: that is no answer, or was garbled on its way.
    pub(super) fn parse(frame: &[u8]) -> Option<Self> {
        let (header, body) = frame.split_at_checked(HEADER)?;
        let length = u16::from_le_bytes([header[2], header[3]]);
        (header[0] == 1 && usize::from(length) == body.len()).then(|| Self {
            command: header[1],
            value: u32::from_le_bytes([header[4], header[5], header[6], header[7]]),
            body: Zeroizing::new(body.to_vec()),
        })
    }

    /// The data, of which the command gives so many bytes. The status follows: two bytes, and of a ROM two more. Where
    /// the command is refused there are no data.
    pub(super) fn data(mut self, length: usize) -> Result<Bytes, Nothing> {
        let status_at = match self.body.len() {
            body if body == length + 2 || body == length + 4 => length,
            2 | 4 => 0,
            _ => return Err(Nothing::Garbled),
        };
        match (self.body[status_at], self.body[status_at + 1]) {
            (0, _) if status_at == length => {
                self.body.truncate(length);
                Ok(self.body)
            }
            (0, _) => Err(Nothing::Garbled),
            // The stub has its code here; the ROM says that it failed, and then why.
            (code, 0) | (_, code) => Err(Nothing::Refused(code)),
        }
    }

    /// Who answers a SYNC. The stub's value is 0.
    pub(super) fn program_of_sync(self) -> Option<Program> {
        let value = self.value;
        self.data(0).ok().map(|_| if value == 0 { Program::Stub } else { Program::Rom })
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
        let frame = [1, 0x13, 6, 0, 4, 3, 2, 1, 9, 9, 9, 9, 0, 0];
        let answer = Answer::parse(&frame).unwrap();
        assert_eq!((answer.command, answer.value), (0x13, 0x0102_0304));
        assert_eq!(*answer.data(4).unwrap(), [9; 4]);
        for at in [0, 2, 3] {
            let mut garbled = frame;
            garbled[at] ^= 0x40;
            assert_eq!(Answer::parse(&garbled), None);
        }
        for length in 0..frame.len() {
            assert_eq!(Answer::parse(&frame[..length]), None);
        }
    }

    #[test]
    fn a_status_is_found_behind_the_data_and_instead_of_them() {
        let data = |body: &[u8], length| {
            Answer { command: 0, value: 0, body: Zeroizing::new(body.to_vec()) }.data(length)
        };
        for body in [&[0, 0][..], &[0, 0, 0, 0]] {
            assert_eq!(data(body, 0), Ok(Zeroizing::new(vec![])));
        }
        for body in [&[7, 7, 7, 0, 0][..], &[7, 7, 7, 0, 0, 0, 0]] {
            assert_eq!(data(body, 3), Ok(Zeroizing::new(vec![7; 3])));
        }
        for (body, code) in [(&[0xc1, 0][..], 0xc1), (&[1, 5, 0, 0], 5), (&[7, 7, 7, 1, 6], 6)] {
            assert_eq!(data(body, 3), Err(Nothing::Refused(code)));
        }
        for body in [&[][..], &[0], &[0, 0], &[0, 0, 7, 0], &[7, 7, 7, 7, 0, 0]] {
            assert_eq!(data(body, 3), Err(Nothing::Garbled));
        }
    }
}
