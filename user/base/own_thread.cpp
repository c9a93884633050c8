// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/own_thread.h"

#include <exception>
#include <thread>

namespace flowstamp {

void run_in_own_thread(const std::function<void()>& work) {
    std::exception_ptr thrown;
    std::thread([&] {
        try {
            work();
        } catch (...) {
            thrown = std::current_exception();
        }
    }).join();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

}  // namespace flowstamp
