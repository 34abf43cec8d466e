//! TPM2B_PUBLIC of an endorsement key, field by field (TPM 2.0 Library, part 2, §12.2.4 and §12.2.5). Numbers are big-endian.

use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;

use super::EndorsementKeyError as Error;
use crate::{KeyAlgorithm, PublicKey};

const RSA: u64 = 0x0001;
const ECC: u64 = 0x0023;
const SHA256: u64 = 0x000b;
const AES: u64 = 0x0006;
const CFB: u64 = 0x0043;
const NULL: u64 = 0x0010;
const P256: u64 = 0x0003;
/// fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt.
const ATTRIBUTES: u64 = 0x0003_00b2;
/// userWithAuth, which the TCG's later templates add.
const USER_WITH_AUTH: u64 = 0x0000_0040;
/// PolicySecret of the endorsement hierarchy: the TCG's policy for the templates L-1 and L-2.
const TCG_POLICY: [u8; 32] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd,
    0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
];
const MODULUS: usize = 256;
const COORDINATE: usize = 32;
const RSA_EXPONENT: u32 = 65_537;

pub(super) struct Parsed {
    pub(super) public_key: PublicKey,
    pub(super) tcg_policy: bool,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or(Error::CutOff { at: self.bytes.len() })?;
        self.at += length;
        Ok(taken)
    }

    fn number(&mut self, length: usize) -> Result<u64, Error> {
        if self.bytes.len() == self.at {
            return Err(Error::CutOff { at: self.at });
        }
        Ok(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number that must be one of these.
    fn expect(&mut self, field: &'static str, length: usize, allowed: &[u64]) -> Result<u64, Error> {
        let at = self.at;
        let found = self.number(length)?;
        if allowed.contains(&found) { Ok(found) } else { Err(Error::Field { field, found, at }) }
    }

    /// A sized buffer of exactly this length.
    fn buffer(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], Error> {
        self.expect(field, 2, &[length as u64])?;
        self.take(length)
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Error> {
    let mut reader = Reader { bytes, at: 0 };
    let size = reader.number(2)?;
    let kind = reader.expect("type", 2, &[RSA, ECC])?;
    reader.expect("nameAlg", 2, &[SHA256])?;
    reader.expect("objectAttributes", 4, &[ATTRIBUTES, ATTRIBUTES | USER_WITH_AUTH])?;
    let tcg_policy = reader.buffer("authPolicy.size", TCG_POLICY.len())? == TCG_POLICY;
    reader.expect("symmetric.algorithm", 2, &[AES])?;
    reader.expect("symmetric.keyBits", 2, &[128])?;
    reader.expect("symmetric.mode", 2, &[CFB])?;
    reader.expect("scheme", 2, &[NULL])?;
    let public_key = if kind == RSA { rsa(&mut reader)? } else { ecc(&mut reader)? };
    if reader.at < bytes.len() {
        return Err(Error::Trailing { extra: bytes.len() - reader.at });
    }
    if size != (bytes.len() - 2) as u64 {
        return Err(Error::Field { field: "size", found: size, at: 0 });
    }
    Ok(Parsed { public_key, tcg_policy })
}

fn rsa(reader: &mut Reader<'_>) -> Result<PublicKey, Error> {
    reader.expect("keyBits", 2, &[2048])?;
    // 0 stands for 65537.
    reader.expect("exponent", 4, &[0, RSA_EXPONENT.into()])?;
    let modulus = reader.buffer("unique.size", MODULUS)?;
    let modulus = rsa::BoxedUint::from_be_slice_vartime(modulus);
    let key = rsa::PublicKey::new(modulus, rsa::BoxedUint::from(RSA_EXPONENT)).map_err(|_| Error::Key)?;
    let spki = key.to_public_key_der().map_err(|_| Error::Key)?;
    PublicKey::from_spki_der(spki.as_bytes()).map_err(|_| Error::Key)
}

fn ecc(reader: &mut Reader<'_>) -> Result<PublicKey, Error> {
    reader.expect("curveID", 2, &[P256])?;
    reader.expect("kdf", 2, &[NULL])?;
    let x = reader.buffer("unique.x.size", COORDINATE)?;
    let y = reader.buffer("unique.y.size", COORDINATE)?;
    let made =
        PublicKey::from_own_point(KeyAlgorithm::P256, &[&[0x04], x, y].concat()).map_err(|_| Error::Key)?;
    // Once more, as a stranger's point, which must be on the curve.
    PublicKey::from_spki_der(made.spki_der()).map_err(|_| Error::Key)
}

/// By the TCG's templates L-1 and L-2; none for keys of other kinds.
pub(super) fn build(public_key: &PublicKey) -> Option<Vec<u8>> {
    let number = |number: u64| u16::try_from(number).ok().map(u16::to_be_bytes);
    let (kind, parameters) = match public_key.algorithm() {
        KeyAlgorithm::Rsa2048 => {
            let key = rsa::PublicKey::from_public_key_der(public_key.spki_der()).ok()?;
            let modulus = key.n_bytes();
            let head = [&number(2048)?[..], &[0; 4], &number(MODULUS as u64)?].concat();
            (RSA, [head, modulus.to_vec()].concat())
        }
        KeyAlgorithm::P256 => {
            let (x, y) = public_key.contents().get(1..)?.split_at_checked(COORDINATE)?;
            let size = number(COORDINATE as u64)?;
            (ECC, [&number(P256)?[..], &number(NULL)?, &size, x, &size, y].concat())
        }
        _ => return None,
    };
    let attributes = u32::try_from(ATTRIBUTES).ok()?.to_be_bytes();
    let head =
        [&number(kind)?[..], &number(SHA256)?, &attributes, &number(TCG_POLICY.len() as u64)?].concat();
    let symmetric = [number(AES)?, number(128)?, number(CFB)?, number(NULL)?].concat();
    let public = [&head[..], &TCG_POLICY, &symmetric, &parameters].concat();
    Some([&number(public.len() as u64)?[..], &public].concat())
}
