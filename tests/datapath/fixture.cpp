// SPDX-License-Identifier: Apache-2.0
#include "tests/datapath/fixture.h"

#include <net/if.h>

#include <map>
#include <utility>

namespace flowstamp::testing {

Rig* DatapathTest::shared(bool acts) const {
    static std::map<std::pair<Home, bool>, std::unique_ptr<Rig>> rigs;
    std::unique_ptr<Rig>& rig = rigs[{GetParam().home, acts}];
    if (!rig) {
        rig = make_rig(GetParam().home, {.acting = acts});
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
        {FS_SIGNAL_LIFE_ACK, "LIFE_ACK"},
        {FS_SIGNAL_LIFE_CLOCK, "LIFE_CLOCK"},
        {FS_SIGNAL_LIFE_LASTS, "LIFE_LASTS"},
        {FS_SIGNAL_LIFE_ID, "LIFE_ID"},
        {FS_SIGNAL_SYN_RST, "SYN_RST"},
        {FS_SIGNAL_SEQ_CHANGE, "SEQ_CHANGE"},
        {FS_SIGNAL_REFUTED, "REFUTED"},
        {FS_SIGNAL_NEARER, "NEARER"},
        {FS_SIGNAL_ID_ECHO, "ID_ECHO"},
        {FS_SIGNAL_ID_CONSTANT, "ID_CONSTANT"},
        {FS_SIGNAL_TAUGHT, "TAUGHT"},
        {FS_SIGNAL_TAUGHT_HOPS, "TAUGHT_HOPS"},
        {FS_SIGNAL_LIFE_DATA, "LIFE_DATA"},
        {FS_SIGNAL_ACK_TOO_SOON, "ACK_TOO_SOON"},
        {FS_SIGNAL_WINDOW_FOREIGN, "WINDOW_FOREIGN"},
        {FS_SIGNAL_WINDOW_ECHO, "WINDOW_ECHO"},
        {FS_SIGNAL_ID_ZERO_NO_DF, "ID_ZERO_NO_DF"},
        {FS_SIGNAL_NO_TIMESTAMPS, "NO_TIMESTAMPS"},
        {FS_SIGNAL_DATA, "DATA"},
        {FS_SIGNAL_MAC_FOREIGN, "MAC_FOREIGN"},
        {FS_SIGNAL_FARTHER, "FARTHER"},
        {FS_SIGNAL_TTL_BASE, "TTL_BASE"},
        {FS_SIGNAL_TWO_PATHS, "TWO_PATHS"},
        {FS_SIGNAL_ACK_SOON, "ACK_SOON"},
        {FS_SIGNAL_ONE_HOP, "ONE_HOP"},
        {FS_SIGNAL_DF_FLIPPED, "DF_FLIPPED"},
        {FS_SIGNAL_ID_BREAK, "ID_BREAK"},
        {FS_SIGNAL_VOUCH_TS, "VOUCH_TS"},
        {FS_SIGNAL_VOUCH_ID, "VOUCH_ID"},
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
