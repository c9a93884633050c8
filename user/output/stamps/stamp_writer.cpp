// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_writer.h"

#include <utility>

#include "user/output/stamps/stamp_form.h"
#include "user/output/stamps/stamp_json.h"
#include "user/output/stamps/stamp_pcapng.h"

namespace flowstamp::output {

std::unique_ptr<StampWriter> make_stamp_writer(StampFile& file, std::vector<StampPlace> places,
                                               const WallTime& wall) {
    if (stamp_form(file.name()) == StampForm::pcapng) {
        return std::make_unique<StampPcapng>(file, std::move(places), wall);
    }
    return std::make_unique<StampJson>(file, std::move(places), wall);
}

}  // namespace flowstamp::output
