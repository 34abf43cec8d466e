//! The `station` program: everything is in the library, so that tests and the screen reach it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    station::cli::main()
}
