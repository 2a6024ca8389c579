"""Connections that may only lead to public addresses.

The name is resolved and judged at the moment of connecting, and the judged address is the one connected to, so that a
name that resolves differently a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import ssl
import time
import typing

import httpcore
import httpx

__all__ = ["GuardedTransport", "PrivateAddressError", "is_public", "leads_to_private"]


class PrivateAddressError(httpcore.ConnectError):
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


class _Stream(httpcore.NetworkStream):
    """A connection on which no single wait outlasts the request's deadline."""

    def __init__(self, stream: httpcore.NetworkStream, transport: GuardedTransport) -> None:
        self._stream, self._transport = stream, transport

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._transport.remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._transport.remaining(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._transport.remaining(timeout))
        return _Stream(secured, self._transport)

    def get_extra_info(self, info: str) -> typing.Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def __init__(self, transport: GuardedTransport) -> None:
        self._transport = transport

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: typing.Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self._transport.remaining(timeout)
        address = self._transport.judge(host, port)
        stream = super().connect_tcp(address, port, timeout, local_address, socket_options)
        return _Stream(stream, self._transport)


class GuardedTransport(httpx.HTTPTransport):
    """The transport of a client that must not reach private addresses nor wait for ever.

    It serves one request at a time.

    Args:
        allowed: hosts that may be private, lower case; None allows every host.
    """

    def __init__(self, allowed: frozenset[str] | None) -> None:
        super().__init__()
        self._allowed = allowed
        self._deadline = math.inf
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=16,
            keepalive_expiry=15.0,
            network_backend=_Backend(self),
        )

    def give(self, seconds: float) -> None:
        """Sets the time for the next request altogether: its headers, its body and what lies between."""
        self._deadline = time.monotonic() + seconds

    def remaining(self, timeout: float | None) -> float:
        """The time for one wait.

        Raises:
            httpcore.ReadTimeout: if the deadline is past.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline is past")
        return min(left, math.inf if timeout is None else timeout)

    def judge(self, host: str, port: int) -> str:
        """The address to connect to.

        Raises:
            PrivateAddressError: if the host is not public and not allowed.
            httpcore.ConnectError: if it has no address.
        """
        if self._allowed is None or host.lower() in self._allowed:
            return host
        try:
            addresses = _addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        if not all(is_public(address) for address in addresses):
            raise PrivateAddressError(f"{host} is not on the public Internet")
        return addresses[0]
