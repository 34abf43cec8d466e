"""The same work by others, side by side with ours: credentials a second, key, certificate and chain as PEM.

    peers.py --station PROGRAM

Ours and Python's run in one process each, all of it timed; openssl is started for each device, as scripts do. Called by
scripts/bench --peers.
"""

import argparse
import datetime
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from iotc import IoTCClient

SECRET = b"bench-unlock\n"
GROUP_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
# Somebody's age key: the bundles are thrown away unopened.
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
OURS, PYTHON, OPENSSL = 100_000, 2_000, 40
OUR_KEYS, THEIR_KEYS = 1_000_000, 100_000


def rate(name, count, seconds):
    print(f"# {name}: {count / seconds:,.0f} a second ({count:,} in {seconds:.1f} s)", flush=True)


def timed(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


class Station:
    """Ours: the ledger written, the bundle sealed, everything durable at the end."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.call("init", folder)
        self.on("ca", "root", "--common-name", "Bench Root")
        self.on("ca", "intermediate", "--common-name", "Bench Line 1")
        add = ["order", "add", "april", "--product", "gateway-x509.toml", "--pattern", "gw-{:06}", "--quantity", OURS]
        self.run([*add, "--station", folder])

    def run(self, arguments, given=b""):
        command = [self.program, *map(str, arguments)]
        subprocess.run(command, input=given, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def call(self, *arguments):
        self.run([*arguments, "--unlock-fd", "0"], SECRET)

    def on(self, *arguments):
        self.call(*arguments, "--station", self.folder)

    def issue(self):
        bundle = self.folder.with_name("april.age")
        return timed(lambda: self.on("issue", "april", "--bundle", bundle, "--recipient", RECIPIENT))

    def derive(self, folder):
        key, ids = folder / "group.key", folder / "ids.csv"
        key.write_text(GROUP_KEY, encoding="ascii")
        key.chmod(0o600)
        ids.write_text("".join(f"gw-{number:07}\n" for number in range(OUR_KEYS)), encoding="ascii")
        arguments = ["keys", "derive", "--group-key-file", key, "--ids", ids, "--out", folder / "keys.csv"]
        return timed(lambda: self.run(arguments))


class Issuer:
    """An intermediate of Python's cryptography."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bench Line 1")])
        self.now = datetime.datetime(2026, 11, 24)
        builder = self.builder(self.name, self.key.public_key())
        ca = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate = builder.add_extension(ca, critical=True).sign(self.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)

    def builder(self, subject, public_key):
        builder = x509.CertificateBuilder(issuer_name=self.name, subject_name=subject, public_key=public_key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(self.now).not_valid_after(self.now + datetime.timedelta(days=3650))
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)

    def credential(self, number):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"gw-{number:06}")])
        builder = self.builder(subject, key.public_key())
        usage = dict.fromkeys(
            ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
             "encipher_only", "decipher_only"],
            False,
        )
        issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        for extension, critical in [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.KeyUsage(digital_signature=True, **usage), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
            (issuer_id, False),
        ]:
            builder = builder.add_extension(extension, critical=critical)
        leaf = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        pkcs8, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return key.private_bytes(serialization.Encoding.PEM, pkcs8, clear), leaf, leaf + self.pem

    def write(self, folder):
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (folder / "ca.pem").write_bytes(self.pem)
        (folder / "ca.key").write_bytes(self.key.private_bytes(pem, pkcs8, serialization.NoEncryption()))


def openssl(folder, number):
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{number}.key"]
    issued = ["-CA", "ca.pem", "-CAkey", "ca.key", "-subj", f"/CN=gw-{number:06}", "-days", "3650", "-out", f"{number}.pem"]
    extensions = ["-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=clientAuth"]
    subprocess.run(["openssl", "req", "-x509", *new, *issued, *extensions], cwd=folder, check=True,
                   stderr=subprocess.DEVNULL)


def repeated(work, count):
    return timed(lambda: [work(number) for number in range(count)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--station", required=True, type=os.path.realpath)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        station, issuer = Station(options.station, folder / "station"), Issuer()
        issuer.write(folder)
        rate("credentials, station issue, sealed bundle and ledger", OURS, station.issue())
        rate("credentials, Python cryptography in one process, in memory", PYTHON, repeated(issuer.credential, PYTHON))
        each = repeated(lambda number: openssl(folder, number), OPENSSL)
        rate("credentials, openssl req -x509 -CA for each", OPENSSL, each)
        rate("device keys, station keys derive, file to file", OUR_KEYS, station.derive(folder))
        derive = IoTCClient._compute_derived_symmetric_key
        each = repeated(lambda number: derive(None, GROUP_KEY, f"gw-{number:07}"), THEIR_KEYS)
        rate("device keys, iotc in one process, in memory", THEIR_KEYS, each)


if __name__ == "__main__":
    sys.exit(main())
