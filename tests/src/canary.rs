//! Finds secrets in bytes, whole or in part, raw or encoded.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::bytes::{Regex, RegexBuilder};

/// A longer secret is looked for in pieces of this many bytes, so that a part of it is found too.
const PIECE: usize = 16;
/// PEM cuts base64 into lines of this length (RFC 7468 §2); the wire cuts it into lines of the other one.
const PEM_LINE: usize = 64;
const WIRE_LINE: usize = 76;

/// A secret that must not be found.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Which one it is.
    pub name: String,
    pieces: Vec<Vec<u8>>,
}

impl Secret {
    /// A password, a passphrase.
    pub fn text(name: &str, text: &str) -> Self {
        assert!(text.len() >= PIECE, "{name} is too short to be told from chance");
        Self { name: name.to_owned(), pieces: pieces(text.as_bytes()) }
    }

    /// A P-256 private key, from its PKCS#8: its scalar, and the part of its PEM that holds the scalar, since PEM may be
    /// encoded once more.
    pub fn key(name: &str, pkcs8: &[u8]) -> Self {
        let scalar_at = pkcs8.windows(5).position(|window| window == [2, 1, 1, 4, 32]).unwrap() + 5;
        let mut found = pieces(&pkcs8[scalar_at..scalar_at + 32]);
        let base64 = STANDARD.encode(pkcs8);
        let (start, end) = ((scalar_at * 8).div_ceil(6), (scalar_at + 32) * 8 / 6);
        let lines = (0..base64.len()).step_by(PEM_LINE).map(|at| (at.max(start), (at + PEM_LINE).min(end)));
        for (from, to) in lines.filter(|(from, to)| from + PIECE <= *to) {
            found.extend(pieces(&base64.as_bytes()[from..to]));
        }
        Self { name: name.to_owned(), pieces: found }
    }

    /// A symmetric key, from its base64: the key itself, and the text that consoles show of it.
    pub fn symmetric_key(name: &str, base64: &str) -> Self {
        let key = STANDARD.decode(base64).unwrap();
        assert!(key.len() >= PIECE, "{name} is too short to be told from chance");
        let found = [pieces(&key), pieces(base64.as_bytes())].concat();
        Self { name: name.to_owned(), pieces: found }
    }
}

/// Pieces of one length; the last one overlaps the one before.
fn pieces(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts = (0..bytes.len()).step_by(PIECE).map(|at| at.min(bytes.len() - PIECE));
    starts.map(|at| bytes[at..at + PIECE].to_vec()).collect()
}

/// Looks for all secrets at once.
#[derive(Debug)]
pub struct Canary {
    pattern: Regex,
    names: BTreeMap<Vec<u8>, String>,
}

impl Canary {
    /// Looks for these.
    pub fn of(secrets: &[Secret]) -> Self {
        let mut names = BTreeMap::new();
        for secret in secrets {
            for needle in secret.pieces.iter().flat_map(|piece| encodings(piece)) {
                names.insert(needle, secret.name.clone());
            }
        }
        let escaped =
            |needle: &Vec<u8>| needle.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
        let pattern = names.keys().map(escaped).collect::<Vec<_>>().join("|");
        let pattern = RegexBuilder::new(&pattern).unicode(false).size_limit(1 << 28).build().unwrap();
        Self { pattern, names }
    }

    /// The secrets that are in these bytes.
    pub fn find(&self, bytes: &[u8]) -> Vec<&str> {
        let joined = joined(bytes);
        let found = self.pattern.find_iter(bytes).chain(self.pattern.find_iter(&joined));
        let mut names: Vec<&str> = found.map(|found| self.names[found.as_bytes()].as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// A piece in every encoding; base64 at each of the three places that it can have in what is encoded with it.
fn encodings(piece: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
    let list: Vec<String> = piece.iter().map(u8::to_string).collect();
    let mut found =
        vec![piece.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes(), list.join(",").into_bytes()];
    for before in 0..3 {
        let bytes = [&vec![0; before], piece].concat();
        // The characters that depend on the piece alone.
        let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        found.push(STANDARD.encode(&bytes).as_bytes()[start..end].to_vec());
        found.push(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()[start..end].to_vec());
    }
    found
}

/// The bytes without what cuts an encoding into lines or groups: white space, colons, and line ends as JSON and
/// transcripts show them.
fn joined(bytes: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = match after {
            [b'n' | b'r', after @ ..] if *first == b'\\' => after,
            _ => {
                if !first.is_ascii_whitespace() && *first != b':' {
                    joined.push(*first);
                }
                after
            }
        };
    }
    joined
}

/// A planted text in each encoding that the canary must find, and a planted key as files and the wire hold it.
pub fn planted(text: &str, pkcs8: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = text.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let body = in_lines(&STANDARD.encode(pkcs8), PEM_LINE);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let wire = in_lines(&STANDARD.encode(&pem), WIRE_LINE);
    let der = [&[4, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    vec![
        ("raw", bytes.to_vec()),
        ("hex", hex.clone().into_bytes()),
        ("upper-case hex", hex.to_uppercase().into_bytes()),
        ("base64", STANDARD.encode([b"1", bytes].concat()).into_bytes()),
        ("base64url", URL_SAFE_NO_PAD.encode([b"22", bytes].concat()).into_bytes()),
        ("DER", der),
        ("list of bytes", format!("{bytes:?}").into_bytes()),
        ("PEM", pem.clone().into_bytes()),
        ("base64 of PEM in lines", wire.clone().into_bytes()),
        ("the same, as a transcript shows it", wire.replace('\n', "\\n").into_bytes()),
    ]
}

/// A planted symmetric key in each form that the canary must find, a console's echo that was cut off in it among them.
pub fn planted_symmetric(base64: &str) -> Vec<(&'static str, Vec<u8>)> {
    let key = STANDARD.decode(base64).unwrap();
    let hex = key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let echo = |length: usize| format!("set_az_iotdps \"IdScope=0ne;SymmetricKey={}", &base64[..length]);
    vec![
        ("symmetric key, raw", key),
        ("symmetric key, hex", hex.into_bytes()),
        ("symmetric key, base64", base64.as_bytes().to_vec()),
        ("its echo", echo(base64.len()).into_bytes()),
        ("its echo, cut off after 20 characters", echo(20).into_bytes()),
    ]
}

fn in_lines(text: &str, length: usize) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(length).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}
