"""Which addresses may be fetched: http and https, on hosts of the open network, looked up once and held to.

A service's answer must not lead into this machine or the network around it. Where the service itself is on this machine
(a studio, a test), its neighbours may be fetched too; a machine's metadata address (link-local) never.
Source: OWASP "Server-Side Request Forgery Prevention", case 2.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Final
from urllib.request import getproxies, proxy_bypass

import httpx

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.transport import deadline, is_loopback, port_of

if TYPE_CHECKING:
    from nemo_watch.nemo.transport import Transport

LOOKUP_LIMIT_S: Final = 15.0
_ADDRESSES_TRIED: Final = 4

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def bare_address(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only wraps it, else `address` itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def is_open(address: Address, *, near: bool) -> bool:
    """Whether `address` may be fetched from; `near` lets in this machine and private networks."""
    bare = bare_address(address)
    if bare.is_multicast or bare.is_unspecified or bare.is_link_local:
        return False
    if near and (bare.is_loopback or bare.is_private):
        return True
    return bare.is_global


def fetchable(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """`text` as an http or https address with a host, relative to `base`. Raises DOWNLOAD_REFUSED."""
    try:
        url = base.join(text) if base is not None else httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError) as error:
        raise Trouble(Cause.DOWNLOAD_REFUSED, reason="it is no address") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise Trouble(Cause.DOWNLOAD_REFUSED, reason="it is no web address")
    return url.copy_with(username=None, password=None, fragment=None)


class Addresses:
    """Looks hosts up and tells where a connection may go."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._near: bool | None = None

    async def pins(self, url: httpx.URL) -> list[str | None]:
        """The numeric hosts to connect to for `url`, each vetted; [None] where the name itself may be used.

        That is the service's own host, and any host behind a proxy, which does the looking up. Raises DOWNLOAD_REFUSED.
        """
        if self._transport.is_own(url):
            return [None]
        if self._is_proxied(url) and not is_loopback(url.host):
            await self._refuse_numbers(url.host)
            return [None]
        near = await self._is_near()
        found = await self._looked_up(url.host, port_of(url))
        if not found or not all(is_open(address, near=near) for address in found):
            raise Trouble(Cause.DOWNLOAD_REFUSED, reason=f"{url.host} is not on the open network")
        return [str(address) for address in found[:_ADDRESSES_TRIED]]

    async def _refuse_numbers(self, host: str) -> None:
        """Behind a proxy only a number can be judged here."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return
        if not is_open(address, near=await self._is_near()):
            raise Trouble(Cause.DOWNLOAD_REFUSED, reason=f"{host} is not on the open network")

    async def _is_near(self) -> bool:
        """Whether the service itself is on this machine or in a private network."""
        if self._near is None:
            found = await self._looked_up(self._transport.base.host, port_of(self._transport.base))
            self._near = any(not is_open(address, near=False) for address in found)
        return self._near

    def _is_proxied(self, url: httpx.URL) -> bool:
        proxies = getproxies() if self._transport.trust_env else {}
        return bool(proxies.get(url.scheme) or proxies.get("all")) and not proxy_bypass(url.host)

    async def _looked_up(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            async with deadline(LOOKUP_LIMIT_S, f"{host} could not be looked up in time"):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            # not NETWORK_DOWN: the service itself, under another name, may still be there
            raise Trouble(Cause.DOWNLOAD_BROKEN, reason=f"{host} could not be looked up") from error
        numbers = (str(entry[4][0]).split("%", 1)[0] for entry in found)
        return list(dict.fromkeys(ipaddress.ip_address(number) for number in numbers))
