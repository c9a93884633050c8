// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/json/json_output.h"

#include <optional>
#include <utility>

namespace flowstamp::output {

std::string json_line(Json event, const std::string& capture) {
    if (!capture.empty()) {
        event["pcap_filename"] = capture;
    }
    constexpr int kOneLine = -1;
    constexpr bool kAsciiOnly = true;  // else C1 controls and the like would reach a terminal
    return event.dump(kOneLine, ' ', kAsciiOnly, Json::error_handler_t::replace);
}

bool JsonOutput::wants(const Event& event) const {
    const auto* finding = std::get_if<analysis::Finding>(&event);
    return finding == nullptr || finding->stands_for_incident || !summarize_;
}

void JsonOutput::consume(const Event& event) {
    if (!wants(event)) {
        return;
    }
    using Line = std::optional<Json>;
    Line line = std::visit(Handle{[this](const CaptureStart& its) -> Line {
                                      capture_ = its.file;
                                      return std::nullopt;
                                  },
                                  [this](const pathtrace::PathReport& its) -> Line {
                                      return losses_only_ && its.has_arrived() ? std::nullopt
                                                                               : Line(json_of(its));
                                  },
                                  [](const auto& its) -> Line { return json_of(its); }},
                           event);
    if (!line) {
        return;
    }
    output_.write(json_line(*std::move(line), capture_) + "\n");
}

}  // namespace flowstamp::output
