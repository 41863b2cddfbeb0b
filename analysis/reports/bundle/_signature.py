"""A detached signature of a bundle's manifest, by OpenSSH: made beside the bundle, and checked."""

import re
import subprocess
from pathlib import Path

from analysis.errors import LianjianError
from analysis.reports.bundle.verify import manifest_of

_SUFFIX = ".sig"
_NAMESPACE = "lianjian"
_KEY = re.compile(r"with ([A-Z0-9-]+) key (SHA256:\S+)")


def beside(bundle: Path) -> Path:
    """Return where the signature of a bundle lies."""
    return bundle.with_name(f"{bundle.name}{_SUFFIX}")


def must_be_key(key: Path) -> None:
    """Raise where there is no such key, before a bundle is made."""
    if not key.is_file():
        raise LianjianError(
            f"--sign {key}: there is no such file. Name an SSH key, private or public."
        )


def sign(bundle: Path, key: Path) -> Path:
    """Sign the manifest of a bundle with a person's key; ssh may ask for its passphrase."""
    must_be_key(key)
    done = _ssh("sign", manifest_of(bundle), "-f", str(key))
    if not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise LianjianError(f"{key} does not sign: {_said(done)}. The bundle lies there unsigned.")
    place = beside(bundle)
    place.write_bytes(done.stdout)
    return place


def check(manifest: bytes, bundle: Path, signers: Path | None) -> tuple[bool, str]:
    """Hold a signature against a manifest: whether it is good, and whose it is.

    Without a list of signers a good signature says which key made it, and not whose that is.
    """
    place = beside(bundle)
    if not place.is_file():
        return signers is None, f"no signature: there is no {place.name}" if signers else ""
    if signers is not None and not signers.is_file():
        raise LianjianError(
            f"--signers {signers}: there is no such file. A line of it is a name and a public key, "
            "as in the ALLOWED SIGNERS of ssh-keygen."
        )
    done = _ssh("check-novalidate", manifest, "-s", str(place))
    made = _KEY.search(done.stdout.decode("utf-8", "replace"))
    if done.returncode or not made:
        return False, f"{place.name}: is no signature of this manifest ({_said(done)})"
    if signers is None:
        return True, (
            f"signed with the {made[1]} key {made[2]}: compare it with the one that the authors "
            "published, or name their keys with --signers FILE"
        )
    found = _ssh("find-principals", b"", "-s", str(place), "-f", str(signers))
    for name in found.stdout.decode("utf-8", "replace").splitlines():
        done = _ssh("verify", manifest, "-s", str(place), "-f", str(signers), "-I", name)
        if not done.returncode:
            return True, f"signed by {name}, whose key stands in {signers.name}"
    return False, f"{place.name}: was made with no key of {signers.name} that may sign bundles"


def _ssh(action: str, content: bytes, *options: str) -> "subprocess.CompletedProcess[bytes]":
    command = ["ssh-keygen", "-Y", action, "-n", _NAMESPACE, *options]
    try:
        # of fixed words, and files that a person named
        return subprocess.run(command, input=content, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise LianjianError(
            "ssh-keygen is not to be found on this machine; signatures are made and checked with "
            "it. It comes with OpenSSH (8.1 or later)."
        ) from None


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    return lines[-1].rstrip(".") if lines else "ssh-keygen said nothing"
