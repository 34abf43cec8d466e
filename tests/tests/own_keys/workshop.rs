//! What units are made to show: keys, requests and certificates that openssl made for them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::Bench;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{run, text};

pub(crate) fn new_file(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create_new(path).unwrap().write_all(content).unwrap();
}

/// Lets a unit's openssl give what was planted for it: a key for `genpkey`, a request for `req -new`.
pub(crate) fn plant(bench: &Bench, unit: usize, key: Option<&[u8]>, request: Option<&[u8]>) {
    let files = bench.unit(unit);
    for (name, content) in [("planted.key", key), ("planted.csr", request)] {
        if let Some(content) = content {
            new_file(&files.join("root").join(name), content);
        }
    }
    replace_openssl(bench, unit, |openssl| {
        format!(
            "planted=/root/planted.key\ncase \"$1 $2\" in\n\"req -new\") planted=/root/planted.csr ;;\n\"genpkey \"*) ;;\n\
             *) exec {openssl} \"$@\" ;;\nesac\ntest -e $planted || exec {openssl} \"$@\"\nexec cat $planted\n"
        )
    });
}

/// Puts a script in the place of a unit's openssl. It is told the real one.
pub(crate) fn replace_openssl(bench: &Bench, unit: usize, script: impl Fn(&str) -> String) {
    let program = bench.unit(unit).join("bin/openssl");
    let target = std::fs::read_link(&program).unwrap();
    std::fs::remove_file(&program).unwrap();
    new_file(&program, format!("#!/bin/sh\n{}", script(&text(&target))).as_bytes());
    Command::new("chmod").arg("755").arg(&program).status().unwrap();
}

/// A folder in which openssl makes what units show.
pub(crate) struct Workshop(pub(crate) PathBuf);

impl Workshop {
    pub(crate) fn of(bench: &Bench) -> Self {
        let folder = bench.root().join("workshop");
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn key(&self, name: &str, how: &[&str]) -> String {
        let path = text(&self.0.join(name));
        run(&[how, &["-out", &path]].concat());
        path
    }

    pub(crate) fn request(&self, key: &str, subject: &str, more: &[&str]) -> Vec<u8> {
        run(&[&["req", "-new", "-key", key, "-subj", subject], more].concat())
    }

    /// A certificate that the key has signed.
    pub(crate) fn certificate(&self, key: &str, subject: &str, more: &[&str]) -> Vec<u8> {
        self.certificate_of("now", key, subject, more)
    }

    /// The same, made on another day.
    pub(crate) fn certificate_of(&self, day: &str, key: &str, subject: &str, more: &[&str]) -> Vec<u8> {
        let own = ["req", "-x509", "-new", "-days", "30", "-key", key, "-subj", subject];
        let usage = ["-addext", "keyUsage=critical,digitalSignature"];
        let made = Command::new("faketime").args([day, "openssl"]).args(own).args(usage).args(more).output();
        let made = made.unwrap();
        assert!(made.status.success(), "{made:?}");
        made.stdout
    }
}

pub(crate) fn with_last_bit_turned(pem: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(pem).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("---")).collect();
    let mut der = STANDARD.decode(body).unwrap();
    *der.last_mut().unwrap() ^= 1;
    let lines: Vec<&str> = text.lines().collect();
    format!("{}\n{}\n{}\n", lines[0], STANDARD.encode(der), lines[lines.len() - 1]).into_bytes()
}
