//! Between the program and a software TPM: counts commands, and is the TPM that dies, or answers one thing only.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use acceptance::swtpm;

/// Tag, size and code: what each command and each answer begins with.
const HEADER: usize = 10;

/// What becomes of a command.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// The TPM gets it.
    Passed,
    /// The TPM gets so many, and the next ones find nobody.
    Dead(usize),
    /// It is answered with this response code.
    Answered(u32),
}

/// A pair of ports of its own. It ends with the test.
pub(super) struct Relay {
    port: u16,
    commands: Arc<AtomicUsize>,
}

impl Relay {
    pub(super) fn start(tpm: u16, fate: Fate) -> Self {
        let (data, control) = swtpm::bound_pair();
        let port = data.local_addr().unwrap().port();
        let commands = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commands);
        std::thread::spawn(move || {
            for client in data.incoming() {
                // A client that went away has nobody to tell.
                let _ = serve(client.unwrap(), tpm, fate, &counted);
            }
        });
        std::thread::spawn(move || {
            for client in control.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", tpm + 1)).unwrap());
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(client, server));
                std::thread::spawn(move || pass(back.0, back.1));
            }
        });
        Self { port, commands }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How many commands came by.
    pub(super) fn commands(&self) -> usize {
        self.commands.load(Ordering::SeqCst)
    }
}

fn serve(mut client: TcpStream, tpm: u16, fate: Fate, commands: &AtomicUsize) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    // swtpm serves one client at a time: it is called when there is something to say.
    let mut server = None;
    loop {
        let command = message(&mut client)?;
        let number = commands.fetch_add(1, Ordering::SeqCst);
        let answer = match fate {
            Fate::Dead(most) if number >= most => return client.shutdown(Shutdown::Both),
            Fate::Answered(code) => [&[0x80, 1, 0, 0, 0, 10][..], &code.to_be_bytes()].concat(),
            Fate::Passed | Fate::Dead(_) => {
                let server: &mut TcpStream = match &mut server {
                    Some(server) => server,
                    none => none.insert(TcpStream::connect(("127.0.0.1", tpm))?),
                };
                server.set_nodelay(true)?;
                server.write_all(&command)?;
                message(server)?
            }
        };
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
