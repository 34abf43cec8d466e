//! A list of registration IDs as CSV, read row by row.

use std::io::Read;

use csv::ByteRecord;

use crate::cli::Failure;
use crate::order::{LimitedLines, one_line};

/// What names the column of a list that has several.
const COLUMN: &str = "registration_id";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Registration IDs, as a file names them. One row is held at a time.
pub(super) struct Ids<R> {
    rows: csv::Reader<LimitedLines<R>>,
    row: ByteRecord,
    /// How many fields each row has; nothing before the first.
    fields: Option<usize>,
    /// Where in a row the ID stands.
    column: usize,
    /// Whether the row at hand is the first ID: the file names no columns.
    at_hand: bool,
}

/// What lists call the column that is meant: no device has such a name.
const HEADINGS: [&str; 6] = ["id", "ids", "deviceid", "device", "registrationid", "iotcdeviceid"];

fn letters(text: &[u8]) -> String {
    text.iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect()
}

impl<R: Read> Ids<R> {
    /// Reads the first line. It names the columns, `registration_id` among them; or it is an ID, and each line is one.
    pub(super) fn new(from: R) -> Result<Self, Failure> {
        let rows = csv::ReaderBuilder::new()
            .has_headers(false)
            // Told apart here: a blank line that ends with CRLF is a field to the library.
            .flexible(true)
            // With CRLF taken as one end of line the library counts lines one short.
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(64 * 1024)
            .from_reader(LimitedLines::new(from));
        let mut ids = Self { rows, row: ByteRecord::new(), fields: None, column: 0, at_hand: false };
        if !ids.read()? {
            return Err(Failure::input("the list of IDs is empty: give registration IDs, one a line"));
        }
        let named: Vec<usize> =
            (0..ids.row.len()).filter(|column| ids.field(*column) == COLUMN.as_bytes()).collect();
        match (named[..].first(), ids.row.len()) {
            (Some(_), _) if named.len() > 1 => Err(Failure::input(format!(
                "line 1 of the list of IDs names the column {COLUMN} twice: remove one"
            ))),
            (Some(column), _) => Ok(Self { column: *column, ..ids }),
            (None, 1) if ids.field(0).contains(&b';') => Err(Failure::input(
                "the list of IDs separates its columns by semicolons: export it as CSV with commas",
            )),
            (None, 1) if HEADINGS.contains(&letters(ids.field(0)).as_str()) => Err(Failure::input(format!(
                "line 1 of the list of IDs looks like a heading: call the column {COLUMN}, or leave the line out"
            ))),
            (None, 1) => Ok(Self { at_hand: true, ..ids }),
            (None, columns) => Err(Failure::input(format!(
                "line 1 of the list of IDs has {columns} columns, none of them named {COLUMN}: name them in the \
                 first line, or give one ID a line"
            ))),
        }
    }

    /// The next ID, unchecked.
    pub(super) fn next(&mut self) -> Result<Option<&str>, Failure> {
        if !std::mem::take(&mut self.at_hand) && !self.read()? {
            return Ok(None);
        }
        std::str::from_utf8(self.field(self.column))
            .map(Some)
            .map_err(|_| self.wrong("it is not UTF-8: export the file as CSV in UTF-8"))
    }

    /// What is wrong with the row at hand, with its place.
    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> Failure {
        Failure::input(format!("line {}, column {COLUMN}, of the list of IDs: {what}", self.line()))
    }

    fn line(&self) -> u64 {
        self.rows.get_ref().row_begins(&self.row, self.rows.position())
    }

    fn field(&self, column: usize) -> &[u8] {
        let field = self.row.get(column).unwrap_or_default().trim_ascii();
        let first = self.row.position().is_some_and(|position| position.byte() == 0);
        if first && column == 0 { field.strip_prefix(BYTE_ORDER_MARK).unwrap_or(field) } else { field }
    }

    /// Reads the next row that is not blank; false at the end.
    fn read(&mut self) -> Result<bool, Failure> {
        loop {
            if !self.rows.read_byte_record(&mut self.row).map_err(unreadable)? {
                return Ok(false);
            }
            if self.row.len() > 1 || !self.field(0).is_empty() {
                self.check_shape()?;
                return Ok(true);
            }
        }
    }

    /// A row is one line, with as many fields as the first has.
    fn check_shape(&mut self) -> Result<(), Failure> {
        let wrong = |what: &str| Failure::input(format!("line {} of the list of IDs: {what}", self.line()));
        one_line(&self.row).map_err(wrong)?;
        let (first, found) = (self.fields.unwrap_or(self.row.len()), self.row.len());
        if found != first {
            let fields = if found == 1 { "1 field" } else { &format!("{found} fields") };
            return Err(wrong(&format!("it has {fields} where the first line has {first}: correct it")));
        }
        self.fields = Some(first);
        Ok(())
    }
}

fn unreadable(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => {
            Failure::input(format!("the list of IDs cannot be read to its end: {error}"))
        }
        other => Failure::input(format!("the list of IDs cannot be read: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Result<Vec<String>, Failure> {
        let mut ids = Ids::new(text)?;
        let mut all = Vec::new();
        while let Some(id) = ids.next()? {
            all.push(id.to_owned());
        }
        Ok(all)
    }

    fn refused(text: &[u8]) -> String {
        format!("{:?}", all(text).unwrap_err())
    }

    #[test]
    fn lists_with_and_without_named_columns_are_read() {
        for text in [
            &b"a\nb\n"[..],
            b"a\r\nb",
            b"\xef\xbb\xbfregistration_id\na\n\nb\r\n\r\n",
            b"name,registration_id\r\n\"x, \"\"y\"\"\", a \r\n\r\n \r\n\nz,\"b\"\r\n",
            b"\"registration_id\",\nb,\n",
        ] {
            let all = all(text).unwrap();
            assert!(all == ["a", "b"] || all == ["b"], "{all:?}");
        }
    }

    #[test]
    fn each_slip_names_its_line() {
        for (text, parts) in [
            (&b""[..], &["is empty"][..]),
            (b"\n\r\n", &["is empty"]),
            (b"a,b\n", &["line 1", "2 columns, none of them named registration_id"]),
            (b"id;registration_id\n", &["semicolons"]),
            (b"registration_id,registration_id\n", &["line 1", "twice"]),
            (b"registration_id,name\na,x\nb\n", &["line 3", "it has 1 field where the first line has 2"]),
            (b"a\r\nb,c\r\n", &["line 2", "it has 2 fields where the first line has 1"]),
            (b"registration_id,x\na,\"b\nc,d\ne,f\n", &["line 2 of the list", "close the quote"]),
            (b"registration_id,x\na,b\nc,\"d\ne,\"f\"\n", &["line 3 of the list", "close the quote"]),
            (b"registration_id\n\"a\nb\n", &["line 2 of the list", "close the quote"]),
            (b"\"a\nb", &["line 1 of the list", "close the quote"]),
            (b"a\n\xff\n", &["line 2, column registration_id", "not UTF-8"]),
            (b"a\n\n\r\n\n\xff", &["line 5, column registration_id"]),
            (b"a\n\n\n\xff\n\n", &["line 4, column registration_id"]),
            (b"registration_id,x\r\n\r\na,b\r\n\r\n\xff,d", &["line 5, column registration_id"]),
        ] {
            let refused = refused(text);
            assert!(parts.iter().all(|part| refused.contains(part)), "{refused}");
        }
        let endless = Read::chain(&b"a\n"[..], std::io::repeat(b'x'));
        let mut ids = Ids::new(endless).unwrap();
        assert_eq!(ids.next().unwrap(), Some("a"));
        assert!(format!("{:?}", ids.next().unwrap_err()).contains("line 2 is longer than 65536 bytes"));
    }
}
