// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/device_features.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace flowstamp::kernel {

namespace {

/// A command of ethtool with room for an answer of variable length, which follows its head.
template <class Head>
class Query {
  public:
    explicit Query(std::size_t room) : bytes_((sizeof(Head) + room + 7) / 8) {}

    Head* operator->() { return reinterpret_cast<Head*>(bytes_.data()); }

    bool run(int socket, const std::string& interface) {
        ifreq request{};
        interface.copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_data = reinterpret_cast<char*>(bytes_.data());
        return ::ioctl(socket, SIOCETHTOOL, &request) == 0;
    }

  private:
    std::vector<std::uint64_t> bytes_;
};

std::uint32_t count_features(int socket, const std::string& interface) {
    Query<ethtool_sset_info> query(sizeof(std::uint32_t));
    query->cmd = ETHTOOL_GSSET_INFO;
    query->sset_mask = 1ULL << ETH_SS_FEATURES;
    return query.run(socket, interface) && query->sset_mask != 0 ? query->data[0] : 0;
}

}  // namespace

bool has_any_feature(int socket, const std::string& interface,
                     std::initializer_list<std::string_view> names) {
    const std::uint32_t count = count_features(socket, interface);
    Query<ethtool_gstrings> strings(std::size_t{count} * ETH_GSTRING_LEN);
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = count;
    const std::uint32_t blocks = (count + 31) / 32;
    Query<ethtool_gfeatures> features(blocks * sizeof(ethtool_get_features_block));
    features->cmd = ETHTOOL_GFEATURES;
    features->size = blocks;
    if (count == 0 || !strings.run(socket, interface) || !features.run(socket, interface)) {
        return false;
    }
    for (std::uint32_t i = 0; i < std::min(count, strings->len); i++) {
        const char* text =
            reinterpret_cast<const char*>(strings->data) + std::size_t{i} * ETH_GSTRING_LEN;
        const std::string_view name(text, ::strnlen(text, ETH_GSTRING_LEN));
        const bool is_on = (features->features[i / 32].active >> (i % 32) & 1U) != 0;
        if (is_on && std::ranges::find(names, name) != names.end()) {
            return true;
        }
    }
    return false;
}

}  // namespace flowstamp::kernel
