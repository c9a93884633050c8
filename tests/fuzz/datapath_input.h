// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Interprets arbitrary bytes as a conversation of damaged packets, and runs it through the data
// path's host build. For the fuzzer, and for the unit test on random bytes.
#ifndef FLOWSTAMP_TESTS_FUZZ_DATAPATH_INPUT_H
#define FLOWSTAMP_TESTS_FUZZ_DATAPATH_INPUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fst_fuzz_result {
    FST_FUZZ_RIGHT = 0,
    FST_FUZZ_DROPPED_WHILE_OBSERVING = 1,
    FST_FUZZ_WROTE_WHILE_OBSERVING = 2,
    /// More than a sequence number and a checksum of one packet.
    FST_FUZZ_WROTE_TOO_MUCH = 3,
};

struct fst_fuzz_tally {
    enum fst_fuzz_result result;
    uint64_t packets;
    uint64_t events;
    uint64_t written;  ///< packets rewritten by a challenge
    uint64_t dropped;
};

/// Runs `data` on a new data path: observing, or with all actions enabled. Stops at the first
/// error.
struct fst_fuzz_tally fst_fuzz_datapath(const uint8_t* data, size_t size, int may_act);

#ifdef __cplusplus
}
#endif

#endif
