//! What a verb that could not do its work tells the person, and the exit code that tells the script.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Exit codes; they sort by who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done; all units accepted.
    Done = 0,
    /// The work ran, and some unit (or check) failed.
    UnitFailed = 1,
    /// The command line is wrong. (clap uses the same code.)
    Usage = 2,
    /// Configuration or input is wrong: the engineer acts.
    Input = 3,
    /// Ledger, disk, vault or port: the station is at fault, the line stops.
    Station = 4,
    /// A defect of this program.
    Bug = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// A verb's failure: one text with its causes, and the exit code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// The command line asks for something that cannot be meant.
    pub fn usage(error: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, text: error.to_string() }
    }

    /// Configuration or input is wrong.
    pub fn input(error: impl Error) -> Self {
        Self { exit: Exit::Input, text: with_causes(&error) }
    }

    /// The station itself is at fault.
    pub fn station(error: impl Error) -> Self {
        Self { exit: Exit::Station, text: with_causes(&error) }
    }

    /// The exit code that this failure ends with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Puts what was being done in front of the text.
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.text = format!("{what}: {}", self.text);
        self
    }

    /// Prints the text to standard error and gives the exit code.
    pub fn report(self) -> ExitCode {
        // A closed standard error leaves nobody to tell; the exit code still does.
        let _ = writeln!(std::io::stderr(), "station: {}", self.text);
        self.exit.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An error and its causes in one line, each said once.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}
