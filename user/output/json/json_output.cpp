// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/json/json_output.h"

#include <optional>

#include "user/output/json/json_events.h"

namespace flowstamp::output {

void JsonOutput::consume(const Event& event) {
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
    if (!capture_.empty()) {
        (*line)["pcap_filename"] = capture_;
    }
    constexpr int kOneLine = -1;
    constexpr bool kAsciiOnly = true;  // else C1 controls and the like would reach a terminal
    output_.write(line->dump(kOneLine, ' ', kAsciiOnly, Json::error_handler_t::replace) + "\n");
}

}  // namespace flowstamp::output
