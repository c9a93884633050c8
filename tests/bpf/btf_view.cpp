// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bpf/btf_view.h"

#include <bpf/btf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <stdexcept>

namespace flowstamp::testing {

namespace {

btf* checked(btf* types, const std::string& what) {
    if (types == nullptr) {
        throw std::runtime_error(what + ": no BTF: " + std::strerror(errno));
    }
    return types;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Member& member) {
    return out << member.name << " at bit " << member.bit_offset << ", " << member.bits << " bits";
}

const Member* Layout::find(const std::string& name) const {
    const auto found = std::ranges::find(members, name, &Member::name);
    return found == members.end() ? nullptr : &*found;
}

void BtfView::Free::operator()(btf* types) const {
    btf__free(types);
}

BtfView BtfView::of_kernel() {
    return BtfView(checked(btf__load_vmlinux_btf(), "this kernel"));
}

BtfView BtfView::of_object(const std::string& path) {
    return BtfView(checked(btf__parse(path.c_str(), nullptr), path));
}

std::vector<std::string> BtfView::structs(const std::string& prefix) const {
    std::vector<std::string> names;
    for (std::uint32_t id = 1; id < btf__type_cnt(types_.get()); ++id) {
        const btf_type* type = btf__type_by_id(types_.get(), id);
        const std::string name = btf__name_by_offset(types_.get(), type->name_off);
        if (btf_is_struct(type) && !name.empty() && name.starts_with(prefix)) {
            names.push_back(name);
        }
    }
    return names;
}

std::optional<Layout> BtfView::layout(const std::string& name) const {
    const int id = btf__find_by_name_kind(types_.get(), name.c_str(), BTF_KIND_STRUCT);
    if (id < 0) {
        return std::nullopt;
    }
    const auto type = static_cast<std::uint32_t>(id);
    Layout layout;
    layout.bytes = btf__type_by_id(types_.get(), type)->size;
    append_members(type, 0, "", layout);
    return layout;
}

void BtfView::append_members(std::uint32_t type, std::uint32_t bit_offset,
                             const std::string& prefix, Layout& layout) const {
    const btf_type* outer = btf__type_by_id(types_.get(), type);
    for (std::uint32_t i = 0; i < btf_vlen(outer); ++i) {
        const btf_member& member = btf_members(outer)[i];
        const std::string name = btf__name_by_offset(types_.get(), member.name_off);
        const int inner = btf__resolve_type(types_.get(), member.type);
        const bool composite = inner > 0 && btf_is_composite(btf__type_by_id(
                                                types_.get(), static_cast<std::uint32_t>(inner)));
        const std::uint32_t offset = bit_offset + btf_member_bit_offset(outer, i);
        const std::uint32_t bit_field = btf_member_bitfield_size(outer, i);
        if (!name.empty()) {
            const auto bytes = btf__resolve_size(types_.get(), member.type);
            layout.members.push_back(
                {.name = prefix + name,
                 .bit_offset = offset,
                 .bits = bit_field != 0 ? bit_field : static_cast<std::uint32_t>(bytes) * 8,
                 .is_bit_field = bit_field != 0,
                 .is_leaf = !composite});
        }
        if (composite) {
            append_members(static_cast<std::uint32_t>(inner), offset,
                           name.empty() ? prefix : prefix + name + ".", layout);
        }
    }
}

std::map<std::string, std::set<std::int64_t>> BtfView::enumerators() const {
    std::map<std::string, std::set<std::int64_t>> values;
    for (std::uint32_t id = 1; id < btf__type_cnt(types_.get()); ++id) {
        const btf_type* type = btf__type_by_id(types_.get(), id);
        for (std::uint32_t i = 0; btf_is_enum(type) && i < btf_vlen(type); ++i) {
            const struct btf_enum& value = btf_enum(type)[i];
            values[btf__name_by_offset(types_.get(), value.name_off)].insert(value.val);
        }
        for (std::uint32_t i = 0; btf_is_enum64(type) && i < btf_vlen(type); ++i) {
            const struct btf_enum64& value = btf_enum64(type)[i];
            values[btf__name_by_offset(types_.get(), value.name_off)].insert(
                static_cast<std::int64_t>(btf_enum64_value(&value)));
        }
    }
    return values;
}

}  // namespace flowstamp::testing
