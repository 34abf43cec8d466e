//! The port with a loader behind it: one command, one answer, always within a time limit.
//!
//! `espflash` could do this too. It waits for each byte anew and so for ever on a unit that babbles, panics where an
//! answer's length is garbled, logs what it sends, and cannot be stopped in the midst of it.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use espflash::command::{Command, CommandType};
use espflash::connection::Port;
use serialport::{ClearBuffer, SerialPort};

use super::frame::{Answer, Bytes, FrameReader, Nothing, Program, framed};
use super::transcript::{Transcript, name};
use super::trouble::Trouble;
use crate::link::{Stop, StopSignal};

/// What a read waits at most, so that a wish to stop is soon seen.
pub(super) const TICK: Duration = Duration::from_millis(50);
/// Bytes handed to the port at once: a driver that says it has room has room for these, so that a write cannot block
/// for ever on a unit that no longer reads.
const SMALL_WRITE: usize = 256;
/// Bytes that are taken from the port at once.
const AT_ONCE: usize = 4096;
/// More than this without the end of a frame is no frame.
const BABBLE: usize = 64 * 1024;
/// A SYNC is answered within this.
const SYNC: Duration = Duration::from_millis(100);
/// Answers to a SYNC after the first one.
const FURTHER_SYNC_ANSWERS: usize = 7;

/// The port.
#[derive(Debug)]
pub(super) struct Wire {
    port: Port,
    baud: u32,
    frames: FrameReader,
    stop: StopSignal,
    /// What came and was not looked at yet.
    received: Bytes,
    pub(super) transcript: Transcript,
}

impl Wire {
    pub(super) fn new(port: Port, baud: u32, stop: StopSignal) -> Self {
        let (frames, received, transcript) = Default::default();
        Self { port, baud, frames, stop, received, transcript }
    }

    /// The same port for the library.
    pub(super) fn port_for_library(&self) -> Result<Port, Trouble> {
        self.port.try_clone_native().map_err(|error| Trouble::Gone(error.into()))
    }

    pub(super) fn baud(&self) -> u32 {
        self.baud
    }

    /// From now on at this speed. What came before is forgotten.
    pub(super) fn set_baud(&mut self, baud: u32) -> Result<(), Trouble> {
        if baud != self.baud {
            self.port.set_baud_rate(baud).map_err(|error| Trouble::Gone(error.into()))?;
            self.baud = baud;
        }
        self.forget()
    }

    /// Forgets what came.
    pub(super) fn forget(&mut self) -> Result<(), Trouble> {
        self.frames = FrameReader::default();
        self.received.clear();
        self.port.clear(ClearBuffer::Input).map_err(|error| Trouble::Gone(error.into()))
    }

    /// Sends a command, and waits for its answer with so many bytes of data.
    pub(super) fn ask(
        &mut self,
        command: Command<'_>,
        data: usize,
        within: Duration,
    ) -> Result<Bytes, Trouble> {
        self.exchange(command, data, within).map(|(_, data)| data)
    }

    /// The same for a command that gives nothing.
    pub(super) fn order(&mut self, command: Command<'_>, within: Duration) -> Result<(), Trouble> {
        self.exchange(command, 0, within).map(drop)
    }

    /// What a register holds.
    pub(super) fn register(&mut self, address: u32, within: Duration) -> Result<u32, Trouble> {
        self.exchange(Command::ReadReg { address }, 0, within).map(|(value, _)| value)
    }

    fn exchange(
        &mut self,
        command: Command<'_>,
        data: usize,
        within: Duration,
    ) -> Result<(u32, Bytes), Trouble> {
        self.transcript.sent(&command);
        let deadline = self.send(command, within)?;
        loop {
            let frame = self.frame(deadline, within)?;
            let Some(answer) = Answer::parse(&frame) else { return Err(Trouble::Garbled) };
            if answer.command != command.command_type() as u8 {
                continue; // late, of an earlier command
            }
            let value = answer.value;
            return answer.data(data).map(|data| (value, data)).map_err(|nothing| match nothing {
                Nothing::Garbled => Trouble::Garbled,
                Nothing::Refused(status) => Trouble::Refused { command: name(&command), status },
            });
        }
    }

    /// Asks for a sign of life, so many times. What was said before is behind us once it comes.
    pub(super) fn sync(&mut self, times: u32) -> Result<Option<Program>, Trouble> {
        for _ in 0..times {
            let deadline = self.send(Command::Sync, SYNC)?;
            loop {
                let program = match self.frame(deadline, SYNC) {
                    Ok(frame) => Answer::parse(&frame)
                        .filter(|answer| answer.command == CommandType::Sync as u8)
                        .and_then(Answer::program_of_sync),
                    Err(Trouble::Silent(_)) => break,
                    Err(Trouble::Babble(_)) => None,
                    Err(trouble) => return Err(trouble),
                };
                if let Some(program) = program {
                    self.skip_sync_answers()?;
                    return Ok(Some(program));
                }
            }
        }
        Ok(None)
    }

    fn skip_sync_answers(&mut self) -> Result<(), Trouble> {
        let deadline = Instant::now() + SYNC;
        for _ in 0..FURTHER_SYNC_ANSWERS {
            match self.frame(deadline, SYNC) {
                Ok(_) => {}
                Err(Trouble::Silent(_)) => break,
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Sends a command. Gives the time by which its answer must have come.
    pub(super) fn send(&mut self, command: Command<'_>, within: Duration) -> Result<Instant, Trouble> {
        let mut bytes = Bytes::default();
        if let Command::FlashData { data, .. } | Command::FlashDeflData { data, .. } = command {
            bytes.reserve_exact(data.len() + 64);
        }
        command.write(&mut *bytes).map_err(Trouble::Gone)?;
        self.send_frame(&bytes, within)
    }

    /// Sends a frame. Gives the time by which an answer must have come.
    pub(super) fn send_frame(&mut self, content: &[u8], within: Duration) -> Result<Instant, Trouble> {
        let bytes = framed(content);
        let deadline = Instant::now() + within + on_the_line(bytes.len(), self.baud);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            self.check_stop()?;
            match self.port.write(&rest[..rest.len().min(SMALL_WRITE)]) {
                Ok(written) => rest = &rest[written..],
                Err(error) if waits(&error) && Instant::now() <= deadline => {}
                Err(error) if waits(&error) => return Err(Trouble::Silent(within)),
                Err(error) => return Err(Trouble::Gone(error)),
            }
        }
        Ok(deadline)
    }

    /// The next frame.
    pub(super) fn frame(&mut self, deadline: Instant, within: Duration) -> Result<Bytes, Trouble> {
        let mut babbled = 0;
        loop {
            for at in 0..self.received.len() {
                if let Some(frame) = self.frames.take(self.received[at]) {
                    self.received.drain(..=at);
                    return Ok(frame);
                }
            }
            babbled += self.received.len();
            self.received.clear();
            if self.frames.pending() > BABBLE {
                self.forget()?;
                return Err(Trouble::Babble(babbled));
            }
            self.check_stop()?;
            if Instant::now() > deadline {
                return Err(Trouble::Silent(within));
            }
            self.receive()?;
        }
    }

    /// Takes what has come. Waits one tick where nothing has.
    fn receive(&mut self) -> Result<(), Trouble> {
        self.received.resize(AT_ONCE, 0);
        let result = self.port.read(&mut self.received);
        self.received.truncate(*result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => Err(Trouble::Gone(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) if waits(&error) => Ok(()),
            Err(error) => Err(Trouble::Gone(error)),
        }
    }

    fn check_stop(&self) -> Result<(), Trouble> {
        if self.stop.get() == Stop::Now { Err(Trouble::Stopped) } else { Ok(()) }
    }
}

/// How long bytes are on their way, generously.
fn on_the_line(bytes: usize, baud: u32) -> Duration {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(12);
    Duration::from_millis(bits.saturating_mul(1000) / u64::from(baud.max(1)))
}

/// Nothing came within the tick, or a signal was handled: neither says anything about the unit.
fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
