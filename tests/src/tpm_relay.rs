//! Between the program and a software TPM: counts commands, and is the TPM that dies, or answers one thing only.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::swtpm;

/// Tag, size and code: what each command and each answer begins with.
const HEADER: usize = 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The TPM gets it.
    Passed,
    /// The TPM gets so many, and the next ones find nobody.
    Dead(usize),
    /// The same, and the last of them it still does: its answer is lost.
    DeadAfter(usize),
    /// The TPM gets so many and this one too; from then on nothing is said, and nobody hangs up.
    Silent(usize),
    /// The TPM gets so many; the next ones get to another TPM, at this port.
    Exchanged(usize, u16),
    /// It is answered with this response code.
    Answered(u32),
}

/// A pair of ports of its own. It ends with the test.
pub struct TpmRelay {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The TPM's port.
    tpm: u16,
    fate: Fate,
    /// The codes of the commands that came by.
    commands: Vec<u32>,
    dead: bool,
    /// How many found it dead.
    turned_away: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The TPM's port; none of a dead one.
    fn tpm(&self) -> Option<u16> {
        let mut state = self.state();
        if state.dead {
            state.turned_away += 1;
            self.changed.notify_all();
        }
        (!state.dead).then_some(state.tpm)
    }

    fn die(&self) {
        self.state().dead = true;
        self.changed.notify_all();
    }

    fn wait(&self, what: &str, until: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.state(), PATIENCE, |state| !until(state)).unwrap();
        assert!(!waited.1.timed_out(), "{what} did not come");
    }
}

impl TpmRelay {
    /// In front of the TPM at this port.
    pub fn start(tpm: u16, fate: Fate) -> Self {
        let (data, control) = swtpm::bound_pair();
        let port = data.local_addr().unwrap().port();
        let state = State { tpm, fate, commands: Vec::new(), dead: false, turned_away: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let of_data = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in data.incoming() {
                // A client that went away has nobody to tell.
                let _ = serve(client.unwrap(), &of_data);
            }
        });
        let of_control = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in control.incoming() {
                let client = client.unwrap();
                let Some(tpm) = of_control.tpm() else { continue };
                let server = TcpStream::connect(("127.0.0.1", tpm + 1)).unwrap();
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(client, server));
                std::thread::spawn(move || pass(back.0, back.1));
            }
        });
        Self { port, shared }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many commands came by.
    pub fn commands(&self) -> usize {
        self.shared.state().commands.len()
    }

    /// The codes of the commands that came by.
    pub fn codes(&self) -> Vec<u32> {
        self.shared.state().commands.clone()
    }

    /// Whether its fate has come over it.
    pub fn is_dead(&self) -> bool {
        self.shared.state().dead
    }

    /// Waits until it is dead.
    pub fn wait_for_death(&self) {
        self.shared.wait("its death", |state| state.dead);
    }

    /// Waits until somebody new finds it dead.
    pub fn wait_for_a_look(&self) {
        let before = self.shared.state().turned_away;
        self.shared.wait("a look", |state| state.turned_away > before);
    }

    /// It is there again, at this port, and dies no more.
    pub fn revive(&self, tpm: u16) {
        let mut state = self.shared.state();
        (state.tpm, state.dead, state.fate) = (tpm, false, Fate::Passed);
    }
}

/// One client at a time, as swtpm itself.
fn serve(mut client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    // The TPM is called when there is something to say.
    let mut server = None;
    loop {
        let command = message(&mut client)?;
        let code = u32::from_be_bytes(command[6..HEADER].try_into().unwrap());
        let (number, fate) = {
            let mut state = shared.state();
            state.commands.push(code);
            (state.commands.len() - 1, state.fate)
        };
        match fate {
            Fate::Exchanged(most, other) if number >= most => shared.state().tpm = other,
            Fate::Dead(most) if number >= most => shared.die(),
            Fate::DeadAfter(most) if number >= most => shared.die(),
            _ => {}
        }
        let Some(tpm) = shared.tpm() else { return client.shutdown(Shutdown::Both) };
        let answer = match fate {
            Fate::Answered(code) => [&[0x80, 1, 0, 0, 0, 10][..], &code.to_be_bytes()].concat(),
            _ => {
                let server: &mut TcpStream = match &mut server {
                    Some(server) => server,
                    none => none.insert(TcpStream::connect(("127.0.0.1", tpm))?),
                };
                server.set_nodelay(true)?;
                server.write_all(&command)?;
                message(server)?
            }
        };
        if fate == Fate::Silent(number) {
            shared.die();
            // Until the client has gone.
            return message(&mut client).map(|_| ());
        }
        if fate == Fate::DeadAfter(number + 1) {
            shared.die();
            return client.shutdown(Shutdown::Both);
        }
        client.write_all(&answer)?;
    }
}

fn message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; HEADER];
    stream.read_exact(&mut message)?;
    let size = u32::from_be_bytes(message[2..6].try_into().unwrap()) as usize;
    message.resize(size, 0);
    stream.read_exact(&mut message[HEADER..])?;
    Ok(message)
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
