//! `station keys derive`: the device keys of a list of registration IDs, from a group key in a file. Needs no station.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use certkit::{DerivedKeyText, GroupKey};
use zeroize::Zeroizing;

use super::ids::Ids;
use super::read_secret;
use crate::cli::progress::Progress;
use crate::cli::{Exit, Failure, Output};
use crate::place::{Growing, Readers};

/// Keys wait here until they are written together.
const BUFFER: usize = 64 * 1024;
/// Room for one line of either shape.
const LINE: usize = 512;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The enrollment group's key: a file with its base64 on one line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    group_key_file: PathBuf,
    /// The registration IDs: CSV with a column registration_id, or one ID a line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    ids: PathBuf,
    /// A new file for the keys, for its owner alone. Without it they go to standard output, which must be no terminal.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(in crate::cli) fn run(args: &Args, output: &Output) -> Result<Exit, Failure> {
    let standard_input = Path::new("-");
    if args.group_key_file == standard_input && args.ids == standard_input {
        return Err(Failure::usage("standard input is one file: the group key or the IDs must be another"));
    }
    if args.out.is_none() && io::stdout().is_terminal() {
        return Err(Failure::usage(
            "device keys are not shown on a terminal: name a new file with --out, or send them into a pipe",
        ));
    }
    let group_key = group_key(&args.group_key_file, output)?;
    let mut ids = open(&args.ids)?;
    match &args.out {
        None => {
            let mut out = io::stdout().lock();
            derive(&group_key, &mut ids, &mut out, output.json(), Failure::from)?;
            out.flush()?;
        }
        Some(path) => {
            let mut file = Growing::begin(path, Readers::Owner)?;
            let failed = |source| crate::place::PlaceError::Write { path: path.clone(), source }.into();
            let count = derive(&group_key, &mut ids, &mut file, output.json(), failed)?;
            file.finish()?;
            output.talk(format!("{count} device keys are in {}", path.display()));
        }
    }
    Ok(Exit::Done)
}

fn group_key(path: &PathBuf, output: &Output) -> Result<GroupKey, Failure> {
    let secret = read_secret(path)?;
    if others_can_read(path) {
        output.talk(format!(
            "warning: others than its owner can read {}, and with it make any device key of the group: chmod 600",
            path.display()
        ));
    }
    let text = secret.text().unwrap_or_default();
    GroupKey::parse(text).map_err(|error| Failure::new(Exit::Input, &error))
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.mode() & 0o044 != 0)
}

/// Elsewhere the folder's access list decides.
#[cfg(not(unix))]
fn others_can_read(_path: &Path) -> bool {
    false
}

/// A list of IDs, and its length in bytes where it has one.
struct List {
    ids: Ids<Counted>,
    progress: Progress,
}

/// Tells a bar how far a file has been read.
struct Counted {
    from: Box<dyn Read>,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

fn open(path: &Path) -> Result<List, Failure> {
    let (from, length): (Box<dyn Read>, u64) = if path == Path::new("-") {
        (Box::new(io::stdin()), 0)
    } else {
        let cannot = |error| {
            let name = path.display();
            Failure::input(format!(
                "cannot read the list of IDs {name}: check the name and its permissions: {error}"
            ))
        };
        let file = File::open(path).map_err(cannot)?;
        let length = file.metadata().map_err(cannot)?.len();
        (Box::new(file), length)
    };
    let progress = Progress::of_bytes(length);
    Ok(List { ids: Ids::new(Counted { from, progress: progress.clone() })?, progress })
}

/// Derives key after key; gives their number. What is held in memory does not grow with it.
fn derive(
    group_key: &GroupKey,
    list: &mut List,
    out: &mut dyn Write,
    json: bool,
    failed: impl Fn(io::Error) -> Failure,
) -> Result<u64, Failure> {
    let (start, between, end) =
        if json { ("{\"registration_id\":\"", "\",\"device_key\":\"", "\"}\n") } else { ("", ",", "\n") };
    let mut buffer = Zeroizing::new(Vec::with_capacity(BUFFER));
    if !json {
        buffer.extend_from_slice(b"registration_id,device_key\n");
    }
    let mut key = DerivedKeyText::default();
    let mut count = 0;
    loop {
        // An ID that is taken is plain ASCII without quotes: neither shape needs any escaping.
        let problem = match list.ids.next()? {
            None => break,
            Some(id) => match group_key.derive_into(id, &mut key) {
                Ok(key) => {
                    for part in [start, id, between, key, end] {
                        buffer.extend_from_slice(part.as_bytes());
                    }
                    None
                }
                Err(problem) => Some(problem),
            },
        };
        if let Some(problem) = problem {
            return Err(list.ids.wrong(problem));
        }
        count += 1;
        // It never grows: growing would leave keys behind, unwiped.
        if buffer.len() > BUFFER - LINE {
            out.write_all(&buffer).map_err(&failed)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer).map_err(&failed)?;
    list.progress.finish();
    if count == 0 {
        return Err(Failure::input("the list of IDs names none: give registration IDs below its first line"));
    }
    Ok(count)
}
