"""The PBX's certificate and the small CA the phones trust.

`secrets/tls-ca.key` signs; `tls/ca.pem` goes to the phones; `tls/pbx.pem` and `tls/pbx.key` (0600) go to Asterisk.
The certificate is renewed by `heedline init` when it ends within 30 days or its names no longer fit.
"""

import contextlib
import datetime
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from compliance.errors import HeedlineError
from heedline.home import Home
from heedline.secrets import ensure_folder, read_secret, secret_path, write_private

CA_YEARS = 10
CERTIFICATE_DAYS = 397  # the longest life the CA/Browser Forum ever allowed after 2020; phones refuse more
RENEW_WITHIN = datetime.timedelta(days=30)
_CA_KEY = "tls-ca.key"
_CLOCK_SKEW = datetime.timedelta(hours=1)  # a phone whose clock is a little behind must still connect


class CertificateBad(HeedlineError):
    """The PBX's certificate is missing, unreadable or not valid now."""


@dataclass(frozen=True)
class PbxCertificate:
    """Where the files are and until when they hold."""

    ca: Path
    certificate: Path
    key: Path
    not_before: datetime.datetime
    not_after: datetime.datetime
    names: frozenset[str]

    def check(self, now: datetime.datetime) -> None:
        """Raises CertificateBad when it has ended or has not begun."""
        if now >= self.not_after:
            raise CertificateBad(
                f"{self.certificate}: expired on {self.not_after:%Y-%m-%d}; run `heedline init`, then `heedline pbx up`"
            )
        if now < self.not_before:
            raise CertificateBad(
                f"{self.certificate}: not valid before {self.not_before:%Y-%m-%d %H:%M} UTC; check the clock"
            )


def read_certificate(home: Home) -> PbxCertificate:
    """What is there now. Raises CertificateBad when it is missing or cannot be read."""
    file = home.tls / "pbx.pem"
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except FileNotFoundError:
        raise CertificateBad(f"{file}: not there; run `heedline init`") from None
    except (OSError, ValueError) as error:
        raise CertificateBad(f"{file}: no certificate ({error}); move it away and run `heedline init`") from None
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    held = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    return PbxCertificate(
        home.tls / "ca.pem",
        file,
        home.tls / "pbx.key",
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        frozenset(held),
    )


def ensure_certificate(
    home: Home, sip_address: str, now: datetime.datetime, *, days: int = CERTIFICATE_DAYS, renew: bool = False
) -> PbxCertificate:
    """Make CA and certificate where needed. `renew` makes a new certificate even when the old one would do."""
    ensure_folder(home.secrets)
    ensure_folder(home.tls)
    names = _names(sip_address)
    with contextlib.suppress(CertificateBad):
        held = read_certificate(home)
        lasts = held.not_before <= now < held.not_after - RENEW_WITHIN
        if lasts and not renew and held.key.exists() and held.ca.exists() and held.names >= names:
            return held
    authority_key, authority = _authority(home, now)
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = [_alternative(name) for name in sorted(names)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Heedline PBX")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    write_private(home.tls / "pbx.key", _private_pem(key), replace=True)
    write_private(home.tls / "pbx.pem", certificate.public_bytes(serialization.Encoding.PEM), replace=True)
    return read_certificate(home)


def _names(sip_address: str) -> frozenset[str]:
    names = {"localhost", "127.0.0.1", socket.gethostname()}
    if not ipaddress.ip_address(sip_address).is_unspecified:
        names.add(sip_address)
    return frozenset(names)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _authority(home: Home, now: datetime.datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    file = home.tls / "ca.pem"
    if file.exists() and secret_path(home, _CA_KEY).exists():
        key = serialization.load_pem_private_key(read_secret(home, _CA_KEY), password=None)
        authority = x509.load_pem_x509_certificate(file.read_bytes())
        if isinstance(key, ec.EllipticCurvePrivateKey) and now < authority.not_valid_after_utc - RENEW_WITHIN:
            return key, authority
    fresh = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Heedline phone CA")])
    authority = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(fresh.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(fresh.public_key()), critical=False)
        .add_extension(_ca_usage(), critical=True)
        .sign(fresh, hashes.SHA256())
    )
    write_private(secret_path(home, _CA_KEY), _private_pem(fresh), replace=True)
    write_private(file, authority.public_bytes(serialization.Encoding.PEM), replace=True)
    return fresh, authority


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
