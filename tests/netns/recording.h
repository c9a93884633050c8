// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Records all packets of an interface, in both directions, to a pcap file (tcpdump).
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/netns/lab_fixture.h"

namespace flowstamp::lab {

/// Records the first 256 bytes of each frame, with the kernel's times, until stopped. The
/// destructor removes the file.
class Recording {
  public:
    /// `host` must outlive it.
    Recording(const lab::Namespace& host, const std::string& interface)
        : file_(std::filesystem::temp_directory_path() /
                ("flowstamp-recording-" + host.role() + "-" + std::to_string(getpid()) + ".pcap")),
          tcpdump_(require(host.spawn({"tcpdump", "-i", interface, "-n", "-s", "256", "-B", "65536",
                                       "-Z", "root", "--immediate-mode", "-w", file_}))) {
        if (!tcpdump_.wait_for_output("listening on", 5s)) {
            throw std::runtime_error("tcpdump: " + tcpdump_.err());
        }
    }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    ~Recording() { std::filesystem::remove(file_); }

    /// Stops it, with everything up to now in the file. Returns whether nothing was lost.
    [[nodiscard]] bool stop() {
        std::this_thread::sleep_for(100ms);  // lets it read what has arrived before it is stopped
        return tcpdump_.stop(10s).err.find("\n0 packets dropped by kernel") != std::string::npos;
    }
    const std::string& file() const { return file_; }

  private:
    std::string file_;
    Child tcpdump_;
};

}  // namespace flowstamp::lab
