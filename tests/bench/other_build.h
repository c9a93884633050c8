// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Another build of the data path, to be measured beside this one in the same run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

struct bpf_object;

namespace flowstamp::bench {

/// An object of any version of the data path, and what it is told before it is loaded.
struct OtherBuild {
    std::string object;                                              ///< the file
    std::uint32_t entries = 0;                                       ///< of its map "flows"
    std::vector<std::pair<std::string, std::uint64_t>> variables{};  ///< read-only ones
};

/// "OBJECT,ENTRIES[,NAME=NUMBER]...". Dies if it is something else.
[[nodiscard]] OtherBuild parse_other_build(const std::string& text);

struct CloseObject {
    void operator()(bpf_object* object) const;
};
using LoadedObject = std::unique_ptr<bpf_object, CloseObject>;

/// Acts, as load_probe() makes this build act. Dies if the kernel does not take it.
[[nodiscard]] LoadedObject load(const OtherBuild& build);

/// Descriptor of its program at XDP ingress.
[[nodiscard]] int xdp_ingress_of(const bpf_object& object);

}  // namespace flowstamp::bench
