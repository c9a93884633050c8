// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/iptables_match.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flowstamp/packet.h"
#include "user/netfilter/condition_values.h"

namespace flowstamp::netfilter {
namespace {

using Words = std::span<const std::string_view>;

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

/// "80", "1024:65535", ":1023", "1024:".
std::optional<Condition::Range> port_range(std::string_view text) {
    const std::vector<std::string_view> ends = split(text, ':');
    const auto first = ends[0].empty() ? std::optional<std::uint64_t>(0) : number_in(ends[0]);
    const auto last = ends.size() == 1  ? first
                      : ends[1].empty() ? std::optional<std::uint64_t>(0xffff)
                                        : number_in(ends[1]);
    return first && last && ends.size() <= 2 ? std::optional(number_range(*first, *last))
                                             : std::nullopt;
}

std::optional<std::uint8_t> flags_in(std::string_view list) {
    using Flag = std::pair<std::string_view, std::uint8_t>;
    static constexpr std::array known{
        Flag{"FIN", FST_TCP_FIN}, Flag{"SYN", FST_TCP_SYN}, Flag{"RST", FST_TCP_RST},
        Flag{"PSH", FST_TCP_PSH}, Flag{"ACK", FST_TCP_ACK}, Flag{"URG", FST_TCP_URG},
        Flag{"ECE", FST_TCP_ECE}, Flag{"CWR", FST_TCP_CWR}, Flag{"NONE", 0}};
    std::uint8_t flags = 0;
    for (const std::string_view word : split(list, ',')) {
        const auto* const found = std::ranges::find(known, word, &Flag::first);
        if (found == known.end()) {
            return std::nullopt;
        }
        flags |= found->second;
    }
    return flags;
}

/// Reads one section: the general options, or those of a module. Each takes a fixed number of words.
class Section {
  public:
    Section(std::string_view module, Words words) : module_(module), words_(words) {}

    /// False: something in it is not understood. What it says before that stands all the same.
    bool read(RuleMatch& match) {
        while (at_ < words_.size()) {
            const bool negated = words_[at_] == "!";
            at_ += negated ? 1 : 0;
            if (at_ + 1 >= words_.size()) {
                return false;
            }
            const std::string_view option = words_[at_];
            const std::string_view argument = words_[at_ + 1];
            at_ += 2;
            if (module_ == "comment" && option == "--comment") {
                continue;
            }
            if (module_ == "set" && option == "--match-set" && at_ < words_.size()) {
                match.memberships.push_back(ipset(argument, words_[at_++], negated));
                continue;
            }
            auto condition = one(option, argument);
            if (!condition) {
                return false;
            }
            condition->negated = negated;
            match.conditions.push_back(*std::move(condition));
        }
        return true;
    }

  private:
    std::optional<Condition> one(std::string_view option, std::string_view argument) {
        if (module_.empty()) {
            return general(option, argument);
        }
        if (module_ == "multiport") {
            return ports(option, argument, {"--sports", "--dports", "--ports"});
        }
        if (module_ == "iprange") {
            return addresses(option, argument);
        }
        if (module_ == "tcp" && option == "--tcp-flags" && at_ < words_.size()) {
            return flags(argument, words_[at_++]);
        }
        if (option == "--ctstate" || (module_ == "state" && option == "--state")) {
            return states(argument);
        }
        if (option == "--ctdir") {
            return direction(argument);
        }
        if (module_ == "mark" && option == "--mark") {
            return mark(argument);
        }
        if (option == "--icmp-type" || option == "--icmpv6-type") {
            return icmp(argument, option == "--icmp-type");
        }
        const bool has_ports = module_ == "tcp" || module_ == "udp" || module_ == "sctp" ||
                               module_ == "dccp" || module_ == "udplite";
        return has_ports ? ports(option, argument, {"--sport", "--dport", ""}) : std::nullopt;
    }

    static std::optional<Condition> general(std::string_view option, std::string_view argument) {
        if (option == "-p") {
            const auto number = protocol_number(argument);
            return number ? std::optional(Condition{.field = Field::protocol,
                                                    .ranges = {number_range(*number, *number)}})
                          : std::nullopt;
        }
        if (option == "-s" || option == "-d") {
            const auto range = address_range(argument);
            return range ? std::optional(Condition{
                               .field = option == "-s" ? Field::source : Field::destination,
                               .ranges = {*range}})
                         : std::nullopt;
        }
        if (option == "-i" || option == "-o") {
            std::string name(argument);
            if (name.ends_with('+')) {  // any that begins so
                name.back() = '*';
            }
            return Condition{.field = option == "-i" ? Field::in_interface : Field::out_interface,
                             .names = {std::move(name)}};
        }
        return std::nullopt;
    }

    /// `names`: of the options for the source, the destination, and either.
    static std::optional<Condition> ports(std::string_view option, std::string_view list,
                                          const std::array<std::string_view, 3>& names) {
        constexpr std::array fields{Field::source_port, Field::destination_port,
                                    Field::either_port};
        const auto* const name = std::ranges::find(names, option);
        if (name == names.end()) {
            return std::nullopt;
        }
        Condition condition{.field = fields.at(static_cast<std::size_t>(name - names.begin()))};
        for (const std::string_view part : split(list, ',')) {
            const auto range = port_range(part);
            if (!range) {
                return std::nullopt;
            }
            condition.ranges.push_back(*range);
        }
        return condition;
    }

    static std::optional<Condition> addresses(std::string_view option, std::string_view range) {
        const std::vector<std::string_view> ends = split(range, '-');
        const auto first = address_value(ends.front());
        const auto last = address_value(ends.back());
        if (!first || !last || (option != "--src-range" && option != "--dst-range")) {
            return std::nullopt;
        }
        return Condition{.field = option == "--src-range" ? Field::source : Field::destination,
                         .ranges = {{*first, *last}}};
    }

    /// SNAT and DNAT, which no single value stands for, are not understood.
    static std::optional<Condition> states(std::string_view list) {
        Condition condition{.field = Field::state};
        for (const std::string_view name : split(list, ',')) {
            const auto state = conntrack_state(name);
            if (!state) {
                return std::nullopt;
            }
            const auto bit = static_cast<std::uint64_t>(*state);
            condition.ranges.push_back(number_range(bit, bit));
        }
        return condition;
    }

    static std::optional<Condition> direction(std::string_view name) {
        if (name != "ORIGINAL" && name != "REPLY") {
            return std::nullopt;
        }
        const std::uint64_t is_reply = name == "REPLY" ? 1 : 0;
        return Condition{.field = Field::is_reply, .ranges = {number_range(is_reply, is_reply)}};
    }

    /// "0x10", "0x10/0xff".
    static std::optional<Condition> mark(std::string_view text) {
        const std::vector<std::string_view> parts = split(text, '/');
        const auto value = number_in(parts.front());
        const auto mask =
            parts.size() == 1 ? std::optional<std::uint64_t>(0xffffffff) : number_in(parts.back());
        if (!value || !mask || parts.size() > 2) {
            return std::nullopt;
        }
        return Condition{.field = Field::mark,
                         .ranges = {number_range(*value, *value)},
                         .mask = static_cast<std::uint32_t>(*mask)};
    }

    /// A code after the type ("3/4") is not understood.
    static std::optional<Condition> icmp(std::string_view text, bool is_v4) {
        const auto type = icmp_type_number(text, is_v4);
        return type ? std::optional(Condition{.field = Field::icmp_type,
                                              .ranges = {number_range(*type, *type)}})
                    : std::nullopt;
    }

    /// The directions stand for fields once the set's type is known (ipset_types.h).
    static Membership ipset(std::string_view name, std::string_view directions, bool negated) {
        Membership membership{.set = {.name = std::string(name)}, .negated = negated};
        for (const std::string_view direction : split(directions, ',')) {
            membership.fields.push_back(direction == "src" ? Field::source : Field::destination);
        }
        return membership;
    }

    static std::optional<Condition> flags(std::string_view mask, std::string_view set) {
        const auto of_mask = flags_in(mask == "ALL" ? "FIN,SYN,RST,PSH,ACK,URG" : mask);
        const auto of_set = flags_in(set == "ALL" ? "FIN,SYN,RST,PSH,ACK,URG" : set);
        if (!of_mask || !of_set) {
            return std::nullopt;
        }
        return Condition{.field = Field::tcp_flags,
                         .ranges = {number_range(*of_set, *of_set)},
                         .mask = *of_mask};
    }

    std::string_view module_;
    Words words_;
    std::size_t at_ = 0;
};

}  // namespace

RuleMatch iptables_match(std::span<const std::string_view> words) {
    RuleMatch match{.conditions = {}, .is_complete = true};
    std::string_view module;
    while (true) {
        const auto next = std::ranges::find(words, "-m");
        const auto length = static_cast<std::size_t>(next - words.begin());
        const bool is_understood = Section(module, words.first(length)).read(match);
        match.is_complete = match.is_complete && is_understood;
        if (next == words.end() || next + 1 == words.end()) {
            return match;
        }
        module = *(next + 1);
        words = words.subspan(length + 2);
    }
}

}  // namespace flowstamp::netfilter
