//! What a ledger entry says. The bytes are JSON, written once, never encoded again; `version` stands first.
//!
//! An entry holds all public material whole (certificates, public keys), and never a secret.

use certkit::RegistrationId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The format of entry bytes that this program writes. Older ones are read for ever; none is migrated.
pub const VERSION: u32 = 1;

/// SHA-256 of an entry's bytes.
pub type EntryHash = [u8; 32];

/// One link of a station's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Format of these bytes: [`VERSION`].
    pub version: u32,
    /// The station whose chain this is.
    pub station: String,
    /// Position in the chain, from 1, without a gap.
    pub seq: u64,
    /// When it was written: RFC 3339, UTC.
    pub at: String,
    /// Hex of the hash of the entry before; of the first one, 64 zeros.
    pub previous: String,
    /// What happened.
    pub fact: Fact,
}

/// The hash that a chain's first entry names as the one before it.
pub const NO_PREVIOUS: EntryHash = [0; 32];

/// Hashes an entry's bytes as they stand.
pub fn hash(bytes: &[u8]) -> EntryHash {
    Sha256::digest(bytes).into()
}

/// Lower-case hex, as entries and messages spell hashes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An identity: unique within its DPS instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The DPS instance.
    pub id_scope: String,
    /// The name under which the unit registers there.
    pub registration_id: RegistrationId,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (ID scope {})", self.registration_id, self.id_scope)
    }
}

/// One row of an order, as it was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Identity that this row reserves.
    pub registration_id: RegistrationId,
    /// Display name for IoT Central, where the order gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The customer's number on the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// The unit that the row is meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware_id: Option<String>,
}

/// What a secret of the vault is: it decides where it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// A text that units or consoles take: a password.
    Text,
    /// An enrollment group's key. Never written to a device.
    GroupKey,
    /// The user PIN of a token. Told to the token alone.
    Pin,
    /// Keys of devices, given with an order.
    DeviceKeys,
}

/// What became of an item of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The product's name for the item.
    pub item: String,
    /// How strong the evidence is.
    pub grade: Grade,
    /// Whether the unit had been restarted between writing and looking.
    pub after_restart: bool,
}

/// Grades of evidence, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The device said so.
    Acknowledged,
    /// The device computed a digest of what it holds, and it is the right one.
    DeviceDigest,
    /// The content was read back and is the same.
    ReadBack,
    /// The unit signed, or HMACed, our nonce.
    Challenge,
}

impl std::fmt::Display for Grade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Grade::Acknowledged => "acknowledged",
            Grade::DeviceDigest => "device digest",
            Grade::ReadBack => "read-back",
            Grade::Challenge => "challenge",
        })
    }
}

/// What happens next to a unit that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// The same again: put the unit back in.
    Retry,
    /// Repair it, then again with a new credential.
    Rework,
    /// Remove it for ever.
    Scrap,
    /// Quarantine: an engineer decides.
    Hold,
}

impl std::fmt::Display for Disposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Disposition::Retry => "retry",
            Disposition::Rework => "rework",
            Disposition::Scrap => "scrap",
            Disposition::Hold => "hold",
        })
    }
}

/// An act on a device, as it is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// The unit makes a key, which never leaves it.
    MakeKey {
        /// The product's name for the key.
        item: String,
    },
    /// The unit shows the certificate that its own key signed; it may have to make both first.
    ReadCertificate {
        /// The product's name for the key.
        item: String,
    },
    /// An item is written.
    Write {
        /// The product's name for the item.
        item: String,
    },
    /// The unit is restarted.
    Restart,
}

/// A credential as it is announced: everything public about it, and of a secret only a keyed digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "credential_kind", rename_all = "kebab-case")]
pub enum IssuedCredential {
    /// An X.509 chain; the private key is the unit's.
    Certificate {
        /// The leaf's certificate serial, hex.
        certificate_serial: String,
        /// SHA-256 of the leaf's SubjectPublicKeyInfo, hex.
        public_key: String,
        /// PEM, leaf first.
        chain: String,
        /// Label of the issuing authority; none where the leaf is signed by its own key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authority: Option<String>,
        /// Who made the private key.
        #[serde(default, skip_serializing_if = "KeyMaker::is_station")]
        key_maker: KeyMaker,
    },
    /// A symmetric key.
    DeviceKey {
        /// Where it comes from.
        #[serde(flatten)]
        origin: KeyOrigin,
        /// HMAC-SHA256 of the key under a key of the vault, hex: shows whether two keys are the same, and nothing else.
        key_mac: String,
    },
}

/// A credential that was issued without a unit. Of a certificate's chain it holds the leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AheadCredential {
    /// Whom it is for.
    pub registration_id: RegistrationId,
    /// The credential.
    #[serde(flatten)]
    pub credential: IssuedCredential,
}

/// By which of its doors a secret leaves the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// Sealed to named recipients.
    Sealed,
    /// In clear, asked for by name.
    Clear,
}

/// Who made a unit's private key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyMaker {
    /// The station, which then wrote it into the unit.
    #[default]
    Station,
    /// The unit: the key never left it.
    Device,
}

impl KeyMaker {
    fn is_station(&self) -> bool {
        *self == KeyMaker::Station
    }
}

/// Where a device's symmetric key comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key_origin", rename_all = "kebab-case")]
pub enum KeyOrigin {
    /// Derived from an enrollment group's key.
    Derived {
        /// The group key's name in the vault.
        group_key: String,
        /// Which of the group's two keys that is.
        group_entry: GroupEntry,
    },
    /// Given with the order.
    Given,
    /// Made at random for this device alone, with a second one that only the service gets.
    Random {
        /// The HMAC of the secondary key, as `key_mac` is of the primary.
        secondary_mac: String,
    },
}

/// An enrollment group has two keys (and an X.509 group two CAs), so that one can be exchanged while the other serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupEntry {
    /// The primary.
    Primary,
    /// The secondary.
    Secondary,
}

/// What units hang on: a leaf on the authority that issued it, a derived key on the group key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "hold", content = "name", rename_all = "kebab-case")]
pub enum Hold {
    /// An authority, by its label.
    Authority(String),
    /// An enrollment group's key, by its name in the vault.
    GroupKey(String),
}

impl Hold {
    /// The label, or the name in the vault.
    pub fn name(&self) -> &str {
        match self {
            Hold::Authority(name) | Hold::GroupKey(name) => name,
        }
    }

    /// `authority` or `group-key`.
    pub fn kind(&self) -> &'static str {
        match self {
            Hold::Authority(_) => "authority",
            Hold::GroupKey(_) => "group-key",
        }
    }
}

/// Why an authority or a group key was retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetirementReason {
    /// Its time came: its successor stood beside it until all units hung on that.
    Expiry,
    /// Its key may be known to others.
    Breach,
}

impl std::fmt::Display for RetirementReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RetirementReason::Expiry => "expiry",
            RetirementReason::Breach => "breach",
        })
    }
}

/// Enrollments with keys, as they left the station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The order.
    pub order: String,
    /// Sealed or in clear.
    pub form: DeliveryForm,
    /// To whom it is sealed: age recipients.
    pub recipients: Vec<String>,
    /// How many enrollments it holds.
    pub identities: u64,
    /// SHA-256 of what was written, hex.
    pub sha256: String,
    /// The attempts that made the keys that it carries.
    pub attempts: Vec<u64>,
}

/// How a delivery left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryForm {
    /// An age file.
    Sealed,
    /// Readable by whoever has it.
    Clear,
}

impl std::fmt::Display for DeliveryForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DeliveryForm::Sealed => "sealed",
            DeliveryForm::Clear => "clear",
        })
    }
}

/// A private key that lies in a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenKey {
    /// The token, the key in it and the module that speaks with it, as a PKCS#11 URI (RFC 7512).
    pub uri: String,
    /// The name of the token's PIN in the vault.
    pub pin: String,
}

/// What happened. Each kind changes the projections in one place: `ledger::projection`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// The station was made.
    StationCreated {},
    /// A secret was put into the vault.
    SecretImported {
        /// Its name there.
        name: String,
        /// What it is.
        secret_kind: SecretKind,
    },
    /// A certificate authority was made.
    AuthorityCreated {
        /// The station's name for it.
        label: String,
        /// `root` or `intermediate`.
        role: String,
        /// Label of the issuing authority; none for a root.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issuer: Option<String>,
        /// Hex.
        certificate_serial: String,
        /// SHA-256 of the SubjectPublicKeyInfo, hex.
        public_key: String,
        /// PEM.
        certificate: String,
        /// Where the private key lies, where that is a token; else it lies in the station's folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_key: Option<TokenKey>,
    },
    /// An authority signed a cloud service's verification code: it has its private key.
    PossessionProven {
        /// The authority.
        authority: String,
        /// The service's code.
        code: String,
        /// Hex.
        certificate_serial: String,
        /// SHA-256 of the SubjectPublicKeyInfo, hex. Its private key was thrown away.
        public_key: String,
        /// PEM.
        certificate: String,
    },
    /// An authority signed a list of what it takes back.
    RevocationListIssued {
        /// The authority.
        authority: String,
        /// The CRL's number: this entry's.
        number: u64,
        /// RFC 3339.
        next_update: String,
        /// Certificates on it.
        revoked: u64,
        /// SHA-256 of its DER, hex.
        sha256: String,
    },
    /// A successor stands beside an authority or a group key: both serve.
    RollOverBegun {
        /// What is to be retired.
        #[serde(flatten)]
        hold: Hold,
        /// What takes its place: of the same kind.
        successor: String,
    },
    /// An authority or a group key is never issued from again.
    Retired {
        /// Which.
        #[serde(flatten)]
        hold: Hold,
        /// What took its place: of the same kind.
        successor: String,
        /// Why.
        reason: RetirementReason,
    },
    /// An order was taken. Its rows follow in [`Fact::OrderRows`] of the same transaction.
    OrderAdded {
        /// The order's name.
        order: String,
        /// File name of the product.
        product: String,
        /// SHA-256 of the product's text, hex.
        product_sha256: String,
        /// The DPS instance that the identities belong to.
        id_scope: String,
        /// Units ordered.
        quantity: u64,
        /// The most credentials that may ever be issued for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issue_budget: Option<u64>,
    },
    /// Rows of an order: identities reserved.
    OrderRows {
        /// The order's name.
        order: String,
        /// At most a thousand an entry.
        rows: Vec<OrderRow>,
    },
    /// An order's issue budget was set anew.
    BudgetSet {
        /// The order's name.
        order: String,
        /// The most credentials that may ever be issued for it, those that were issued already included.
        issue_budget: u64,
        /// Why.
        reason: String,
    },
    /// A run of an order began.
    RunStarted {
        /// The order's name.
        order: String,
        /// SHA-256 of the product's text as it is now, hex.
        product_sha256: String,
        /// Where credentials come from: the issuing authority's label, or the group key's name.
        attestation: String,
    },
    /// A unit was identified: an attempt begins. The entry's `seq` is the attempt's number.
    AttemptOpened {
        /// The order that is being run.
        order: String,
        /// The fixture that it sits in.
        fixture: String,
        /// What the unit shows, or the label that stands for it.
        hardware_id: String,
        /// Where that was learnt.
        learnt_from: String,
        /// The label that was scanned, where one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scanned: Option<String>,
    },
    /// A unit was turned away before anything was written to it.
    Refused {
        /// The attempt, where one was opened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u64>,
        /// The order that is being run.
        order: String,
        /// The fixture that it sits in.
        fixture: String,
        /// What the unit showed, as far as it got.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hardware_id: Option<String>,
        /// What happens next.
        disposition: Disposition,
        /// Why.
        reason: String,
    },
    /// Identity and unit were bound.
    Claimed {
        /// The attempt.
        attempt: u64,
        /// The order that holds the identity.
        order: String,
        /// The identity.
        identity: Identity,
        /// The unit.
        hardware_id: String,
        /// `new`, or why an existing binding is used again.
        decision: String,
    },
    /// A unit made its key and asks for a certificate; it has proven the key.
    CertificateRequested {
        /// The attempt.
        attempt: u64,
        /// The identity.
        identity: Identity,
        /// The PKCS#10 request, PEM.
        request: String,
        /// What it asks for beyond what a certificate of this product contains. It gets none of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_granted: Vec<String>,
    },
    /// A credential was issued for a bound identity; an earlier one, if any, is superseded.
    Issued {
        /// The attempt.
        attempt: u64,
        /// The identity.
        identity: Identity,
        /// The credential.
        #[serde(flatten)]
        credential: IssuedCredential,
        /// Why the earlier credential, if there is one, is superseded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supersedes: Option<String>,
    },
    /// Credentials for identities that no unit has: they are checked out from now on. They leave with
    /// [`Fact::HandedOver`], or never.
    IssuedAhead {
        /// The order.
        order: String,
        /// The DPS instance.
        id_scope: String,
        /// The certificates that follow each leaf in its chain, PEM, issuer first.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        above: String,
        /// At most 256 an entry.
        credentials: Vec<AheadCredential>,
        /// Why they take the place of earlier ones, where they do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supersedes: Option<String>,
    },
    /// What was issued ahead since entry `first` is about to leave the station.
    HandedOver {
        /// The order.
        order: String,
        /// The first entry of what leaves.
        first: u64,
        /// How many credentials leave.
        credentials: u64,
        /// How they leave.
        door: Door,
        /// Those who can open it, where it is sealed: age recipients.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        recipients: Vec<String>,
        /// SHA-256 of the file, hex, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// An act on the unit is about to be done.
    Announced {
        /// The attempt.
        attempt: u64,
        /// The act.
        #[serde(flatten)]
        act: Act,
    },
    /// The unit holds and proved all that the product asks for. The only entry that makes an identity live.
    Accepted {
        /// The attempt.
        attempt: u64,
        /// The identity.
        identity: Identity,
        /// What was obtained, item by item.
        evidence: Vec<Evidence>,
    },
    /// The attempt on a bound unit failed.
    Failed {
        /// The attempt.
        attempt: u64,
        /// The identity that it is bound to.
        identity: Identity,
        /// What happens next.
        disposition: Disposition,
        /// Why, in words for the person at the line.
        reason: String,
    },
    /// An identity and its unit are quarantined.
    Held {
        /// The identity.
        identity: Identity,
        /// Why.
        reason: String,
    },
    /// A quarantined identity is freed for its unit's next attempt, which gets a new credential.
    Reworked {
        /// The identity.
        identity: Identity,
        /// Why.
        reason: String,
    },
    /// The unit is removed for ever, its identity burnt.
    Scrapped {
        /// The identity.
        identity: Identity,
        /// Why.
        reason: String,
    },
    /// Enrollments with keys leave the station. The entry's `seq` is the delivery's number.
    Delivered(Delivery),
    /// Whoever a delivery was for has it: its keys leave the vault.
    DeliveryAcknowledged {
        /// Its number.
        delivery: u64,
    },
}

impl Fact {
    /// The `kind` that the entry's JSON names.
    pub fn kind(&self) -> &'static str {
        match self {
            Fact::StationCreated {} => "station_created",
            Fact::SecretImported { .. } => "secret_imported",
            Fact::AuthorityCreated { .. } => "authority_created",
            Fact::PossessionProven { .. } => "possession_proven",
            Fact::RevocationListIssued { .. } => "revocation_list_issued",
            Fact::RollOverBegun { .. } => "roll_over_begun",
            Fact::Retired { .. } => "retired",
            Fact::OrderAdded { .. } => "order_added",
            Fact::OrderRows { .. } => "order_rows",
            Fact::BudgetSet { .. } => "budget_set",
            Fact::RunStarted { .. } => "run_started",
            Fact::AttemptOpened { .. } => "attempt_opened",
            Fact::Refused { .. } => "refused",
            Fact::Claimed { .. } => "claimed",
            Fact::CertificateRequested { .. } => "certificate_requested",
            Fact::Issued { .. } => "issued",
            Fact::IssuedAhead { .. } => "issued_ahead",
            Fact::HandedOver { .. } => "handed_over",
            Fact::Announced { .. } => "announced",
            Fact::Accepted { .. } => "accepted",
            Fact::Failed { .. } => "failed",
            Fact::Held { .. } => "held",
            Fact::Reworked { .. } => "reworked",
            Fact::Scrapped { .. } => "scrapped",
            Fact::Delivered(_) => "delivered",
            Fact::DeliveryAcknowledged { .. } => "delivery_acknowledged",
        }
    }
}
