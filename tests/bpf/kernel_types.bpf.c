// SPDX-License-Identifier: GPL-2.0-only
// One global of each type of vmlinux/kernel.h, so that our own reading of the kernel's types stands
// in this object's BTF. Never loaded: kernel_types_test.cpp reads it, and fails if one is missing.
// That it compiles also proves that kernel.h suffices for libbpf's headers.
#include "vmlinux/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct xdp_md type_xdp_md;
struct __sk_buff type_sk_buff;
struct ethhdr type_ethhdr;
struct vlan_hdr type_vlan_hdr;
struct iphdr type_iphdr;
struct in6_addr type_in6_addr;
struct ipv6hdr type_ipv6hdr;
struct ipv6_opt_hdr type_ipv6_opt_hdr;
struct frag_hdr type_frag_hdr;
struct tcphdr type_tcphdr;
struct icmphdr type_icmphdr;
struct icmp6hdr type_icmp6hdr;

enum xdp_action type_xdp_action;
enum tc_action type_tc_action;
enum tcx_action_base type_tcx_action_base;
enum bpf_map_type type_bpf_map_type;
enum bpf_map_create_flag type_bpf_map_create_flag;
enum bpf_map_update_flag type_bpf_map_update_flag;
enum bpf_ringbuf_flag type_bpf_ringbuf_flag;
enum bpf_ringbuf_query type_bpf_ringbuf_query;
enum bpf_skb_flag type_bpf_skb_flag;
enum ethertype type_ethertype;
enum ip_protocol type_ip_protocol;
enum ip_frag_off type_ip_frag_off;
enum tcp_option_kind type_tcp_option_kind;
enum icmp_type type_icmp_type;
enum icmp6_type type_icmp6_type;

char LICENSE[] SEC("license") = "GPL";
