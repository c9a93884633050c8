// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// libFuzzer's entry point: the capture readers and the frame shaper, on arbitrary bytes.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "user/net/capture/capture_reader.h"
#include "user/net/capture/link_layer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace flowstamp;
    auto capture = net::CaptureReader::open(
        std::make_unique<net::MemorySource>(std::vector<std::uint8_t>(data, data + size)), "fuzz");
    if (!capture) {
        return 0;
    }
    net::FrameShaper shaper;
    for (std::uint64_t number = 1;; number++) {
        const auto frame = (*capture)->next();
        if (!frame || !*frame) {
            return 0;
        }
        if ((*frame)->number != number || number > size || (*frame)->wall < Nanoseconds::zero()) {
            std::abort();
        }
        (void)(*capture)->interface_name((*frame)->interface);
        if (net::knows_link_type((*frame)->link_type)) {
            const auto shaped = shaper.shape(**frame);
            if (!shaped.empty() && shaped.size() < 14) {
                std::abort();
            }
        }
    }
}
