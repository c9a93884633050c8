// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "user/base/clock.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

using Mac = std::array<std::uint8_t, 6>;

/// Type and code of an ICMP error.
struct IcmpError {
    bool is_v6 = false;
    std::uint8_t type = 0;
    std::uint8_t code = 0;

    friend bool operator==(const IcmpError&, const IcmpError&) = default;
};

/// The types of fields, as fields.def names them.
enum class FieldType : std::uint8_t {
    number,
    ttl,
    ttls,
    hops,
    times,
    ip_id,
    duration,
    bytes,
    address,
    endpoint,
    mac,
    word,
    flag,
    icmp_error,
    pass_reason,
};

/// A field of a piece of evidence or of a sentence: fields.def.
enum class Field : std::uint8_t {
#define FIELD(name, json_name, type, meaning) name,
#define PHRASE_FIELD(name, type) name,
#include "user/analysis/fields.def"
};

/// An entry of fields.def.
struct FieldEntry {
    Field field;
    std::string_view name;       ///< in sentences
    std::string_view json_name;  ///< empty: never in JSON
    FieldType type;
    std::string_view meaning;  ///< for the schema; empty where json_name is
};

/// All of them, in the order of the list.
[[nodiscard]] std::span<const FieldEntry> every_field();
[[nodiscard]] const FieldEntry& entry_of(Field field);

/// A field's value, by its type: numbers and counts of all kinds are std::uint64_t.
using Value = std::variant<std::uint64_t, std::vector<std::uint64_t>, Nanoseconds, net::Endpoint,
                           Mac, std::string, bool, IcmpError>;

/// A field with its value; nullopt: it has none.
struct FieldValue {
    Field field;
    std::optional<Value> value;
};

/// Fields with their values, in output order. Fields without a value are left out.
class Values {
  public:
    using Item = std::pair<Field, Value>;

    Values() = default;
    Values(std::initializer_list<FieldValue> values);

    [[nodiscard]] bool empty() const { return items_.empty(); }
    [[nodiscard]] auto begin() const { return items_.begin(); }
    [[nodiscard]] auto end() const { return items_.end(); }
    /// These, and one more.
    [[nodiscard]] Values with(FieldValue value) const;
    /// Null if the field is not among them.
    [[nodiscard]] const Value* find(Field field) const;

    friend bool operator==(const Values&, const Values&) = default;

  private:
    std::vector<Item> items_;
};

/// nullopt if none of them has a value.
[[nodiscard]] std::optional<Values> unless_empty(Values values);

namespace detail {
template <FieldType type>
struct Stored {
    using Type = std::uint64_t;
};
template <>
struct Stored<FieldType::ttls> {
    using Type = std::vector<std::uint64_t>;
};
template <>
struct Stored<FieldType::duration> {
    using Type = Nanoseconds;
};
template <>
struct Stored<FieldType::address> {
    using Type = net::Endpoint;
};
template <>
struct Stored<FieldType::endpoint> {
    using Type = net::Endpoint;
};
template <>
struct Stored<FieldType::mac> {
    using Type = Mac;
};
template <>
struct Stored<FieldType::word> {
    using Type = std::string;
};
template <>
struct Stored<FieldType::flag> {
    using Type = bool;
};
template <>
struct Stored<FieldType::icmp_error> {
    using Type = IcmpError;
};
template <FieldType type>
using StoredType = typename Stored<type>::Type;
}  // namespace detail

/// A function for each field, which makes its value: `Values{field::ttl(63), field::hops(1)}`.
namespace field {
#define FST_FIELD_FUNCTION(name, type)                                                        \
    [[nodiscard]] inline FieldValue name(                                                     \
        std::optional<detail::StoredType<FieldType::type>> value) {                           \
        return {Field::name, value ? std::optional<Value>(std::move(*value)) : std::nullopt}; \
    }
#define FIELD(name, json_name, type, meaning) FST_FIELD_FUNCTION(name, type)
#define PHRASE_FIELD(name, type) FST_FIELD_FUNCTION(name, type)
#include "user/analysis/fields.def"
#undef FST_FIELD_FUNCTION
}  // namespace field

}  // namespace flowstamp::analysis
