//! What can go wrong with one frame between a host and a loader.

use std::fmt;
use std::str::FromStr;

/// A kind of fault that strikes at a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFaultKind {
    /// One byte of the frame arrives as another.
    GarbledCommand,
    /// One byte of the answer is another.
    GarbledAnswer,
    /// The frame does not arrive.
    DroppedCommand,
    /// What the frame says is done, and the answer does not arrive.
    DroppedAnswer,
    /// The answer comes late, and all that follows behind it.
    StalledAnswer,
    /// The board loses its power in the midst of the frame, with half of its data written, and is back at once.
    BrownOut,
    /// The next digest of the flash is wrong.
    WrongMd5,
    /// What is written from this frame on is lost at the board's next reset.
    LostWrites,
    /// The port vanishes.
    PulledOut,
}

impl FrameFaultKind {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::GarbledCommand,
        Self::GarbledAnswer,
        Self::DroppedCommand,
        Self::DroppedAnswer,
        Self::StalledAnswer,
        Self::BrownOut,
        Self::WrongMd5,
        Self::LostWrites,
        Self::PulledOut,
    ];
}

impl fmt::Display for FrameFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GarbledCommand => "garbled-command",
            Self::GarbledAnswer => "garbled-answer",
            Self::DroppedCommand => "dropped-command",
            Self::DroppedAnswer => "dropped-answer",
            Self::StalledAnswer => "stalled-answer",
            Self::BrownOut => "brown-out",
            Self::WrongMd5 => "wrong-md5",
            Self::LostWrites => "lost-writes",
            Self::PulledOut => "pulled-out",
        })
    }
}

impl FromStr for FrameFaultKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == text).ok_or(())
    }
}

/// A fault that strikes at one frame from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameFault {
    pub(super) kind: FrameFaultKind,
    /// The frame, counted from 1 since the unit was put in.
    pub(super) at: u64,
}
