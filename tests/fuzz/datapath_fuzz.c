// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// libFuzzer's entry point: the data path on arbitrary packets, observing and acting.
#include <stdlib.h>

#include "tests/fuzz/datapath_input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    for (int may_act = 0; may_act <= 1; may_act++) {
        if (fst_fuzz_datapath(data, size, may_act).result != FST_FUZZ_RIGHT) {
            abort();
        }
    }
    return 0;
}
