"""Which other servers this one may talk to: base addresses that an operator lists, compared exactly, resolved once.

An address is an operator's word, but a name behind it can be made to point anywhere, and a widget can be forged. So
an address is brought into one form before it is compared, everything that could be read in two ways is refused, and
the name is resolved once: what connects gets numbers that were checked, never the name again.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_PATH = re.compile(r"(/[A-Za-z0-9._~!$'()*+,;=:@-]+)*\Z")
# NAT64 and 6to4 carry an IPv4 address inside, which is where they lead.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

IP = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Address:
    """A base address in one form.

    Attributes:
        scheme: `"http"` or `"https"`.
        host: lower case, without a trailing dot; an IP address in its shortest writing, IPv6 without brackets.
        port: always a number.
        path: empty, or `/` and segments, without a slash at the end.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def authority(self) -> str:
        """Host and port as a `Host` header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def loopback(self) -> bool:
        """Whether it names this very machine. A name that merely resolves to it does not."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse(text: str) -> Address:
    """One form of a base address such as `http://127.0.0.1:8080/v1`.

    Raises:
        ValueError: what it holds that no base address needs. The sentence never repeats a name or password in it.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError("The address is empty; write one such as http://127.0.0.1:8080/v1.")
    text = text.strip()
    if not text.isascii() or any(character <= " " or character in "\\\x7f" for character in text):
        raise ValueError("The address holds a space, a backslash or a letter outside ASCII; write a name with other "
                         "letters in its xn-- form.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("The address has a host or a port that cannot be read; write one such as "
                         "http://127.0.0.1:8080/v1.") from None
    if "@" in parts.netloc:
        raise ValueError("The address holds a name or password before @; keys belong in LOOKING_GLASS_REMOTE_KEY, "
                         "never in an address.")
    if parts.scheme not in PORTS:
        raise ValueError(f"The address begins with {parts.scheme or 'no scheme'!r}; write http:// or https://.")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError("The address holds ? or #; write the base address alone, such as http://127.0.0.1:8080/v1.")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("The address has no usable port after the colon; write a number from 1 to 65535.")
    host = _host(parts.hostname or "", bracketed="[" in parts.netloc)
    return Address(parts.scheme, host, port or PORTS[parts.scheme], _path(parts.path))


def _host(host: str, *, bracketed: bool) -> str:
    if bracketed:
        try:
            if "%" in host:
                raise ValueError("a zone names a network card of this machine")
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise ValueError("The address in brackets is no IPv6 address; write it such as [::1].") from None
    host = host.removesuffix(".")
    if not host:
        raise ValueError("The address names no host; write one such as http://127.0.0.1:8080/v1.")
    labels = host.split(".")
    # A host whose last part is a number is an IP address to every client, but 127.1, 0177.0.0.1, 2130706433 and
    # 0x7f000001 are read in different ways by different ones.
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("The address writes an IP address in an unusual way; write four decimal numbers, such as "
                             "127.0.0.1.") from None
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise ValueError("The address has a host that is no name and no IP address; write one such as "
                         "http://127.0.0.1:8080/v1.")
    return host


def _path(path: str) -> str:
    path = path.removesuffix("/")
    if not _PATH.match(path) or any(part in (".", "..") for part in path.split("/")):
        raise ValueError("The path of the address holds %, .., an empty part or an unusual sign; write it plainly, "
                         "such as /v1.")
    return path


def allowed(asked: Address, listed: Sequence[Address]) -> bool:
    """Whether `asked` is a listed address or lies below one: same scheme, host and port, path under its path."""
    return any(
        (asked.scheme, asked.host, asked.port) == (base.scheme, base.host, base.port)
        and (asked.path == base.path or asked.path.startswith(base.path + "/"))
        for base in listed
    )


Resolver = Callable[..., Sequence[tuple[object, ...]]]


def resolve(address: Address, *, private: bool, resolver: Resolver | None = None) -> tuple[str, ...]:
    """The IP addresses behind an address, each of them checked; connect to these, not to the name.

    Args:
        address: a listed one.
        private: whether private ranges may be reached (`LOOKING_GLASS_PRIVATE_RANGES`).
        resolver: `socket.getaddrinfo`, or another in its place.

    Raises:
        ValueError: the name is unknown, or an address behind it may not be reached.
    """
    try:
        found = (resolver or socket.getaddrinfo)(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ValueError(f"No server named {address.host} can be found; check the name, and that this machine is "
                         "connected.") from None
    numbers = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))  # type: ignore[index]
    if not numbers:
        raise ValueError(f"No server named {address.host} can be found; check the name.")
    for number in numbers:
        _check(address, number, private=private)
    return numbers


def _check(address: Address, number: str, *, private: bool) -> None:
    try:
        ip = inner(ipaddress.ip_address(number))
    except ValueError:
        raise ValueError(f"{address.host} leads to {number!r}, which is no plain IP address.") from None
    if ip.is_loopback:
        # Only an address that says so itself may lead back to this machine; a name that does so was redirected.
        if address.loopback or private:
            return
        raise ValueError(f"{address.host} leads back to this machine, though its name does not say so; write "
                         "localhost or 127.0.0.1, or set LOOKING_GLASS_PRIVATE_RANGES=on.")
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        # Link-local is where cloud hosts keep their secrets (169.254.169.254); nothing to talk to lives there.
        raise ValueError(f"{address.host} leads to {ip}, an address that is never asked; use the server's own address.")
    if not ip.is_global and not private:
        raise ValueError(f"{address.host} leads to {ip}, an address inside a private network; whoever runs this app "
                         "can allow that with LOOKING_GLASS_PRIVATE_RANGES=on.")


def inner(ip: IP) -> IP:
    """The IPv4 address that an IPv6 address carries, where it does, else the address itself."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip.sixtofour is not None:
            return ip.sixtofour
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def public(number: str) -> bool:
    """Whether an IP address lies in the open internet."""
    ip = inner(ipaddress.ip_address(number))
    return ip.is_global
