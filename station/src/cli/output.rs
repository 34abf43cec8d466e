//! Standard output: data for people as text, for programs as JSON. Talk goes to standard error.

use std::io::{self, Write};

use serde::Serialize;

/// Where a verb's data goes, and in which of the two shapes.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON when `--json` was given, text otherwise.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the person asked for JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Prints one value: as one line of JSON, or as the text that `human` writes.
    pub fn data<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, value)?;
            writeln!(out)?;
        } else {
            human(&mut out)?;
        }
        out.flush()
    }

    /// Prints a text that is the same for people and programs.
    pub fn text(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Says something to the person, on standard error.
    pub fn talk(&self, text: impl std::fmt::Display) {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }
}
