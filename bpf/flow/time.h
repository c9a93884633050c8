// SPDX-License-Identifier: GPL-2.0-only
// Time of a packet, in the units that a flow keeps it in.
#ifndef FLOWSTAMP_BPF_FLOW_TIME_H
#define FLOWSTAMP_BPF_FLOW_TIME_H

#include "vmlinux/kernel.h"

// A packet needs several of these, a 64-bit division takes up to a hundred cycles, and BPF lacks the
// multiplication with a 128-bit product that compilers put in its place. So in two steps: with
// 2^n = divisor * quotient + rest, the part above n bits is multiplied by the quotient, and what
// remains, high * rest + low, is small enough to be multiplied by 2^m / divisor.

/// Microseconds since boot, low 32 bits. Exact for 65 years, as the clock of a capture counts from 1970; then
/// at most one too high.
static __always_inline __u32 time_us(__u64 time_ns) {
    const __u64 eights = time_ns >> 3, high = eights >> 31;   // 2^31 = 125 * 17179869 + 23
    const __u64 remains = high * 23 + (eights & 0x7fffffff);  // below 2^35 / 7
    const __u64 us = remains * 274877907 >> 35;               // 2^35 / 125, rounded up by 7 / 125

    return (__u32)(high * 17179869 + us);
}

/// Milliseconds since boot, low 32 bits: the unit of most stacks' timestamp clocks. Exact for all 64 bits: with
/// 2^m / divisor rounded down the result is at most one too low.
static __always_inline __u32 time_ms(__u64 time_ns) {
    const __u64 parts = time_ns >> 6, high = parts >> 32;  // 2^32 = 15625 * 274877 + 14171
    const __u64 remains = high * 14171 + (__u32)parts;     // below 2^40
    const __u64 ms = remains * 17592186 >> 38;             // 2^38 / 15625

    return (__u32)(high * 274877 + ms + (remains - ms * 15625 >= 15625));
}

/// Whether at least `ns` have passed since `then_ns`. False if `then_ns` is later than `now_ns`, as
/// two CPUs may handle a flow's packets slightly out of order.
static __always_inline int passed(__u64 now_ns, __u64 then_ns, __u64 ns) {
    return (__s64)(now_ns - then_ns) >= (__s64)ns;
}

#endif
