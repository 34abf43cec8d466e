//! Speaks a dialogue over an open port: small writes, patient reads, time limits.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use serialport::{ClearBuffer, SerialPort};

use super::dialogue::{Dialogue, Line, Meaning, Part};
use super::section::Section;
use super::transcript::Transcript;
use super::{TICK, Variable, Variables};
use crate::ledger::entry::Disposition;
use crate::link::error::LinkError;
use crate::link::stop::{Stop, StopSignal};
use crate::placeholders;
use crate::vault::Secret;

/// Bytes handed to the port at once: a driver that says it has room has room for these, so a write cannot block
/// for ever on a device that no longer reads.
const SMALL_WRITE: usize = 64;
/// More than this without an answer in it is no answer.
const BABBLE: usize = 64 * 1024;
/// How much of an unexpected answer an error shows.
const SHOWN: usize = 120;
/// Base64 goes out in lines of this many characters (RFC 2045 §6.8), far below any console's line limit.
const LINE: usize = 76;

/// A dialogue under way.
pub(super) struct Session<'a> {
    port: Box<dyn SerialPort>,
    dialogue: &'a Dialogue,
    variables: &'a Variables,
    stop: StopSignal,
    received: Vec<u8>,
    transcript: Transcript,
    /// Whether a secret was sent whose echo may still come.
    secret_unanswered: bool,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("dialogue", &self.dialogue.file).finish_non_exhaustive()
    }
}

/// What one section's steps captured, by name.
type Captured = BTreeMap<String, String>;

impl<'a> Session<'a> {
    pub(super) fn new(
        port: Box<dyn SerialPort>,
        dialogue: &'a Dialogue,
        variables: &'a Variables,
        stop: StopSignal,
    ) -> Self {
        let mut transcript = Transcript::default();
        for variable in variables.values().filter(|variable| variable.secret) {
            transcript.hide(&variable.value);
        }
        Self { port, dialogue, variables, stop, received: Vec::new(), transcript, secret_unanswered: false }
    }

    pub(super) fn dialogue(&self) -> &'a Dialogue {
        self.dialogue
    }

    /// From now on the transcript masks this, should the device show it.
    pub(super) fn hide(&mut self, secret: &Secret) {
        self.transcript.hide(secret);
    }

    pub(super) fn transcript(&self) -> &str {
        self.transcript.text()
    }

    /// Forgets what the device said before anyone asked.
    pub(super) fn begin(&mut self) -> Result<(), LinkError> {
        self.received.clear();
        self.port
            .clear(ClearBuffer::Input)
            .map_err(|error| LinkError::Unplugged { during: "opening".to_owned(), source: error.into() })
    }

    /// Says a section. `variables` go before the product's own.
    pub(super) fn say(&mut self, section: Section, variables: &Variables) -> Result<Captured, LinkError> {
        self.transcript.section(section.name());
        let mut captured = Captured::new();
        for line in self.dialogue.lines(section) {
            self.say_line(section, line, variables, &mut captured)?;
        }
        Ok(captured)
    }

    /// Says a section whose one `each_piece` step is said for each piece of `content` (base64).
    pub(super) fn say_in_pieces(
        &mut self,
        section: Section,
        variables: &Variables,
        content: &Variable,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Captured, LinkError> {
        self.transcript.section(section.name());
        let mut captured = Captured::new();
        for line in self.dialogue.lines(section) {
            let Some(most) = line.each_piece else {
                self.say_line(section, line, variables, &mut captured)?;
                continue;
            };
            let total = content.value.bytes().len();
            let mut variables = variables.clone();
            for (number, piece) in content.value.bytes().chunks(lines_in(most) * LINE).enumerate() {
                let value = in_lines(piece);
                variables.insert("piece".to_owned(), Variable { value, secret: content.secret });
                self.say_line(section, line, &variables, &mut captured)?;
                progress((number * lines_in(most) * LINE + piece.len()).min(total), total);
            }
        }
        Ok(captured)
    }

    fn say_line(
        &mut self,
        section: Section,
        line: &Line,
        variables: &Variables,
        captured: &mut Captured,
    ) -> Result<(), LinkError> {
        match self.try_line(section, line, variables, captured) {
            Err(LinkError::Silent { .. } | LinkError::Unexpected { .. }) if line.otherwise_recover => {
                self.say(Section::Recover, variables)?;
                self.try_line(section, line, variables, captured)
            }
            other => other,
        }
    }

    fn try_line(
        &mut self,
        section: Section,
        line: &Line,
        variables: &Variables,
        captured: &mut Captured,
    ) -> Result<(), LinkError> {
        let during = section.name().replace('_', " ");
        let deadline = Instant::now() + line.within;
        let mut bytes = zeroize::Zeroizing::new(Vec::new());
        if let Some(parts) = &line.send {
            self.secret_unanswered |= self.compose(parts, variables, &mut bytes);
            if line.enter {
                bytes.extend_from_slice(self.dialogue.line_end.as_bytes());
            }
        }
        let answer = self.exchange(&bytes, line, &during, deadline, captured);
        let said = std::mem::take(&mut self.received);
        if self.secret_unanswered {
            self.transcript.received_after_secret(said.len());
        } else {
            self.transcript.received(&said);
        }
        let answer = answer.map_err(|error| self.shown(error));
        // Until something is expected and has come, a late echo may still bring the secret.
        self.secret_unanswered &= answer.is_err() || line.expect.is_none();
        answer?;
        self.check_status(captured, &during)
    }

    /// Sends, drops the echo, waits for the answer.
    fn exchange(
        &mut self,
        bytes: &[u8],
        line: &Line,
        during: &str,
        deadline: Instant,
        captured: &mut Captured,
    ) -> Result<(), LinkError> {
        self.write_small(bytes, during, deadline, line.within)?;
        if line.echoed {
            self.consume_echo(bytes, during, deadline, line.within)?;
        }
        match &line.expect {
            None => Ok(()),
            Some(_) => self.await_answer(line, during, deadline, captured),
        }
    }

    /// Puts together what is sent, and notes it in the transcript without its secrets. True where it has one.
    fn compose(&mut self, parts: &[Part], variables: &Variables, bytes: &mut Vec<u8>) -> bool {
        let mut shown = String::new();
        let mut secret = false;
        // Room for all of it at once: growing would leave unwiped copies of a secret behind.
        let length = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Variable(name) => {
                lookup(self.variables, variables, name).map_or(0, |v| v.value.bytes().len())
            }
        };
        bytes.reserve_exact(parts.iter().map(length).sum::<usize>() + self.dialogue.line_end.len());
        for part in parts {
            match part {
                Part::Text(text) => {
                    bytes.extend_from_slice(text.as_bytes());
                    shown.push_str(text);
                }
                Part::Variable(name) => {
                    let Some(variable) = lookup(self.variables, variables, name) else {
                        continue; // the product was checked: every variable has a value
                    };
                    bytes.extend_from_slice(variable.value.bytes());
                    if variable.secret {
                        secret = true;
                        self.transcript.hide(&variable.value);
                        shown.push_str(&format!("«{name}»"));
                    } else {
                        shown.push_str(&String::from_utf8_lossy(variable.value.bytes()));
                    }
                }
            }
        }
        self.transcript.sent(&shown);
        secret
    }

    fn write_small(
        &mut self,
        bytes: &[u8],
        during: &str,
        deadline: Instant,
        within: Duration,
    ) -> Result<(), LinkError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.check_stop(during)?;
            match self.port.write(&rest[..rest.len().min(SMALL_WRITE)]) {
                Ok(written) => rest = &rest[written..],
                Err(error) if waits(&error) => {
                    if Instant::now() > deadline {
                        return Err(LinkError::Silent { during: during.to_owned(), within });
                    }
                }
                Err(source) => return Err(LinkError::Unplugged { during: during.to_owned(), source }),
            }
        }
        Ok(())
    }

    /// Takes what has come. Waits one tick where nothing has.
    fn read_more(&mut self, during: &str) -> Result<(), LinkError> {
        self.check_stop(during)?;
        let mut bytes = [0; 4096];
        match self.port.read(&mut bytes) {
            Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Ok(count) => {
                self.received.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(error) if waits(&error) => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(|source| LinkError::Unplugged { during: during.to_owned(), source })
    }

    /// Waits until the device has echoed what was sent, and drops the echo.
    fn consume_echo(
        &mut self,
        sent: &[u8],
        during: &str,
        deadline: Instant,
        within: Duration,
    ) -> Result<(), LinkError> {
        let echo: Vec<u8> = sent.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        loop {
            let at = self.received.windows(echo.len().max(1)).position(|window| window == echo);
            if let (Some(at), false) = (at, echo.is_empty()) {
                self.received.drain(..at + echo.len());
                return Ok(());
            }
            self.give_up_in_time(during, deadline, within)?;
            self.read_more(during)?;
        }
    }

    fn await_answer(
        &mut self,
        line: &Line,
        during: &str,
        deadline: Instant,
        captured: &mut Captured,
    ) -> Result<(), LinkError> {
        let Some(expect) = &line.expect else { return Ok(()) };
        loop {
            for refusal in &line.refusals {
                if let Some(found) = refusal.on.captures(&self.received) {
                    let means = fill(&refusal.meaning.means, |name| {
                        found.name(name).map(|value| self.transcript.masked(value.as_bytes()))
                    });
                    let disposition = refusal.meaning.disposition;
                    return Err(LinkError::Refused { during: during.to_owned(), means, disposition });
                }
            }
            if let Some(found) = expect.captures(&self.received) {
                for name in expect.capture_names().flatten() {
                    if let Some(value) = found.name(name) {
                        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                        captured.insert(name.to_owned(), text);
                    }
                }
                return Ok(());
            }
            if self.received.len() > BABBLE {
                return Err(LinkError::Babble { during: during.to_owned(), bytes: self.received.len() });
            }
            self.give_up_in_time(during, deadline, line.within)?;
            self.read_more(during)?;
        }
    }

    fn give_up_in_time(&self, during: &str, deadline: Instant, within: Duration) -> Result<(), LinkError> {
        if Instant::now() <= deadline {
            return Ok(());
        }
        let during = during.to_owned();
        if self.received.is_empty() {
            return Err(LinkError::Silent { during, within });
        }
        // Line ends alone are no noise: an open session answers Ctrl-C with one where its prompt is empty.
        if mostly_noise(&self.received) {
            return Err(LinkError::Babble { during, bytes: self.received.len() });
        }
        let tail = &self.received[self.received.len().saturating_sub(SHOWN)..];
        Err(LinkError::Unexpected { during, within, said: format!("`{}`", self.transcript.masked(tail)) })
    }

    /// An answer to a step that sent a secret is not shown in an error: an echo may come broken up.
    fn shown(&self, error: LinkError) -> LinkError {
        match error {
            LinkError::Unexpected { during, within, said } if self.secret_unanswered => {
                let said = format!("{} characters, not shown: the step sent a secret", said.chars().count());
                LinkError::Unexpected { during, within, said }
            }
            other => other,
        }
    }

    /// A step that captures `status` fails where it is not 0.
    fn check_status(&self, captured: &mut Captured, during: &str) -> Result<(), LinkError> {
        let Some(status) = captured.remove("status").filter(|status| status != "0") else { return Ok(()) };
        let unknown = Meaning {
            means: "the unit's command failed with exit status ${status}".to_owned(),
            disposition: Disposition::Rework,
        };
        let meaning = self.dialogue.statuses.get(&status).unwrap_or(&unknown);
        let means = fill(&meaning.means, |name| (name == "status").then(|| status.clone()));
        Err(LinkError::Refused { during: during.to_owned(), means, disposition: meaning.disposition })
    }

    fn check_stop(&self, during: &str) -> Result<(), LinkError> {
        if self.stop.get() == Stop::Now { Err(LinkError::Stopped(during.to_owned())) } else { Ok(()) }
    }
}

fn lookup<'v>(own: &'v Variables, first: &'v Variables, name: &str) -> Option<&'v Variable> {
    first.get(name).or_else(|| own.get(name))
}

/// Nothing came within the tick, or a signal was handled: neither says anything about the device.
fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// More than a quarter of bytes that no text console prints.
fn mostly_noise(bytes: &[u8]) -> bool {
    let noise = bytes
        .iter()
        .filter(|byte| !byte.is_ascii_graphic() && !matches!(byte, b' ' | b'\r' | b'\n' | b'\t' | 0x1b));
    noise.count() * 4 > bytes.len()
}

/// Whole base64 lines that fit into a piece of this many bytes, line ends counted.
fn lines_in(piece: usize) -> usize {
    (piece / (LINE + 1)).max(1)
}

fn in_lines(base64: &[u8]) -> Secret {
    let mut text = Vec::with_capacity(base64.len() + base64.len() / LINE + 1);
    for line in base64.chunks(LINE) {
        if !text.is_empty() {
            text.push(b'\n');
        }
        text.extend_from_slice(line);
    }
    Secret::new(text)
}

/// Fills `${name}` in a meaning; names without a value stay as they are.
fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let Ok(parts) = placeholders::parts(text) else { return text.to_owned() };
    let filled = parts.into_iter().map(|part| match part {
        placeholders::Part::Text(text) => text.to_owned(),
        placeholders::Part::Name(name) => value(name).unwrap_or_else(|| format!("${{{name}}}")),
    });
    filled.collect()
}

// The tick is what a read waits at most; it must stay well below any sensible time limit.
const _: () = assert!(TICK.as_millis() <= 100);
