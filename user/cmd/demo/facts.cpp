// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/facts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace flowstamp::cmd::demo {
namespace {

using nlohmann::json;

End end_from(const json& event, const char* ip, const char* port) {
    return {event.at(ip).get<std::string>(), event.at(port).get<std::uint16_t>()};
}

ResetFact reset_from(const json& event) {
    const json& reset = event.at("reset");
    return {.id = reset.at("id"),
            .source = end_from(event, "src_ip", "src_port"),
            .destination = end_from(event, "dest_ip", "dest_port"),
            .verdict = reset.at("verdict"),
            .cause = reset.at("cause"),
            .action = reset.at("action"),
            .challenge = reset.value("challenge", std::string()),
            .is_answer = reset.contains("answers"),
            .hops = event.at("packet").at("hops")};
}

FindingFact finding_from(const json& event) {
    const json& finding = event.at("finding");
    FindingFact fact{.id = finding.at("id"),
                     .source = end_from(event, "src_ip", "src_port"),
                     .destination = end_from(event, "dest_ip", "dest_port"),
                     .verdict = finding.at("verdict"),
                     .resolution = finding.value("resolution", std::string()),
                     .summary = finding.at("summary"),
                     .kind = finding.at("kind"),
                     .sender_hops = {}};
    if (const auto packet = event.find("packet");
        packet != event.end() && packet->contains("hops")) {
        fact.hops = packet->at("hops").get<unsigned>();
    }
    if (const json& stamps = event.at("stamps").at("src"); !stamps.empty()) {
        fact.sender_hops = stamps.back().at("hops").get<unsigned>();
    }
    return fact;
}

/// A later event replaces the earlier one with the same id.
template <class Fact>
void keep_latest(std::vector<Fact>& all, Fact fact) {
    const auto known = std::ranges::find(all, fact.id, &Fact::id);
    if (known == all.end()) {
        all.push_back(std::move(fact));
    } else {
        *known = std::move(fact);
    }
}

void consume(Facts& facts, const json& event) {
    const std::string type = event.at("event_type");
    if (type == "reset") {
        keep_latest(facts.resets, reset_from(event));
    } else if (type == "finding") {
        keep_latest(facts.findings, finding_from(event));
    } else if (type == "stats") {
        const json& resets = event.at("stats").at("resets");
        facts.dropped = resets.at("dropped");
        facts.challenged = resets.at("challenged");
    }
}

template <class Fact>
bool is_of(const Fact& fact, const End& source, std::optional<std::uint16_t> to) {
    return fact.source == source && (!to || fact.destination.port == *to);
}

}  // namespace

std::vector<ResetFact> Facts::resets_of(const End& source, std::optional<std::uint16_t> to) const {
    std::vector<ResetFact> found;
    std::ranges::copy_if(resets, std::back_inserter(found),
                         [&](const ResetFact& reset) { return is_of(reset, source, to); });
    return found;
}

const FindingFact* Facts::finding_of(const End& source, std::optional<std::uint16_t> to) const {
    const auto found = std::ranges::find_if(findings, [&](const FindingFact& finding) {
        return finding.kind == kForgedRst && is_of(finding, source, to);
    });
    return found == findings.end() ? nullptr : &*found;
}

Facts parse_facts(std::string_view json_lines) {
    Facts facts;
    for (std::size_t end = json_lines.find('\n'); end != std::string_view::npos;
         end = json_lines.find('\n')) {
        const std::string_view line = json_lines.substr(0, end);
        json_lines.remove_prefix(end + 1);
        try {
            consume(facts, json::parse(line));
        } catch (const json::exception&) {
            ++facts.unreadable;
        }
    }
    return facts;
}

}  // namespace flowstamp::cmd::demo
