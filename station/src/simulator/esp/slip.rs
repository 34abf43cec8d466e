//! Frames on a serial line: RFC 1055, with a delimiter at both ends.

const END: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;
const ESCAPED_END: u8 = 0xdc;
const ESCAPED_ESCAPE: u8 = 0xdd;

/// The longest frame that a loader has room for: a block of 16 KiB with its headers.
const LONGEST: usize = 0x4000 + 64;

/// Finds frames in what arrives.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    frame: Vec<u8>,
    inside: bool,
    escaped: bool,
}

impl FrameReader {
    /// A frame, if this byte ends one. What is between frames is no frame.
    pub(super) fn take(&mut self, byte: u8) -> Option<Vec<u8>> {
        match byte {
            END if self.frame.is_empty() => {
                self.inside = true;
                self.escaped = false;
            }
            END => {
                self.inside = false;
                return Some(std::mem::take(&mut self.frame));
            }
            _ if !self.inside => {}
            ESCAPE => self.escaped = true,
            _ if self.frame.len() >= LONGEST => *self = Self::default(),
            _ => {
                let escaped = std::mem::take(&mut self.escaped);
                self.frame.push(match byte {
                    ESCAPED_END if escaped => END,
                    ESCAPED_ESCAPE if escaped => ESCAPE,
                    _ => byte,
                });
            }
        }
        None
    }
}

/// The bytes that carry a frame.
pub(super) fn framed(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + content.len() / 16 + 2);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = FrameReader::default();
        bytes.iter().filter_map(|byte| reader.take(*byte)).collect()
    }

    #[test]
    fn what_is_framed_is_found_among_noise() {
        let content = [0, END, ESCAPE, ESCAPED_END, 0xff];
        let mut line = b"boot log\r\n".to_vec();
        line.extend(framed(&content));
        line.extend(framed(b"two"));
        assert_eq!(frames(&line), [content.to_vec(), b"two".to_vec()]);
    }

    #[test]
    fn a_frame_without_an_end_does_not_grow_for_ever() {
        let mut line = vec![END];
        line.extend(vec![7; LONGEST + 1]);
        line.extend(framed(b"next"));
        assert_eq!(frames(&line).last().unwrap(), b"next");
    }
}
