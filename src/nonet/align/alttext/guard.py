"""Connections that may only lead to public addresses.

The name is resolved and judged at the moment of connecting, and the judged address is the one connected to, so that a
name that resolves differently a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
import typing

import httpcore
import httpx

__all__ = ["GuardedTransport", "PrivateAddress", "is_public", "leads_to_private"]


class PrivateAddress(httpcore.ConnectError):
    """A host whose address is not on the public Internet."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public Internet.

    Args:
        address: as text, IPv4 or IPv6.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour
        if embedded is not None:
            return is_public(str(embedded))
    return ip.is_global and not ip.is_multicast


def leads_to_private(host: str) -> bool:
    """Whether any address of ``host`` is not public; False if it has none."""
    try:
        return not all(is_public(address) for address in _addresses(host, 80))
    except OSError:
        return False


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Backend(httpcore.SyncBackend):
    def __init__(self, allowed: frozenset[str] | None) -> None:
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: typing.Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        if self._allowed is None or host.lower() in self._allowed:
            return super().connect_tcp(host, port, timeout, local_address, socket_options)
        try:
            addresses = _addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        if not all(is_public(address) for address in addresses):
            raise PrivateAddress(f"{host} is not on the public Internet")
        return super().connect_tcp(addresses[0], port, timeout, local_address, socket_options)


class GuardedTransport(httpx.HTTPTransport):
    """The transport of a client that must not reach private addresses.

    Args:
        allowed: hosts that may be private, lower case; None allows every host.
    """

    def __init__(self, allowed: frozenset[str] | None) -> None:
        super().__init__()
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=16,
            keepalive_expiry=15.0,
            network_backend=_Backend(allowed),
        )
