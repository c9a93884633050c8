// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Read-only data of any BPF object, by its variables' names: for objects without a skeleton.
#pragma once

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace flowstamp {

/// Sets the read-only variable `name` of an object that is not loaded yet. False if the object has
/// none of this name, or a larger one than 8 bytes. For a little-endian host.
[[nodiscard]] inline bool set_read_only(const bpf_object* object, const std::string& name,
                                        std::uint64_t value) {
    const bpf_map* map = bpf_object__find_map_by_name(object, ".rodata");
    const btf* types = bpf_object__btf(object);
    const int section = btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC);
    if (map == nullptr || section < 0) {
        return false;
    }
    std::size_t size = 0;
    char* image = static_cast<char*>(bpf_map__initial_value(map, &size));
    const btf_type* type = btf__type_by_id(types, static_cast<std::uint32_t>(section));
    const btf_var_secinfo* variable = btf_var_secinfos(type);
    for (int i = 0; i < btf_vlen(type); ++i, ++variable) {
        const btf_type* declared = btf__type_by_id(types, variable->type);
        if (name == btf__name_by_offset(types, declared->name_off)) {
            if (variable->size > sizeof value) {
                return false;
            }
            std::memcpy(image + variable->offset, &value, variable->size);
            return true;
        }
    }
    return false;
}

}  // namespace flowstamp
