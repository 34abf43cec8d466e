"""Reads a CRL with Python's cryptography, and checks it against its issuer.

    revocation_list.py CRL ISSUER.pem

The CRL may be PEM or DER. Prints what it holds as JSON. Exit code 1 where the issuer did not sign it, or it lacks what
RFC 5280 §5.2 asks for.
"""

import json
import sys

from cryptography import x509

with open(sys.argv[1], "rb") as file:
    data = file.read()
with open(sys.argv[2], "rb") as file:
    issuer = x509.load_pem_x509_certificate(file.read())
crl = x509.load_pem_x509_crl(data) if data.startswith(b"-----") else x509.load_der_x509_crl(data)


def reason(entry):
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return None


if not crl.is_signature_valid(issuer.public_key()) or crl.issuer != issuer.subject:
    sys.exit("not the issuer's")
key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
authority = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
if key_id != authority:
    sys.exit("another key identifier")
json.dump(
    {
        "number": crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number,
        "days": (crl.next_update_utc - crl.last_update_utc).days,
        "revoked": [[f"{entry.serial_number:x}", reason(entry)] for entry in crl],
    },
    sys.stdout,
)
