// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/maps/stamp_reader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

using namespace std::chrono_literals;

/// The batch in a ring's record; nullptr: it is of another kind or version.
const fst_stamp_batch* batch_in(StampRing::Record record) {
    const auto* batch = reinterpret_cast<const fst_stamp_batch*>(record.data());
    const bool is_known = record.size() >= fst_stamp_batch_bytes(0) &&
                          batch->header.version == FST_CONTRACT_VERSION &&
                          batch->header.kind == FST_STAMP_BATCH &&
                          batch->header.size == record.size() && batch->count <= FST_BATCH_STAMPS &&
                          record.size() == fst_stamp_batch_bytes(batch->count);
    return is_known ? batch : nullptr;
}

std::span<const fst_packet_stamp> stamps_of(const fst_stamp_batch& batch) {
    return std::span(batch.stamps).first(batch.count);
}

/// Every CPU's stamp buffer, indexed by CPU number.
Result<std::vector<fst_stamp_buffer>> read_stamp_buffers(int map_fd) {
    const int cpus = libbpf_num_possible_cpus();
    if (cpus < 0) {
        return fail_errno("count the CPUs", "", cpus);
    }
    std::vector<fst_stamp_buffer> buffers(static_cast<std::size_t>(cpus));
    const std::uint32_t zero = 0;
    if (const int error = bpf_map_lookup_elem(map_fd, &zero, buffers.data()); error != 0) {
        return fail_errno("read", "the stamps not yet handed over", error);
    }
    return buffers;
}

/// Detaching does not wait for a program that is still running. This does: it waits for an RCU
/// grace period. Where the kernel refuses (nohz_full), it sleeps, far longer than the microseconds
/// that a program runs.
void wait_for_running_programs() {
    if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
        std::this_thread::sleep_for(50ms);
    }
}

}  // namespace

Result<StampReader> StampReader::open(const Descriptors& descriptors, Handler handler) {
    auto ring = StampRing::map(descriptors.ring);
    if (!ring) {
        return std::unexpected(std::move(ring).error());
    }
    return StampReader(descriptors, std::move(handler), std::move(*ring));
}

std::uint64_t StampReader::read() {
    std::uint64_t records = 0;
    const std::uint64_t end = ring_.end();  // else it might never end: packets keep coming
    while (const auto record = ring_.next(end)) {
        const fst_stamp_batch* batch = batch_in(*record);
        rejected_ += batch == nullptr ? 1 : 0;
        handler_(batch != nullptr ? stamps_of(*batch) : std::span<const fst_packet_stamp>{});
        records++;
    }
    return records;
}

Status StampReader::collect() {
    // Read while packets write to it: the counts only hint at the CPUs to collect from. A CPU that
    // has just begun a batch is collected next time, and so is one interrupted while it writes
    // (busy).
    const auto buffers = read_stamp_buffers(descriptors_.stamp_buffers);
    if (!buffers) {
        return std::unexpected(buffers.error());
    }
    for (std::uint32_t cpu = 0; cpu < buffers->size(); cpu++) {
        if ((*buffers)[cpu].batch.count == 0) {
            continue;
        }
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.flags = BPF_F_TEST_RUN_ON_CPU;
        options.cpu = cpu;
        const int error = bpf_prog_test_run_opts(descriptors_.collector, &options);
        if (error != 0 && error != -ENXIO) {  // ENXIO: the CPU is offline; finish() gets its stamps
            return fail_errno("collect", "stamps of CPU " + std::to_string(cpu), error);
        }
    }
    return {};
}

Status StampReader::finish() {
    wait_for_running_programs();
    read();
    // No program writes any more.
    auto buffers = read_stamp_buffers(descriptors_.stamp_buffers);
    if (!buffers) {
        return std::unexpected(std::move(buffers).error());
    }
    left_ = std::move(*buffers);
    for (const fst_stamp_buffer& buffer : left_) {
        if (buffer.batch.count > FST_BATCH_STAMPS) {
            rejected_++;
        } else if (buffer.batch.count != 0) {
            handler_(stamps_of(buffer.batch));
        }
    }
    return {};
}

}  // namespace flowstamp::kernel
