//! A Linux gateway: a console with a login, and behind it a real shell in a file system of the unit's own.

mod console;
mod enclosure;
mod login;
mod root_file_system;
mod session;

pub use enclosure::EnclosureError;
pub use login::ConsolePassword;

pub(super) use console::{Gateway, GatewayConsole};
pub(super) use enclosure::Enclosure;
pub(super) use root_file_system::build as build_root_file_system;
