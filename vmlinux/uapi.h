// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// UAPI values that user space needs and that the distribution's headers may lack: linux-libc-dev of
// Debian 12 is that of 6.1. Include this instead of <linux/bpf.h>. Most of them are enumerators in
// newer headers, invisible to the preprocessor, so the headers' version decides.
// tests/bpf/kernel_types_test.cpp checks each against the running kernel's BTF.
#ifndef FLOWSTAMP_VMLINUX_UAPI_H
#define FLOWSTAMP_VMLINUX_UAPI_H

#include <linux/bpf.h>
#include <linux/version.h>

#define FST_UAPI_PROG_TYPE_NETFILTER 32  ///< enum bpf_prog_type, since 6.4
#define FST_UAPI_NETFILTER 45            ///< enum bpf_attach_type, since 6.4
#define FST_UAPI_TCX_INGRESS 46          ///< enum bpf_attach_type, since 6.6
#define FST_UAPI_TCX_EGRESS 47           ///< enum bpf_attach_type, since 6.6
#define FST_UAPI_LINK_TYPE_NETFILTER 10  ///< enum bpf_link_type, since 6.4
#define FST_UAPI_LINK_TYPE_TCX 11        ///< enum bpf_link_type, since 6.6

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define BPF_PROG_TYPE_NETFILTER ((enum bpf_prog_type)FST_UAPI_PROG_TYPE_NETFILTER)
#define BPF_NETFILTER ((enum bpf_attach_type)FST_UAPI_NETFILTER)
#define BPF_LINK_TYPE_NETFILTER ((enum bpf_link_type)FST_UAPI_LINK_TYPE_NETFILTER)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define BPF_TCX_INGRESS ((enum bpf_attach_type)FST_UAPI_TCX_INGRESS)
#define BPF_TCX_EGRESS ((enum bpf_attach_type)FST_UAPI_TCX_EGRESS)
#define BPF_LINK_TYPE_TCX ((enum bpf_link_type)FST_UAPI_LINK_TYPE_TCX)
#endif

// Position of a new program in a chain (since 6.6). Macros in the kernel's header, too.
#ifndef BPF_F_BEFORE
#define BPF_F_BEFORE (1U << 3)
#endif
#ifndef BPF_F_AFTER
#define BPF_F_AFTER (1U << 4)
#endif
#ifndef BPF_F_ID
#define BPF_F_ID (1U << 5)
#endif

#endif
