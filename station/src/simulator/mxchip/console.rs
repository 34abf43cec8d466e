//! The console itself: it boots, prints its help, and answers line by line. `cli_main`, console_cli.cpp:539-561.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::arguments::{SyntaxError, split};
use super::commands::{self, Outcome};
use super::eeprom::Eeprom;
use super::line_editor::{LineEditor, Typed};
use crate::simulator::console::{Console, Happening};
use crate::simulator::event::Reason;

/// console_cli.cpp:30
const PROMPT: &[u8] = b"\r\n# ";
/// _main_sys.cpp:26-28
const BANNER: &[u8] = b"\r\n************************************************\
    \r\n** MXChip - Microsoft IoT Developer Kit **\
    \r\n************************************************\r\n";
/// What has been printed and has not gone out; more is lost. A line can always carry on, a pseudo-terminal that
/// nobody reads cannot.
const MOST_PRINTED: usize = 4096;

/// The console of a board that has power.
#[derive(Debug)]
pub(in crate::simulator) struct MxchipConsole {
    eeprom: Eeprom,
    boot: Duration,
    stage: Stage,
    printed: VecDeque<u8>,
    happenings: Vec<Happening>,
    /// Of the last command; an empty line is none.
    last: Option<Outcome>,
    /// Whether there is a line that was begun and not ended.
    half_typed: bool,
}

#[derive(Debug)]
enum Stage {
    Booting { until: Instant },
    Prompt(LineEditor),
}

impl MxchipConsole {
    /// Gives the board power: it boots for so long.
    pub(in crate::simulator) fn power_on(eeprom: Eeprom, boot: Duration, now: Instant) -> Self {
        Self {
            eeprom,
            boot,
            stage: Stage::Booting { until: now + boot },
            printed: VecDeque::new(),
            happenings: Vec::new(),
            last: None,
            half_typed: false,
        }
    }

    /// All that is printed at boot comes at its end: how the time is divided is not in the source.
    fn greet(&mut self) {
        let mut greeting = BANNER.to_vec();
        // console_cli.cpp:544-545
        commands::print_help(&mut greeting);
        greeting.extend(PROMPT);
        self.print(&greeting);
        self.stage = Stage::Prompt(LineEditor::new());
    }

    fn print(&mut self, bytes: &[u8]) {
        let room = MOST_PRINTED.saturating_sub(self.printed.len());
        self.printed.extend(&bytes[..bytes.len().min(room)]);
    }

    /// console_cli.cpp:547-560
    fn entered(&mut self, line: Zeroizing<Vec<u8>>, now: Instant) -> io::Result<()> {
        let mut answer = Vec::new();
        let outcome = match split(line) {
            Err(SyntaxError) => {
                answer.extend(b"Error:Syntax error\r\n");
                Some(Outcome::Refused)
            }
            Ok(words) if words.is_empty() => None,
            Ok(words) => {
                // console_cli.cpp:524
                answer.extend(b"\r\n");
                Some(commands::run(&words, &self.eeprom, &mut answer)?)
            }
        };
        if outcome == Some(Outcome::Reboot) {
            self.stage = Stage::Booting { until: now + self.boot };
        } else {
            answer.extend(PROMPT);
        }
        self.print(&answer);
        if let Some(outcome) = outcome {
            self.became(outcome);
        }
        Ok(())
    }

    fn became(&mut self, outcome: Outcome) {
        self.last = Some(outcome);
        match outcome {
            Outcome::Done => {}
            Outcome::Refused => self.happenings.push(Happening::CommandRefused),
            Outcome::Reboot => self.happenings.push(Happening::Rebooted),
        }
    }
}

impl Console for MxchipConsole {
    fn take_printed(&mut self, most: usize) -> Vec<u8> {
        self.printed.drain(..most.min(self.printed.len())).collect()
    }

    fn discard_printed(&mut self) {
        self.printed.clear();
    }

    fn take_happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    fn is_done_with(&self) -> Option<Reason> {
        match self.last {
            Some(Outcome::Reboot) => Some(Reason::Rebooted),
            Some(Outcome::Refused) => Some(Reason::CommandRefused),
            Some(Outcome::Done) => None,
            None => (!self.half_typed).then_some(Reason::LeftAlone),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Booting { until } => Some(until),
            Stage::Prompt(_) => None,
        }
    }

    fn terminal(&self) -> Option<(BorrowedFd<'_>, bool, bool)> {
        None
    }

    /// A board that boots does not listen: its serial port is set up at the end (_main_sys.cpp:26).
    fn type_in(&mut self, bytes: &[u8], now: Instant) -> io::Result<()> {
        for byte in bytes {
            let Stage::Prompt(editor) = &mut self.stage else {
                return Ok(());
            };
            let mut echo = Vec::new();
            let typed = editor.typed(*byte, &mut echo);
            self.print(&echo);
            self.half_typed = matches!(typed, Typed::Nothing);
            match typed {
                Typed::Nothing => {}
                Typed::Line(line) => self.entered(line, now)?,
                Typed::Overflow => {
                    // console_cli.cpp:420-421
                    self.print(b"\r\nError: input buffer overflow\r\n");
                    self.print(PROMPT);
                    self.became(Outcome::Refused);
                }
            }
        }
        Ok(())
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        match self.stage {
            Stage::Booting { until } if now >= until => self.greet(),
            _ => {}
        }
        Ok(())
    }
}
