//! Lines of a file, none of them without an end.

use std::io::{self, Read};

/// A line longer than this is none of an order or of a list: it is a wrong file.
const LONGEST_LINE: usize = 64 * 1024;

/// Stops a line without an end before it fills the memory.
#[derive(Debug)]
pub struct LimitedLines<R> {
    from: R,
    line: u64,
    length: usize,
    read: u64,
}

impl<R> LimitedLines<R> {
    /// At the beginning of a file.
    pub fn new(from: R) -> Self {
        Self { from, line: 1, length: 0, read: 0 }
    }

    /// The line, from 1, on which the row begins that was just read and ends at `end`. Counted from its end: the library
    /// counts the blank lines before a row to it.
    pub fn row_begins(&self, row: &csv::ByteRecord, end: &csv::Position) -> u64 {
        let within = row.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        // A file's last line often has no end; where a quote is not closed, it belongs to the field.
        let is_cut_off = self.read == end.byte() && (self.length > 0 || row.as_slice().ends_with(b"\n"));
        end.line().saturating_sub(within + u64::from(!is_cut_off))
    }
}

/// Makes sure that a row, untrimmed, is one line. A quote that is not closed takes the rows below it into its field, and
/// the library says nothing.
///
/// # Errors
/// What is wrong with the row.
pub fn one_line(row: &csv::ByteRecord) -> Result<(), &'static str> {
    if row.as_slice().contains(&b'\n') {
        return Err(
            "a quoted field goes on past the end of its line: close the quote, or take the line break out",
        );
    }
    Ok(())
}

impl<R: Read> Read for LimitedLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.read += count as u64;
        for piece in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            self.length += piece.len();
            if self.length > LONGEST_LINE {
                let what =
                    format!("line {} is longer than {LONGEST_LINE} bytes: is it the right file?", self.line);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            if piece.ends_with(b"\n") {
                (self.line, self.length) = (self.line + 1, 0);
            }
        }
        Ok(count)
    }
}
