// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bench/other_build.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstdlib>
#include <sstream>

#include "flowstamp/policy.h"
#include "tests/bench/results.h"
#include "tests/vm/read_only_variable.h"

namespace flowstamp::bench {
namespace {

std::uint64_t number(const std::string& text) {
    char* end = nullptr;
    const std::uint64_t value = std::strtoull(text.c_str(), &end, 0);
    if (text.empty() || *end != '\0') {
        die("not a number: '" + text + "'");
    }
    return value;
}

}  // namespace

OtherBuild parse_other_build(const std::string& text) {
    std::istringstream words(text);
    OtherBuild build;
    std::string word;
    if (!std::getline(words, build.object, ',') || !std::getline(words, word, ',')) {
        die("--beside " + text + ": OBJECT,ENTRIES[,NAME=NUMBER]... is wanted");
    }
    build.entries = static_cast<std::uint32_t>(number(word));
    while (std::getline(words, word, ',')) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) {
            die("--beside: NAME=NUMBER is wanted, not '" + word + "'");
        }
        build.variables.emplace_back(word.substr(0, equals), number(word.substr(equals + 1)));
    }
    return build;
}

void CloseObject::operator()(bpf_object* object) const {
    bpf_object__close(object);
}

LoadedObject load(const OtherBuild& build) {
    LoadedObject object(bpf_object__open_file(build.object.c_str(), nullptr));
    bpf_map* flows = object ? bpf_object__find_map_by_name(object.get(), "flows") : nullptr;
    if (flows == nullptr) {
        die(build.object + ": no build of the data path");
    }
    bpf_map__set_max_entries(flows, build.entries);
    for (const auto& [name, value] : build.variables) {
        if (!set_read_only(object.get(), name, value)) {
            die(build.object + ": has no number called " + name);
        }
    }
    if (!set_read_only(object.get(), "acting", 1) || bpf_object__load(object.get()) != 0) {
        die("cannot load " + build.object);
    }
    // Its first bytes have meant the same in every version.
    std::vector<std::uint8_t> policy(
        bpf_map__value_size(bpf_object__find_map_by_name(object.get(), "policies")));
    policy.at(offsetof(fst_policy, drop_mode)) = FST_DROP_CONFIRMED;
    policy.at(offsetof(fst_policy, challenge_mode)) = FST_CHALLENGE_ALL;
    const __u32 zero = 0;
    bpf_map_update_elem(bpf_object__find_map_fd_by_name(object.get(), "policies"), &zero,
                        policy.data(), BPF_ANY);
    return object;
}

int xdp_ingress_of(const bpf_object& object) {
    return bpf_program__fd(bpf_object__find_program_by_name(&object, "flowstamp_xdp_ingress"));
}

}  // namespace flowstamp::bench
