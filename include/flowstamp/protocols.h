// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Numbers of protocols that are no part of a kernel's BTF, in host byte order (IANA).
#ifndef FLOWSTAMP_PROTOCOLS_H
#define FLOWSTAMP_PROTOCOLS_H

enum fst_ethertype {
    FST_ETHERTYPE_ERSPAN_3 = 0x22eb,
    FST_ETHERTYPE_TEB = 0x6558,  ///< Ethernet in GRE or Geneve
    FST_ETHERTYPE_PPTP = 0x880b,
    FST_ETHERTYPE_MPLS = 0x8847,
    FST_ETHERTYPE_MPLS_MULTICAST = 0x8848,
    FST_ETHERTYPE_PPPOE = 0x8864,
    FST_ETHERTYPE_ERSPAN_2 = 0x88be,
    FST_ETHERTYPE_CISCO_METADATA = 0x8909,  ///< a TrustSec group tag, 8 bytes
    FST_ETHERTYPE_QINQ_OLD = 0x9100,
};

enum fst_ppp_protocol {
    FST_PPP_IPV4 = 0x0021,
    FST_PPP_IPV6 = 0x0057,
    FST_PPP_ADDRESS_AND_CONTROL = 0xff03,  ///< RFC 1662; may be left out
};

enum fst_tunnel_port {
    FST_PORT_GTP_U = 2152,
    FST_PORT_VXLAN = 4789,
    FST_PORT_GENEVE = 6081,
    FST_PORT_VXLAN_LINUX = 8472,  ///< its default before the IANA's
};

#endif
