//! The console link: a device with a text console on a serial line, spoken to by a dialogue file.

mod dialogue;
mod section;
mod session;
mod transcript;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::{LinkError, PortFault};
use super::port;
use super::step::{OwnKey, ShownIn, Step, WriteItem};
use super::stop::StopSignal;
use crate::ledger::Announced;
use crate::vault::Secret;

pub use dialogue::{Dialogue, DialogueError};
pub use section::Section;
use session::Session;

/// The port is asked this often whether something came or a person wants to stop.
const TICK: Duration = Duration::from_millis(20);

/// A variable's value in a dialogue.
#[derive(Debug, Clone)]
pub struct Variable {
    /// The text that is sent.
    pub value: Secret,
    /// Whether it must not be shown.
    pub secret: bool,
}

impl Variable {
    /// A value that may be shown.
    pub fn open(text: &str) -> Self {
        Self { value: Secret::new(text.as_bytes().to_vec()), secret: false }
    }

    /// A value that may not.
    pub fn secret(value: Secret) -> Self {
        Self { value, secret: true }
    }
}

/// Variables of a dialogue, by name.
pub type Variables = BTreeMap<String, Variable>;

/// What a unit shows of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// SHA-256 of the content, lower-case hex, as the unit computed it.
    pub digest: String,
}

/// A console on an open port. Logged in only between `identify` (or `restart`) and `leave`.
#[derive(Debug)]
pub struct ConsoleLink<'a> {
    session: Session<'a>,
    /// Whether a session may be open on the unit.
    logged_in: bool,
}

impl<'a> ConsoleLink<'a> {
    /// Opens the port. Nothing is sent yet.
    ///
    /// # Errors
    /// [`PortFault`]: no unit is to blame.
    pub fn open(
        path: &Path,
        baud: u32,
        dialogue: &'a Dialogue,
        variables: &'a Variables,
        stop: StopSignal,
    ) -> Result<Self, PortFault> {
        let port = port::open_port(path, baud, TICK)?;
        Ok(Self { session: Session::new(port, dialogue, variables, stop), logged_in: false })
    }

    /// Logs in and reads the unit's hardware ID, live; none where the device has no way to tell it.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn identify(&mut self) -> Result<Option<String>, LinkError> {
        self.session.begin()?;
        self.log_in()?;
        self.hardware_id()
    }

    fn log_in(&mut self) -> Result<(), LinkError> {
        let result = self.session.say(Section::LogIn, &Variables::new());
        // In doubt there is a session, and `leave` ends it.
        self.logged_in = !matches!(
            result,
            Err(LinkError::Refused { .. }
                | LinkError::Silent { .. }
                | LinkError::Babble { .. }
                | LinkError::Unplugged { .. })
        );
        result.map(|_| ())
    }

    /// Reads the hardware ID of the unit that is logged in; none where the device has no way to tell it.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn hardware_id(&mut self) -> Result<Option<String>, LinkError> {
        if !self.session.dialogue().has(Section::Identify) {
            return Ok(None);
        }
        let captured = self.session.say(Section::Identify, &Variables::new())?;
        capture(&captured, "hardware_id", "identify").map(Some)
    }

    /// Does one announced act. `progress` hears how many bytes of how many are written.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn perform(
        &mut self,
        step: &Announced<Step>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), LinkError> {
        match step.get() {
            Step::Write(item) => self.write(item, progress),
            Step::Restart => {
                self.session.say(Section::Restart, &Variables::new())?;
                self.logged_in = false;
                self.log_in()
            }
        }
    }

    /// Lets the unit show the public part of its own key, in PEM. Nothing of it has been checked.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn own_key(&mut self, step: &Announced<OwnKey>) -> Result<String, LinkError> {
        let OwnKey { shown_in, name: _, place: at, registration_id } = step.get();
        let section = Section::showing_key_in(*shown_in);
        let name = match shown_in {
            ShownIn::Request => "request",
            ShownIn::Certificate => "certificate",
        };
        let mut variables = place(at);
        variables.insert("registration_id".to_owned(), Variable::open(registration_id));
        let captured = self.session.say(section, &variables)?;
        capture(&captured, name, &section.name().replace('_', " "))
    }

    fn write(&mut self, item: &WriteItem, progress: &mut dyn FnMut(usize, usize)) -> Result<(), LinkError> {
        let mut variables = place(&item.place);
        variables.insert("item".to_owned(), Variable::open(&item.name));
        if item.secret {
            self.session.hide(&item.content);
        }
        if self.session.dialogue().writes_whole() {
            let content = Variable { value: item.content.clone(), secret: item.secret };
            variables.insert("content".to_owned(), content);
            let captured = self.session.say(Section::Write, &variables)?;
            check_place(&item.name, &item.place, &captured)?;
            progress(item.content.bytes().len(), item.content.bytes().len());
            return Ok(());
        }
        let text = zeroize::Zeroizing::new(STANDARD.encode(item.content.bytes()));
        let content = Variable { value: text.into(), secret: item.secret };
        self.session.say_in_pieces(Section::Write, &variables, &content, progress).map(|_| ())
    }

    /// Lets the unit compute the digest of an item, and compares what it shows of the item's place.
    ///
    /// # Errors
    /// [`LinkError::Place`] where mode, owner or another place variable differs; any other [`LinkError`].
    pub fn observe(&mut self, item: &str, at: &BTreeMap<String, String>) -> Result<Observed, LinkError> {
        let captured = self.session.say(Section::Observe, &place(at))?;
        check_place(item, at, &captured)?;
        Ok(Observed { digest: capture(&captured, "digest", "observe")?.to_ascii_lowercase() })
    }

    /// Reads an item's content back.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn read_back(&mut self, at: &BTreeMap<String, String>) -> Result<Vec<u8>, LinkError> {
        let captured = self.session.say(Section::ReadBack, &place(at))?;
        decode(&capture(&captured, "content", "read back")?, "read back")
    }

    /// Lets the unit sign a nonce with the private key at this place. Gives the signature, DER.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn challenge(&mut self, nonce: &str, at: &BTreeMap<String, String>) -> Result<Vec<u8>, LinkError> {
        let mut variables = place(at);
        variables.insert("nonce".to_owned(), Variable::open(nonce));
        let captured = self.session.say(Section::Challenge, &variables)?;
        decode(&capture(&captured, "signature", "challenge")?, "challenge")
    }

    /// Logs out, so that no open console leaves the factory, and releases the port when dropped.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn leave(&mut self) -> Result<(), LinkError> {
        if !std::mem::take(&mut self.logged_in) {
            return Ok(());
        }
        self.session.say(Section::LogOut, &Variables::new()).map(|_| ())
    }

    /// What was said so far, secrets masked.
    pub fn transcript(&self) -> &str {
        self.session.transcript()
    }
}

/// What the unit shows of an item's place is what the product says, wherever the dialogue captures it.
fn check_place(
    item: &str,
    at: &BTreeMap<String, String>,
    captured: &BTreeMap<String, String>,
) -> Result<(), LinkError> {
    let differs = at.iter().find_map(|(name, wanted)| {
        let found = captured.get(name).filter(|found| *found != wanted)?;
        Some((name, wanted, found))
    });
    match differs {
        None => Ok(()),
        Some((what, wanted, found)) => Err(LinkError::Place {
            item: item.to_owned(),
            what: what.clone(),
            found: found.clone(),
            wanted: wanted.clone(),
        }),
    }
}

fn place(at: &BTreeMap<String, String>) -> Variables {
    at.iter().map(|(name, value)| (name.clone(), Variable::open(value))).collect()
}

fn capture(captured: &BTreeMap<String, String>, name: &str, during: &str) -> Result<String, LinkError> {
    captured.get(name).cloned().ok_or_else(|| LinkError::Malformed {
        during: during.to_owned(),
        what: format!("the dialogue captured no `{name}`"),
    })
}

fn decode(text: &str, during: &str) -> Result<Vec<u8>, LinkError> {
    let joined: String = text.split_ascii_whitespace().collect();
    STANDARD
        .decode(&joined)
        .map_err(|error| LinkError::Malformed { during: during.to_owned(), what: error.to_string() })
}
