// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/queue_drop.h"

#include <fmt/format.h>
#include <linux/pkt_sched.h>

#include <algorithm>

namespace flowstamp::pathtrace {

namespace {

/// A queue and how many packets it dropped between the readings.
struct Dropper {
    Queue queue;
    std::uint64_t increase;
};

bool is_same(const Queue& one, const Queue& other) {
    return one.ifindex == other.ifindex && one.kind == other.kind && one.handle == other.handle &&
           one.parent == other.parent;
}

std::vector<Dropper> droppers_of(std::uint32_t ifindex, const std::vector<Queue>& before,
                                 const std::vector<Queue>& now) {
    std::vector<Dropper> found;
    for (const Queue& queue : now) {
        const auto then =
            std::ranges::find_if(before, [&](const Queue& each) { return is_same(each, queue); });
        const std::uint64_t old = then == before.end() ? 0 : then->drops;
        if (queue.ifindex == ifindex && queue.drops > old) {
            found.push_back({queue, queue.drops - old});
        }
    }
    return found;
}

/// A queue counts what those in its classes drop, too: that leaves its own.
void leave_own_drops(std::vector<Dropper>& all) {
    const std::vector<Dropper> counted = all;
    for (Dropper& outer : all) {
        for (const Dropper& inner : counted) {
            const bool is_within = outer.queue.handle != 0 &&
                                   inner.queue.handle != outer.queue.handle &&
                                   TC_H_MAJ(inner.queue.parent) == outer.queue.handle;
            outer.increase -= is_within ? std::min(inner.increase, outer.increase) : 0;
        }
    }
    std::erase_if(all, [](const Dropper& each) { return each.increase == 0; });
}

/// "7:", "1:10": as tc prints a handle.
std::string handle_text(std::uint32_t handle) {
    const std::uint32_t minor = TC_H_MIN(handle);
    return fmt::format("{:x}:{}", TC_H_MAJ(handle) >> 16,
                       minor == 0 ? "" : fmt::format("{:x}", minor));
}

std::string place_text(const Queue& queue) {
    return queue.parent == TC_H_ROOT ? "root" : "parent " + handle_text(queue.parent);
}

std::string name_text(const Queue& queue) {
    return queue.handle == 0 ? queue.kind : queue.kind + " " + handle_text(queue.handle);
}

}  // namespace

bool is_queue_drop(std::string_view reason) {
    return reason.starts_with("QDISC_") || reason.starts_with("FQ_") ||
           reason.starts_with("CAKE_") || reason.starts_with("DUALPI2_");
}

void explain_queue_drop(PathReport::Drop& drop, const std::string& interface, std::uint32_t ifindex,
                        const std::vector<Queue>& before, const std::vector<Queue>& now) {
    std::vector<Dropper> found = droppers_of(ifindex, before, now);
    leave_own_drops(found);
    if (found.size() != 1) {
        return;
    }
    const auto& [queue, increase] = found.front();
    drop.words.words +=
        fmt::format(": {}, {} of {}", name_text(queue), place_text(queue), interface);
    drop.counter = {.name = name_text(queue) + "'s dropped",
                    .by = increase,
                    .shown_by = fmt::format("tc -s qdisc show dev {}", interface)};
    // What its kind calls its length; with others the manual page must be asked.
    if (queue.kind == "pfifo" || queue.kind == "bfifo" || queue.kind == "tbf") {
        drop.words.look_at =
            fmt::format("tc -s qdisc show dev {}; a longer queue: its limit{}", interface,
                        queue.kind == "tbf" ? ", or a higher rate" : "");
    } else if (queue.kind == "pfifo_fast") {
        drop.words.look_at = fmt::format(
            "tc -s qdisc show dev {0}; a longer queue: ip link set dev {0} txqueuelen N",
            interface);
    }
}

}  // namespace flowstamp::pathtrace
