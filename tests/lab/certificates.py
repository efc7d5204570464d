"""The API server's certificate and the key that signs ServiceAccount tokens, new for each run."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lab import netlink

_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_ADDRESSES = (netlink.CONTROL_PLANE, "127.0.0.1", "10.96.0.1")


def write_server(folder: Path) -> tuple[Path, Path]:
    """Paths of a certificate, valid for a day and its own authority, and of its key.

    It also names 127.0.0.1, so that a kubectl outside, which comes through a relay there, can check
    it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "davy-lab")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    *(x509.DNSName(name) for name in _NAMES),
                    *(x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES),
                ]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(folder / "server.key", key)
    return folder / "server.crt", folder / "server.key"


def write_token_key(folder: Path) -> Path:
    """The path of a new private key for ServiceAccount tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_key(folder / "tokens.key", ec.generate_private_key(ec.SECP256R1()))
    return folder / "tokens.key"


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    # The older format: Kubernetes finds no public key in a PKCS #8 file with an elliptic-curve key.
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
