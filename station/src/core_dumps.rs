//! Keeps secrets out of core dumps. The only system-specific part is here.

/// Switches core dumps off for this process; called before the first secret is in memory.
#[cfg(unix)]
pub(crate) fn switch_off() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Lowering a limit of one's own is always allowed; where a sandbox forbids even that, dumps are its matter.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Elsewhere error reporting is a setting of the machine: SECURITY.md says which.
#[cfg(not(unix))]
pub(crate) fn switch_off() {}
