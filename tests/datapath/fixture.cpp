// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/datapath/fixture.h"

#include <net/if.h>

#include <array>
#include <map>
#include <utility>

namespace flowstamp::testing {

Rig* DatapathTest::shared(bool acts) const {
    static std::map<std::pair<Backend, bool>, std::unique_ptr<Rig>> rigs;
    std::unique_ptr<Rig>& rig = rigs[{GetParam().backend, acts}];
    if (!rig) {
        rig = make_rig(GetParam().backend, {.acting = acts});
    }
    return rig.get();
}

std::vector<std::uint32_t> DatapathTest::interfaces() const {
    if (!in_kernel()) {
        return {1, 2, 7};
    }
    std::vector<std::uint32_t> found;
    struct if_nameindex* all = if_nameindex();
    for (const struct if_nameindex* one = all; one != nullptr && one->if_index != 0; one++) {
        found.push_back(one->if_index);
    }
    if_freenameindex(all);
    return found;
}

void DatapathTest::SetUp() {
    for (const bool acts : {false, true}) {
        Rig* rig = shared(acts);
        if (rig == nullptr) {
            GTEST_SKIP() << "needs root";
        }
        rig->advance_ms(3'600'000);
        rig->set_policy({});
    }
}

namespace {

struct NamedSignal {
    int bit;
    const char* name;
};

constexpr std::array kSignals = {
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) NamedSignal{bit, #name},
#include "flowstamp/signals.def"
};

}  // namespace

std::string signal_names(std::uint64_t signals) {
    std::string text;
    for (const NamedSignal& signal : kSignals) {
        if ((signals >> signal.bit & 1) != 0) {
            text += (text.empty() ? "" : "|") + std::string(signal.name);
        }
    }
    return text.empty() ? "none" : text;
}

}  // namespace flowstamp::testing
