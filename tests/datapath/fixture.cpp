// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/datapath/fixture.h"

#include <net/if.h>

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

std::string signal_names(std::uint64_t signals) {
    static const std::map<int, const char*> names{
        {FST_SIGNAL_LIVENESS_ACK, "LIFE_ACK"},
        {FST_SIGNAL_LIVENESS_CLOCK, "LIFE_CLOCK"},
        {FST_SIGNAL_BEYOND_WINDOW, "LIFE_LASTS"},
        {FST_SIGNAL_LIVENESS_ID, "LIFE_ID"},
        {FST_SIGNAL_SYN_RST, "SYN_RST"},
        {FST_SIGNAL_SEQ_CHANGE, "SEQ_CHANGE"},
        {FST_SIGNAL_REFUTED, "REFUTED"},
        {FST_SIGNAL_NEARER, "NEARER"},
        {FST_SIGNAL_ID_ECHO, "ID_ECHO"},
        {FST_SIGNAL_ID_CONSTANT, "ID_CONSTANT"},
        {FST_SIGNAL_LEARNED_SIGNATURE, "LEARNED_SIGNATURE"},
        {FST_SIGNAL_LEARNED_DISTANCE, "LEARNED_DISTANCE"},
        {FST_SIGNAL_LIVENESS_DATA, "LIFE_DATA"},
        {FST_SIGNAL_ACK_TOO_SOON, "ACK_TOO_SOON"},
        {FST_SIGNAL_WINDOW_FOREIGN, "WINDOW_FOREIGN"},
        {FST_SIGNAL_WINDOW_ECHO, "WINDOW_ECHO"},
        {FST_SIGNAL_ID_ZERO_NO_DF, "ID_ZERO_NO_DF"},
        {FST_SIGNAL_NO_TIMESTAMPS, "NO_TIMESTAMPS"},
        {FST_SIGNAL_DATA, "DATA"},
        {FST_SIGNAL_MAC_FOREIGN, "MAC_FOREIGN"},
        {FST_SIGNAL_FARTHER, "FARTHER"},
        {FST_SIGNAL_TTL_BASE, "TTL_BASE"},
        {FST_SIGNAL_TWO_PATHS, "TWO_PATHS"},
        {FST_SIGNAL_ACK_SOON, "ACK_SOON"},
        {FST_SIGNAL_ONE_HOP, "ONE_HOP"},
        {FST_SIGNAL_DF_FLIPPED, "DF_FLIPPED"},
        {FST_SIGNAL_ID_BREAK, "ID_BREAK"},
        {FST_SIGNAL_TIMESTAMPS_VALID, "VOUCH_TS"},
        {FST_SIGNAL_ID_IN_SEQUENCE, "VOUCH_ID"},
    };
    std::string text;
    for (const auto& [number, name] : names) {
        if ((signals >> number & 1) != 0) {
            text += (text.empty() ? "" : "|") + std::string(name);
        }
    }
    return text.empty() ? "none" : text;
}

}  // namespace flowstamp::testing
