// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct btf;

namespace flowstamp::testing {

/// A member of a struct, named from the outermost one: members of an unnamed struct or union count
/// as the outer one's own, those of a named member are "un.echo.id".
struct Member {
    std::string name;
    std::uint32_t bit_offset = 0;
    std::uint32_t bits = 0;
    bool is_bit_field = false;
    bool is_leaf = true;  ///< not a struct or union itself

    friend bool operator==(const Member&, const Member&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Member& member);
};

struct Layout {
    std::uint32_t bytes = 0;
    std::vector<Member> members;

    [[nodiscard]] const Member* find(const std::string& name) const;
};

/// The types in the BTF of an object, or of the running kernel.
class BtfView {
  public:
    /// Throws std::runtime_error if there is no BTF.
    static BtfView of_kernel();
    static BtfView of_object(const std::string& path);

    /// Names of all structs whose name begins with `prefix`.
    [[nodiscard]] std::vector<std::string> structs(const std::string& prefix = {}) const;
    [[nodiscard]] std::optional<Layout> layout(const std::string& name) const;
    /// Every enumerator of every enum; some names occur twice in kernels.
    [[nodiscard]] std::map<std::string, std::set<std::int64_t>> enumerators() const;

  private:
    struct Free {
        void operator()(btf* types) const;
    };
    explicit BtfView(btf* types) : types_(types) {}

    void append_members(std::uint32_t type, std::uint32_t bit_offset, const std::string& prefix,
                        Layout& layout) const;

    std::unique_ptr<btf, Free> types_;
};

}  // namespace flowstamp::testing
