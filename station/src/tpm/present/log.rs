//! tpm2-tss writes a log of its own to standard error: errors that are none, and at its loudest what it sends,
//! authorisations too. It learns from the environment how loud to be, and a program cannot safely change its own.

use std::env::{args_os, var_os};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::tpm::TpmError;

const VARIABLE: &str = "TSS2_LOG";
const SILENT: &str = "all+none";

/// Makes sure that tpm2-tss keeps no log: where it would, this program starts itself once more, in the same process and
/// with the same arguments and descriptors. To be called first, before anything is read.
///
/// # Errors
/// [`TpmError::Log`].
pub fn without_library_log() -> Result<(), TpmError> {
    if var_os(VARIABLE).is_some_and(|value| value == SILENT) {
        return Ok(());
    }
    let mut arguments = args_os();
    let name = arguments.next().unwrap_or_default();
    let program = std::env::current_exe().map_err(TpmError::Log)?;
    Err(TpmError::Log(Command::new(program).arg0(name).args(arguments).env(VARIABLE, SILENT).exec()))
}
