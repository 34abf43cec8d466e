//! What stands before a console's shell: it asks for a name and a password. No input or output of its own.

use std::fmt;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// Longer lines are cut, as a terminal does.
const LONGEST_LINE: usize = 255;
/// A wrong password is answered only after this.
const REFUSAL: Duration = Duration::from_secs(1);

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// The password of the units' console. Cannot be printed.
#[derive(Clone)]
pub struct ConsolePassword(Zeroizing<String>);

impl ConsolePassword {
    /// Takes the password; line ends behind it do not belong to it.
    pub fn new(text: Zeroizing<String>) -> Self {
        let password = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
        Self(password)
    }

    /// The one that everybody may know.
    pub fn rehearsal() -> Self {
        Self(Zeroizing::new("rehearsal".to_owned()))
    }

    /// One that is certainly another.
    pub(in crate::simulator) fn altered(&self) -> Self {
        Self(Zeroizing::new(format!("{}-altered", *self.0)))
    }
}

impl fmt::Debug for ConsolePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsolePassword(…)")
    }
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Name and password are right.
    Admitted,
    /// They are not. The console says so after a while and asks again.
    Refused,
}

/// Asks for name and password, and asks again.
#[derive(Debug)]
pub(super) struct Login {
    prompt: String,
    password: ConsolePassword,
    state: State,
    line: Zeroizing<Vec<u8>>,
    after_return: bool,
    output: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Name,
    Password { name_is_known: bool },
    Refusing { until: Instant },
}

impl Login {
    /// Begins with the prompt. `root` is the only user who may log in.
    pub(super) fn new(host_name: &str, password: ConsolePassword) -> Self {
        let mut login = Self {
            prompt: format!("\r\n{host_name} login: "),
            password,
            state: State::Name,
            line: Zeroizing::new(Vec::with_capacity(LONGEST_LINE)),
            after_return: false,
            output: Vec::new(),
        };
        login.ask_again();
        login
    }

    /// What it has to say.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// When it will have something to say by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Refusing { until } => Some(until),
            _ => None,
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.deadline().is_some_and(|until| now >= until) {
            self.output.extend(b"\r\nLogin incorrect");
            self.ask_again();
        }
    }

    /// Takes a byte that was typed.
    pub(super) fn typed(&mut self, byte: u8, now: Instant) -> Option<Admission> {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            CTRL_C | CTRL_D => self.ask_again(),
            _ if matches!(self.state, State::Refusing { .. }) => {}
            b'\n' if after_return => {}
            b'\r' | b'\n' => return self.entered(now),
            BACKSPACE | DELETE => self.erase_one(),
            CTRL_U => {
                while !self.line.is_empty() {
                    self.erase_one();
                }
            }
            0x20.. if self.line.len() < LONGEST_LINE => {
                self.line.push(byte);
                self.echo(&[byte]);
            }
            _ => {}
        }
        None
    }

    fn entered(&mut self, now: Instant) -> Option<Admission> {
        let line = std::mem::replace(&mut self.line, Zeroizing::new(Vec::with_capacity(LONGEST_LINE)));
        match self.state {
            State::Name if line.is_empty() => {
                self.ask_again();
                None
            }
            State::Name => {
                self.output.extend(b"\r\nPassword: ");
                self.state = State::Password { name_is_known: *line == b"root" };
                None
            }
            State::Password { name_is_known } if name_is_known && *line == self.password.0.as_bytes() => {
                self.output.extend(b"\r\n");
                Some(Admission::Admitted)
            }
            State::Password { .. } => {
                self.output.extend(b"\r\n");
                self.state = State::Refusing { until: now + REFUSAL };
                Some(Admission::Refused)
            }
            State::Refusing { .. } => None,
        }
    }

    fn erase_one(&mut self) {
        if self.line.pop().is_some() {
            self.echo(b"\x08 \x08");
        }
    }

    /// A name is echoed, a password is not.
    fn echo(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Name) {
            self.output.extend(bytes);
        }
    }

    fn ask_again(&mut self) {
        self.state = State::Name;
        self.line.clear();
        self.output.extend(self.prompt.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login::new("unit", ConsolePassword::new(Zeroizing::new("a secret\n".to_owned())))
    }

    fn type_in(login: &mut Login, text: &str, now: Instant) -> (Option<Admission>, String) {
        let admission = text.bytes().filter_map(|byte| login.typed(byte, now)).last();
        (admission, String::from_utf8(login.take_output()).unwrap())
    }

    #[test]
    fn the_right_password_is_not_echoed_and_admits() {
        let (mut login, now) = (login(), Instant::now());
        let said = "\r\nunit login: root\r\nPassword: ".to_owned();
        assert_eq!(type_in(&mut login, "root\r\n", now), (None, said));
        assert_eq!(type_in(&mut login, "a secret\n", now), (Some(Admission::Admitted), "\r\n".to_owned()));
    }

    #[test]
    fn a_wrong_one_is_refused_after_a_pause() {
        let (mut login, now) = (login(), Instant::now());
        let (admission, _) = type_in(&mut login, "root\nwrong\n", now);
        assert_eq!(admission, Some(Admission::Refused));
        login.tick(now + REFUSAL / 2);
        assert_eq!(type_in(&mut login, "root\n", now).1, "");
        login.tick(now + REFUSAL);
        assert_eq!(type_in(&mut login, "", now).1, "\r\nLogin incorrect\r\nunit login: ");
    }

    #[test]
    fn another_name_is_refused_whatever_the_password() {
        let (mut login, now) = (login(), Instant::now());
        assert_eq!(type_in(&mut login, "admin\na secret\n", now).0, Some(Admission::Refused));
    }

    #[test]
    fn ctrl_c_gives_a_fresh_prompt_and_keys_erase() {
        let (mut login, now) = (login(), Instant::now());
        login.take_output();
        assert_eq!(type_in(&mut login, "ro\x03", now).1, "ro\r\nunit login: ");
        assert_eq!(
            type_in(&mut login, "rx\x7foot\n\x03", now).1,
            "rx\x08 \x08oot\r\nPassword: \r\nunit login: "
        );
        assert_eq!(type_in(&mut login, "\n", now).1, "\r\nunit login: ");
        assert_eq!(type_in(&mut login, "junk\x15root\na secret\n", now).0, Some(Admission::Admitted));
    }

    #[test]
    fn the_password_cannot_be_printed() {
        assert!(!format!("{:?}", login()).contains("secret"));
    }
}
