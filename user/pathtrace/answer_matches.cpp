// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/answer_matches.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "user/pathtrace/kernel_matches.h"

namespace flowstamp::pathtrace {

AnswerMatches::AnswerMatches(std::vector<fst_path_match> matches)
    : matches_(std::move(matches)), follow_all_(match_answers(matches_)) {}

std::optional<fst_path_match> AnswerMatches::learn(const fst_path_event& event) {
    constexpr __u32 kTranslated = FST_PATH_SNAT | FST_PATH_DNAT;
    if (!(event.flags & FST_PATH_CONNTRACK) || !(event.flags & kTranslated) ||
        (event.flags & FST_PATH_RELATED) || matches_.empty() ||
        matches_.size() >= FST_PATH_MATCHES_MAX) {
        return std::nullopt;
    }
    fst_path_match its = match_everything();
    its.protocol = event.reply.protocol;
    its.source_port[0] = its.source_port[1] = ntohs(event.reply.source_port);
    its.destination_port[0] = its.destination_port[1] = ntohs(event.reply.destination_port);
    std::ranges::copy(event.reply.source, its.source);
    std::ranges::copy(event.reply.destination, its.destination);
    std::ranges::fill(its.source_mask, ~__be32{0});
    std::ranges::fill(its.destination_mask, ~__be32{0});
    if (std::ranges::any_of(matches_, [&](const fst_path_match& known) {
            return std::memcmp(&known, &its, sizeof(its)) == 0;
        })) {
        return std::nullopt;
    }
    matches_.push_back(its);
    return its;
}

}  // namespace flowstamp::pathtrace
