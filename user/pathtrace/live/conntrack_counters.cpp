// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/conntrack_counters.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "user/kernel/attach/netlink.h"
#include "user/kernel/attach/netlink_request.h"

namespace flowstamp::pathtrace {

namespace {

const std::string kSysctls = "/proc/sys/net/netfilter/nf_conntrack_";

/// A file of /proc/net/stat: a line of names, then one per CPU of hexadecimal numbers. Their sums;
/// empty if there is no such file.
std::map<std::string, std::uint64_t> read_sums(const std::string& name) {
    std::ifstream file("/proc/thread-self/net/stat/" + name);
    std::map<std::string, std::uint64_t> sums;
    std::vector<std::string> names;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        if (names.empty()) {
            for (std::string word; words >> word;) {
                names.push_back(word);
            }
            continue;
        }
        std::uint64_t number = 0;
        for (const std::string& each : names) {
            if (words >> std::hex >> number) {
                sums[each] += number;
            }
        }
    }
    return sums;
}

std::uint64_t value_of(const std::map<std::string, std::uint64_t>& sums, const std::string& name) {
    const auto found = sums.find(name);
    return found == sums.end() ? 0 : found->second;
}

std::optional<std::uint64_t> read_sysctl(const std::string& name) {
    std::ifstream file(kSysctls + name);
    std::uint64_t value = 0;
    return file >> value ? std::optional(value) : std::nullopt;
}

void add(ConntrackCounters& sums, std::uint16_t type, std::uint64_t value) {
    switch (type) {
        case CTA_STATS_DROP:
            sums.drop += value;
            break;
        case CTA_STATS_EARLY_DROP:
            sums.early_drop += value;
            break;
        case CTA_STATS_INSERT_FAILED:
            sums.insert_failed += value;
            break;
        case CTA_STATS_INVALID:
            sums.invalid += value;
            break;
        case CTA_STATS_CHAIN_TOOLONG:
            sums.chain_too_long += value;
            break;
        default:
            break;
    }
}

}  // namespace

std::optional<ConntrackCounters> read_conntrack_counters() {
    const auto sums = read_sums("nf_conntrack");
    if (sums.empty()) {
        return read_ctnetlink_counters();
    }
    return ConntrackCounters{.drop = value_of(sums, "drop"),
                             .early_drop = value_of(sums, "early_drop"),
                             .insert_failed = value_of(sums, "insert_failed"),
                             .invalid = value_of(sums, "invalid"),
                             .chain_too_long = value_of(sums, "chainlength"),
                             .cookie_invalid = value_of(read_sums("synproxy"), "cookie_invalid")};
}

std::optional<ConntrackCounters> read_ctnetlink_counters() {
    kernel::NetlinkRequest request((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET_STATS_CPU,
                                   NLM_F_DUMP);
    request.put(nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = 0});
    ConntrackCounters sums;
    const Status read = kernel::ask(
        NETLINK_NETFILTER, request.bytes(), "read", "the counters of conntrack",
        [&](kernel::Bytes datagram) {
            kernel::each_message(datagram, [&](const nlmsghdr& header, kernel::Bytes body) {
                if (header.nlmsg_type < NLMSG_MIN_TYPE || body.size() < sizeof(nfgenmsg)) {
                    return true;
                }
                kernel::each_attribute(body.subspan(sizeof(nfgenmsg)),
                                       [&](std::uint16_t type, kernel::Bytes value) {
                                           std::uint32_t number = 0;
                                           if (kernel::read_number(value, number)) {
                                               add(sums, type, ntohl(number));
                                           }
                                       });
                return true;
            });
        });
    return read ? std::optional(sums) : std::nullopt;
}

std::optional<ConntrackTable> read_conntrack_table() {
    const auto entries = read_sysctl("count");
    const auto most = read_sysctl("max");
    if (!entries || !most) {
        return std::nullopt;
    }
    struct stat file{};
    const bool can_be_raised =
        ::stat((kSysctls + "max").c_str(), &file) == 0 && (file.st_mode & S_IWUSR) != 0;
    return ConntrackTable{.entries = *entries, .most = *most, .can_be_raised = can_be_raised};
}

bool is_conntrack_strict() {
    return read_sysctl("tcp_loose") == 0U;
}

std::optional<std::chrono::seconds> conntrack_forgets_after() {
    const auto seconds = read_sysctl("tcp_timeout_established");
    return seconds ? std::optional(std::chrono::seconds(*seconds)) : std::nullopt;
}

}  // namespace flowstamp::pathtrace
