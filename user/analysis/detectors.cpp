// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/detector.h"

namespace flowstamp::analysis {

#define DETECTOR(name) std::unique_ptr<Detector> make_##name(Tracking& tracking);
#include "user/analysis/detectors.def"
#undef DETECTOR

std::vector<std::unique_ptr<Detector>> make_detectors(Tracking& tracking) {
    std::vector<std::unique_ptr<Detector>> detectors;
#define DETECTOR(name) detectors.push_back(make_##name(tracking));
#include "user/analysis/detectors.def"
#undef DETECTOR
    return detectors;
}

}  // namespace flowstamp::analysis
