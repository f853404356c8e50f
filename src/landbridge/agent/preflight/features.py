"""What landbridge needs of the kernel: one table of features, and how each is tried.

Rules this module keeps:
- A row says what does not work without the feature and how to get it; docs/operations.md has the
  same features with the kernels of distributions.
- What every router needs comes before what only some connections need.
"""

from __future__ import annotations

from dataclasses import dataclass
from socket import IPPROTO_ESP
from typing import Final

from landbridge.agent.dataplane import xfrm
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.preflight import probes
from landbridge.agent.preflight.probes import Probe

EITHER: Final = frozenset(Backend)
KERNEL: Final = frozenset({Backend.NETLINK})
USERSPACE: Final = frozenset({Backend.LIBIPSEC})
_CAPABILITIES = ", ".join(probes.CAPABILITIES)
PRIVILEGES: Final = f"run landbridge as root, with {_CAPABILITIES} (in a container: `--privileged`)"


@dataclass(frozen=True)
class Feature:
    """`lacking` says that it is not there, `so` what follows from that. `options`: of the kernel's
    configuration. `needed`: the agent cannot do without; otherwise only some connections need it,
    or it is faster. `hint`: what else may help. `program`: without which it cannot be tried.
    `after`: `lacking` of a feature without which this one is not there either."""

    lacking: str
    so: str
    probe: Probe
    options: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    backends: frozenset[Backend] = EITHER
    needed: bool = True
    hint: str = ""
    program: str = ""
    after: str = ""


# The table -------------------------------------------------------------------------------------

_NO_TUNNEL = "no tunnel comes up"
_NO_ROUTER = "no router can be made"
_NFT = "The kernel has no packet filter (nf_tables) for the family inet"

CAPABILITIES: Final = Feature(
    "This process may not configure the network",
    _NO_ROUTER,
    probes.capabilities,
    hint=PRIVILEGES,
)
NAMESPACES: Final = Feature(
    "The kernel makes no network namespace",
    _NO_ROUTER,
    probes.nothing,
    options=("CONFIG_NET_NS",),
    hint="or raise the limit user.max_net_namespaces",
)
ESP: Final = Feature(
    "The kernel has no ESP",
    "`[agent] kernel = netlink` does not work",
    probes.state(xfrm.ESP),
    options=(
        "CONFIG_INET_ESP",
        "CONFIG_XFRM_USER",
        "CONFIG_CRYPTO_AUTHENC",
        "CONFIG_CRYPTO_ECHAINIV",
        "CONFIG_CRYPTO_CBC",
    ),
    modules=("xfrm_user", "esp4", "authenc", "echainiv"),
    hint="or leave it to landbridge (`kernel = auto`)",
)
NO_ESP: Final = Feature(
    ESP.lacking,
    "tunnels run in userspace (kernel-libipsec), slowly, and AH and transport mode are refused",
    ESP.probe,
    options=ESP.options,
    modules=ESP.modules,
    needed=False,
)
_SHA2 = "sha512_generic"
_ALGORITHMS = (
    ("3des", (xfrm.cipher("cbc(des3_ede)", 192), xfrm.HMAC_SHA256), ("des_generic",), "DES"),
    ("aes-*-ctr", (xfrm.cipher("rfc3686(ctr(aes))", 160), xfrm.HMAC_SHA256), ("ctr",), "CTR"),
    ("aes-*-gcm-*", (xfrm.aead("rfc4106(gcm(aes))", 160, 128),), ("gcm", "seqiv"), "GCM"),
    ("aes-*-ccm-*", (xfrm.aead("rfc4309(ccm(aes))", 152, 128),), ("ccm", "seqiv"), "CCM"),
    ("sha1", (xfrm.AES_CBC, xfrm.integrity("hmac(sha1)", 160, 96)), ("sha1_generic",), "SHA1"),
    ("sha384", (xfrm.AES_CBC, xfrm.integrity("hmac(sha384)", 384, 192)), (_SHA2,), "SHA512"),
    ("sha512", (xfrm.AES_CBC, xfrm.integrity("hmac(sha512)", 512, 256)), (_SHA2,), "SHA512"),
    ("aes-xcbc", (xfrm.AES_CBC, xfrm.integrity("xcbc(aes)", 128, 96)), ("xcbc",), "XCBC"),
    ("aes-cmac", (xfrm.AES_CBC, xfrm.integrity("cmac(aes)", 128, 96)), ("cmac",), "CMAC"),
)  # fmt: skip

FEATURES: Final = (
    Feature("The host's interfaces cannot be changed", _NO_ROUTER, probes.host_network),
    Feature(
        "Nothing can be mounted below /run/netns",
        _NO_ROUTER,
        probes.mounts,
        hint="raise the limit user.max_mnt_namespaces",
    ),
    Feature(
        "The switches in /proc/sys/net cannot be set",
        _NO_ROUTER,
        probes.switches,
        hint="mount /proc/sys writable (in a container: `--privileged`)",
    ),
    Feature(
        "The kernel has no veth interfaces",
        _NO_ROUTER,
        probes.veth,
        options=("CONFIG_VETH",),
        modules=("veth",),
    ),
    Feature(
        "The kernel has no bridges",
        _NO_ROUTER,
        probes.bridge,
        options=("CONFIG_BRIDGE",),
        modules=("bridge",),
    ),
    Feature(
        "The kernel has no packet sockets",
        "no router can tell its neighbours of its addresses",
        probes.packet_sockets,
        options=("CONFIG_PACKET",),
        modules=("af_packet",),
    ),
    Feature(
        "The kernel has no policy routing for IPv4",
        _NO_TUNNEL,
        probes.routing(4),
        options=("CONFIG_IP_ADVANCED_ROUTER", "CONFIG_IP_MULTIPLE_TABLES"),
    ),
    Feature(
        "The kernel has no policy routing for IPv6",
        _NO_TUNNEL,
        probes.routing(6),
        options=("CONFIG_IPV6", "CONFIG_IPV6_MULTIPLE_TABLES"),
        modules=("ipv6",),
        hint="or boot without ipv6.disable=1",
    ),
    Feature(
        _NFT,
        _NO_TUNNEL,
        probes.filter_family,
        options=("CONFIG_NF_TABLES", "CONFIG_NF_TABLES_INET"),
        modules=("nf_tables",),
        program="nft",
    ),
    *(
        Feature(
            "The kernel, or nft, does not take all of the packet filter",
            _NO_TUNNEL,
            probes.packet_filter(backend),
            options=("CONFIG_NF_TABLES_INET", "CONFIG_NFT_COUNTER (before 5.18)"),
            modules=("nf_tables", "nft_counter"),
            backends=frozenset({backend}),
            hint="nft must be 1.0 or newer",
            program="nft",
            after=_NFT,
        )
        for backend in Backend
    ),
    Feature(
        "There is no TUN device",
        "no tunnel can run in userspace",
        probes.tun,
        options=("CONFIG_TUN",),
        modules=("tun",),
        backends=USERSPACE,
        hint="in a container, give it the device (`--device /dev/net/tun`)",
    ),
    *(
        Feature(
            f"The kernel has no {protocol} over IPv{state.version}",
            f"{connections} do not come up",
            probes.state(state),
            options=(option,),
            modules=(module,),
            backends=KERNEL,
            needed=False,
            after=ESP.lacking,
        )
        for protocol, state, connections, option, module in (
            ("ESP", xfrm.ESP6, "tunnels between IPv6 addresses", "CONFIG_INET6_ESP", "esp6"),
            ("AH", xfrm.AH, "connections with AH", "CONFIG_INET_AH", "ah4"),
            ("AH", xfrm.AH6, "connections with AH over IPv6", "CONFIG_INET6_AH", "ah6"),
        )
    ),
    *(
        Feature(
            f"The kernel has no {word} for ESP",
            "connections that ask for it do not come up",
            probes.state(xfrm.State(IPPROTO_ESP, algorithms, spi=0x2000 + number)),
            options=(f"CONFIG_CRYPTO_{option}",),
            modules=modules,
            backends=KERNEL,
            needed=False,
            after=ESP.lacking,
        )
        for number, (word, algorithms, modules, option) in enumerate(_ALGORITHMS)
    ),
)
