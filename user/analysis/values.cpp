// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/values.h"

#include <algorithm>

namespace flowstamp::analysis {

namespace {

constexpr std::array kFields = {
#define FIELD(name, json_name, type, meaning) \
    FieldEntry{Field::name, #name, json_name, FieldType::type, meaning},
#define PHRASE_FIELD(name, type) FieldEntry{Field::name, #name, "", FieldType::type, ""},
#include "user/analysis/fields.def"
};

}  // namespace

std::span<const FieldEntry> every_field() {
    return kFields;
}

const FieldEntry& entry_of(Field field) {
    return kFields.at(static_cast<std::size_t>(field));
}

Values::Values(std::initializer_list<FieldValue> values) {
    items_.reserve(values.size());
    for (const FieldValue& one : values) {
        if (one.value) {
            items_.emplace_back(one.field, *one.value);
        }
    }
}

Values Values::with(FieldValue value) const {
    Values more = *this;
    if (value.value) {
        more.items_.emplace_back(value.field, *std::move(value.value));
    }
    return more;
}

std::optional<Values> unless_empty(Values values) {
    return values.empty() ? std::nullopt : std::optional(std::move(values));
}

const Value* Values::find(Field field) const {
    const auto place = std::ranges::find(items_, field, &Item::first);
    return place == items_.end() ? nullptr : &place->second;
}

}  // namespace flowstamp::analysis
