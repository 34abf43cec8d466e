//! What the steps of a dialogue are for, and which variables each section has.

use crate::link::step::ShownIn;

/// What a list of steps is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// From any state of the console to one where commands are taken.
    LogIn,
    /// Out of a session that an interrupted dialogue left open.
    Recover,
    /// Captures `hardware_id`.
    Identify,
    /// Lets the unit make a key, and captures `request`: a PKCS#10 request in PEM.
    MakeKey,
    /// Captures `certificate`, PEM, which the unit's own key has signed.
    ReadCertificate,
    /// Writes an item's content: `${piece}` after `${piece}`, in base64, or `${content}` as it is.
    Write,
    /// Captures `digest`, SHA-256 of an item, and what it shows of the item's place.
    Observe,
    /// Captures `content`, base64.
    ReadBack,
    /// Captures `signature`, base64, over `${nonce}`.
    Challenge,
    /// Restarts the unit and waits until it is back.
    Restart,
    /// Ends the session.
    LogOut,
}

impl Section {
    pub(super) const ALL: [Section; 11] = [
        Section::LogIn,
        Section::Recover,
        Section::Identify,
        Section::MakeKey,
        Section::ReadCertificate,
        Section::Write,
        Section::Observe,
        Section::ReadBack,
        Section::Challenge,
        Section::Restart,
        Section::LogOut,
    ];

    /// The key in the dialogue file.
    pub fn name(self) -> &'static str {
        match self {
            Section::LogIn => "log_in",
            Section::Recover => "recover",
            Section::Identify => "identify",
            Section::MakeKey => "make_key",
            Section::ReadCertificate => "read_certificate",
            Section::Write => "write",
            Section::Observe => "observe",
            Section::ReadBack => "read_back",
            Section::Challenge => "challenge",
            Section::Restart => "restart",
            Section::LogOut => "log_out",
        }
    }

    /// Variables that the station sets in this section.
    pub fn own_variables(self) -> &'static [&'static str] {
        match self {
            Section::Write => &["item", "piece", "content"],
            Section::MakeKey | Section::ReadCertificate => &["registration_id"],
            Section::Challenge => &["nonce"],
            _ => &[],
        }
    }

    /// Whether an item's place variables are set in this section.
    pub fn speaks_of_an_item(self) -> bool {
        matches!(self, Section::Write | Section::Observe | Section::ReadBack | Section::Challenge)
    }

    /// Whether the place variables of the unit's own key are set in this section: it speaks of that item alone.
    pub fn speaks_of_the_own_key(self) -> bool {
        matches!(self, Section::MakeKey | Section::ReadCertificate)
    }

    /// The section in which a unit shows its own key.
    pub fn showing_key_in(shown_in: ShownIn) -> Self {
        match shown_in {
            ShownIn::Request => Section::MakeKey,
            ShownIn::Certificate => Section::ReadCertificate,
        }
    }

    /// What its steps must capture.
    pub(super) fn must_capture(self) -> Option<&'static str> {
        match self {
            Section::Identify => Some("hardware_id"),
            Section::MakeKey => Some("request"),
            Section::ReadCertificate => Some("certificate"),
            Section::Observe => Some("digest"),
            Section::ReadBack => Some("content"),
            Section::Challenge => Some("signature"),
            _ => None,
        }
    }
}
