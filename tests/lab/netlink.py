"""The lab's network: a loopback device that answers for the control plane and for every pod.

A `local` route for a whole prefix (AnyIP) makes each of its addresses bindable and reachable, so
no address is added per pod. Spoken to the kernel directly: a slim container has no `ip` program.
Standard library only. Message layouts: rtnetlink(7).
"""

import fcntl
import os
import socket
import struct
from ipaddress import IPv4Network
from typing import Final

CONTROL_PLANE: Final = "10.0.0.1"
"""Where every component of the lab listens."""

PODS: Final = IPv4Network("10.64.0.0/16")
"""Each pod has one address of these."""

_RTM_NEWADDR = 20
_RTM_NEWROUTE = 24
_NLM_F_REQUEST_ACK_CREATE = 0x1 | 0x4 | 0x400
_NLMSG_ERROR = 2
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF = 1, 4
_RT_TABLE_LOCAL, _RTPROT_BOOT, _RT_SCOPE_HOST, _RTN_LOCAL = 255, 3, 254, 2
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def set_up() -> None:
    """Bring up `lo` with the control plane's address and the route for all pods.

    Raises:
        OSError: the caller doesn't own its network namespace.
    """
    _lo_up()
    lo = socket.if_nametoindex("lo")
    address = socket.inet_aton(CONTROL_PLANE)
    _request(
        _RTM_NEWADDR,
        struct.pack("=BBBBi", socket.AF_INET, 32, 0, 0, lo)
        + _attribute(_IFA_LOCAL, address)
        + _attribute(_IFA_ADDRESS, address),
    )
    _request(
        _RTM_NEWROUTE,
        struct.pack(
            "=BBBBBBBBI",
            socket.AF_INET, PODS.prefixlen, 0, 0,
            _RT_TABLE_LOCAL, _RTPROT_BOOT, _RT_SCOPE_HOST, _RTN_LOCAL, 0,
        )
        + _attribute(_RTA_DST, PODS.network_address.packed)
        + _attribute(_RTA_OIF, struct.pack("=i", lo)),
    )  # fmt: skip


def _lo_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", answer, 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)


def _request(kind: int, body: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.bind((0, 0))
        kernel.send(
            struct.pack("=IHHII", 16 + len(body), kind, _NLM_F_REQUEST_ACK_CREATE, 1, 0) + body
        )
        answer = kernel.recv(8192)
    _, answered, _, _, _, error = struct.unpack_from("=IHHIIi", answer)
    if answered == _NLMSG_ERROR and error != 0:
        raise OSError(-error, f"rtnetlink request {kind}: {os.strerror(-error)}")
