//! What keeps a unit's shell inside its unit: namespaces of its own, made by the tools of util-linux.
//!
//! In the unit the shell is root. Where the simulator is not root, a user namespace gives it that view.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use super::root_file_system::{SHARED_FOLDERS, find_program};

/// Where the tools below find theirs.
const PATH_OF_COMPUTER: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The namespaces: own mounts, own host name, own processes. When the first process ends, all others do.
const NAMESPACES: [&str; 5] = ["--mount", "--uts", "--pid", "--fork", "--kill-child=SIGKILL"];
/// Where the simulator is not root: root in the unit is who runs the simulator, others are that person's sub-IDs.
const USER_NAMESPACE: [&str; 3] = ["--user", "--map-root-user", "--map-auto"];

/// Run as the first process of the namespaces: mounts what the unit shares, then starts the shell as the leader of a
/// session on the console. It waits, so that the shell is not process 1, which would be deaf to most signals.
const ENTER: &str = r#"
set -eu
root=$1 host_name=$2 setsid=$3 unshare=$4
shift 4
for folder in $SHARED_FOLDERS; do
    if [ -d "$root/$folder" ] && [ ! -L "$root/$folder" ]; then
        mount -o rbind,ro "/$folder" "$root/$folder"
    fi
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755,size=64k dev "$root/dev"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
hostname "$host_name" 2> /dev/null || true
unset SHARED_FOLDERS
PATH=/bin
"$setsid" --ctty "$unshare" --root="$root" --wd=/root "$@"
"#;

/// The same calls, to see whether this computer allows them.
const TRIAL: &str = "mount -o rbind,ro /usr /usr && mount -t proc proc /proc && mount -t tmpfs trial /dev";

/// Why no unit's shell can run here.
#[derive(Debug, Error)]
pub enum EnclosureError {
    /// A tool is not installed.
    #[error("`{program}` is missing, which units' shells need: install {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// What brings it.
        package: &'static str,
    },
    /// The system refuses.
    #[error("this computer gives a unit's shell no namespaces of its own ({said}): {advice}")]
    Refused {
        /// What `unshare` said.
        said: String,
        /// What to do.
        advice: &'static str,
    },
    /// The trial could not be started.
    #[error("cannot start `unshare`")]
    Trial(#[source] io::Error),
}

/// Proof that units' shells can run here, and the tools to do it with.
#[derive(Debug)]
pub(in crate::simulator) struct Enclosure {
    setpriv: PathBuf,
    unshare: PathBuf,
    setsid: PathBuf,
    as_root: bool,
}

impl Enclosure {
    /// Looks for the tools and tries them.
    pub(in crate::simulator) fn prepare() -> Result<Self, EnclosureError> {
        let as_root = rustix::process::geteuid().is_root();
        let util_linux = "util-linux 2.38 or newer";
        let found =
            |program, package| find_program(program).ok_or(EnclosureError::Missing { program, package });
        if !as_root {
            for program in ["newuidmap", "newgidmap"] {
                found(program, "uidmap (elsewhere: shadow-utils), or run the simulator as root")?;
            }
        }
        found("mount", "util-linux and its mount")?;
        let enclosure = Self {
            setpriv: found("setpriv", util_linux)?,
            unshare: found("unshare", util_linux)?,
            setsid: found("setsid", util_linux)?,
            as_root,
        };
        enclosure.try_out()?;
        Ok(enclosure)
    }

    /// The command that runs a shell in a unit. Its terminal becomes the shell's.
    pub(super) fn command(&self, root: &Path, host_name: &str, shell: &[String]) -> Command {
        let mut command = self.namespaces(ENTER);
        command.args(["enter".as_ref(), root.as_os_str(), host_name.as_ref()]);
        command.args([&self.setsid, &self.unshare]);
        let program = shell.first().map_or("sh", String::as_str);
        command.arg(format!("/bin/{program}")).args(shell.iter().skip(1)).arg("-l");
        command.env("SHARED_FOLDERS", SHARED_FOLDERS.join(" "));
        command.env("SHELL", format!("/bin/{program}"));
        for (name, value) in [("TERM", "vt220"), ("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root")] {
            command.env(name, value);
        }
        command
    }

    fn try_out(&self) -> Result<(), EnclosureError> {
        let output = self.namespaces(TRIAL).output().map_err(EnclosureError::Trial)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        let advice = if self.as_root {
            "in a container, give it the capability SYS_ADMIN and an unmasked /proc"
        } else {
            "allow unprivileged user namespaces, with lines for you in /etc/subuid and /etc/subgid, \
             or run the simulator as root"
        };
        Err(EnclosureError::Refused { said, advice })
    }

    /// A script as the first process of new namespaces. It dies with the thread that starts it, at the latest.
    fn namespaces(&self, script: &str) -> Command {
        let mut command = Command::new(&self.setpriv);
        command.args(["--pdeathsig".as_ref(), OsStr::new("KILL"), self.unshare.as_os_str()]);
        if !self.as_root {
            command.args(USER_NAMESPACE);
        }
        command.args(NAMESPACES).args(["sh", "-c", script]);
        command.env_clear().env("PATH", PATH_OF_COMPUTER).current_dir("/");
        command
    }
}
