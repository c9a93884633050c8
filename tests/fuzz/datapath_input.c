// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/fuzz/datapath_input.h"

#include <stdlib.h>
#include <string.h>

#include "bpf/host/datapath.h"

// Templates for fuzzing: whole packets between 192.0.2.1:40000 and 198.51.100.2:80, or 2001:db8::1
// and 2001:db8::2. Each input byte string modifies them.
#define MACS 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1
#define IPV4(total, protocol) \
    0x45, 0, 0, total, 0x12, 0x34, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2
#define PORTS 0x9c, 0x40, 0, 80
#define TCP(offset, flags) PORTS, 0, 0, 0x10, 0, 0, 0, 0x20, 0, offset, flags, 0xff, 0, 0, 0, 0, 0
#define TIMESTAMPS 1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0
#define IPV6_ADDRESSES                                                                           \
    0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, \
        0, 0, 0, 0, 0, 0, 2

// clang-format off
static const uint8_t ipv4_data[] = {
    MACS, 8, 0, IPV4(56, 6), TCP(0x80, 0x18), TIMESTAMPS, 'd', 'a', 't', 'a'};
static const uint8_t ipv4_syn[] = {
    MACS, 8, 0, IPV4(60, 6), TCP(0xa0, 0x02),
    2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 7};
static const uint8_t ipv4_reset[] = {
    MACS, 8, 0, IPV4(40, 6), TCP(0x50, 0x04)};
static const uint8_t vlan_ack[] = {
    MACS, 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0, IPV4(52, 6), TCP(0x80, 0x10), TIMESTAMPS};
static const uint8_t ipv6_data[] = {
    MACS, 0x86, 0xdd, 0x60, 0, 0, 1, 0, 32, 6, 64, IPV6_ADDRESSES, TCP(0x80, 0x18), TIMESTAMPS};
static const uint8_t ipv6_options[] = {
    MACS, 0x86, 0xdd, 0x60, 0, 0, 1, 0, 36, 0, 64, IPV6_ADDRESSES,
    60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0, TCP(0x50, 0x14)};
static const uint8_t ipv4_unreachable[] = {
    MACS, 8, 0, IPV4(56, 1), 3, 13, 0, 0, 0, 0, 0, 0, IPV4(56, 6), PORTS, 0, 0, 0x10, 0};
static const uint8_t ipv6_unreachable[] = {
    MACS, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 68, 58, 64, IPV6_ADDRESSES, 1, 4, 0, 0, 0, 0, 0, 0,
    0x60, 0, 0, 0, 0, 20, 6, 64, IPV6_ADDRESSES, TCP(0x50, 0x10)};
// clang-format on

#define SAMPLE(bytes, address, width, port) {bytes, sizeof(bytes), address, width, port}

struct sample {
    const uint8_t* bytes;
    uint8_t size;
    uint8_t address;  // offset of the sender's; the receiver's follows
    uint8_t address_bytes;
    uint8_t port;  // the same
};

static const struct sample samples[8] = {
    SAMPLE(ipv4_data, 26, 4, 34),        SAMPLE(ipv4_syn, 26, 4, 34),
    SAMPLE(ipv4_reset, 26, 4, 34),       SAMPLE(vlan_ack, 34, 4, 42),
    SAMPLE(ipv6_data, 22, 16, 54),       SAMPLE(ipv6_options, 22, 16, 70),
    SAMPLE(ipv4_unreachable, 54, 4, 62), SAMPLE(ipv6_unreachable, 70, 16, 102),
};

struct input {
    const uint8_t* data;
    size_t left;
};

static uint8_t take(struct input* input) {
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->data++;
}

static void swap(uint8_t* first, uint8_t* second, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        const uint8_t kept = first[i];
        first[i] = second[i];
        second[i] = kept;
    }
}

/// The next packet, in memory of exactly its size plus `room`, so that a read past its end is
/// detected.
static uint8_t* next_packet(struct input* input, uint8_t choice, size_t room, size_t* size) {
    const struct sample* sample = &samples[choice & 7];
    uint8_t whole[256];
    memcpy(whole, sample->bytes, sample->size);
    if (choice & 8) {
        swap(whole + sample->address, whole + sample->address + sample->address_bytes,
             sample->address_bytes);
        swap(whole + sample->port, whole + sample->port + 2, 2);
    }
    const uint8_t shape = take(input);
    for (int i = 0; i < (shape & 7); i++) {
        const uint8_t where = take(input);
        whole[where % sample->size] = take(input);
    }
    *size = sample->size;
    if (shape & 8) {
        *size = take(input) % (sample->size + 1);
    }
    uint8_t* packet = malloc(*size + room ? *size + room : 1);
    memcpy(packet, whole, *size);
    return packet;
}

static void count_event(void* context, const struct fst_event* event) {
    // Reads the whole record, so that the sanitizer detects one shorter than its header states.
    const volatile uint8_t* byte = (const volatile uint8_t*)event;
    uint8_t sum = 0;
    for (size_t i = 0; i < event->header.size; i++) {
        sum ^= byte[i];
    }
    (void)sum;
    ((struct fst_fuzz_tally*)context)->events++;
}

static size_t differences(const uint8_t* first, const uint8_t* second, size_t bytes) {
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++) {
        count += first[i] != second[i];
    }
    return count;
}

static enum fst_fuzz_result judge(enum fst_datapath_result result, size_t changed, int may_act) {
    if (!may_act && result == FST_DATAPATH_DROP) {
        return FST_FUZZ_DROPPED_WHILE_OBSERVING;
    }
    if (!may_act && changed) {
        return FST_FUZZ_WROTE_WHILE_OBSERVING;
    }
    // Sequence numbers, flags and checksum of TCP; length and checksum of IP.
    return changed > 4 + 4 + 1 + 2 + 2 + 2 ? FST_FUZZ_WROTE_TOO_MUCH : FST_FUZZ_RIGHT;
}

static void run_packet(struct fst_datapath* path, struct input* input, uint64_t* time_ns,
                       int may_act, struct fst_fuzz_tally* tally) {
    static const uint64_t steps_ns[4] = {0, 1000, 30000000, 1500000000};
    const uint8_t choice = take(input);
    size_t size;
    uint8_t* packet = next_packet(input, choice, may_act ? 1 : 0, &size);
    uint8_t before[256];
    memcpy(before, packet, size);
    *time_ns += steps_ns[choice >> 6];
    struct fst_datapath_frame frame = {
        .data = packet,
        .bytes = (uint32_t)size,
        .room = may_act ? 1 : 0,
        .ifindex = 1,
        .time_ns = *time_ns,
        .hook = (uint8_t)((choice >> 4 & 3) % 3),
        .has_mac = 1,
    };
    const enum fst_datapath_result result = fst_datapath_packet(path, &frame);
    const size_t changed = differences(before, packet, size);
    tally->packets++;
    tally->written += changed != 0;
    tally->dropped += result == FST_DATAPATH_DROP;
    tally->result = judge(result, changed, may_act);
    free(packet);
}

struct fst_fuzz_tally fst_fuzz_datapath(const uint8_t* data, size_t size, int may_act) {
    struct fst_fuzz_tally tally = {.result = FST_FUZZ_RIGHT};
    const struct fst_datapath_config config = {
        .max_flows = 16,
        .may_act = may_act != 0,
        .seed = {1, 2},
        .deliver = count_event,
        .context = &tally,
    };
    const struct fst_policy policy = {
        .drop_mode = FST_DROP_SUSPECTED,
        .challenge_mode = FST_CHALLENGE_ALL,
    };
    struct fst_datapath* path = fst_datapath_new(&config);
    struct input input = {data, size};
    uint64_t time_ns = 1000000000;

    if (!path) {
        abort();
    }
    fst_datapath_set_policy(path, &policy);
    while (input.left > 0 && tally.result == FST_FUZZ_RIGHT) {
        run_packet(path, &input, &time_ns, may_act, &tally);
    }
    fst_datapath_free(path);
    return tally;
}
