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

use super::device_link::{DeviceLink, Leaving, Shown};
use super::error::{LinkError, PortFault};
use super::place::{Observed, Place};
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

    fn write(&mut self, item: &WriteItem, progress: &mut dyn FnMut(usize, usize)) -> Result<(), LinkError> {
        let mut variables = open_variables(&item.place);
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
}

impl DeviceLink for ConsoleLink<'_> {
    /// Logs in and reads the unit's hardware ID, live.
    fn identify(&mut self) -> Result<Shown, LinkError> {
        self.session.begin()?;
        self.log_in()?;
        let learnt_from = format!("console, {}", self.session.dialogue().file);
        Ok(Shown { hardware_id: self.hardware_id()?, learnt_from, ..Shown::default() })
    }

    fn hardware_id(&mut self) -> Result<Option<String>, LinkError> {
        if !self.session.dialogue().has(Section::Identify) {
            return Ok(None);
        }
        let captured = self.session.say(Section::Identify, &Variables::new())?;
        capture(&captured, "hardware_id", "identify").map(Some)
    }

    fn own_key(&mut self, step: &Announced<OwnKey>) -> Result<String, LinkError> {
        let OwnKey { shown_in, name: _, place, registration_id } = step.get();
        let section = Section::showing_key_in(*shown_in);
        let name = match shown_in {
            ShownIn::Request => "request",
            ShownIn::Certificate => "certificate",
        };
        let mut variables = open_variables(variables_of(place)?);
        variables.insert("registration_id".to_owned(), Variable::open(registration_id));
        let captured = self.session.say(section, &variables)?;
        capture(&captured, name, &section.name().replace('_', " "))
    }

    fn perform(
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
            Step::Flash(_) => Err(LinkError::Impossible("write flash")),
            Step::KeepKeys => Err(LinkError::Impossible("reach a TPM")),
        }
    }

    fn observe(&mut self, item: &str, at: &Place) -> Result<Option<Observed>, LinkError> {
        if !self.session.dialogue().has(Section::Observe) {
            return Ok(None);
        }
        let at = variables_of(at)?;
        let captured = self.session.say(Section::Observe, &open_variables(at))?;
        check_place(item, at, &captured)?;
        Ok(Some(Observed::Sha256(capture(&captured, "digest", "observe")?.to_ascii_lowercase())))
    }

    fn read_back(&mut self, at: &Place) -> Result<Secret, LinkError> {
        let captured = self.session.say(Section::ReadBack, &open_variables(variables_of(at)?))?;
        decode(&capture(&captured, "content", "read back")?, "read back").map(Secret::new)
    }

    fn challenge(&mut self, nonce: &str, at: &Place) -> Result<Vec<u8>, LinkError> {
        let mut variables = open_variables(variables_of(at)?);
        variables.insert("nonce".to_owned(), Variable::open(nonce));
        let captured = self.session.say(Section::Challenge, &variables)?;
        decode(&capture(&captured, "signature", "challenge")?, "challenge")
    }

    /// Logs out, so that no open console leaves the factory.
    fn leave(&mut self, _how: Leaving) -> Result<(), LinkError> {
        if !std::mem::take(&mut self.logged_in) {
            return Ok(());
        }
        self.session.say(Section::LogOut, &Variables::new()).map(|_| ())
    }

    fn transcript(&self) -> &str {
        self.session.transcript()
    }
}

fn variables_of(at: &Place) -> Result<&BTreeMap<String, String>, LinkError> {
    match at {
        Place::Console(variables) => Ok(variables),
        Place::Flash(_) => Err(LinkError::Impossible("address flash")),
        Place::Tpm => Err(LinkError::Impossible("reach a TPM")),
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

fn open_variables(at: &BTreeMap<String, String>) -> Variables {
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
