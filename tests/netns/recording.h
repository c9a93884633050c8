// SPDX-License-Identifier: Apache-2.0
//
// All that passes an interface, both ways, in a pcap file (tcpdump).
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/netns/lab_fixture.h"

namespace flowstamp::lab {

/// Records the first 256 bytes of each frame, with the kernel's times, until it is stopped. The file
/// goes with the object.
class Recording {
  public:
    /// `host` outlives it.
    Recording(const lab::Namespace& host, const std::string& interface)
        : file_(std::filesystem::temp_directory_path() /
                ("flowstamp-recording-" + std::to_string(getpid()) + ".pcap")),
          tcpdump_(require(host.spawn({"tcpdump", "-i", interface, "-n", "-s", "256", "-B", "65536",
                                       "-Z", "root", "--immediate-mode", "-w", file_}))) {
        if (!tcpdump_.wait_for_output("listening on", 5s)) {
            throw std::runtime_error("tcpdump: " + tcpdump_.err());
        }
    }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    ~Recording() { std::filesystem::remove(file_); }

    /// Ends it, with all that has passed until now in the file. Whether nothing was lost.
    [[nodiscard]] bool stop() {
        std::this_thread::sleep_for(100ms);  // it reads what has come before it hears of its end
        return tcpdump_.stop(10s).err.find("\n0 packets dropped by kernel") != std::string::npos;
    }
    const std::string& file() const { return file_; }

  private:
    std::string file_;
    Child tcpdump_;
};

}  // namespace flowstamp::lab
