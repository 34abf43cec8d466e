//! A unit's own file system: files of its own, and links to the programs of the computer that simulates it.
//!
//! `/usr` and the libraries are not copied: they are mounted when the unit's shell starts (see `enclosure`).

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Folders of the computer on which its programs rest; those that it has, the unit has too.
pub(super) const SHARED_FOLDERS: [&str; 7] = ["usr", "lib", "lib32", "lib64", "libx32", "nix", "gnu"];

/// Programs that a unit has where the computer has them.
const PROGRAMS: [&str; 64] = [
    "sh",
    "bash",
    "dash",
    "busybox",
    "openssl",
    "[",
    "awk",
    "base64",
    "basename",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "clear",
    "cmp",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "du",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "grep",
    "gzip",
    "head",
    "hostname",
    "id",
    "kill",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mv",
    "od",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "sha256sum",
    "sha512sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "sync",
    "tail",
    "tar",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "tty",
    "uname",
    "wc",
];

/// Folders with their modes.
const FOLDERS: [(&str, u32); 21] = [
    ("bin", 0o755),
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("etc/ssl", 0o755),
    ("home", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o755),
    ("sys/firmware", 0o755),
    ("sys/firmware/devicetree", 0o755),
    ("sys/firmware/devicetree/base", 0o755),
    ("tmp", 0o1777),
    ("var", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/secrets", 0o755),
    ("var/tmp", 0o1777),
    ("mnt", 0o755),
    ("opt", 0o755),
];

/// The users of aziot, as its packages make them; the numbers differ from system to system.
const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
aziotcs:x:901:901:aziot-certd:/var/lib/aziot/certd:/bin/false
aziotid:x:902:902:aziot-identityd:/var/lib/aziot/identityd:/bin/false
aziotks:x:903:903:aziot-keyd:/var/lib/aziot/keyd:/bin/false
aziottpm:x:904:904:aziot-tpmd:/var/lib/aziot/tpmd:/bin/false
";

const GROUP: &str = "\
root:x:0:
tty:x:5:
nogroup:x:65534:
aziotcs:x:901:
aziotid:x:902:
aziotks:x:903:
aziottpm:x:904:
";

const SHELLS: &str = "/bin/sh\n/bin/bash\n/bin/dash\n";

const PROFILE: &str = "PATH=/bin\nexport PATH\n";

/// Left by `reboot` for the simulator, which looks for it while a shell runs. Below the unit's root.
pub(super) const REBOOT_REQUEST: &str = "run/reboot-requested";

const REBOOT: &str = "\
#!/bin/sh
# The simulator restarts the unit when it sees this file.
: > /run/reboot-requested
";

/// Builds the file system in a folder that does not exist yet, without the programs that are to be `lacking`.
pub(in crate::simulator) fn build(
    root: &Path,
    host_name: &str,
    hardware_id: &str,
    lacking: &[&str],
) -> io::Result<()> {
    make_folder(root, 0o755)?;
    for (folder, mode) in FOLDERS {
        make_folder(&root.join(folder), mode)?;
    }
    let base = "sys/firmware/devicetree/base";
    for (path, content, mode) in [
        ("etc/passwd", PASSWD, 0o644),
        ("etc/group", GROUP, 0o644),
        ("etc/shells", SHELLS, 0o644),
        ("etc/profile", PROFILE, 0o644),
        ("etc/hostname", &format!("{host_name}\n"), 0o644),
        ("etc/hosts", &format!("127.0.0.1\tlocalhost\n127.0.1.1\t{host_name}\n"), 0o644),
        ("bin/reboot", REBOOT, 0o755),
        (&format!("{base}/serial-number"), &format!("{hardware_id}\0"), 0o444),
        (&format!("{base}/model"), "Simulated Linux gateway\0", 0o444),
    ] {
        make_file(&root.join(path), content.as_bytes(), mode)?;
    }
    // Some commands of openssl want their configuration.
    if let Ok(configuration) = fs::read("/etc/ssl/openssl.cnf") {
        make_file(&root.join("etc/ssl/openssl.cnf"), &configuration, 0o644)?;
    }
    share_folders(root)?;
    link_programs(&root.join("bin"), lacking)
}

/// Finds a program of this computer, also where only root looks.
pub(super) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| {
            file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

/// A folder of the computer becomes a mount point; one that is a link there is the same link here.
fn share_folders(root: &Path) -> io::Result<()> {
    for folder in SHARED_FOLDERS {
        let on_computer = Path::new("/").join(folder);
        match on_computer.read_link() {
            Ok(target) => symlink(target, root.join(folder))?,
            Err(_) if on_computer.is_dir() => make_folder(&root.join(folder), 0o755)?,
            Err(_) => {}
        }
    }
    Ok(())
}

/// The links are the unit's own: one that is renamed is a program that this unit lacks.
fn link_programs(bin: &Path, lacking: &[&str]) -> io::Result<()> {
    for name in PROGRAMS.into_iter().filter(|name| !lacking.contains(name)) {
        // The link's end is named, since what lies between, like /etc/alternatives, is not in the unit.
        let file = find_program(name).and_then(|program| program.canonicalize().ok());
        if let Some(file) = file.filter(|file| is_shared(file)) {
            symlink(file, bin.join(name))?;
        }
    }
    Ok(())
}

fn is_shared(file: &Path) -> bool {
    SHARED_FOLDERS.iter().any(|folder| file.starts_with(Path::new("/").join(folder)))
}

fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)?;
    // The mode is the unit's business, not that of our umask.
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn make_file(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode))
}
