// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_form.h"

namespace flowstamp::output {

std::optional<StampForm> stamp_form(std::string_view path) {
    if (path.ends_with(".pcapng")) {
        return StampForm::pcapng;
    }
    for (const std::string_view ending : {".json", ".jsonl", ".ndjson"}) {
        if (path.ends_with(ending)) {
            return StampForm::json_lines;
        }
    }
    return std::nullopt;
}

}  // namespace flowstamp::output
