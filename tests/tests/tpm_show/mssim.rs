//! A TPM behind Microsoft's simulator protocol: a bridge to swtpm's own (TPM 2.0 reference code, `TpmTcpProtocol.h`).

use std::io::{Read, Write};
use std::net::TcpStream;

use acceptance::{Station, Swtpm, swtpm};

use super::{ENDORSEMENT_KEY, bytes};

const SEND_COMMAND: u32 = 8;
const SESSION_END: u32 = 20;

fn number(stream: &mut TcpStream) -> std::io::Result<u32> {
    let mut number = [0; 4];
    stream.read_exact(&mut number)?;
    Ok(u32::from_be_bytes(number))
}

/// Commands, each with its locality before it and a zero after its answer.
fn serve_commands(mut client: TcpStream, tpm: u16) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", tpm))?;
    loop {
        match number(&mut client)? {
            SEND_COMMAND => {}
            SESSION_END => return Ok(()),
            other => panic!("no such request: {other}"),
        }
        client.read_exact(&mut [0; 1])?;
        let mut command = vec![0; number(&mut client)? as usize];
        client.read_exact(&mut command)?;
        server.write_all(&command)?;
        let mut answer = vec![0; 10];
        server.read_exact(&mut answer)?;
        let size = u32::from_be_bytes(answer[2..6].try_into().unwrap());
        answer.resize(size as usize, 0);
        server.read_exact(&mut answer[10..])?;
        client.write_all(&[&size.to_be_bytes()[..], &answer, &[0; 4]].concat())?;
    }
}

/// Power and the like: all of it is done already.
fn serve_platform(mut client: TcpStream) -> std::io::Result<()> {
    while number(&mut client)? != SESSION_END {
        client.write_all(&[0; 4])?;
    }
    Ok(())
}

#[test]
fn a_simulator_of_microsoft_s_protocol_is_reached() {
    let tpm = Swtpm::certified();
    let (commands, platform) = swtpm::bound_pair();
    let (port, behind) = (commands.local_addr().unwrap().port(), tpm.port());
    std::thread::spawn(move || {
        // A client that has gone is none any more.
        commands.incoming().for_each(|client| drop(serve_commands(client.unwrap(), behind)));
    });
    std::thread::spawn(move || platform.incoming().for_each(|client| drop(serve_platform(client.unwrap()))));
    let tcti = format!("mssim:host=127.0.0.1,port={port}");
    let seen =
        Station::new(&["--json", "tpm", "show", "--challenge", "--tcti", &tcti]).run().expect(0).json();
    assert_eq!(bytes(&seen["endorsement_key"]), tpm.public(ENDORSEMENT_KEY));
    assert_eq!((&seen["challenge"], tpm.loaded().as_str()), (&"passed".into(), ""));
}
