//! How the board reads a line: `get_input`, console_cli.cpp:364-428 at a0267663.

use std::fmt;

use zeroize::Zeroizing;

use super::commands::is_privacy_command;

/// console_cli.cpp:32
pub(super) const INBUF_SIZE: usize = 1024;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

/// What a byte made of the line.
#[derive(PartialEq, Eq)]
pub(super) enum Typed {
    /// The line goes on.
    Nothing,
    /// It is complete.
    Line(Zeroizing<Vec<u8>>),
    /// It was too long, and is forgotten. What follows begins a new one.
    Overflow,
}

/// The line so far.
pub(super) struct LineEditor(Zeroizing<Vec<u8>>);

impl LineEditor {
    pub(super) fn new() -> Self {
        Self(empty())
    }

    /// Takes a byte, and adds to `echo` what the board sends back for it.
    pub(super) fn typed(&mut self, byte: u8, echo: &mut Vec<u8>) -> Typed {
        let line = &mut self.0;
        let byte = match byte {
            // console_cli.cpp:379: CR alone ends a line.
            b'\r' => return Typed::Line(std::mem::replace(line, empty())),
            // console_cli.cpp:386
            b'\t' => b' ',
            // console_cli.cpp:390
            BACKSPACE | DELETE => {
                if line.pop().is_some() {
                    echo.extend(b"\x08 \x08");
                }
                return Typed::Nothing;
            }
            // console_cli.cpp:402; `char` is unsigned on ARM, so bytes from 0x80 on are kept.
            ..b' ' => return Typed::Nothing,
            _ => byte,
        };
        // console_cli.cpp:408: judged by what stands before this byte.
        echo.push(if is_private(line) { b'*' } else { byte });
        line.push(byte);
        // console_cli.cpp:418
        if line.len() >= INBUF_SIZE {
            *line = empty();
            return Typed::Overflow;
        }
        Typed::Nothing
    }
}

impl fmt::Debug for LineEditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineEditor({} bytes)", self.0.len())
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Line(_) => "Line(…)",
            Self::Overflow => "Overflow",
        })
    }
}

/// As long as it can get, so that it is never moved and leaves no copy behind.
fn empty() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(INBUF_SIZE))
}

/// console_cli.cpp:335-362: the first word decides, once there is a space behind it. Quotes and spaces before it make
/// it another word.
fn is_private(line: &[u8]) -> bool {
    let word_end = line.iter().position(|byte| *byte == b' ');
    word_end.is_some_and(|end| is_privacy_command(&line[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is echoed, and the lines that came out (`None`: overflow).
    fn type_in(bytes: &[u8]) -> (String, Vec<Option<String>>) {
        let (mut editor, mut echo, mut lines) = (LineEditor::new(), Vec::new(), Vec::new());
        for byte in bytes {
            match editor.typed(*byte, &mut echo) {
                Typed::Nothing => {}
                Typed::Line(line) => lines.push(Some(String::from_utf8(line.to_vec()).unwrap())),
                Typed::Overflow => lines.push(None),
            }
        }
        (String::from_utf8(echo).unwrap(), lines)
    }

    fn line(text: &str) -> Vec<Option<String>> {
        vec![Some(text.to_owned())]
    }

    #[test]
    fn carriage_return_alone_ends_a_line_and_control_characters_are_dropped() {
        assert_eq!(type_in(b"a\x03\nb\tc\r"), ("ab c".to_owned(), line("ab c")));
        assert_eq!(type_in(b"a\n"), ("a".to_owned(), vec![]));
    }

    #[test]
    fn backspace_and_delete_take_one_character_back() {
        assert_eq!(type_in(b"\x08ax\x7fb\x08\x08c\r").0, "ax\x08 \x08b\x08 \x08\x08 \x08c");
        assert_eq!(type_in(b"\x08ax\x7fb\x08\x08c\r").1, line("c"));
    }

    #[test]
    fn the_value_of_a_privacy_command_is_echoed_as_stars() {
        assert_eq!(type_in(b"set_wifipwd a \"b\"\r").0, "set_wifipwd *****");
        assert_eq!(type_in(b"set_dps_uds\tab\r").0, "set_dps_uds **");
        assert_eq!(type_in(b"set_wifipwd a\x08b\r").0, "set_wifipwd *\x08 \x08*");
        assert_eq!(type_in(b"set_wifissid a\r").0, "set_wifissid a");
        // The first word is another one.
        assert_eq!(type_in(b" set_wifipwd a\r").0, " set_wifipwd a");
        assert_eq!(type_in(b"\"set_wifipwd\" a\r").0, "\"set_wifipwd\" a");
    }

    #[test]
    fn a_line_of_1024_overflows_and_what_follows_is_a_new_one() {
        let mut bytes = vec![b'a'; 1023];
        bytes.push(b'\r');
        assert_eq!(type_in(&bytes).1, line(&"a".repeat(1023)));
        bytes.insert(0, b'b');
        bytes.splice(1024..1024, *b"rest");
        assert_eq!(type_in(&bytes).1, [None, Some("rest".to_owned())]);
    }
}
